//! Transforms of tiles in two dimensions, and the vectors under a tile.
//!
//! All is written out for up to six lines, without loops, so that vectors stay in registers.

use std::array::from_fn;

use pulp::Simd;

use super::tiling::Line;

/// `F X Fᵀ` for the line transform `F` of `from` values to `to`: `read(i)` gives row `i` of `X`,
/// `write(j, column)` takes column `j` of the result.
#[inline(always)]
pub(super) fn nest<S: Simd>(
    simd: S,
    from: usize,
    to: usize,
    read: impl Fn(usize) -> Line<S>,
    line: impl Fn(Line<S>) -> Line<S>,
    mut write: impl FnMut(usize, Line<S>),
) {
    let zero = simd.splat_f32s(0.0);
    macro_rules! row {
        ($i:expr) => {
            if $i < from { line(read($i)) } else { [zero; 6] }
        };
    }
    let rows = [row!(0), row!(1), row!(2), row!(3), row!(4), row!(5)];
    macro_rules! column {
        ($j:expr) => {
            if $j < to {
                let [a, b, c, d, e, f] = &rows;
                write($j, line([a[$j], b[$j], c[$j], d[$j], e[$j], f[$j]]));
            }
        };
    }
    column!(0);
    column!(1);
    column!(2);
    column!(3);
    column!(4);
    column!(5);
}

/// The line of the vectors `at(0)`, `at(1)`, … as far as `size`.
#[inline(always)]
pub(super) fn line<S: Simd>(simd: S, size: usize, at: impl Fn(usize) -> S::f32s) -> Line<S> {
    let zero = simd.splat_f32s(0.0);
    macro_rules! vector {
        ($i:expr) => {
            if $i < size { at($i) } else { zero }
        };
    }
    [vector!(0), vector!(1), vector!(2), vector!(3), vector!(4), vector!(5)]
}

/// The positions under a tile; those outside the map read as zeros.
pub(super) type Places = [[Option<usize>; 6]; 6];

/// Lanes that fill up the channels of a map to whole vectors.
pub(super) const FILL: usize = 16;

/// The channels beyond the last whole vector at every position of a tile, filled up with zeros.
pub(super) type Tails = [[[f32; FILL]; 6]; 6];

/// The vectors of channels at the positions of a tile.
pub(super) struct Patch<'a, S: Simd> {
    whole: [[&'a [S::f32s]; 6]; 6],
    tail: [[&'a [S::f32s]; 6]; 6],
    wholes: usize,
}

impl<'a, S: Simd> Patch<'a, S> {
    /// The patch at `places` of a `map` of `channels`; `blank` is a position of zeros.
    #[inline(always)]
    pub(super) fn new(
        map: &'a [f32],
        places: &Places,
        channels: usize,
        blank: &'a [f32],
        tails: &'a mut Tails,
    ) -> Self {
        let at = |i: usize, j: usize| match places[i][j] {
            Some(place) => &map[place * channels..(place + 1) * channels],
            None => &blank[..channels],
        };
        let wholes = channels / S::F32_LANES;
        let rest = channels - wholes * S::F32_LANES;
        if rest > 0 {
            for (i, line) in tails.iter_mut().enumerate() {
                for (j, tail) in line.iter_mut().enumerate() {
                    tail[..rest].copy_from_slice(&at(i, j)[channels - rest..]);
                }
            }
        }
        let tails = &*tails;
        let whole = from_fn(|i| from_fn(|j| S::as_simd_f32s(at(i, j)).0));
        let tail = match channels % FILL {
            0 => [[[].as_slice(); 6]; 6],
            _ => from_fn(|i| from_fn(|j| S::as_simd_f32s(&tails[i][j]).0)),
        };
        Self { whole, tail, wholes }
    }

    /// The positions' vectors, and where in them channel `c` is.
    #[inline(always)]
    pub(super) fn at(&self, c: usize) -> (&[[&'a [S::f32s]; 6]; 6], usize) {
        let vector = c / S::F32_LANES;
        if vector < self.wholes { (&self.whole, vector) } else { (&self.tail, vector - self.wholes) }
    }
}

/// The vector at `row[at..]`, filled up with zeros beyond the row.
#[inline(always)]
pub(super) fn load<S: Simd>(simd: S, row: &[f32], at: usize) -> S::f32s {
    match row.get(at..at + S::F32_LANES) {
        Some(whole) => S::as_simd_f32s(whole).0[0],
        None => simd.partial_load_f32s(row.get(at..).unwrap_or_default()),
    }
}

/// `vector` to `row[at..]`, as far as the row goes.
#[inline(always)]
pub(super) fn store<S: Simd>(simd: S, row: &mut [f32], at: usize, vector: S::f32s) {
    if at + S::F32_LANES <= row.len() {
        S::as_mut_simd_f32s(&mut row[at..at + S::F32_LANES]).0[0] = vector;
    } else if at < row.len() {
        simd.partial_store_f32s(&mut row[at..], vector);
    }
}
