//! The instruction set of the kernels: the best one of the processor.

use pulp::Arch;

#[cfg(not(test))]
pub(super) fn arch() -> Arch {
    Arch::new()
}

/// The best one, or the one that [`tests::LEVEL`] names.
#[cfg(test)]
pub(super) fn arch() -> Arch {
    static ARCH: std::sync::OnceLock<Arch> = std::sync::OnceLock::new();
    *ARCH.get_or_init(|| match std::env::var(tests::LEVEL).as_deref() {
        Ok("scalar") => Arch::Scalar,
        #[cfg(target_arch = "x86_64")]
        Ok("v3") => pulp::x86::V3::try_new().map_or(Arch::Scalar, Arch::V3),
        _ => Arch::new(),
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    /// The environment variable that names an instruction set for a test process.
    pub(super) const LEVEL: &str = "PLASTICITY_TEST_LEVEL";

    /// All tests run with the best instruction set of this machine. The lower ones are tested in separate processes.
    #[test]
    fn every_instruction_set_passes_the_tests_of_convolutions() {
        if std::env::var(LEVEL).is_ok() {
            return;
        }
        for level in ["scalar", "v3"] {
            let tests = std::env::current_exe().unwrap();
            let run = Command::new(tests).arg("conv::").env(LEVEL, level).output().unwrap();
            assert!(run.status.success(), "{level}: {}", String::from_utf8_lossy(&run.stdout));
        }
    }
}
