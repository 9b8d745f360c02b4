//! Shapes of a convolution layer: convolution, bias, ReLU, then optionally a max pool.

/// Shape of a convolution over channels-last maps `[sample, t, y, x, channel]`.
///
/// Axes are always three, `[t, y, x]`; an image has `t = 1`, a sound `y = x = 1`. Weights are
/// `[tap_t, tap_y, tap_x, in_channel, out_channel]`, the outgoing channel fastest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Maps in the batch.
    pub samples: usize,
    /// Positions of the input map along `[t, y, x]`.
    pub input: [usize; 3],
    /// Channels of the input map.
    pub in_channels: usize,
    /// Channels of the output map.
    pub out_channels: usize,
    /// Taps along `[t, y, x]`.
    pub kernel: [usize; 3],
    /// Steps between neighbouring outputs along `[t, y, x]`.
    pub stride: [usize; 3],
    /// Zeros before and after the map along `[t, y, x]`: fewer than taps, so that the kernel sees the map at every
    /// position.
    pub padding: [usize; 3],
}

impl Geometry {
    /// Positions of the convolution's output along `[t, y, x]`, before pooling:
    /// `⌊(input + 2·padding − kernel) / stride⌋ + 1`, or 0 if the kernel does not fit.
    pub fn output(&self) -> [usize; 3] {
        std::array::from_fn(|axis| {
            windows(self.input[axis] + 2 * self.padding[axis], self.kernel[axis], self.stride[axis])
        })
    }

    /// Positions of the layer's output along `[t, y, x]`, after the pool if there is one.
    pub fn pooled(&self, pool: Option<&Pool>) -> [usize; 3] {
        pool.map_or(self.output(), |pool| pool.output(self.output()))
    }

    /// Taps of the kernel, `t · y · x`.
    pub fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Length of the weights.
    pub fn weights(&self) -> usize {
        self.taps() * self.in_channels * self.out_channels
    }

    /// Length of one sample's input map.
    pub fn input_len(&self) -> usize {
        self.input.iter().product::<usize>() * self.in_channels
    }

    /// Length of one sample's convolution output, before pooling.
    pub fn output_len(&self) -> usize {
        self.output().iter().product::<usize>() * self.out_channels
    }

    /// The largest number of samples whose input and output maps have at most `values` values each; 0 if a single
    /// sample has more.
    pub fn samples_within(&self, values: usize) -> usize {
        let sample = self.input_len().max(self.output_len()).max(1);
        self.samples.min(values / sample)
    }

    /// Multiplications of a direct convolution, those with padding included. Twice this is the
    /// nominal number of floating-point operations of `forward`, of `outer` and of `feedback`.
    pub fn multiplications(&self) -> usize {
        self.samples * self.output_len() * self.taps() * self.in_channels
    }
}

/// A max pool over `[t, y, x]`, no padding, incomplete windows dropped (PyTorch's `MaxPool3d`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Window along `[t, y, x]`; at most [`Pool::MOST`] positions in all.
    pub size: [usize; 3],
    /// Steps between neighbouring windows along `[t, y, x]`; windows may overlap.
    pub stride: [usize; 3],
}

impl Pool {
    /// The largest number of positions of a window: the winner's place is kept in one byte, and one value of it
    /// means "no winner".
    pub const MOST: usize = 254;

    /// Positions left of a map of `input` positions: `⌊(input − size) / stride⌋ + 1` on each axis.
    pub fn output(&self, input: [usize; 3]) -> [usize; 3] {
        std::array::from_fn(|axis| windows(input[axis], self.size[axis], self.stride[axis]))
    }
}

/// How many windows of `size`, `stride` apart, fit into `length`.
fn windows(length: usize, size: usize, stride: usize) -> usize {
    if length < size { 0 } else { (length - size) / stride + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_pytorch() {
        let g = Geometry {
            samples: 2,
            input: [5, 17, 16],
            in_channels: 3,
            out_channels: 7,
            kernel: [1, 7, 7],
            stride: [1, 2, 2],
            padding: [0, 3, 3],
        };
        assert_eq!(g.output(), [5, 9, 8]);
        let pool = Pool { size: [1, 3, 3], stride: [1, 2, 2] };
        assert_eq!(g.pooled(Some(&pool)), [5, 4, 3]);
        assert_eq!(g.multiplications(), 2 * 5 * 9 * 8 * 7 * 49 * 3);
        assert_eq!(pool.output([5, 2, 9]), [5, 0, 4]);
    }

    #[test]
    fn samples_are_as_many_as_the_larger_map_allows() {
        let [input, kernel, stride, padding] = [[1, 4, 4], [1, 3, 3], [1; 3], [0, 1, 1]];
        let g = Geometry { samples: 9, input, in_channels: 2, out_channels: 3, kernel, stride, padding };
        assert_eq!(
            [10_000, 432, 431, 100, 48, 47].map(|values| g.samples_within(values)),
            [9, 9, 8, 2, 1, 0]
        );
        assert_eq!(Geometry { in_channels: 6, ..g }.samples_within(431), 4);
    }
}
