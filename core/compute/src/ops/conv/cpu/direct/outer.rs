//! The outer product: for each tap, the sum over samples and linked positions.

use rayon::prelude::*;
use std::ops::Range;

use super::links::Links;
use super::sources::Sources;
use super::{Block, SAMPLES, panel_width};
use crate::bf16::{Kernel, Left, Rows, Segment, halves_mut};
use crate::device::Scratch;
use crate::ops::conv::cpu::Geometry;
use crate::ops::conv::cpu::level::arch;
use crate::ops::conv::cpu::unroute::Unroute;

/// Incoming channels of a block.
const ROWS: usize = 32;
/// Values of the operands of a chunk of groups, which all are in memory.
const OPERANDS: usize = 8 << 20;
/// Values of one operand of a block of sums, so that both stay in the second-level cache for all taps.
const PASS: usize = 256 << 10;
/// Number of parts whose few weights are summed separately.
const PARTS: usize = 16;
/// The largest total number of weights of all parts.
const FEW: usize = 2 << 20;

/// `d_weight` is overwritten; adds the sum over positions of each sample's factor to `biases` `[sample, out]`.
pub(crate) fn outer(
    kernel: Kernel,
    g: &Geometry,
    input: &[f32],
    unroute: &Unroute<'_>,
    biases: &mut [f32],
    d_weight: &mut [f32],
) {
    let sources = Sources::new(kernel, g, input);
    let outer = Outer::new(kernel, sources.layer(), &sources, unroute);
    if g.weights() * PARTS <= FEW {
        outer.apart(biases, d_weight);
    } else {
        outer.together(biases, d_weight);
    }
}

/// An outer product over groups of 32 samples.
///
/// The operands of a group are `[input position, in, sample]` and `[panel, output position, sample / 2, width, 2]`.
struct Outer<'a> {
    kernel: Kernel,
    g: Geometry,
    sources: &'a Sources<'a>,
    unroute: &'a Unroute<'a>,
    /// For each tap, the segments of every group of a pass.
    segments: Vec<Vec<Segment>>,
    /// Groups of a pass.
    pass: usize,
    rows: usize,
    width: usize,
    panels: usize,
}

impl<'a> Outer<'a> {
    fn new(kernel: Kernel, g: Geometry, sources: &'a Sources<'a>, unroute: &'a Unroute<'a>) -> Self {
        let (rows, width) = (g.in_channels.next_multiple_of(ROWS), panel_width(g.out_channels));
        let panels = g.out_channels.div_ceil(width);
        let positions = [g.input, g.output()].map(|map| map.iter().product::<usize>());
        let pass = (PASS / (positions[0].max(positions[1]) * SAMPLES * ROWS)).max(1);
        let mut outer = Self { kernel, g, sources, unroute, segments: Vec::new(), pass, rows, width, panels };
        let [left, right] = outer.lens();
        let segment = |group: usize, [input, output]: [usize; 2]| {
            [group * left + input * rows * SAMPLES, group * right + output * SAMPLES * width]
        };
        let of_tap = |links: &Vec<[usize; 2]>| {
            (0..pass).flat_map(|group| links.iter().map(move |&link| segment(group, link))).collect()
        };
        outer.segments = Links::new(&g).0.iter().map(of_tap).collect();
        outer
    }

    /// Values of both operands of a group.
    fn lens(&self) -> [usize; 2] {
        let [input, output] = [self.g.input, self.g.output()].map(|map| map.iter().product::<usize>());
        [input * self.rows * SAMPLES, self.panels * output * SAMPLES * self.width]
    }

    /// How many groups of samples there are.
    fn groups(&self) -> usize {
        self.g.samples.div_ceil(SAMPLES)
    }

    /// Writes the operands of a group and adds to the biases `[sample, out]` of its samples.
    fn lower(&self, group: usize, left: &mut [u16], right: &mut [u16], biases: &mut [f32]) {
        let Self { kernel, g, rows, width, .. } = *self;
        let samples = group * SAMPLES..((group + 1) * SAMPLES).min(g.samples);
        self.sources.columns(samples.clone(), rows, left);
        let (map, channels) = (g.output_len(), g.out_channels);
        let positions = map / channels;
        let mut dense = Scratch::new(2 * map);
        for pair in 0..SAMPLES / 2 {
            let here = samples.clone().skip(2 * pair).take(2);
            let count = here.len();
            for (sample, dense) in here.zip(dense.chunks_exact_mut(map)) {
                let bias = &mut biases[(sample - samples.start) * channels..][..channels];
                self.unroute.sample(sample, dense, Some(bias));
            }
            for (panel, right) in right.chunks_exact_mut(positions * SAMPLES * width).enumerate() {
                let first = panel * width;
                let length = width.min(channels - first);
                for (position, to) in right.chunks_exact_mut(SAMPLES * width).enumerate() {
                    let values = &dense[position * channels + first..];
                    let to = &mut to[2 * pair * width..][..2 * width];
                    kernel.pack_panel(Rows { values, pitch: map, count, length }, width, to);
                }
            }
        }
    }

    /// Adds the products of `groups` groups for a block of incoming channels and a range of panels to `rows`, for each
    /// tap those of all the block's channels, from the first channel of the range on. The first time, `rows` are
    /// overwritten.
    fn add(
        &self,
        [left, right]: [&[u16]; 2],
        groups: usize,
        block: usize,
        panels: Range<usize>,
        first: bool,
        rows: &mut [&mut [f32]],
    ) {
        let Self { kernel, g, width, .. } = *self;
        let count = rows.len() / g.taps();
        let panel_len = g.output().iter().product::<usize>() * SAMPLES * width;
        let [left_len, right_len] = self.lens();
        let mut sums = kernel.sums();
        let mut c = Block::ZERO;
        let c = &mut c.0[..ROWS * width];
        for start in (0..groups).step_by(self.pass) {
            let of_pass = (groups - start).min(self.pass);
            let values = &left[start * left_len + block * ROWS * SAMPLES..];
            let left = Left { values, stride: SAMPLES, depth: SAMPLES };
            for panel in panels.clone() {
                let right = &right[start * right_len + panel * panel_len..];
                let columns = (panel - panels.start) * width;
                let length = width.min(g.out_channels - panel * width);
                for (segments, rows) in self.segments.iter().zip(rows.chunks_mut(count)) {
                    let segments = &segments[..segments.len() / self.pass * of_pass];
                    sums.block(left, right, segments, c, width);
                    let sums = c.chunks_exact(width);
                    for (row, sums) in rows.iter_mut().zip(sums) {
                        let row = &mut row[columns..columns + length];
                        if first && start == 0 {
                            row.copy_from_slice(&sums[..length]);
                        } else {
                            row.iter_mut().zip(sums).for_each(|(row, sum)| *row += sum);
                        }
                    }
                }
            }
        }
    }

    /// Blocks of `d_weight` `[tap, in, out]`: of 32 incoming channels and of as many panels as gives every thread
    /// work, with the rows of all taps.
    fn blocks<'w>(&self, d_weight: &'w mut [f32], ranges: usize) -> Vec<Vec<&'w mut [f32]>> {
        let (incoming, outgoing) = (self.g.in_channels, self.g.out_channels);
        let range = self.panels.div_ceil(ranges) * self.width;
        let mut blocks: Vec<Vec<&mut [f32]>> = Vec::new();
        let ranges = outgoing.div_ceil(range);
        blocks.resize_with(incoming.div_ceil(ROWS) * ranges, Vec::new);
        for (row, values) in d_weight.chunks_mut(outgoing).enumerate() {
            let block = row % incoming / ROWS * ranges;
            for (part, values) in values.chunks_mut(range).enumerate() {
                blocks[block + part].push(values);
            }
        }
        blocks
    }

    /// For many weights: makes the operands of a chunk of groups, then adds to all blocks of weights.
    fn together(&self, biases: &mut [f32], d_weight: &mut [f32]) {
        let [left_len, right_len] = self.lens();
        let channels = self.g.out_channels;
        let chunk = (OPERANDS / (left_len + right_len)).clamp(1, self.groups());
        let mut left = Scratch::new(chunk * left_len / 2);
        let mut right = Scratch::new(chunk * right_len / 2);
        let (left, right) = (halves_mut(&mut left), halves_mut(&mut right));
        let in_blocks = self.g.in_channels.div_ceil(ROWS);
        let ranges = (2 * rayon::current_num_threads()).div_ceil(in_blocks).min(self.panels);
        let mut blocks = self.blocks(d_weight, ranges);
        let ranges = blocks.len() / in_blocks;
        let range = self.panels.div_ceil(ranges);
        for (at, biases) in biases.chunks_mut(chunk * SAMPLES * channels).enumerate() {
            let groups = biases.len().div_ceil(SAMPLES * channels);
            left.par_chunks_exact_mut(left_len)
                .zip(right.par_chunks_exact_mut(right_len))
                .zip(biases.par_chunks_mut(SAMPLES * channels))
                .enumerate()
                .for_each(|(group, ((left, right), biases))| {
                    self.lower(at * chunk + group, left, right, biases);
                });
            blocks.par_iter_mut().enumerate().for_each(|(block, rows)| {
                let panels = block % ranges * range..((block % ranges + 1) * range).min(self.panels);
                self.add([left, right], groups, block / ranges, panels, at == 0, rows);
            });
        }
    }

    /// For few weights: every part sums separately over a fixed part of the groups.
    fn apart(&self, biases: &mut [f32], d_weight: &mut [f32]) {
        let [left_len, right_len] = self.lens();
        let part = self.groups().div_ceil(PARTS);
        let group_len = SAMPLES * self.g.out_channels;
        let mut sums = Scratch::new(self.groups().div_ceil(part) * d_weight.len());
        sums.par_chunks_mut(d_weight.len())
            .zip(biases.par_chunks_mut(part * group_len))
            .enumerate()
            .for_each(|(at, (sums, biases))| {
                let mut left = Scratch::new(left_len / 2);
                let mut right = Scratch::new(right_len / 2);
                let (left, right) = (halves_mut(&mut left), halves_mut(&mut right));
                let mut blocks = self.blocks(sums, 1);
                for (group, biases) in biases.chunks_mut(group_len).enumerate() {
                    self.lower(at * part + group, left, right, biases);
                    for (block, rows) in blocks.iter_mut().enumerate() {
                        self.add([left, right], 1, block, 0..self.panels, group == 0, rows);
                    }
                }
            });
        arch().dispatch(
            #[inline(always)]
            || {
                d_weight.copy_from_slice(&sums[..d_weight.len()]);
                for part in sums.chunks_exact(d_weight.len()).skip(1) {
                    d_weight.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
                }
            },
        );
    }
}
