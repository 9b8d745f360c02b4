//! One pass of a transform over lines of vectors, and vectors at the edges of rows.

use pulp::Simd;

use super::tiling::Line;

/// Lanes that fill up the channels of a map to whole vectors.
pub(super) const FILL: usize = 16;

/// `into[j][k] = F(rows[·][k])_j` for all `k` and the line transform `F` of `from` values to `to`. Lines beyond these
/// are not looked at; the others are as long as the first row.
///
/// Written out for six lines, so that a line's vectors stay in registers.
#[inline(always)]
pub(super) fn pass<S: Simd>(
    simd: S,
    (from, to): (usize, usize),
    rows: [&[S::f32s]; 6],
    into: [&mut [S::f32s]; 6],
    transform: impl Fn(Line<S>) -> Line<S>,
) {
    let length = rows[0].len();
    let zero = simd.splat_f32s(0.0);
    let [a, b, c, d, e, f] = rows;
    let [p, q, r, s, t, u] = into;
    macro_rules! cut {
        ($($i:literal $row:ident $out:ident),*) => {
            $(
                let $row: &[S::f32s] = if $i < from { &$row[..length] } else { &[] };
                let $out: &mut [S::f32s] = if $i < to { &mut $out[..length] } else { &mut [] };
            )*
        };
    }
    cut!(0 a p, 1 b q, 2 c r, 3 d s, 4 e t, 5 f u);
    macro_rules! read {
        ($i:expr, $row:ident, $k:ident) => {
            if $i < from { $row[$k] } else { zero }
        };
    }
    macro_rules! write {
        ($i:expr, $row:ident, $k:ident, $line:ident) => {
            if $i < to {
                $row[$k] = $line[$i];
            }
        };
    }
    for k in 0..length {
        let line = transform([
            read!(0, a, k),
            read!(1, b, k),
            read!(2, c, k),
            read!(3, d, k),
            read!(4, e, k),
            read!(5, f, k),
        ]);
        write!(0, p, k, line);
        write!(1, q, k, line);
        write!(2, r, k, line);
        write!(3, s, k, line);
        write!(4, t, k, line);
        write!(5, u, k, line);
    }
}

/// Up to six lines, taken from `lines`; those beyond its end are empty.
#[inline(always)]
pub(super) fn six<L: Default>(mut lines: impl Iterator<Item = L>) -> [L; 6] {
    std::array::from_fn(|_| lines.next().unwrap_or_default())
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
