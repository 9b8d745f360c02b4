//! 3×3 layers with stride 1 and padding 1 as products over tiles, after Winograd.
//!
//! For every tile of the map `Y = Aᵀ[Σ_in (G w Gᵀ) ⊙ (Bᵀ x B)]A`: the sum over incoming channels is one
//! matrix product `[tiles, in] · [in, out]` for each entry of the transformed tile. The outer product
//! is `ΔW = Gᵀ[Σ_tiles (Bᵀ x B) ⊗ (A y′ Aᵀ)]G`. Lavin and Gray 2016, arXiv:1509.09308.

mod gradient;
mod nest;
mod tiling;
mod transform;

use std::marker::PhantomData;
use std::ops::Range;

use pulp::Arch;
use rayon::prelude::*;

use super::geometry::Geometry;
use super::lowering::{Activation, Lowering};
use super::matmul::panel_width;
use super::scratch::Scratch;
use nest::Places;
pub(crate) use tiling::{F2, F4, Pair, Tiling};

/// The lowering of a 3×3 layer by the algorithm `T`; frames along `t` are maps of their own.
pub(crate) struct Winograd<T> {
    /// Positions of a sample, of the input as of the output.
    positions: usize,
    in_channels: usize,
    out_channels: usize,
    width: usize,
    /// Positions read and written by every tile of a sample.
    inputs: Vec<Places>,
    outputs: Vec<Places>,
    tiling: PhantomData<T>,
}

impl<T: Tiling> Winograd<T> {
    /// A lowering for `g`, a layer of 3×3 taps, stride 1 and padding 1.
    pub(crate) fn new(g: &Geometry) -> Self {
        let [frames, height, width] = g.input;
        let tiles = frames * height.div_ceil(T::OUTPUTS) * width.div_ceil(T::OUTPUTS);
        let places = |size, before| (0..tiles).map(|tile| places::<T>(g.input, tile, size, before)).collect();
        Self {
            positions: frames * height * width,
            in_channels: g.in_channels,
            out_channels: g.out_channels,
            width: panel_width(g.out_channels),
            inputs: places(T::INPUTS, T::BEFORE),
            outputs: places(T::OUTPUTS, 0),
            tiling: PhantomData,
        }
    }

    /// The map of the sample that tile `row` belongs to, and its tile there.
    #[inline(always)]
    fn sample<'a>(&self, maps: &'a [f32], channels: usize, row: usize) -> (&'a [f32], usize) {
        let (sample, tile) = (row / self.inputs.len(), row % self.inputs.len());
        let length = self.positions * channels;
        (&maps[sample * length..(sample + 1) * length], tile)
    }
}

/// Positions in a map of the `size × size` values of a tile, starting `before` its first output.
fn places<T: Tiling>(positions: [usize; 3], tile: usize, size: usize, before: usize) -> Places {
    let [_, height, width] = positions;
    let (across, along) = (height.div_ceil(T::OUTPUTS), width.div_ceil(T::OUTPUTS));
    let frame = tile / (across * along) * height * width;
    let (first_y, first_x) = (tile / along % across * T::OUTPUTS, tile % along * T::OUTPUTS);
    let inside = |at: usize, length: usize| at.checked_sub(before).filter(|&at| at < length);
    let mut places = [[None; 6]; 6];
    for (i, line) in places.iter_mut().enumerate().take(size) {
        let Some(y) = inside(first_y + i, height) else {
            continue;
        };
        for (j, place) in line.iter_mut().enumerate().take(size) {
            *place = inside(first_x + j, width).map(|x| frame + y * width + x);
        }
    }
    places
}

impl<T: Tiling> Lowering for Winograd<T> {
    fn products(&self) -> usize {
        T::PRODUCTS * T::PRODUCTS
    }

    fn rows(&self) -> usize {
        self.inputs.len()
    }

    fn depth(&self) -> usize {
        self.in_channels.next_multiple_of(16)
    }

    fn width(&self) -> usize {
        self.width
    }

    fn panels(&self) -> usize {
        self.out_channels.div_ceil(self.width)
    }

    fn weight(&self, weight: &[f32]) -> Scratch {
        let panel = self.products() * self.depth() * self.width;
        let mut packed = Scratch::new(self.panels() * panel);
        packed.par_chunks_mut(panel).enumerate().for_each(|(panel, out)| {
            Arch::new().dispatch(transform::Weight { of: self, weight, panel, out });
        });
        packed
    }

    fn input(&self, input: &[f32], rows: Range<usize>, out: &mut [f32]) {
        Arch::new().dispatch(transform::Input { of: self, input, rows, out });
    }

    fn output(
        &self,
        results: &[f32],
        rows: Range<usize>,
        panel: usize,
        activation: Activation<'_>,
        maps: &mut [f32],
    ) {
        Arch::new().dispatch(transform::Output { of: self, results, rows, panel, activation, maps });
    }

    fn post(&self, post: &[f32], rows: Range<usize>, out: &mut [f32]) {
        Arch::new().dispatch(transform::Post { of: self, post, rows, out });
    }

    fn gradient(&self, sums: &[f32], d_weight: &mut [f32]) {
        let rows = 16.min(self.in_channels);
        gradient::tap_blocks(d_weight, self.in_channels, self.out_channels, rows)
            .into_par_iter()
            .enumerate()
            .for_each(|(block, taps)| {
                let first = block * rows;
                Arch::new().dispatch(gradient::Gradient { of: self, sums, first, taps });
            });
    }
}
