//! Transforms of single tiles in two dimensions, written out for up to six lines, without loops.

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
