//! Max pooling over `[t, y, x]`, and the backward pass through the winners.

use super::level::arch;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::Pool;

/// Code of a pooled value without a winner: the ReLU closed it.
pub(super) const CLOSED: u8 = u8::MAX;

/// The input from which every pooled value came: one byte for each, the winner's place in its window
/// (the first maximum, as in PyTorch), or closed if the ReLU before the pool gave 0. Empty for a layer
/// without a pool, whose output itself shows where the ReLU is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routing {
    pub(super) codes: Vec<u8>,
}

/// Max pool of `[sample, t, y, x, channel]` maps of `positions`.
///
/// # Shapes
/// `input` is `[samples, positions, channels]`, `output` `[samples, pool.output(positions), channels]`.
///
/// A window in which all values are NaN, as NaN weights give, gives NaN. A single NaN after a number is
/// ignored: to keep it would need a second comparison for each value and a third more of the layer's
/// time.
///
/// # Panics
/// If a slice has another length, or the window has more than [`Pool::MOST`] positions.
pub fn max_pool(
    positions: [usize; 3],
    channels: usize,
    pool: &Pool,
    input: &[f32],
    output: &mut [f32],
) -> Routing {
    let window = Window::new(positions, channels, *pool);
    let mut codes = vec![0; output.len()];
    if window.pooled_len() > 0 {
        assert_eq!(input.len() / window.map_len(), output.len() / window.pooled_len(), "samples");
        input
            .par_chunks_exact(window.map_len())
            .zip(output.par_chunks_exact_mut(window.pooled_len()))
            .zip(codes.par_chunks_exact_mut(window.pooled_len()))
            .for_each(|((map, pooled), codes)| window.pool(map, pooled, codes, false));
    }
    Routing { codes }
}

/// Sends the factor of a pool's output back to the winners of [`max_pool`]. Overwrites `d_input`.
///
/// # Shapes
/// As for [`max_pool`]: `d_output` like `output`, `d_input` like `input`.
///
/// # Panics
/// If a slice has another length.
pub fn max_unpool(
    positions: [usize; 3],
    channels: usize,
    pool: &Pool,
    routing: &Routing,
    d_output: &[f32],
    d_input: &mut [f32],
) {
    let window = Window::new(positions, channels, *pool);
    if window.pooled_len() == 0 {
        d_input.fill(0.0);
        return;
    }
    assert_eq!(routing.codes.len(), d_output.len(), "routing of another map");
    d_input
        .par_chunks_exact_mut(window.map_len())
        .zip(d_output.par_chunks_exact(window.pooled_len()))
        .zip(routing.codes.par_chunks_exact(window.pooled_len()))
        .for_each(|((map, pooled), codes)| window.unpool(Factor::Map(pooled), codes, map));
}

/// A pool on maps of one shape; works on one sample.
#[derive(Clone, Copy)]
pub(super) struct Window {
    positions: [usize; 3],
    pooled: [usize; 3],
    channels: usize,
    pool: Pool,
}

/// A post factor of one sample, on the pooled map or the same for all its positions.
#[derive(Clone, Copy)]
pub(super) enum Factor<'a> {
    /// `[position, channel]`.
    Map(&'a [f32]),
    /// `[channel]`.
    Uniform(&'a [f32]),
}

impl<'a> Factor<'a> {
    /// The factor at a position of the map.
    #[inline(always)]
    pub(super) fn at(self, position: usize, channels: usize) -> &'a [f32] {
        match self {
            Self::Map(map) => &map[position * channels..(position + 1) * channels],
            Self::Uniform(factor) => &factor[..channels],
        }
    }
}

impl Window {
    pub(super) fn new(positions: [usize; 3], channels: usize, pool: Pool) -> Self {
        let places: usize = pool.size.iter().product();
        assert!(places <= Pool::MOST, "a pool window of {places} positions; {} at most", Pool::MOST);
        Self { positions, pooled: pool.output(positions), channels, pool }
    }

    /// Length of one sample's map before the pool.
    pub(super) fn map_len(&self) -> usize {
        self.positions.iter().product::<usize>() * self.channels
    }

    /// Length of one sample's map after it.
    pub(super) fn pooled_len(&self) -> usize {
        self.pooled.iter().product::<usize>() * self.channels
    }

    /// Pools a map; with `gate`, values ≤ 0 are marked closed.
    pub(super) fn pool(&self, map: &[f32], pooled: &mut [f32], codes: &mut [u8], gate: bool) {
        arch().dispatch(Forward { window: self, map, pooled, codes, gate });
    }

    /// Sends a factor on the pooled positions back to the winners.
    pub(super) fn unpool(&self, factor: Factor<'_>, codes: &[u8], map: &mut [f32]) {
        arch().dispatch(Backward { window: self, factor, codes, map });
    }

    /// Whether windows share no position.
    fn disjoint(&self) -> bool {
        (0..3).all(|axis| self.pool.stride[axis] >= self.pool.size[axis])
    }

    /// Whether every position is in exactly one window.
    fn covers(&self) -> bool {
        (0..3).all(|axis| {
            self.pool.stride[axis] == self.pool.size[axis]
                && self.pooled[axis] * self.pool.size[axis] == self.positions[axis]
        })
    }

    /// Position of the map at place `code` of the window of a pooled position.
    #[inline(always)]
    fn place(&self, position: usize, code: usize) -> usize {
        let [_, height, width] = self.pooled;
        let at = [position / (height * width), position / width % height, position % width];
        let [_, down, right] = self.pool.size;
        let inner = [code / (down * right), code / right % down, code % right];
        let [t, y, x]: [usize; 3] =
            std::array::from_fn(|axis| at[axis] * self.pool.stride[axis] + inner[axis]);
        (t * self.positions[1] + y) * self.positions[2] + x
    }

    /// For every pooled position, the positions of its window.
    pub(super) fn all(&self) -> Vec<Vec<usize>> {
        let positions = 0..self.pooled.iter().product();
        positions.map(|at| (0..self.places()).map(|code| self.place(at, code)).collect()).collect()
    }

    fn places(&self) -> usize {
        self.pool.size.iter().product()
    }
}

struct Forward<'a> {
    window: &'a Window,
    map: &'a [f32],
    pooled: &'a mut [f32],
    codes: &'a mut [u8],
    gate: bool,
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { window, map, pooled, codes, gate } = self;
        let channels = window.channels;
        let rows = pooled.chunks_exact_mut(channels).zip(codes.chunks_exact_mut(channels));
        for (position, (best, codes)) in rows.enumerate() {
            let first = window.place(position, 0) * channels;
            best.copy_from_slice(&map[first..first + channels]);
            codes.fill(0);
            for code in 1..window.places() {
                let from = window.place(position, code) * channels;
                let values = &map[from..from + channels];
                for ((best, winner), &value) in best.iter_mut().zip(&mut *codes).zip(values) {
                    *winner = if value > *best { code as u8 } else { *winner };
                    *best = if value > *best { value } else { *best };
                }
            }
            if gate {
                for (winner, &best) in codes.iter_mut().zip(&*best) {
                    *winner = if best > 0.0 { *winner } else { CLOSED };
                }
            }
        }
    }
}

struct Backward<'a> {
    window: &'a Window,
    factor: Factor<'a>,
    codes: &'a [u8],
    map: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { window, factor, codes, map } = self;
        let channels = window.channels;
        if !window.covers() {
            map.fill(0.0);
        }
        let disjoint = window.disjoint();
        for (position, codes) in codes.chunks_exact(channels).enumerate() {
            let values = factor.at(position, channels);
            for code in 0..window.places() {
                let to = window.place(position, code) * channels;
                let map = &mut map[to..to + channels];
                let code = code as u8;
                if disjoint {
                    for ((sum, &winner), &value) in map.iter_mut().zip(codes).zip(values) {
                        *sum = if winner == code { value } else { 0.0 };
                    }
                } else {
                    for ((sum, &winner), &value) in map.iter_mut().zip(codes).zip(values) {
                        *sum += if winner == code { value } else { 0.0 };
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
    fn the_first_of_equal_maxima_wins() {
        let pool = Pool { size: [1, 1, 2], stride: [1, 1, 2] };
        let mut output = [0.0; 2];
        let routing = max_pool([1, 1, 5], 1, &pool, &[1.0, 1.0, -3.0, -2.0, 9.0], &mut output);
        assert_eq!(output, [1.0, -2.0]);
        let mut d_input = [f32::NAN; 5];
        max_unpool([1, 1, 5], 1, &pool, &routing, &[10.0, 20.0], &mut d_input);
        assert_eq!(d_input, [10.0, 0.0, 0.0, 20.0, 0.0]);
    }

    #[test]
    fn overlapping_windows_add_up() {
        let pool = Pool { size: [1, 3, 3], stride: [1, 2, 2] };
        let mut input = vec![0.0; 25];
        input[12] = 1.0;
        let mut output = [0.0; 4];
        let routing = max_pool([1, 5, 5], 1, &pool, &input, &mut output);
        assert_eq!(output, [1.0; 4]);
        let mut d_input = vec![0.0; 25];
        max_unpool([1, 5, 5], 1, &pool, &routing, &[1.0, 2.0, 3.0, 4.0], &mut d_input);
        assert_eq!(d_input[12], 10.0);
        assert_eq!(d_input.iter().sum::<f32>(), 10.0);
    }
}
