//! The kernel in plain Rust, with which tests compare the others.

use super::{Left, Rows};

/// The bits of the bfloat16 nearest to `value`, ties to even; infinity if `value` is larger than the largest.
/// NaN stays NaN.
#[inline]
pub(crate) fn round(value: f32) -> u16 {
    const LOW: u32 = 0xffff;
    const QUIET: u32 = 0x40_0000;
    let bits = value.to_bits();
    let bits = if value.is_nan() { bits | QUIET } else { bits + (LOW / 2) + (bits >> 16 & 1) };
    (bits >> 16) as u16
}

/// The bfloat16 nearest to `value`, as [`round`] gives it.
#[inline]
pub(crate) fn rounded(value: f32) -> f32 {
    wide(round(value))
}

/// The value of a bfloat16.
#[inline]
fn wide(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// See [`Kernel::pack_rows`](super::Kernel::pack_rows).
pub(super) fn pack_rows(from: Rows<'_>, padded: usize, to: &mut [u16], stride: usize) {
    for (row, to) in to.chunks_mut(stride).enumerate().take(from.count) {
        let mut values = from.get(row).iter();
        to[..padded].iter_mut().for_each(|to| *to = values.next().map_or(0, |value| round(*value)));
    }
}

/// See [`Kernel::pack_columns`](super::Kernel::pack_columns).
pub(super) fn pack_columns(from: Rows<'_>, depth: usize, to: &mut [u16], stride: usize, at: usize) {
    for (column, to) in to.chunks_mut(stride).enumerate().take(from.length) {
        for (row, to) in to[at..at + depth].iter_mut().enumerate() {
            *to = from.get(row).get(column).map_or(0, |value| round(*value));
        }
    }
}

/// See [`Kernel::pack_panel`](super::Kernel::pack_panel).
pub(super) fn pack_panel(from: Rows<'_>, width: usize, to: &mut [u16]) {
    for (i, to) in to.iter_mut().enumerate() {
        let (row, column) = (i / (2 * width) * 2 + i % 2, i / 2 % width);
        *to = from.get(row).get(column).map_or(0, |value| round(*value));
    }
}

/// See [`Kernel::pack_panel_columns`](super::Kernel::pack_panel_columns).
pub(super) fn pack_panel_columns(from: Rows<'_>, width: usize, to: &mut [u16]) {
    for (i, to) in to.iter_mut().enumerate() {
        let (depth, column) = (i / (2 * width) * 2 + i % 2, i / 2 % width);
        *to = from.get(column).get(depth).map_or(0, |value| round(*value));
    }
}

/// See [`Kernel::multiply`](super::Kernel::multiply). An `f32` holds the product of two bfloat16 without rounding.
pub(super) fn multiply(left: Left<'_>, panel: &[u16], c: &mut [f32], width: usize, accumulate: bool) {
    for (row, c) in c.chunks_exact_mut(width).enumerate() {
        if !accumulate {
            c.fill(0.0);
        }
        for (a, b) in left.row(row).chunks_exact(2).zip(panel.chunks_exact(2 * width)) {
            let (first, second) = (wide(a[0]), wide(a[1]));
            for (c, b) in c.iter_mut().zip(b.chunks_exact(2)) {
                *c += second * wide(b[1]);
                *c += first * wide(b[0]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_rounded_to_the_nearest_and_to_even() {
        let step = 2.0_f32.powi(-7);
        for (value, rounded) in [
            (0.0, 0.0),
            (1.0 + 0.49 * step, 1.0),
            (1.0 + 0.5 * step, 1.0),
            (1.0 + 0.51 * step, 1.0 + step),
            (1.0 + 1.5 * step, 1.0 + 2.0 * step),
            (-1.0 - 0.51 * step, -1.0 - step),
            (f32::MAX, f32::INFINITY),
            (f32::INFINITY, f32::INFINITY),
            (f32::NEG_INFINITY, f32::NEG_INFINITY),
            (f32::from_bits(1), 0.0),
        ] {
            assert_eq!(wide(round(value)).to_bits(), f32::to_bits(rounded), "{value}");
        }
        assert!(wide(round(f32::from_bits(0x7f80_0001))).is_nan() && wide(round(-f32::NAN)).is_nan());
    }
}
