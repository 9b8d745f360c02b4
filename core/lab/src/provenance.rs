//! Everything that determines a run's bits in addition to config and seed: the program, the device and the data.

use plasticity_core::device::Device;
use plasticity_core::{ops, registry};
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

/// The commit if it is unknown.
const UNKNOWN: &str = "unknown";

static COMMIT: OnceLock<&str> = OnceLock::new();

/// Sets the commit from which the program was built, which a library cannot know. Only the first call counts.
pub fn set_commit(commit: &'static str) {
    COMMIT.get_or_init(|| commit);
}

/// The origin of a checkpoint or of a part of a run. An empty text means unknown: files of earlier versions have
/// only program, kernels and data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Provenance {
    /// The version of this crate.
    pub program: String,
    /// The commit from which the program was built, with `+changes` if files were changed; `unknown` if it was built
    /// outside a repository.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub commit: String,
    /// The crates of plugins that are linked, with their versions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<String>,
    /// The device.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub device: String,
    /// The family of kernels. Families round differently.
    pub kernels: String,
    /// The processor.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub processor: String,
    /// [`Experiment::data_fingerprint`](crate::experiment::Experiment::data_fingerprint).
    pub data: String,
    /// With `training.negatives = "shard"`: the number of ranks, which determines what rules see; otherwise 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub ranks: usize,
}

fn is_zero(ranks: &usize) -> bool {
    *ranks == 0
}

impl Provenance {
    /// The provenance of this process, with data of this fingerprint.
    pub fn here(device: &Device, data: String) -> Self {
        Self {
            program: env!("CARGO_PKG_VERSION").to_owned(),
            commit: COMMIT.get().copied().unwrap_or(UNKNOWN).to_owned(),
            plugins: registry::packages(),
            device: device.name(),
            kernels: kernels(device),
            processor: processor(),
            data,
            ranks: 0,
        }
    }

    /// The differences of `self` from `other` in words; `None` if no known difference can change results. Processors
    /// with the same kernels give the same results.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let differs =
            |a: &str, b: &str| [a, b].iter().all(|word| !word.is_empty() && *word != UNKNOWN) && a != b;
        let mut words = Vec::new();
        if differs(&self.data, &other.data) {
            words.push(format!("the stimuli have changed (now {}, before {})", self.data, other.data));
        }
        if differs(&self.kernels, &other.kernels) {
            words.push(format!("the device is {}, before {}", self.kernels, other.kernels));
        }
        if differs(&self.program, &other.program) {
            words.push(format!("the program has version {}, before {}", self.program, other.program));
        }
        if differs(&self.commit, &other.commit) {
            words.push(format!("the program has commit {}, before {}", self.commit, other.commit));
        }
        let (now, then) = (self.plugins.join(", "), other.plugins.join(", "));
        if differs(&now, &then) {
            words.push(format!("the plugins are {now}, before {then}"));
        }
        if self.ranks != other.ranks && self.ranks > 0 && other.ranks > 0 {
            words.push(format!("the number of ranks is {}, before {}", self.ranks, other.ranks));
        }
        (!words.is_empty()).then(|| words.join("; "))
    }
}

/// The family of kernels of a device. On the CPU: the widest instructions that the kernels use and, at bf16, the
/// kernels of products. On a GPU: its name, the library of convolutions and the precision, which the environment can
/// also set.
fn kernels(device: &Device) -> String {
    if plasticity_core::device::ON_GPU {
        return format!("{}, {}, {}", device.name(), ops::conv::library(device), device.precision());
    }
    let family = device.family().map_or(String::new(), |family| format!(", {family}"));
    format!("{} {}{family}", std::env::consts::ARCH, instructions())
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

/// The processor's name, if the system reports it.
fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or(std::env::consts::ARCH.to_owned(), |(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_both_know_can_differ() {
        let one = |data: &str| Provenance {
            program: "1".into(),
            kernels: "k".into(),
            data: data.into(),
            commit: "c".into(),
            plugins: vec!["rules 1".into()],
            ranks: 2,
            ..Provenance::default()
        };
        assert_eq!(one("a").difference(&one("a")), None);
        assert_eq!(one("a").difference(&Provenance::default()), None);
        assert_eq!(one("a").difference(&Provenance { commit: UNKNOWN.into(), ..one("a") }), None);
        assert_eq!(one("a").difference(&Provenance { processor: "another".into(), ..one("a") }), None);
        let other = Provenance {
            program: "2".into(),
            commit: "d".into(),
            plugins: vec!["rules 2".into()],
            ranks: 4,
            ..one("b")
        };
        let said = one("a").difference(&other).unwrap();
        for part in [
            "now a, before b",
            "version 1, before 2",
            "commit c, before d",
            "are rules 1, before rules 2",
            "ranks is 2, before 4",
        ] {
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn all_of_it_is_known_here_but_a_commit_that_nobody_told() {
        let here = Provenance::here(&Device::open().unwrap(), "d".into());
        assert!(
            [&here.program, &here.device, &here.kernels, &here.processor].iter().all(|word| !word.is_empty())
        );
        assert_eq!(here.commit, UNKNOWN);
    }

    #[test]
    fn products_of_another_family_are_another_runs() {
        if plasticity_core::device::ON_GPU {
            return;
        }
        let device = Device::open().unwrap();
        let single = Provenance::here(&device, String::new());
        device.set_precision(plasticity_core::device::Precision::Bf16).unwrap();
        let half = Provenance::here(&device, String::new());
        assert_eq!(half.kernels, format!("{}, {}", single.kernels, device.family().unwrap()));
        let said = half.difference(&single).unwrap();
        assert!(said.contains(&format!("{}, before {}", half.kernels, single.kernels)), "{said}");
    }
}
