//! The kernel of AMX: `tdpbf16ps` adds the products of two tiles of 16 × 32 values to one of 16 × 16 sums.
//!
//! Two tiles of rows and two tiles of columns are summed at a time, so each tile that is read is used in two products.
//! Intel, Architecture Instruction Set Extensions Programming Reference 319433, chapter 3.

use super::{Left, Segment};
use std::arch::asm;

/// Depth of a block, so that its slice of a 64-wide panel stays in the second-level cache, which keeps up with the tiles.
const DEPTH_BLOCK: usize = 2048;
/// Rows of a tile.
const TILE: usize = 16;
/// Bytes of a tile's row: 16 sums, or 32 values.
const ROW: u16 = 64;

/// What `ldtilecfg` reads: rows, and bytes of a row, of each tile.
#[repr(C, align(64))]
struct Tiles {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    bytes: [u16; 16],
    rows: [u8; 16],
}

impl Tiles {
    /// Sums in tiles 0 to 3, left operands in 4 and 5, the panel in 6 and 7; `rows` is the number of rows in two tiles.
    fn of(rows: usize) -> Self {
        let first = rows.min(TILE) as u8;
        let second = rows.saturating_sub(TILE) as u8;
        let mut tiles = Self { palette: 1, start_row: 0, reserved: [0; 14], bytes: [0; 16], rows: [0; 16] };
        tiles.rows[..8]
            .copy_from_slice(&[first, first, second, second, first, second, TILE as u8, TILE as u8]);
        for (bytes, rows) in tiles.bytes.iter_mut().zip(tiles.rows) {
            *bytes = if rows > 0 { ROW } else { 0 };
        }
        tiles
    }

    /// Loads the configuration into the processor. All tiles then hold zeros.
    ///
    /// # Safety
    /// The processor has AMX tiles, and this process the permission to use them.
    unsafe fn load(&self) {
        // SAFETY: as the caller promises; the instruction accepts this palette and these sizes.
        unsafe { asm!("ldtilecfg [{}]", in(reg) self, options(nostack, readonly, preserves_flags)) };
    }
}

/// See [`Kernel::multiply`](super::Kernel::multiply).
///
/// # Safety
/// The processor has AMX tiles of bfloat16, and this process the permission to use them. `left`, `panel` and `c` are as long
/// as `multiply` of the kernel asserts.
pub(super) unsafe fn multiply(left: Left<'_>, panel: &[u16], c: &mut [f32], width: usize, accumulate: bool) {
    let rows = c.len() / width;
    let mut configured = 0;
    for start in (0..left.depth).step_by(DEPTH_BLOCK) {
        let steps = DEPTH_BLOCK.min(left.depth - start) / 32;
        for row in (0..rows).step_by(2 * TILE) {
            let count = (rows - row).min(2 * TILE);
            if configured != count {
                // SAFETY: as the caller promises.
                unsafe { Tiles::of(count).load() };
                configured = count;
            }
            for column in (0..width).step_by(32) {
                let block = Block::new(
                    (left.values[row * left.stride + start..].as_ptr(), left.stride),
                    panel[start * width + 2 * column..].as_ptr(),
                    (c[row * width + column..].as_mut_ptr(), width),
                    steps,
                );
                let accumulate = accumulate || start > 0;
                // SAFETY: the tiles are configured for `count` rows, which `left` and `c` have from `row` on; the panel
                // and `c` have the columns, 16 or 32, from `column` on.
                unsafe {
                    match (count > TILE, width - column > 16) {
                        (true, true) => block.two_by_two(&[[0, 0]], accumulate),
                        (true, false) => block.two_by_one(&[[0, 0]], accumulate),
                        (false, true) => block.one_by_two(&[[0, 0]], accumulate),
                        (false, false) => block.one_by_one(&[[0, 0]], accumulate),
                    }
                }
            }
        }
    }
    // SAFETY: as the caller promises.
    unsafe { release() };
}

/// Configures all tiles for [`sum`]: 80 ns, as much as a few steps in depth.
///
/// # Safety
/// As for [`multiply`].
pub(super) unsafe fn configure() {
    // SAFETY: as the caller promises.
    unsafe { Tiles::of(2 * TILE).load() };
}

/// Ends the use of tiles.
///
/// # Safety
/// As for [`multiply`]; no tile is needed any more.
pub(super) unsafe fn release() {
    // SAFETY: as the caller promises.
    unsafe { asm!("tilerelease", options(nomem, nostack, preserves_flags)) };
}

/// See [`Sums::block`](super::Sums::block).
///
/// # Safety
/// This thread has called [`configure`], and neither [`multiply`] nor [`release`] since. The operands are as long as `block`
/// asserts.
pub(super) unsafe fn sum(left: Left<'_>, panels: &[u16], segments: &[Segment], c: &mut [f32], width: usize) {
    let (a, c) = ((left.values.as_ptr(), left.stride), (c.as_mut_ptr(), width));
    let block = Block::new(a, panels.as_ptr(), c, left.depth / 32);
    // SAFETY: as the caller promises.
    unsafe {
        if width > TILE {
            block.two_by_two(segments, false);
        } else {
            block.two_by_one(segments, false);
        }
    }
}

/// One or two tiles of rows and of columns; distances are in bytes.
#[repr(C)]
struct Block {
    a: *const u16,
    b: *const u16,
    /// From the first tile of rows to the second.
    lower: usize,
    /// From one step of the panel to the next.
    panel: usize,
    c: *mut f32,
    /// Where the second tile of rows has its sums.
    below: *mut f32,
    steps: usize,
    stride: usize,
    width: usize,
}

impl Block {
    /// Operands whose rows are `stride` and `width` values apart.
    fn new(
        (a, stride): (*const u16, usize),
        b: *const u16,
        (c, width): (*mut f32, usize),
        steps: usize,
    ) -> Self {
        let (stride, width) = (2 * stride, 4 * width);
        let below = c.wrapping_byte_add(TILE * width);
        Self { a, b, lower: TILE * stride, panel: TILE * width, c, below, steps, stride, width }
    }
}

/// Loads or zeroes the sums; in every segment, for every step of 32 in depth, loads tiles and multiplies them; then stores
/// the sums.
macro_rules! block {
    ($name:ident, $doc:literal, load: $($load:literal)*, zero: $($zero:literal)*, step: $($step:literal)*,
     store: $($store:literal)*) => {
        #[doc = $doc]
        ///
        /// # Safety
        /// As for [`multiply`]; the tiles are configured for the rows of `c`; the segments lie inside the operands, and
        /// there are segments and steps.
        unsafe fn $name(&self, segments: &[Segment], accumulate: bool) {
            // SAFETY: as the caller promises.
            unsafe {
                asm!(
                    "/* the sums lie at {a} and {lower} */",
                    "mov {a}, [{block} + 32]",
                    "mov {lower}, [{block} + 40]",
                    "test {accumulate:e}, {accumulate:e}",
                    "jz 3f",
                    $($load,)*
                    "jmp 2f",
                    "3:",
                    $($zero,)*
                    "2:",
                    "/* the next segment */",
                    "mov {b}, [{segment}]",
                    "mov {a}, [{block}]",
                    "lea {a}, [{a} + 2*{b}]",
                    "mov {lower}, [{block} + 16]",
                    "add {lower}, {a}",
                    "mov {steps}, [{segment} + 8]",
                    "mov {b}, [{block} + 8]",
                    "lea {b}, [{b} + 2*{steps}]",
                    "mov {steps}, [{block} + 48]",
                    "4:",
                    $($step,)*
                    "add {a}, 64",
                    "add {lower}, 64",
                    "add {b}, [{block} + 24]",
                    "dec {steps}",
                    "jnz 4b",
                    "add {segment}, 16",
                    "cmp {segment}, {end}",
                    "jne 2b",
                    "mov {a}, [{block} + 32]",
                    "mov {lower}, [{block} + 40]",
                    $($store,)*
                    block = in(reg) &raw const *self,
                    segment = inout(reg) segments.as_ptr() => _,
                    end = in(reg) segments.as_ptr_range().end,
                    a = out(reg) _,
                    lower = out(reg) _,
                    b = out(reg) _,
                    steps = out(reg) _,
                    stride = in(reg) self.stride,
                    width = in(reg) self.width,
                    accumulate = in(reg) u32::from(accumulate),
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                    options(nostack),
                );
            }
        }
    };
}

impl Block {
    block!(two_by_two, "Two tiles of rows by two of columns.",
        load: "tileloadd tmm0, [{a} + {width}]" "tileloadd tmm1, [{a} + {width} + 64]"
              "tileloadd tmm2, [{lower} + {width}]" "tileloadd tmm3, [{lower} + {width} + 64]",
        zero: "tilezero tmm0" "tilezero tmm1" "tilezero tmm2" "tilezero tmm3",
        step: "tileloadd tmm4, [{a} + {stride}]" "tileloadd tmm6, [{b} + {width}]" "tdpbf16ps tmm0, tmm4, tmm6"
              "tileloadd tmm7, [{b} + {width} + 64]" "tdpbf16ps tmm1, tmm4, tmm7"
              "tileloadd tmm5, [{lower} + {stride}]" "tdpbf16ps tmm2, tmm5, tmm6" "tdpbf16ps tmm3, tmm5, tmm7",
        store: "tilestored [{a} + {width}], tmm0" "tilestored [{a} + {width} + 64], tmm1"
               "tilestored [{lower} + {width}], tmm2" "tilestored [{lower} + {width} + 64], tmm3");

    block!(two_by_one, "Two tiles of rows by one of columns.",
        load: "tileloadd tmm0, [{a} + {width}]" "tileloadd tmm2, [{lower} + {width}]",
        zero: "tilezero tmm0" "tilezero tmm2",
        step: "tileloadd tmm4, [{a} + {stride}]" "tileloadd tmm6, [{b} + {width}]" "tdpbf16ps tmm0, tmm4, tmm6"
              "tileloadd tmm5, [{lower} + {stride}]" "tdpbf16ps tmm2, tmm5, tmm6",
        store: "tilestored [{a} + {width}], tmm0" "tilestored [{lower} + {width}], tmm2");

    block!(one_by_two, "One tile of rows by two of columns.",
        load: "tileloadd tmm0, [{a} + {width}]" "tileloadd tmm1, [{a} + {width} + 64]",
        zero: "tilezero tmm0" "tilezero tmm1",
        step: "tileloadd tmm4, [{a} + {stride}]" "tileloadd tmm6, [{b} + {width}]" "tdpbf16ps tmm0, tmm4, tmm6"
              "tileloadd tmm7, [{b} + {width} + 64]" "tdpbf16ps tmm1, tmm4, tmm7",
        store: "tilestored [{a} + {width}], tmm0" "tilestored [{a} + {width} + 64], tmm1");

    block!(one_by_one, "One tile of rows by one of columns.",
        load: "tileloadd tmm0, [{a} + {width}]",
        zero: "tilezero tmm0",
        step: "tileloadd tmm4, [{a} + {stride}]" "tileloadd tmm6, [{b} + {width}]" "tdpbf16ps tmm0, tmm4, tmm6",
        store: "tilestored [{a} + {width}], tmm0");
}
