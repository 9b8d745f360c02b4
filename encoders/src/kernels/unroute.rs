//! The post factor of a layer's output back at the convolution's output: through the winners of the
//! pool and the open ReLUs.

use rayon::prelude::*;

use super::geometry::{Geometry, Pool, Post};
use super::pool::{CLOSED, Factor, Routing, Window};

/// The post factor on every output position of the convolution, before pooling; overwrites `dense`.
///
/// `dense = post′ · [z > 0]` at the winners of the pool, 0 elsewhere; `ReLU′(0) = 0`.
///
/// # Shapes
/// `output` is the layer's output as `forward` wrote it, `dense` is `[samples, g.output(), out]`.
///
/// # Panics
/// If a slice does not fit `g`.
pub fn unroute(
    g: &Geometry,
    pool: Option<&Pool>,
    relu: bool,
    output: &[f32],
    routing: &Routing,
    post: Post<'_>,
    dense: &mut [f32],
) {
    let unroute = Unroute::new(g, pool, relu, output, routing, post);
    if g.output_len() > 0 {
        dense
            .par_chunks_exact_mut(g.output_len())
            .enumerate()
            .for_each(|(sample, dense)| unroute.sample(sample, dense, None));
    }
}

/// What [`unroute`] needs, to work sample by sample.
pub(super) struct Unroute<'a> {
    channels: usize,
    pooled_len: usize,
    window: Option<Window>,
    relu: bool,
    output: &'a [f32],
    routing: &'a Routing,
    post: Post<'a>,
}

impl<'a> Unroute<'a> {
    pub(super) fn new(
        g: &Geometry,
        pool: Option<&Pool>,
        relu: bool,
        output: &'a [f32],
        routing: &'a Routing,
        post: Post<'a>,
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
        Self { channels, pooled_len, window, relu, output, routing, post }
    }

    /// Writes the factor of one sample; adds its sum over positions to `bias` `[out]`.
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
    }
}

/// `dense = factor · [output > 0]`, or without the gate.
fn gate(factor: Factor<'_>, output: &[f32], relu: bool, channels: usize, dense: &mut [f32]) {
    pulp::Arch::new().dispatch(
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

/// Adds the factor to `sums` where the mark of a value is open.
fn add_where<M>(
    factor: Factor<'_>,
    marks: &[M],
    open: impl Fn(&M) -> bool,
    channels: usize,
    sums: &mut [f32],
) {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            for (position, marks) in marks.chunks_exact(channels).enumerate() {
                let values = factor.at(position, channels);
                for ((sum, mark), &value) in sums.iter_mut().zip(marks).zip(values) {
                    *sum += if open(mark) { value } else { 0.0 };
                }
            }
        },
    );
}
