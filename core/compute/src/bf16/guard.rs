//! Tests whether this processor and its operating system run a kernel: both must report it, and a small product must be
//! correct.
//!
//! If possible, a child process computes the product. Some processors or hypervisors report instructions that fault;
//! then only the child ends, and not the program.

use super::family::Refusal;
use super::kernel::{Kernel, Kind, Rows};
use std::arch::x86_64::{__cpuid, __cpuid_count, __get_cpuid_max};

/// The kernel of AVX-512 BF16.
///
/// # Errors
/// If it does not run here; the error gives the reason.
pub(super) fn avx512() -> Result<Kernel, Refusal> {
    if !packs() {
        return Err(Refusal::Absent);
    }
    tried(Kernel(Kind::Avx512))
}

/// The kernel of AMX tiles.
///
/// # Errors
/// If it does not run here; the error gives the reason.
#[cfg(target_os = "linux")]
pub(super) fn amx() -> Result<Kernel, Refusal> {
    /// `ARCH_REQ_XCOMP_PERM`: asks for the use of a part of the processor's state, here the tiles' data.
    const REQUEST: libc::c_long = 0x1023;
    const TILE_DATA: libc::c_long = 18;
    // CPUID leaf 7: bits 22 and 24 of EDX are AMX-BF16 and AMX-TILE. The system permits tiles only if it saves them.
    const NEEDED: u32 = 1 << 22 | 1 << 24;
    let has = __get_cpuid_max(0).0 >= 7 && __cpuid_count(7, 0).edx & NEEDED == NEEDED;
    if !(has && packs()) {
        return Err(Refusal::Absent);
    }
    // SAFETY: the call changes only what this process may use.
    if unsafe { libc::syscall(libc::SYS_arch_prctl, REQUEST, TILE_DATA) } != 0 {
        let refusal = std::io::Error::last_os_error();
        return Err(Refusal::Broken(format!("the system refuses: {refusal}")));
    }
    tried(Kernel(Kind::Amx))
}

/// As [`avx512`]; only Linux supports tiles.
#[cfg(not(target_os = "linux"))]
pub(super) fn amx() -> Result<Kernel, Refusal> {
    Err(Refusal::Absent)
}

/// Whether a processor of this vendor multiplies faster with `vdpbf16ps` than in `f32`. Intel's do not: a large
/// matrix product on an Emerald Rapids runs at 157 GF/s with it, and at 225 GF/s in `f32` (`docs/performance.md`).
pub(super) fn gains(vendor: [u8; 12]) -> bool {
    vendor != *b"GenuineIntel"
}

/// The vendor of this processor, as it names itself.
pub(super) fn vendor() -> [u8; 12] {
    let words = __cpuid(0);
    let mut name = [0; 12];
    for (part, word) in name.chunks_exact_mut(4).zip([words.ebx, words.edx, words.ecx]) {
        part.copy_from_slice(&word.to_le_bytes());
    }
    name
}

/// Whether operands can be packed. All kernels pack with AVX-512.
fn packs() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512bf16")
}

/// `kernel`, if it multiplies correctly.
fn tried(kernel: Kernel) -> Result<Kernel, Refusal> {
    match apart(|| multiplies(kernel)) {
        Ok(true) => Ok(kernel),
        Ok(false) => Err(Refusal::Broken("its products are wrong".to_owned())),
        Err(why) => Err(Refusal::Broken(why)),
    }
}

/// Seconds after which a child is ended.
#[cfg(unix)]
const PATIENCE: u32 = 10;

/// The result of `work` in a child process, or why there is none. `work` may only compute: in a child of a process
/// with several threads, nothing may take a lock.
#[cfg(unix)]
fn apart(work: impl Fn() -> bool) -> Result<bool, String> {
    // SAFETY: the child calls only what is allowed after a `fork`.
    match unsafe { libc::fork() } {
        // SAFETY: `alarm` and `_exit` are allowed there, and `work` takes no lock.
        0 => unsafe {
            libc::alarm(PATIENCE);
            libc::_exit(i32::from(!work()))
        },
        child @ 1.. => result_of(child),
        _ => Err(not_run(&std::io::Error::last_os_error())),
    }
}

/// Waits for a child and says whether it succeeded, or why there is no result.
#[cfg(unix)]
fn result_of(child: libc::pid_t) -> Result<bool, String> {
    let mut status = 0;
    // SAFETY: `status` is a live local; only the child's state is taken.
    while unsafe { libc::waitpid(child, &raw mut status, 0) } < 0 {
        let error = std::io::Error::last_os_error();
        if error.kind() != std::io::ErrorKind::Interrupted {
            return Err(not_run(&error));
        }
    }
    if libc::WIFEXITED(status) {
        return Ok(libc::WEXITSTATUS(status) == 0);
    }
    Err(match libc::WTERMSIG(status) {
        libc::SIGALRM => format!("its test took longer than {PATIENCE} s"),
        signal => format!("its instructions fault (signal {signal})"),
    })
}

#[cfg(unix)]
fn not_run(error: &std::io::Error) -> String {
    format!("its test could not run in a process of its own: {error}")
}

/// The result of `work`.
#[cfg(not(unix))]
fn apart(work: impl Fn() -> bool) -> Result<bool, String> {
    Ok(work())
}

/// Whether `kernel` packs and multiplies small whole numbers as plain Rust does; none of the sums is rounded. Allocates
/// nothing.
fn multiplies(kernel: Kernel) -> bool {
    // Two tiles of rows and one more row; two blocks of depth, with one pair that needs filling; a panel of two tiles
    // and one of one.
    const ROWS: usize = 33;
    const DEPTH: usize = 255;
    const STRIDE: usize = 288;
    let mut a = [0.0; ROWS * DEPTH];
    let mut b = [0.0; DEPTH * 48];
    for (values, factor) in [(&mut a[..], 7), (&mut b[..], 5)] {
        values.iter_mut().enumerate().for_each(|(i, value)| *value = (i * factor % 11) as f32 - 5.0);
    }
    let mut found = [[0.0; ROWS * 48]; 2];
    for (kernel, c) in [kernel, Kernel::plain()].into_iter().zip(&mut found) {
        let (mut left, mut panel) = ([0; ROWS * STRIDE], [0; (DEPTH + 1) * 48]);
        kernel.pack_rows(Rows::adjacent(&a, DEPTH), &mut left, kernel.stride(DEPTH));
        kernel.pack_panel(Rows::adjacent(&b, 48), 48, &mut panel);
        let left = super::Left { values: &left, stride: kernel.stride(DEPTH), depth: kernel.depth(DEPTH) };
        for accumulate in [false, true] {
            kernel.multiply(left, &panel, c, 48, accumulate);
        }
    }
    found[0] == found[1]
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_faults_ends_the_child_alone() {
        assert_eq!((apart(|| true), apart(|| false)), (Ok(true), Ok(false)));
        // SAFETY: the signal ends the child.
        let ended = |signal| apart(|| unsafe { libc::raise(signal) } == 0).unwrap_err();
        assert_eq!(ended(libc::SIGKILL), "its instructions fault (signal 9)");
        assert_eq!(ended(libc::SIGALRM), "its test took longer than 10 s");
    }

    #[test]
    fn a_test_that_cannot_run_is_no_fault() {
        // No process is its own child.
        let why = result_of(std::process::id() as libc::pid_t).unwrap_err();
        let system = std::io::Error::from_raw_os_error(libc::ECHILD);
        assert_eq!(why, format!("its test could not run in a process of its own: {system}"));
    }

    #[test]
    fn only_intel_gains_nothing() {
        assert_eq!((gains(*b"GenuineIntel"), gains(*b"AuthenticAMD")), (false, true));
        assert!(vendor().is_ascii(), "{:?}", vendor());
    }

    #[test]
    fn the_plain_kernel_is_what_others_are_compared_to() {
        assert!(multiplies(Kernel::plain()));
    }
}
