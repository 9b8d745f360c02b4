//! Carries the post factor of a layer's output back to the convolution's output, through the winners of
//! the pool and the open ReLUs.

use super::level::arch;
use super::pool::{CLOSED, Factor, Routing, Window};
use super::{Geometry, Pool, Post};
use crate::bf16::rounded;

/// The post factor on every output position of the convolution, before pooling, sample by sample.
///
/// It is `post′ · [z > 0]` at the winners of the pool, 0 elsewhere; `ReLU′(0) = 0`.
pub(super) struct Unroute<'a> {
    channels: usize,
    pooled_len: usize,
    window: Option<Window>,
    relu: bool,
    output: &'a [f32],
    routing: &'a Routing,
    post: Post<'a>,
    rounded: bool,
}

impl<'a> Unroute<'a> {
    /// `output` and `routing` are as from [`forward`](super::forward()); without ReLU, only the length of
    /// `output` counts. `rounded`: what [`sample`](Self::sample) writes is rounded to bf16.
    ///
    /// # Panics
    /// If a slice does not fit `g`.
    pub(super) fn new(
        g: &Geometry,
        pool: Option<&Pool>,
        relu: bool,
        output: &'a [f32],
        routing: &'a Routing,
        post: Post<'a>,
        rounded: bool,
    ) -> Self {
        let channels = g.out_channels;
        let pooled_len = g.pooled(pool).iter().product::<usize>() * channels;
        let expected = g.samples * pooled_len;
        assert_eq!(output.len(), expected, "length of the output");
        assert!(pool.is_none() || routing.codes.len() == expected, "routing of another layer");
        match post {
            Post::PerSample(post) => assert_eq!(post.len(), g.samples * channels, "post factor"),
            Post::PerPosition(post) => assert_eq!(post.len(), expected, "post factor"),
        }
        let window = pool.map(|pool| Window::new(g.output(), channels, *pool));
        Self { channels, pooled_len, window, relu, output, routing, post, rounded }
    }

    /// Whether the layer's output has no values.
    pub(super) fn is_empty(&self) -> bool {
        self.output.is_empty()
    }

    /// The factor of every position if it passes back as it is: without pool and ReLU.
    pub(super) fn plain(&self) -> Option<&[f32]> {
        match self.post {
            Post::PerPosition(post) if self.window.is_none() && !self.relu => Some(post),
            _ => None,
        }
    }

    /// Writes the factor of one sample to `dense` `[g.output(), out]`; adds its sum over positions, before
    /// it is rounded, to `bias` `[out]`.
    pub(super) fn sample(&self, sample: usize, dense: &mut [f32], bias: Option<&mut [f32]>) {
        let channels = self.channels;
        if self.pooled_len == 0 {
            dense.fill(0.0);
            return;
        }
        let here = sample * self.pooled_len..(sample + 1) * self.pooled_len;
        let scaled: Vec<f32>;
        let factor = match self.post {
            Post::PerPosition(post) => Factor::Map(&post[here.clone()]),
            Post::PerSample(post) => {
                let positions = (self.pooled_len / channels) as f32;
                let post = &post[sample * channels..(sample + 1) * channels];
                scaled = post.iter().map(|value| value / positions).collect();
                Factor::Uniform(&scaled)
            }
        };
        match &self.window {
            Some(window) => {
                let codes = &self.routing.codes[here];
                window.unpool(factor, codes, dense);
                if let Some(bias) = bias {
                    add_where(factor, codes, |&code| code != CLOSED, channels, bias);
                }
            }
            None => {
                gate(factor, &self.output[here.clone()], self.relu, channels, dense);
                if let Some(bias) = bias {
                    let open = |&value: &f32| !self.relu || value > 0.0;
                    add_where(factor, &self.output[here], open, channels, bias);
                }
            }
        }
        if self.rounded {
            arch().dispatch(
                #[inline(always)]
                || dense.iter_mut().for_each(|value| *value = rounded(*value)),
            );
        }
    }
}

/// `dense = factor · [output > 0]`, or without the gate.
fn gate(factor: Factor<'_>, output: &[f32], relu: bool, channels: usize, dense: &mut [f32]) {
    arch().dispatch(
        #[inline(always)]
        || {
            let rows = dense.chunks_exact_mut(channels).zip(output.chunks_exact(channels));
            for (position, (dense, output)) in rows.enumerate() {
                let values = factor.at(position, channels);
                for ((dense, &output), &value) in dense.iter_mut().zip(output).zip(values) {
                    *dense = if !relu || output > 0.0 { value } else { 0.0 };
                }
            }
        },
    );
}

/// Number of positions that are summed separately first, so that a sum over thousands keeps the last digits of a float.
const BLOCK: usize = 64;

/// Adds the factor to `sums` for values whose mark is open.
fn add_where<M>(
    factor: Factor<'_>,
    marks: &[M],
    open: impl Fn(&M) -> bool + Copy,
    channels: usize,
    sums: &mut [f32],
) {
    let mut part = vec![0.0_f32; channels];
    if let Factor::Uniform(values) = factor {
        // A count is exact.
        let (ones, mut counts) = (vec![1.0; channels], vec![0.0; channels]);
        add_blocks(Factor::Uniform(&ones), marks, open, &mut part, &mut counts);
        for ((sum, count), value) in sums.iter_mut().zip(&counts).zip(values) {
            *sum += value * count;
        }
        return;
    }
    add_blocks(factor, marks, open, &mut part, sums);
}

fn add_blocks<M>(
    factor: Factor<'_>,
    marks: &[M],
    open: impl Fn(&M) -> bool + Copy,
    part: &mut [f32],
    sums: &mut [f32],
) {
    let channels = part.len();
    arch().dispatch(
        #[inline(always)]
        || {
            for (block, marks) in marks.chunks(BLOCK * channels).enumerate() {
                part.fill(0.0);
                for (place, marks) in marks.chunks_exact(channels).enumerate() {
                    let values = factor.at(block * BLOCK + place, channels);
                    for ((sum, mark), &value) in part.iter_mut().zip(marks).zip(values) {
                        *sum += if open(mark) { value } else { 0.0 };
                    }
                }
                for (sum, part) in sums.iter_mut().zip(part.iter()) {
                    *sum += part;
                }
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_over_many_positions_keep_their_digits() {
        let (positions, channels) = (100_003, 3);
        let marks: Vec<f32> = (0..positions * channels).map(|i| (i * 7919 % 13) as f32 - 4.0).collect();
        let open = |mark: &f32| *mark > 0.0;
        let map: Vec<f32> = (0..positions * channels).map(|i| 0.1 + (i % 11) as f32 * 1e-3).collect();
        let values = [0.1, 0.7, -1.3];
        for factor in [Factor::Map(&map), Factor::Uniform(&values)] {
            let mut sums = [0.5; 3];
            add_where(factor, &marks, open, channels, &mut sums);
            let mut expected = [0.5_f64; 3];
            for i in (0..marks.len()).filter(|&i| open(&marks[i])) {
                expected[i % channels] += f64::from(factor.at(i / channels, channels)[i % channels]);
            }
            for (sum, expected) in sums.iter().zip(expected) {
                assert!((f64::from(*sum) - expected).abs() < 3e-6 * expected.abs(), "{sum} {expected}");
            }
        }
    }
}
