//! Transforms of single tiles in two dimensions, written out for up to six lines, without loops.

use pulp::Simd;

use super::tiling::Line;

/// `F X Fᵀ` for the line transform `F` of `from` values to `to`: `read(i, j)` gives a value of `X`, `write(i, j, value)`
/// takes one of the result.
#[inline(always)]
pub(super) fn nest<S: Simd>(
    simd: S,
    (from, to): (usize, usize),
    read: impl Fn(usize, usize) -> S::f32s,
    line: impl Fn(Line<S>) -> Line<S>,
    mut write: impl FnMut(usize, usize, S::f32s),
) {
    let zero = simd.splat_f32s(0.0);
    macro_rules! vector {
        ($i:expr, $j:expr) => {
            if $j < from { read($i, $j) } else { zero }
        };
    }
    macro_rules! row {
        ($i:expr) => {
            if $i < from {
                line([
                    vector!($i, 0),
                    vector!($i, 1),
                    vector!($i, 2),
                    vector!($i, 3),
                    vector!($i, 4),
                    vector!($i, 5),
                ])
            } else {
                [zero; 6]
            }
        };
    }
    let rows = [row!(0), row!(1), row!(2), row!(3), row!(4), row!(5)];
    macro_rules! column {
        ($j:expr) => {
            if $j < to {
                let [a, b, c, d, e, f] = &rows;
                let column = line([a[$j], b[$j], c[$j], d[$j], e[$j], f[$j]]);
                for (i, value) in column.into_iter().enumerate().take(to) {
                    write(i, $j, value);
                }
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
