//! The multiplications of a layer, without those with padding.

use crate::ops::conv::cpu::Geometry;

/// For each tap, the pairs of positions that it connects: `[input, output]`.
pub(super) struct Links(pub(super) Vec<Vec<[usize; 2]>>);

impl Links {
    /// The links of `g`, in the order of its output positions.
    pub(super) fn new(g: &Geometry) -> Self {
        let output = g.output();
        let each = |size: [usize; 3]| {
            (0..size.iter().product::<usize>())
                .map(move |i| [i / (size[1] * size[2]), i / size[2] % size[1], i % size[2]])
        };
        let link = |tap: [usize; 3], out: [usize; 3]| {
            let mut at = 0;
            for axis in 0..3 {
                let read = (out[axis] * g.stride[axis] + tap[axis]).checked_sub(g.padding[axis]);
                at = at * g.input[axis] + read.filter(|&read| read < g.input[axis])?;
            }
            Some(at)
        };
        let links = |tap| each(output).enumerate().filter_map(move |(o, out)| Some([link(tap, out)?, o]));
        Self(each(g.kernel).map(|tap| links(tap).collect()).collect())
    }

    /// For each of `count` output positions, its `[tap, input position]`.
    pub(super) fn by_output(&self, count: usize) -> Vec<Vec<[usize; 2]>> {
        self.by(count, |[input, output]| [output, input])
    }

    /// For each of `count` input positions, its `[tap, output position]`.
    pub(super) fn by_input(&self, count: usize) -> Vec<Vec<[usize; 2]>> {
        self.by(count, |link| link)
    }

    fn by(&self, count: usize, order: impl Fn([usize; 2]) -> [usize; 2]) -> Vec<Vec<[usize; 2]>> {
        let mut targets = vec![Vec::new(); count];
        for (tap, links) in self.0.iter().enumerate() {
            for &link in links {
                let [target, source] = order(link);
                targets[target].push([tap, source]);
            }
        }
        targets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_has_no_links() {
        let g = Geometry {
            samples: 1,
            input: [1, 1, 3],
            in_channels: 1,
            out_channels: 1,
            kernel: [1, 1, 3],
            stride: [1, 1, 2],
            padding: [0, 0, 1],
        };
        let links = Links::new(&g);
        assert_eq!(links.0, [vec![[1, 1]], vec![[0, 0], [2, 1]], vec![[1, 0]]]);
        assert_eq!(links.by_output(2), [vec![[1, 0], [2, 1]], vec![[0, 1], [1, 2]]]);
        assert_eq!(links.by_input(3), [vec![[1, 0]], vec![[0, 1], [2, 0]], vec![[1, 1]]]);
    }
}
