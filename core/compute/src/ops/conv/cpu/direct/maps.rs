//! Forward pass and feedback: each gives maps of sums over linked positions.

use rayon::prelude::*;
use std::ops::Range;

use super::links::Links;
use super::pool::Window;
use super::{Block, SAMPLES, panel_width};
use crate::bf16::{Kernel, Left, Rows, Segment, halves, halves_mut};
use crate::device::Scratch;
use crate::ops::conv::cpu::lowering::Activation;
use crate::ops::conv::cpu::pool::{self, Routing};
use crate::ops::conv::cpu::unroute::Unroute;
use crate::ops::conv::cpu::{Geometry, Pool};

/// Values of packed maps that a task keeps in the second-level cache.
const MAPS: usize = 512 << 10;
/// Values of packed weights that stay in the second-level cache while positions change.
const WEIGHTS: usize = 512 << 10;

/// See [`forward`](crate::ops::conv::cpu::forward::forward).
pub(crate) fn forward(
    kernel: Kernel,
    g: &Geometry,
    pool: Option<&Pool>,
    input: &[f32],
    weight: &[f32],
    activation: Activation<'_>,
    output: &mut [f32],
) -> Routing {
    let (incoming, outgoing) = (g.in_channels, g.out_channels);
    let positions = g.output().iter().product();
    let maps = Maps::new(kernel, Links::new(g).by_output(positions), incoming, outgoing, |tap, first, to| {
        let (count, width) = (panel_width(outgoing).min(outgoing - first), panel_width(outgoing));
        let values = &weight[tap * incoming * outgoing + first..];
        kernel.pack_panel(Rows { values, pitch: outgoing, count: incoming, length: count }, width, to);
    });
    let places = match pool {
        Some(pool) => pool::Window::new(g.output(), outgoing, *pool).all(),
        None => (0..positions).map(|position| vec![position]).collect(),
    };
    let mut codes = vec![0; if pool.is_some() { output.len() } else { 0 }];
    let pack = |samples: Range<usize>, to: &mut [u16], stride: usize| {
        let maps = &input[samples.start * g.input_len()..samples.end * g.input_len()];
        for (map, to) in maps.chunks_exact(g.input_len()).zip(to.chunks_mut(stride)) {
            kernel.pack_rows(Rows::adjacent(map, incoming), to, kernel.depth(incoming));
        }
    };
    let input = g.input.iter().product();
    maps.run(g.samples, input, &places, activation, pack, output, &mut codes);
    Routing { codes }
}

/// See [`feedback`](crate::ops::conv::cpu::feedback::feedback).
pub(crate) fn feedback(
    kernel: Kernel,
    g: &Geometry,
    weight: &[f32],
    unroute: &Unroute<'_>,
    d_input: &mut [f32],
) {
    let (incoming, outgoing) = (g.in_channels, g.out_channels);
    let positions = g.input.iter().product();
    let maps = Maps::new(kernel, Links::new(g).by_input(positions), outgoing, incoming, |tap, first, to| {
        let (count, width) = (panel_width(incoming).min(incoming - first), panel_width(incoming));
        let values = &weight[(tap * incoming + first) * outgoing..];
        kernel.pack_panel_columns(Rows { values, pitch: outgoing, count, length: outgoing }, width, to);
    });
    let places: Vec<_> = (0..positions).map(|position| vec![position]).collect();
    let pack = |samples: Range<usize>, to: &mut [u16], stride: usize| {
        let mut dense = Scratch::new(g.output_len());
        for (sample, to) in samples.zip(to.chunks_mut(stride)) {
            unroute.sample(sample, &mut dense, None);
            kernel.pack_rows(Rows::adjacent(&dense, outgoing), to, kernel.depth(outgoing));
        }
    };
    let output = g.output().iter().product();
    let activation = Activation { bias: None, relu: false };
    maps.run(g.samples, output, &places, activation, pack, d_input, &mut []);
}

/// Sums over links with packed weights.
struct Maps {
    kernel: Kernel,
    /// For each target position, its sums.
    segments: Vec<Vec<Segment>>,
    /// `[panel, tap, depth, width]`, packed.
    weight: Scratch,
    panel_len: usize,
    /// Channels of the sources, filled up.
    depth: usize,
    channels: usize,
    width: usize,
}

impl Maps {
    /// From the `[tap, source position]` of every target position; `fill` packs the weights of a tap to the channels
    /// from its second argument on.
    fn new(
        kernel: Kernel,
        targets: Vec<Vec<[usize; 2]>>,
        sources: usize,
        channels: usize,
        fill: impl Fn(usize, usize, &mut [u16]) + Sync,
    ) -> Self {
        let (depth, width) = (kernel.depth(sources), panel_width(channels));
        let taps = 1 + targets.iter().flatten().map(|link| link[0]).max().unwrap_or(0);
        let panel_len = taps * depth * width;
        let mut weight = Scratch::new(channels.div_ceil(width) * panel_len / 2);
        weight.par_chunks_mut(panel_len / 2).enumerate().for_each(|(panel, to)| {
            for (tap, to) in halves_mut(to).chunks_exact_mut(depth * width).enumerate() {
                fill(tap, panel * width, to);
            }
        });
        let segment = |[tap, source]: [usize; 2]| [source * depth, tap * depth * width];
        let segments = targets.into_iter().map(|links| links.into_iter().map(segment).collect()).collect();
        Self { kernel, segments, weight, panel_len, depth, channels, width }
    }

    /// Samples of a task, whole blocks: they fit the cache and divide the work evenly. The sums of a sample do not
    /// depend on it.
    fn samples(&self, samples: usize, stride: usize) -> usize {
        let blocks = samples.div_ceil(SAMPLES);
        let most = (MAPS / (SAMPLES * stride)).max(1);
        let threads = rayon::current_num_threads();
        let tasks = blocks.div_ceil(most).next_multiple_of(threads).min(blocks);
        blocks.div_ceil(tasks.max(1)) * SAMPLES
    }

    /// For every sample, the activation of the largest sums at the positions `places` of each target, to `output`
    /// `[sample, target, channel]`. `pack` writes the maps of samples, `stride` apart.
    #[allow(clippy::too_many_arguments)]
    fn run(
        &self,
        samples: usize,
        positions: usize,
        places: &[Vec<usize>],
        activation: Activation<'_>,
        pack: impl Fn(Range<usize>, &mut [u16], usize) + Sync,
        output: &mut [f32],
        codes: &mut [u8],
    ) {
        let sample_len = places.len() * self.channels;
        // An odd number of cache lines distributes the samples over the sets of a cache.
        let stride = ((positions * self.depth).div_ceil(32) | 1) * 32;
        let chunk = self.samples(samples, stride);
        let mut codes = codes.chunks_mut(chunk * sample_len);
        let tasks: Vec<_> = output
            .chunks_mut(chunk * sample_len)
            .map(|output| (output, codes.next().unwrap_or_default()))
            .enumerate()
            .collect();
        tasks.into_par_iter().for_each(|(task, (output, codes))| {
            let count = output.len() / sample_len;
            let first = task * chunk;
            let mut maps = Scratch::new(count.next_multiple_of(SAMPLES) * stride / 2);
            let maps = halves_mut(&mut maps);
            pack(first..first + count, maps, stride);
            maps[count * stride..].fill(0);
            self.sum(maps, stride, places, activation, output, codes);
        });
    }

    /// The sums of one task.
    fn sum(
        &self,
        maps: &[u16],
        stride: usize,
        places: &[Vec<usize>],
        activation: Activation<'_>,
        output: &mut [f32],
        codes: &mut [u8],
    ) {
        let Self { kernel, depth, width, channels, .. } = *self;
        let sample_len = places.len() * channels;
        let mut blocks = vec![Block::ZERO; places.iter().map(Vec::len).max().unwrap_or(0)];
        // If all weights stay in the cache, positions are visited in bands, whose maps fit it too.
        let bands = if 2 * self.weight.len() <= WEIGHTS { (maps.len() / MAPS).max(1) } else { 1 };
        let band = places.len().div_ceil(bands);
        let mut sums = kernel.sums();
        for (start, places) in (0..places.len()).step_by(band).zip(places.chunks(band)) {
            for (panel, weight) in halves(&self.weight).chunks_exact(self.panel_len).enumerate() {
                for (target, places) in (start..).zip(places) {
                    for (block, maps) in maps.chunks_exact(SAMPLES * stride).enumerate() {
                        let left = Left { values: maps, stride, depth };
                        for (c, &place) in blocks.iter_mut().zip(places) {
                            let c = &mut c.0[..SAMPLES * width];
                            sums.block(left, weight, &self.segments[place], c, width);
                        }
                        let at = block * SAMPLES * sample_len + target * channels;
                        let (first, blocks) = (panel * width, &blocks[..places.len()]);
                        let codes = codes.get_mut(at..).unwrap_or_default();
                        let window = Window { blocks, width, first, activation };
                        window.write(channels, sample_len, &mut output[at..], codes);
                    }
                }
            }
        }
    }
}
