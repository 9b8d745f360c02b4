//! Machine code of kernels that the build contains, so that a process need not compile them.

/// The machine code of a source for GPUs of one compute capability.
#[derive(Debug)]
struct Image {
    /// The name of the source.
    name: &'static str,
    /// The [`fingerprint`] of the text that was compiled.
    source: u64,
    /// The compute capability: 90 is 9.0.
    arch: u32,
    code: &'static [u8],
}

static IMAGES: &[Image] = include!(concat!(env!("OUT_DIR"), "/kernels.rs"));

/// The machine code for `source` in the build that a GPU of this compute capability runs.
pub(super) fn find(name: &str, source: &str, capability: (i32, i32)) -> Option<&'static [u8]> {
    pick(IMAGES, name, source, capability)
}

/// Code for a capability runs on GPUs of the same major version and the same or a later minor one.
fn pick(
    images: &'static [Image],
    name: &str,
    source: &str,
    (major, minor): (i32, i32),
) -> Option<&'static [u8]> {
    let (major, minor) = (u32::try_from(major).ok()?, u32::try_from(minor).ok()?);
    let runs = |image: &&Image| image.name == name && image.arch / 10 == major && image.arch % 10 <= minor;
    let mut fitting = images.iter().filter(runs).peekable();
    // Most builds contain no machine code; then the text is not read.
    fitting.peek()?;
    let text = fingerprint(source);
    fitting.filter(|image| image.source == text).max_by_key(|image| image.arch).map(|image| image.code)
}

/// FNV-1a (Fowler, Noll & Vo) in 64 bits. It prevents the use of code from another text.
fn fingerprint(text: &str) -> u64 {
    text.bytes()
        .fold(0xCBF2_9CE4_8422_2325, |value, byte| (value ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_code_of_the_text_that_the_gpu_runs_is_taken() {
        // The published check value of FNV-1a.
        assert_eq!(fingerprint("a"), 0xAF63_DC4C_8601_EC8C);
        const A: u64 = 0xAF63_DC4C_8601_EC8C;
        static HELD: &[Image] = &[
            Image { name: "k", source: A, arch: 80, code: b"80" },
            Image { name: "k", source: A, arch: 86, code: b"86" },
            Image { name: "k", source: A, arch: 100, code: b"100" },
            Image { name: "k", source: 7, arch: 90, code: b"of another text" },
        ];
        let found = |name, capability| pick(HELD, name, "a", capability);
        assert_eq!(found("k", (8, 0)), Some(&b"80"[..]));
        assert_eq!(found("k", (8, 9)), Some(&b"86"[..]));
        assert_eq!(found("k", (10, 3)), Some(&b"100"[..]));
        assert_eq!([found("k", (9, 0)), found("k", (7, 5)), found("other", (8, 0))], [None; 3]);
    }
}
