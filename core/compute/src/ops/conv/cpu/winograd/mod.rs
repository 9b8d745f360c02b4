//! 3×3 layers with stride 1 and padding 1 or 0 as products over tiles, after Winograd.
//!
//! For every tile of the map `Y = Aᵀ[Σ_in (G w Gᵀ) ⊙ (Bᵀ x B)]A`: the sum over incoming channels is one
//! matrix product `[tiles, in] · [in, out]` for each entry of the transformed tile. The outer product
//! is `ΔW = Gᵀ[Σ_tiles (Bᵀ x B) ⊗ (A y′ Aᵀ)]G`. Lavin and Gray 2016, arXiv:1509.09308.

mod gradient;
mod grid;
mod nest;
mod operands;
mod pass;
mod results;
mod tiling;
mod weight;

use crate::ops::conv::cpu::level::arch;
use std::marker::PhantomData;
use std::ops::Range;

use rayon::prelude::*;

use crate::ops::conv::Geometry;
use crate::ops::conv::cpu::lowering::{Activation, Lowering};
use crate::ops::conv::cpu::matmul::panel_width;
use grid::Grid;
use operands::{Input, Operands, Post};
use results::Results;
pub(crate) use tiling::{F2, F4, Pair, Tiling};

/// The lowering of a 3×3 layer by the algorithm `T`. Frames along `t` are separate maps.
pub(crate) struct Winograd<T> {
    /// Tiles on maps of the input, as many as on maps of the output.
    input: Grid,
    /// Tiles on maps of the output.
    output: Grid,
    in_channels: usize,
    out_channels: usize,
    width: usize,
    tiling: PhantomData<T>,
}

impl<T: Tiling> Winograd<T> {
    /// A lowering for `g`, a layer of 3×3 taps, stride 1 and padding 1, or 0 if `T` reads so.
    pub(crate) fn new(g: &Geometry) -> Self {
        let [_, height, width] = g.output();
        let tiles = [height.div_ceil(T::OUTPUTS), width.div_ceil(T::OUTPUTS)];
        let grid = |[frames, height, width]: [usize; 3], before| Grid {
            frames,
            height,
            width,
            tiles,
            outputs: T::OUTPUTS,
            before,
        };
        Self {
            input: grid(g.input, g.padding[1].min(T::BEFORE)),
            output: grid(g.output(), 0),
            in_channels: g.in_channels,
            out_channels: g.out_channels,
            width: panel_width(g.out_channels),
            tiling: PhantomData,
        }
    }
}

impl<T: Tiling> Lowering for Winograd<T> {
    fn products(&self) -> usize {
        T::PRODUCTS * T::PRODUCTS
    }

    fn rows(&self) -> usize {
        self.output.tiles()
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

    fn weight(&self, weight: &[f32], panel: usize, out: &mut [f32]) {
        arch().dispatch(weight::Weight { of: self, weight, panel, out });
    }

    fn input(&self, input: &[f32], rows: Range<usize>, out: &mut [f32]) {
        let (grid, maps, channels, width) = (&self.input, input, self.in_channels, self.depth());
        let factor = PhantomData::<(T, Input<T>)>;
        arch().dispatch(Operands { grid, maps, channels, width, rows, out, factor });
    }

    fn output(
        &self,
        results: &[f32],
        rows: Range<usize>,
        panel: usize,
        activation: Activation<'_>,
        maps: &mut [f32],
    ) {
        let (grid, channels, width, tiling) = (&self.output, self.out_channels, self.width, self.tiling);
        let first = panel * width;
        arch().dispatch(Results { grid, results, channels, first, width, rows, activation, maps, tiling });
    }

    fn post(&self, post: &[f32], rows: Range<usize>, out: &mut [f32]) {
        let (grid, maps, channels, width) = (&self.output, post, self.out_channels, self.width);
        let factor = PhantomData::<(T, Post<T>)>;
        arch().dispatch(Operands { grid, maps, channels, width, rows, out, factor });
    }

    fn gradient(&self, sums: &[f32], d_weight: &mut [f32]) {
        let rows = 16.min(self.in_channels);
        gradient::tap_blocks(d_weight, self.in_channels, self.out_channels, rows)
            .into_par_iter()
            .enumerate()
            .for_each(|(block, taps)| {
                let first = block * rows;
                arch().dispatch(gradient::Gradient { of: self, sums, first, taps });
            });
    }
}
