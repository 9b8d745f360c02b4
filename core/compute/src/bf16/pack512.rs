//! Packing by AVX-512 BF16: `vcvtne2ps2bf16` rounds as [`plain::round`](super::plain::round) does, except that
//! subnormals become zero.

use super::Rows;
use std::arch::x86_64::*;

/// See [`Kernel::pack_rows`](super::Kernel::pack_rows).
///
/// # Safety
/// The processor has AVX-512 F, BW and BF16.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(super) unsafe fn rows(from: Rows<'_>, padded: usize, to: &mut [u16], stride: usize) {
    for (row, to) in to.chunks_mut(stride).enumerate().take(from.count) {
        let row = from.get(row);
        for at in (0..padded).step_by(32) {
            store(&mut to[at..padded.min(at + 32)], pair(row, at));
        }
    }
}

/// See [`Kernel::pack_panel`](super::Kernel::pack_panel).
///
/// # Safety
/// The processor has AVX-512 F, BW and BF16.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(super) unsafe fn panel(from: Rows<'_>, width: usize, to: &mut [u16]) {
    for (pair, to) in to.chunks_exact_mut(2 * width).enumerate() {
        let [first, second] = [from.get(2 * pair), from.get(2 * pair + 1)];
        for (at, to) in (0..width).step_by(16).zip(to.chunks_exact_mut(32)) {
            let [low, high] = [first, second].map(|row| load(row.get(at..).unwrap_or_default()));
            store(to, side_by_side(round(high, low)));
        }
    }
}

/// See [`Kernel::pack_panel_columns`](super::Kernel::pack_panel_columns): sixteen columns of sixteen pairs at a time.
///
/// # Safety
/// The processor has AVX-512 F, BW and BF16.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(super) unsafe fn panel_columns(from: Rows<'_>, width: usize, to: &mut [u16]) {
    for (block, to) in to.chunks_mut(32 * width).enumerate() {
        for column in (0..width).step_by(16) {
            let mut pairs = [_mm512_setzero_si512(); 16];
            for (row, vector) in pairs.iter_mut().enumerate() {
                *vector = self::pair(from.get(column + row), 32 * block);
            }
            for (vector, to) in transpose(pairs).into_iter().zip(to.chunks_exact_mut(2 * width)) {
                store(&mut to[2 * column..][..32], vector);
            }
        }
    }
}

/// See [`Kernel::pack_columns`](super::Kernel::pack_columns): sixteen columns of sixteen pairs of rows at a time.
///
/// # Safety
/// The processor has AVX-512 F, BW and BF16.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(super) unsafe fn columns(from: Rows<'_>, depth: usize, to: &mut [u16], stride: usize, at: usize) {
    for top in (0..depth).step_by(32) {
        let count = (depth - top).min(32);
        for first in (0..from.length).step_by(16) {
            let wanted = (from.length - first).min(16);
            let mut pairs = [_mm512_setzero_si512(); 16];
            for (pair, vector) in pairs.iter_mut().enumerate() {
                let [low, high] = [top + 2 * pair, top + 2 * pair + 1]
                    .map(|row| load(from.get(row).get(first..first + wanted).unwrap_or_default()));
                *vector = side_by_side(round(high, low));
            }
            for (column, vector) in transpose(pairs).into_iter().enumerate().take(wanted) {
                store(&mut to[(first + column) * stride + at + top..][..count], vector);
            }
        }
    }
}

/// The values `at..at + 32` of a row, rounded, zeros beyond its end.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn pair(row: &[f32], at: usize) -> __m512i {
    let [low, high] = [at, at + 16].map(|at| load(row.get(at..).unwrap_or_default()));
    round(high, low)
}

/// The first sixteen values, zeros beyond the end.
#[inline]
#[target_feature(enable = "avx512f")]
fn load(values: &[f32]) -> __m512 {
    // SAFETY: only as many values are read as there are.
    unsafe {
        if values.len() >= 16 {
            return _mm512_loadu_ps(values.as_ptr());
        }
        _mm512_maskz_loadu_ps((1u16 << values.len()).wrapping_sub(1), values.as_ptr())
    }
}

/// Stores as many values as fit, at most 32.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn store(to: &mut [u16], values: __m512i) {
    // SAFETY: only as many values are written as fit.
    unsafe {
        if to.len() >= 32 {
            return _mm512_storeu_si512(to.as_mut_ptr().cast(), values);
        }
        _mm512_mask_storeu_epi16(to.as_mut_ptr().cast(), (1u32 << to.len()) - 1, values);
    }
}

/// Sixteen values of `low`, then sixteen of `high`, rounded.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn round(high: __m512, low: __m512) -> __m512i {
    // SAFETY: both are 512 bits of plain data.
    unsafe { std::mem::transmute(_mm512_cvtne2ps_pbh(high, low)) }
}

/// Alternates the first sixteen values and the last sixteen.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn side_by_side(values: __m512i) -> __m512i {
    const TURNS: [u16; 32] = {
        let mut turns = [0; 32];
        let mut i = 0;
        while i < 32 {
            turns[i] = (i / 2 + i % 2 * 16) as u16;
            i += 1;
        }
        turns
    };
    // SAFETY: the constant is 512 bits.
    let turns = unsafe { _mm512_loadu_si512(TURNS.as_ptr().cast()) };
    _mm512_permutexvar_epi16(turns, values)
}

/// Transposes sixteen vectors of sixteen words: exchanges words, then pairs, then quarters.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(rows: [__m512i; 16]) -> [__m512i; 16] {
    let zero = [_mm512_setzero_si512(); 16];
    let [mut words, mut pairs, mut halves, mut columns] = [zero; 4];
    for i in (0..16).step_by(2) {
        words[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
        words[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
    }
    // `pairs[4 g + c]` has, in each quarter `q`, column `4 q + c` of the rows `4 g..`.
    for i in (0..16).step_by(4) {
        pairs[i] = _mm512_unpacklo_epi64(words[i], words[i + 2]);
        pairs[i + 1] = _mm512_unpackhi_epi64(words[i], words[i + 2]);
        pairs[i + 2] = _mm512_unpacklo_epi64(words[i + 1], words[i + 3]);
        pairs[i + 3] = _mm512_unpackhi_epi64(words[i + 1], words[i + 3]);
    }
    // `halves[c]` has quarters 0 and 2 of groups 0 and 1, `halves[4 + c]` 1 and 3; the next eight of groups 2 and 3.
    for c in 0..4 {
        for (to, group) in [(0, 0), (8, 8)] {
            halves[to + c] = _mm512_shuffle_i32x4::<0x88>(pairs[group + c], pairs[group + 4 + c]);
            halves[to + 4 + c] = _mm512_shuffle_i32x4::<0xdd>(pairs[group + c], pairs[group + 4 + c]);
        }
    }
    for c in 0..4 {
        for odd in [0, 1] {
            let [low, high] = [halves[4 * odd + c], halves[8 + 4 * odd + c]];
            columns[4 * odd + c] = _mm512_shuffle_i32x4::<0x88>(low, high);
            columns[8 + 4 * odd + c] = _mm512_shuffle_i32x4::<0xdd>(low, high);
        }
    }
    columns
}
