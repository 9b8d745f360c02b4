//! Bilinear algorithms for a short 1-D correlation with three taps.
//!
//! Each computes `y_i = Σ_j t_j · x_{i+j}` as `y = Aᵀ[(G t) ⊙ (Bᵀ x)]`. The tile in two dimensions is
//! the algorithm nested with itself. For the outer product, the factor `A y′` replaces `G t`, and `Gᵀ`
//! transforms the sums back to taps.

use std::f32::consts::{FRAC_1_SQRT_2, SQRT_2};

use pulp::Simd;

/// Up to six vectors along one axis of a tile; vectors beyond an algorithm's sizes are arbitrary.
pub(crate) type Line<S> = [<S as Simd>::f32s; 6];

/// A bilinear algorithm; methods transform one line of vectors (a vector holds neighbouring channels).
pub(crate) trait Tiling: Send + Sync + 'static {
    /// Outputs `y` of a tile.
    const OUTPUTS: usize;
    /// Inputs `x` of a tile.
    const INPUTS: usize;
    /// Products.
    const PRODUCTS: usize;
    /// How many positions before its first output a tile reads.
    const BEFORE: usize;

    /// `Bᵀ x`.
    fn input<S: Simd>(simd: S, x: Line<S>) -> Line<S>;
    /// `G t`.
    fn weight<S: Simd>(simd: S, t: Line<S>) -> Line<S>;
    /// `Aᵀ m`.
    fn output<S: Simd>(simd: S, m: Line<S>) -> Line<S>;
    /// `A y`.
    fn post<S: Simd>(simd: S, y: Line<S>) -> Line<S>;
    /// `Gᵀ m`.
    fn gradient<S: Simd>(simd: S, m: Line<S>) -> Line<S>;
}

/// `Σ factor · vector`.
#[inline(always)]
fn combine<S: Simd, const N: usize>(simd: S, terms: [(f32, S::f32s); N]) -> S::f32s {
    let (factor, first) = terms[0];
    let mut sum = if factor == 1.0 { first } else { simd.mul_f32s(simd.splat_f32s(factor), first) };
    for &(factor, term) in &terms[1..] {
        sum = if factor == 1.0 {
            simd.add_f32s(sum, term)
        } else if factor == -1.0 {
            simd.sub_f32s(sum, term)
        } else {
            simd.mul_add_e_f32s(simd.splat_f32s(factor), term, sum)
        };
    }
    sum
}

/// F(4, 3): four outputs of six products, at the points 0, ±√½, ±√2 and ∞. Their rounding error in
/// `f32` is less than half that of the usual points 0, ±1, ±2 and ∞.
pub(crate) struct F4;

const P: f32 = FRAC_1_SQRT_2;
const Q: f32 = SQRT_2;
const P2: f32 = 0.5;
const Q2: f32 = 2.0;
/// Scale of the rows of `G` at ±`P`, at ±`Q` and at 0.
const GP: f32 = 1.0 / (2.0 * P2 * (P2 - Q2));
const GQ: f32 = 1.0 / (2.0 * Q2 * (Q2 - P2));
const G0: f32 = 1.0 / (P2 * Q2);

impl Tiling for F4 {
    const OUTPUTS: usize = 4;
    const INPUTS: usize = 6;
    const PRODUCTS: usize = 6;
    const BEFORE: usize = 1;

    #[inline(always)]
    fn input<S: Simd>(simd: S, x: Line<S>) -> Line<S> {
        let even_p = combine(simd, [(1.0, x[4]), (-Q2, x[2])]);
        let odd_p = combine(simd, [(P, x[3]), (-P * Q2, x[1])]);
        let even_q = combine(simd, [(1.0, x[4]), (-P2, x[2])]);
        let odd_q = combine(simd, [(Q, x[3]), (-Q * P2, x[1])]);
        [
            combine(simd, [(1.0, x[4]), (-P2 - Q2, x[2]), (P2 * Q2, x[0])]),
            simd.add_f32s(even_p, odd_p),
            simd.sub_f32s(even_p, odd_p),
            simd.add_f32s(even_q, odd_q),
            simd.sub_f32s(even_q, odd_q),
            combine(simd, [(1.0, x[5]), (-P2 - Q2, x[3]), (P2 * Q2, x[1])]),
        ]
    }

    #[inline(always)]
    fn weight<S: Simd>(simd: S, t: Line<S>) -> Line<S> {
        let even_p = combine(simd, [(GP, t[0]), (GP * P2, t[2])]);
        let even_q = combine(simd, [(GQ, t[0]), (GQ * Q2, t[2])]);
        [
            combine(simd, [(G0, t[0])]),
            combine(simd, [(1.0, even_p), (GP * P, t[1])]),
            combine(simd, [(1.0, even_p), (-GP * P, t[1])]),
            combine(simd, [(1.0, even_q), (GQ * Q, t[1])]),
            combine(simd, [(1.0, even_q), (-GQ * Q, t[1])]),
            t[2],
        ]
    }

    #[inline(always)]
    fn output<S: Simd>(simd: S, m: Line<S>) -> Line<S> {
        let (sum_p, sum_q) = (simd.add_f32s(m[1], m[2]), simd.add_f32s(m[3], m[4]));
        let (dif_p, dif_q) = (simd.sub_f32s(m[1], m[2]), simd.sub_f32s(m[3], m[4]));
        let zero = simd.splat_f32s(0.0);
        [
            combine(simd, [(1.0, m[0]), (1.0, sum_p), (1.0, sum_q)]),
            combine(simd, [(P, dif_p), (Q, dif_q)]),
            combine(simd, [(P2, sum_p), (Q2, sum_q)]),
            combine(simd, [(1.0, m[5]), (P2 * P, dif_p), (Q2 * Q, dif_q)]),
            zero,
            zero,
        ]
    }

    #[inline(always)]
    fn post<S: Simd>(simd: S, y: Line<S>) -> Line<S> {
        let even_p = combine(simd, [(1.0, y[0]), (P2, y[2])]);
        let odd_p = combine(simd, [(P, y[1]), (P2 * P, y[3])]);
        let even_q = combine(simd, [(1.0, y[0]), (Q2, y[2])]);
        let odd_q = combine(simd, [(Q, y[1]), (Q2 * Q, y[3])]);
        [
            y[0],
            simd.add_f32s(even_p, odd_p),
            simd.sub_f32s(even_p, odd_p),
            simd.add_f32s(even_q, odd_q),
            simd.sub_f32s(even_q, odd_q),
            y[3],
        ]
    }

    #[inline(always)]
    fn gradient<S: Simd>(simd: S, m: Line<S>) -> Line<S> {
        let (sum_p, sum_q) = (simd.add_f32s(m[1], m[2]), simd.add_f32s(m[3], m[4]));
        let (dif_p, dif_q) = (simd.sub_f32s(m[1], m[2]), simd.sub_f32s(m[3], m[4]));
        let zero = simd.splat_f32s(0.0);
        [
            combine(simd, [(G0, m[0]), (GP, sum_p), (GQ, sum_q)]),
            combine(simd, [(GP * P, dif_p), (GQ * Q, dif_q)]),
            combine(simd, [(1.0, m[5]), (GP * P2, sum_p), (GQ * Q2, sum_q)]),
            zero,
            zero,
            zero,
        ]
    }
}

/// F(2, 3): two outputs of four products, at the points 0, ±1 and ∞.
pub(crate) struct F2;

impl Tiling for F2 {
    const OUTPUTS: usize = 2;
    const INPUTS: usize = 4;
    const PRODUCTS: usize = 4;
    const BEFORE: usize = 1;

    #[inline(always)]
    fn input<S: Simd>(simd: S, x: Line<S>) -> Line<S> {
        let zero = simd.splat_f32s(0.0);
        [
            simd.sub_f32s(x[0], x[2]),
            simd.add_f32s(x[1], x[2]),
            simd.sub_f32s(x[2], x[1]),
            simd.sub_f32s(x[3], x[1]),
            zero,
            zero,
        ]
    }

    #[inline(always)]
    fn weight<S: Simd>(simd: S, t: Line<S>) -> Line<S> {
        let zero = simd.splat_f32s(0.0);
        let even = combine(simd, [(0.5, t[0]), (0.5, t[2])]);
        [
            t[0],
            combine(simd, [(1.0, even), (0.5, t[1])]),
            combine(simd, [(1.0, even), (-0.5, t[1])]),
            t[2],
            zero,
            zero,
        ]
    }

    #[inline(always)]
    fn output<S: Simd>(simd: S, m: Line<S>) -> Line<S> {
        let zero = simd.splat_f32s(0.0);
        [
            combine(simd, [(1.0, m[0]), (1.0, m[1]), (1.0, m[2])]),
            combine(simd, [(1.0, m[1]), (-1.0, m[2]), (1.0, m[3])]),
            zero,
            zero,
            zero,
            zero,
        ]
    }

    #[inline(always)]
    fn post<S: Simd>(simd: S, y: Line<S>) -> Line<S> {
        let zero = simd.splat_f32s(0.0);
        [y[0], simd.add_f32s(y[0], y[1]), simd.sub_f32s(y[0], y[1]), y[1], zero, zero]
    }

    #[inline(always)]
    fn gradient<S: Simd>(simd: S, m: Line<S>) -> Line<S> {
        let zero = simd.splat_f32s(0.0);
        let sum = simd.add_f32s(m[1], m[2]);
        [
            combine(simd, [(1.0, m[0]), (0.5, sum)]),
            combine(simd, [(0.5, m[1]), (-0.5, m[2])]),
            combine(simd, [(1.0, m[3]), (0.5, sum)]),
            zero,
            zero,
            zero,
        ]
    }
}

/// Maps of two positions, padded by one: `y₀ = t₁x₀ + t₂x₁`, `y₁ = t₀x₀ + t₁x₁` is a Toeplitz product,
/// of three products `(t₂−t₁)x₁`, `t₁(x₀+x₁)`, `(t₀−t₁)x₀`; the padding is never multiplied.
pub(crate) struct Pair;

impl Tiling for Pair {
    const OUTPUTS: usize = 2;
    const INPUTS: usize = 2;
    const PRODUCTS: usize = 3;
    const BEFORE: usize = 0;

    #[inline(always)]
    fn input<S: Simd>(simd: S, x: Line<S>) -> Line<S> {
        let zero = simd.splat_f32s(0.0);
        [x[1], simd.add_f32s(x[0], x[1]), x[0], zero, zero, zero]
    }

    #[inline(always)]
    fn weight<S: Simd>(simd: S, t: Line<S>) -> Line<S> {
        let zero = simd.splat_f32s(0.0);
        [simd.sub_f32s(t[2], t[1]), t[1], simd.sub_f32s(t[0], t[1]), zero, zero, zero]
    }

    #[inline(always)]
    fn output<S: Simd>(simd: S, m: Line<S>) -> Line<S> {
        let zero = simd.splat_f32s(0.0);
        [simd.add_f32s(m[0], m[1]), simd.add_f32s(m[1], m[2]), zero, zero, zero, zero]
    }

    #[inline(always)]
    fn post<S: Simd>(simd: S, y: Line<S>) -> Line<S> {
        let zero = simd.splat_f32s(0.0);
        [y[0], simd.add_f32s(y[0], y[1]), y[1], zero, zero, zero]
    }

    #[inline(always)]
    fn gradient<S: Simd>(simd: S, m: Line<S>) -> Line<S> {
        let zero = simd.splat_f32s(0.0);
        let middle = combine(simd, [(1.0, m[1]), (-1.0, m[0]), (-1.0, m[2])]);
        [m[2], middle, m[0], zero, zero, zero]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;
    use pulp::Scalar;

    /// `⟨y′, Aᵀ[(G t) ⊙ (Bᵀ x)]⟩` is the correlation, and its adjoint in `t` is `Gᵀ[(A y′) ⊙ (Bᵀ x)]`.
    fn check<T: Tiling>() {
        let x = [0.3, -1.2, 0.7, 2.0, -0.4, 1.1];
        let taps = [0.5, -0.25, 1.5, 0.0, 0.0, 0.0];
        let post = [1.0, -2.0, 0.5, 0.75, 0.0, 0.0];
        let s = Scalar;
        let times = |a: [f32; 6], b: [f32; 6]| std::array::from_fn(|i| a[i] * b[i]);
        let outputs = T::output(s, times(T::weight(s, taps), T::input(s, x)));
        let gradient = T::gradient(s, times(T::post(s, post), T::input(s, x)));
        let read = |at: usize| -> f32 {
            let inside = at + T::BEFORE >= 1 && at + T::BEFORE < T::INPUTS + 1;
            if inside { x[at + T::BEFORE - 1] } else { 0.0 }
        };
        for (i, output) in outputs.iter().enumerate().take(T::OUTPUTS) {
            let expected: f32 = (0..3).map(|j| taps[j] * read(i + j)).sum();
            assert_abs_diff_eq!(*output, expected, epsilon = 1e-5);
        }
        for (j, value) in gradient.iter().enumerate().take(3) {
            let expected: f32 = (0..T::OUTPUTS).map(|i| post[i] * read(i + j)).sum();
            assert_abs_diff_eq!(*value, expected, epsilon = 1e-5);
        }
    }

    #[test]
    fn algorithms_are_correlations() {
        check::<F4>();
        check::<F2>();
        check::<Pair>();
    }
}
