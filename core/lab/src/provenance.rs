//! What beside config and seed decides a run's bits: the program, what it computes with, and the data.

use plasticity_core::device::Device;
use serde::{Deserialize, Serialize};

/// Where a checkpoint, or a part of a run, comes from. Empty words stand for what is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Provenance {
    /// The version of this crate.
    pub program: String,
    /// The family of kernels that sums were made with: other families round differently.
    pub kernels: String,
    /// [`Experiment::data_fingerprint`](crate::experiment::Experiment::data_fingerprint).
    pub data: String,
}

impl Provenance {
    /// That of this process, with data of this fingerprint.
    pub fn here(device: &Device, data: String) -> Self {
        Self { program: env!("CARGO_PKG_VERSION").to_owned(), kernels: kernels(device), data }
    }

    /// In what `self` differs from `other`, in words; `None` where in nothing that both know.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let differs = |a: &str, b: &str| !a.is_empty() && !b.is_empty() && a != b;
        let mut words = Vec::new();
        if differs(&self.data, &other.data) {
            words.push(format!("the stimuli are others now (data {}, then {})", self.data, other.data));
        }
        if differs(&self.kernels, &other.kernels) {
            words.push(format!("it computes on {}, then on {}", self.kernels, other.kernels));
        }
        if differs(&self.program, &other.program) {
            words.push(format!("the program is of version {}, then of {}", self.program, other.program));
        }
        (!words.is_empty()).then(|| words.join("; "))
    }
}

/// The family of kernels of a device: a GPU's name, or the processor's widest instructions that the kernels know.
fn kernels(device: &Device) -> String {
    if plasticity_core::device::ON_GPU {
        return device.name();
    }
    format!("{} {}", std::env::consts::ARCH, instructions())
}

#[cfg(target_arch = "x86_64")]
fn instructions() -> &'static str {
    if is_x86_feature_detected!("avx512f") {
        "avx512f"
    } else if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        "avx2+fma"
    } else {
        "sse2"
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn instructions() -> &'static str {
    "baseline"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_both_know_can_differ() {
        let one = |data: &str| Provenance { program: "1".into(), kernels: "k".into(), data: data.into() };
        assert_eq!(one("a").difference(&one("a")), None);
        assert_eq!(one("a").difference(&Provenance::default()), None);
        let said = one("a").difference(&Provenance { program: "2".into(), ..one("b") }).unwrap();
        assert!(said.contains("data a, then b") && said.contains("version 1, then of 2"), "{said}");
    }
}
