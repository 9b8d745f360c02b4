//! Runs the AMX kernel on processors without tiles. Such a processor refuses each tile instruction
//! with a signal; a signal handler then executes the instruction, following Intel's description
//! (319433, chapter 3). So the tests run the kernel's own code.

use super::{Family, Left, Rows, amx, plain};
use crate::bf16::family::Refusal;
use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A tile: 16 rows of 64 bytes. A configuration may use only some of them.
#[derive(Clone, Copy)]
struct Tile {
    rows: usize,
    bytes: usize,
    data: [[u8; 64]; 16],
}

const EMPTY: Tile = Tile { rows: 0, bytes: 0, data: [[0; 64]; 16] };

thread_local! {
    static TILES: RefCell<[Tile; 8]> = const { RefCell::new([EMPTY; 8]) };
}

/// Number of executed tile products.
static PRODUCTS: AtomicUsize = AtomicUsize::new(0);

/// Registers in the order of their numbers in instructions.
const REGISTERS: [libc::c_int; 16] = [
    libc::REG_RAX,
    libc::REG_RCX,
    libc::REG_RDX,
    libc::REG_RBX,
    libc::REG_RSP,
    libc::REG_RBP,
    libc::REG_RSI,
    libc::REG_RDI,
    libc::REG_R8,
    libc::REG_R9,
    libc::REG_R10,
    libc::REG_R11,
    libc::REG_R12,
    libc::REG_R13,
    libc::REG_R14,
    libc::REG_R15,
];

/// Executes the refused instruction and continues after it. If it is not a tile instruction, or if a
/// processor with tiles would refuse it too, the signal ends the process.
extern "C" fn handle(signal: libc::c_int, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the system hands a `ucontext_t` to a handler that asks for one. The addresses of the instruction and of its
    // operands are those that the processor would read.
    unsafe {
        let registers = &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs;
        let code = registers[libc::REG_RIP as usize] as *const u8;
        match step(code, registers) {
            Some(length) => registers[libc::REG_RIP as usize] += length,
            None => {
                libc::signal(signal, libc::SIG_DFL);
            }
        }
    }
}

/// Executes the instruction at `code` and returns its length.
///
/// # Safety
/// `code` and the operands can be read and written as the instruction does.
unsafe fn step(code: *const u8, registers: &[i64; 23]) -> Option<i64> {
    // SAFETY: as the caller promises.
    unsafe {
        let byte = |at: usize| *code.add(at);
        // Three bytes of VEX, map 0F38, without W and L; then the opcode and ModRM.
        if byte(0) != 0xc4 || byte(1) & 0x1f != 2 || byte(2) & 0x84 != 0 {
            return None;
        }
        let (prefix, source) = (byte(2) & 3, usize::from(!byte(2) >> 3 & 15));
        let (mode, reg, rm) = (byte(4) >> 6, usize::from(byte(4) >> 3 & 7), usize::from(byte(4) & 7));
        let (address, stride, length) = operand(code, registers);
        TILES.with_borrow_mut(|tiles| {
            match (byte(3), prefix, mode) {
                (0x49, 0, 3) => *tiles = [EMPTY; 8],
                (0x49, 0, _) => *tiles = configured(&*(address as *const [u8; 64]))?,
                (0x49, 3, 3) => tiles.get_mut(reg).filter(|tile| tile.rows > 0)?.data = EMPTY.data,
                (0x4b, 2 | 3, 0..3) => {
                    let tile = tiles.get_mut(reg).filter(|tile| tile.rows > 0)?;
                    for row in 0..tile.rows {
                        let memory = (address + row as i64 * stride) as *mut u8;
                        match prefix {
                            3 => tile.data[row].as_mut_ptr().copy_from(memory, tile.bytes),
                            _ => memory.copy_from(tile.data[row].as_ptr(), tile.bytes),
                        }
                    }
                }
                (0x5c, 2, 3) => multiply(tiles, reg, rm, source)?,
                _ => return None,
            }
            Some(length)
        })
    }
}

/// Base and displacement of an operand in memory, its index scaled, and the length of the instruction.
///
/// # Safety
/// `code` can be read.
unsafe fn operand(code: *const u8, registers: &[i64; 23]) -> (i64, i64, i64) {
    // SAFETY: as the caller promises.
    unsafe {
        let (vex, modrm) = (*code.add(1), *code.add(4));
        let register =
            |low: u8, high: u8| registers[REGISTERS[usize::from(low & 7 | (!high & 1) << 3)] as usize];
        let (mode, rm) = (modrm >> 6, modrm & 7);
        if mode == 3 {
            return (0, 0, 5);
        }
        let (base, index, at) = match rm {
            4 => {
                let sib = *code.add(5);
                (register(sib, vex >> 5), register(sib >> 3, vex >> 6) << (sib >> 6), 6)
            }
            _ => (register(rm, vex >> 5), 0, 5),
        };
        match mode {
            0 => (base, index, at),
            1 => (base + i64::from(*code.add(at as usize).cast::<i8>()), index, at + 1),
            _ => (base + i64::from(code.add(at as usize).cast::<i32>().read_unaligned()), index, at + 4),
        }
    }
}

/// The tiles, with zeros, that `ldtilecfg` configures from `bytes`; `None` if it refuses them.
fn configured(bytes: &[u8; 64]) -> Option<[Tile; 8]> {
    let mut tiles = [EMPTY; 8];
    for (i, tile) in tiles.iter_mut().enumerate() {
        tile.rows = usize::from(bytes[48 + i]);
        tile.bytes = usize::from(u16::from_le_bytes([bytes[16 + 2 * i], bytes[17 + 2 * i]]));
        let right = tile.rows <= 16 && tile.bytes <= 64 && (tile.rows == 0) == (tile.bytes == 0);
        right.then_some(())?;
    }
    let reserved = bytes[2..16].iter().chain(&bytes[32..48]).chain(&bytes[56..]);
    (bytes[0] == 1 && bytes[1] == 0 && reserved.copied().all(|byte| byte == 0)).then_some(tiles)
}

/// `tdpbf16ps`: sums even and odd products separately, and adds both sums to the tile.
fn multiply(tiles: &mut [Tile; 8], sums: usize, left: usize, right: usize) -> Option<()> {
    let (a, b, mut c) = (*tiles.get(left)?, *tiles.get(right)?, *tiles.get(sums)?);
    let distinct = sums != left && sums != right && left != right;
    let fits = c.rows > 0 && c.rows == a.rows && c.bytes == b.bytes && a.bytes == 4 * b.rows;
    (distinct && fits).then_some(())?;
    let half =
        |row: &[u8; 64], i: usize| f32::from_bits(u32::from_le_bytes([0, 0, row[2 * i], row[2 * i + 1]]));
    for (sums, a) in c.data.iter_mut().zip(&a.data).take(c.rows) {
        for (n, sum) in sums.chunks_exact_mut(4).enumerate().take(c.bytes / 4) {
            let mut apart = [0.0_f32; 2];
            for (k, b) in b.data.iter().enumerate().take(b.rows) {
                for (odd, apart) in apart.iter_mut().enumerate() {
                    *apart += half(a, 2 * k + odd) * half(b, 2 * n + odd);
                }
            }
            let before = f32::from_le_bytes([sum[0], sum[1], sum[2], sum[3]]);
            sum.copy_from_slice(&(before + (apart[0] + apart[1])).to_le_bytes());
        }
    }
    tiles[sums] = c;
    PRODUCTS.fetch_add(1, Ordering::Relaxed);
    Some(())
}

#[test]
fn the_kernel_of_tiles_agrees_where_the_processor_has_none() {
    if Family::Amx.try_here() != Err(Refusal::Absent) {
        println!("the processor has tiles: they are tested with the other kernels");
        return;
    }
    // SAFETY: the handler has the required signature and acts only on tile instructions.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handle as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        assert_eq!(libc::sigaction(libc::SIGILL, &raw const action, std::ptr::null_mut()), 0);
    }
    for [rows, depth, width] in super::tests::sizes() {
        let padded = depth.next_multiple_of(32);
        let stride = padded + 32;
        let draw = |length: usize, factor: usize| -> Vec<f32> {
            (0..length).map(|i| (i * factor % 9973 % 17) as f32 - 8.0).collect()
        };
        let (a, b) = (draw(rows * depth, 7919), draw(depth * width, 104_729));
        let (mut left, mut panel) = (vec![0; rows * stride], vec![0; padded * width]);
        plain::pack_rows(Rows::adjacent(&a, depth), padded, &mut left, stride);
        plain::pack_panel(Rows::adjacent(&b, width), width, &mut panel);
        let left = Left { values: &left, stride, depth: padded };
        let (mut found, mut expected) = (vec![f32::NAN; rows * width], vec![f32::NAN; rows * width]);
        for accumulate in [false, true] {
            // SAFETY: the operands have the stated rows and columns; the handler executes the tile instructions.
            unsafe { amx::multiply(left, &panel, &mut found, width, accumulate) };
            plain::multiply(left, &panel, &mut expected, width, accumulate);
        }
        assert_eq!(found, expected, "{rows} {depth} {width}");
    }
    let segments = [[0, 0], [40, 64 * 32], [7, 2 * 64 * 32]];
    for width in [16, 32] {
        let draw = |length: usize| -> Vec<u16> {
            (0..length).map(|i| plain::round((i * 7919 % 9973 % 17) as f32 - 8.0)).collect()
        };
        let (values, panels) = (draw(32 * 128), draw(3 * 64 * 32));
        let left = Left { values: &values, stride: 96, depth: 64 };
        let (mut found, mut expected) = (vec![f32::NAN; 32 * width], vec![0.0; 32 * width]);
        // SAFETY: the segments lie inside the operands; the handler executes the tile instructions.
        unsafe {
            amx::configure();
            amx::sum(left, &panels, &segments, &mut found, width);
            amx::release();
        }
        for [a, b] in segments {
            plain::multiply(
                Left { values: &values[a..], ..left },
                &panels[b..][..64 * width],
                &mut expected,
                width,
                true,
            );
        }
        assert_eq!(found, expected, "{width}");
    }
    assert!(PRODUCTS.load(Ordering::Relaxed) > 1000);
}
