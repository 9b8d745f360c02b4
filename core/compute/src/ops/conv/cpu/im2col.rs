//! Any convolution as one product: the patch under every output position becomes a row.

use super::level::arch;
use std::ops::Range;

use super::Geometry;
use super::lowering::{Activation, Lowering};
use super::matmul::panel_width;
use pulp::{Simd, WithSimd};

/// The lowering by patches. Taps that see only padding are left out.
pub(crate) struct Im2col {
    g: Geometry,
    output: [usize; 3],
    /// On each axis, the taps that see the map at some position.
    live: [Range<usize>; 3],
    width: usize,
}

impl Im2col {
    /// A lowering for any `g` whose kernel fits its map and is wider than its padding.
    pub(crate) fn new(g: &Geometry) -> Self {
        let output = g.output();
        let live = std::array::from_fn(|axis| {
            let reach = output[axis].saturating_sub(1) * g.stride[axis];
            let first = g.padding[axis].saturating_sub(reach);
            let last = g.kernel[axis].min(g.input[axis] + g.padding[axis]);
            first.min(last)..last
        });
        Self { g: *g, output, live, width: panel_width(g.out_channels) }
    }

    /// Calls `copy(row, from, to, length)` for every contiguous piece of input in the patches of
    /// `rows`: the `length` values at `from` in the maps are at `to` in the patch.
    fn stretches(&self, rows: Range<usize>, mut copy: impl FnMut(usize, usize, usize, usize)) {
        let Geometry { input, in_channels, stride, padding, .. } = self.g;
        let [live_t, live_y, live_x] = &self.live;
        let [frames, height, width] = self.output;
        let along = live_x.len() * in_channels;
        for (r, row) in rows.enumerate() {
            let x = row % width * stride[2];
            let y = row / width % height * stride[1];
            let t = row / (width * height) % frames * stride[0];
            let sample = row / (width * height * frames);
            // The first and last live tap whose input is inside the map.
            let first = live_x.start.max(padding[2].saturating_sub(x));
            let last = live_x.end.min((input[2] + padding[2]).saturating_sub(x));
            if first >= last {
                continue;
            }
            for (i, tap_t) in live_t.clone().enumerate() {
                let Some(t) = inside(t + tap_t, padding[0], input[0]) else {
                    continue;
                };
                for (j, tap_y) in live_y.clone().enumerate() {
                    let Some(y) = inside(y + tap_y, padding[1], input[1]) else {
                        continue;
                    };
                    let frame = (sample * input[0] + t) * input[1] + y;
                    let from = (frame * input[2] + x + first - padding[2]) * in_channels;
                    let to = (i * live_y.len() + j) * along + (first - live_x.start) * in_channels;
                    copy(r, from, to, (last - first) * in_channels);
                }
            }
        }
    }

    /// Adds the rows `[row, depth]` of a gradient back to the maps they were copied from.
    pub(crate) fn scatter(&self, patches: &[f32], rows: Range<usize>, maps: &mut [f32]) {
        let depth = self.depth();
        self.stretches(rows, |row, from, to, length| {
            let patch = &patches[row * depth + to..][..length];
            for (sum, value) in maps[from..from + length].iter_mut().zip(patch) {
                *sum += value;
            }
        });
    }

    /// Rows of `[tap, in, out]` weights that are live, in the order of a patch.
    pub(crate) fn weight_rows(&self) -> Vec<usize> {
        let [live_t, live_y, live_x] = &self.live;
        let [_, height, width] = self.g.kernel;
        let mut rows = Vec::with_capacity(self.depth());
        for t in live_t.clone() {
            for y in live_y.clone() {
                let start = (t * height + y) * width;
                let channels = self.g.in_channels;
                rows.extend((start + live_x.start) * channels..(start + live_x.end) * channels);
            }
        }
        rows
    }
}

/// `at − padding` if that is inside an axis of `length`.
fn inside(at: usize, padding: usize, length: usize) -> Option<usize> {
    at.checked_sub(padding).filter(|&at| at < length)
}

impl Lowering for Im2col {
    fn products(&self) -> usize {
        1
    }

    fn rows(&self) -> usize {
        self.output.iter().product()
    }

    fn depth(&self) -> usize {
        self.live.iter().map(Range::len).product::<usize>() * self.g.in_channels
    }

    fn width(&self) -> usize {
        self.width
    }

    fn panels(&self) -> usize {
        self.g.out_channels.div_ceil(self.width)
    }

    fn weight(&self, weight: &[f32], panel: usize, out: &mut [f32]) {
        let (channels, width) = (self.g.out_channels, self.width);
        let first = panel * width;
        let count = width.min(channels - first);
        for (out, row) in out.chunks_mut(width).zip(self.weight_rows()) {
            let (values, filling) = out.split_at_mut(count);
            values.copy_from_slice(&weight[row * channels + first..][..count]);
            filling.fill(0.0);
        }
    }

    fn input(&self, input: &[f32], rows: Range<usize>, out: &mut [f32]) {
        let depth = self.depth();
        out.fill(0.0);
        self.stretches(rows, |row, from, to, length| {
            out[row * depth + to..][..length].copy_from_slice(&input[from..from + length]);
        });
    }

    fn output(
        &self,
        results: &[f32],
        rows: Range<usize>,
        panel: usize,
        activation: Activation<'_>,
        maps: &mut [f32],
    ) {
        let (channels, width) = (self.g.out_channels, self.width);
        let first = panel * width;
        let maps = &mut maps[rows.start * channels..rows.end * channels];
        arch().dispatch(Activate { results, width, first, channels, activation, maps });
    }

    fn post(&self, post: &[f32], rows: Range<usize>, out: &mut [f32]) {
        let (channels, width) = (self.g.out_channels, self.width);
        let count = rows.len();
        for (panel, first) in (0..channels).step_by(width).enumerate() {
            let length = width.min(channels - first);
            let out = &mut out[panel * count * width..(panel + 1) * count * width];
            for (out, row) in out.chunks_mut(width).zip(rows.clone()) {
                let (values, filling) = out.split_at_mut(length);
                values.copy_from_slice(&post[row * channels + first..][..length]);
                filling.fill(0.0);
            }
        }
    }

    fn gradient(&self, sums: &[f32], d_weight: &mut [f32]) {
        let (channels, width) = (self.g.out_channels, self.width);
        let rows = self.weight_rows();
        if rows.len() * channels < d_weight.len() {
            d_weight.fill(0.0);
        }
        for (panel, sums) in sums.chunks(rows.len() * width).enumerate() {
            let first = panel * width;
            let count = width.min(channels - first);
            for (sums, row) in sums.chunks(width).zip(&rows) {
                d_weight[row * channels + first..][..count].copy_from_slice(&sums[..count]);
            }
        }
    }
}

/// Bias and ReLU from a panel `[row, width]` to channels `first..` of `maps` `[row, channels]`.
struct Activate<'a> {
    results: &'a [f32],
    width: usize,
    first: usize,
    channels: usize,
    activation: Activation<'a>,
    maps: &'a mut [f32],
}

impl WithSimd for Activate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { results, width, first, channels, activation, maps } = self;
        let count = width.min(channels - first);
        let floor = if activation.relu { 0.0 } else { f32::NEG_INFINITY };
        // Not `max`, which hides a NaN.
        let activate = |value: f32| if value < floor { floor } else { value };
        for (row, map) in results.chunks_exact(width).zip(maps.chunks_exact_mut(channels)) {
            let (row, map) = (&row[..count], &mut map[first..first + count]);
            match activation.bias {
                Some(bias) => {
                    for ((to, from), bias) in map.iter_mut().zip(row).zip(&bias[first..][..count]) {
                        *to = activate(from + bias);
                    }
                }
                None => {
                    for (to, from) in map.iter_mut().zip(row) {
                        *to = activate(*from);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taps_that_only_meet_padding_are_left_out() {
        let g = Geometry {
            samples: 1,
            input: [1, 1, 2],
            in_channels: 2,
            out_channels: 1,
            kernel: [1, 3, 3],
            stride: [1, 1, 1],
            padding: [0, 1, 1],
        };
        let lowering = Im2col::new(&g);
        assert_eq!(lowering.depth(), 6);
        assert_eq!(lowering.weight_rows(), (6..12).collect::<Vec<_>>());
        let mut patches = vec![f32::NAN; 2 * 6];
        lowering.input(&[1.0, 2.0, 3.0, 4.0], 0..2, &mut patches);
        assert_eq!(patches, [0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0, 0.0, 0.0]);
    }
}
