//! Memory of `f32` seen as memory of bfloat16, so that packed operands share its cache of dropped buffers.

/// `values` as bfloat16 bits: two in the place of one `f32`.
pub(crate) fn halves(values: &[f32]) -> &[u16] {
    // SAFETY: the values take as much memory, at a larger alignment, and any bits are a `u16`.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), 2 * values.len()) }
}

/// As [`halves`], mutable.
pub(crate) fn halves_mut(values: &mut [f32]) -> &mut [u16] {
    // SAFETY: as in `halves`, and any bits are an `f32`.
    unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), 2 * values.len()) }
}
