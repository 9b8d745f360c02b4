//! How much memory this process can still get, if the system reports it (Linux).

use std::path::Path;

/// The tightest of the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Bytes that are still available.
    pub bytes: u64,
    /// The name of the limit.
    pub of: &'static str,
}

/// The smallest of these: what is left of the process's address space (`ulimit -v`), of its control
/// group's memory, and of the machine's memory. `None` if the system reports none of them.
pub fn limit() -> Option<Limit> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let own = address_space(&read("/proc/self/limits"), &read("/proc/self/status"));
    let own = own.map(|bytes| Limit { bytes, of: "ulimit -v, minus the memory in use" });
    let group = groups(&read("/proc/self/cgroup"));
    let group = group.iter().filter_map(|group| group_memory(Path::new(group))).min();
    let group = group.map(|bytes| Limit { bytes, of: "the memory of its control group" });
    let machine = kib(&read("/proc/meminfo"), "MemAvailable:")
        .map(|available| available.saturating_add(kib(&read("/proc/meminfo"), "SwapFree:").unwrap_or(0)));
    let machine = machine.map(|bytes| Limit { bytes, of: "free memory of the machine" });
    [own, group, machine].into_iter().flatten().min_by_key(|limit| limit.bytes)
}

/// Bytes left of the soft limit of address space.
fn address_space(limits: &str, status: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    let soft: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(soft.saturating_sub(kib(status, "VmSize:")?))
}

/// A line `NAME: N kB`, in bytes.
fn kib(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The folders with the memory limits of a process's control group and of the groups above it, from
/// `/proc/self/cgroup`.
fn groups(membership: &str) -> Vec<String> {
    let mut folders = Vec::new();
    for line in membership.lines() {
        let mut words = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (words.next(), words.next()) else { continue };
        let root = match controllers {
            "" => "/sys/fs/cgroup",
            controllers if controllers.split(',').any(|one| one == "memory") => "/sys/fs/cgroup/memory",
            _ => continue,
        };
        let mut path = path.trim_end_matches('/');
        loop {
            folders.push(format!("{root}{path}"));
            match path.rfind('/') {
                Some(cut) => path = &path[..cut],
                None => break,
            }
        }
    }
    folders
}

/// Bytes left to a control group, of version 2 or 1. Pages of files that it can release count as left.
fn group_memory(folder: &Path) -> Option<u64> {
    let number =
        |name: &str| -> Option<u64> { std::fs::read_to_string(folder.join(name)).ok()?.trim().parse().ok() };
    let most = number("memory.max").or_else(|| number("memory.limit_in_bytes"))?;
    let used = number("memory.current").or_else(|| number("memory.usage_in_bytes")).unwrap_or(0);
    let statistics = std::fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
    let value = |name: &str| -> u64 {
        let found = statistics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        found.unwrap_or(0)
    };
    let files = value("inactive_file ").saturating_add(value("active_file "));
    Some(most.saturating_sub(used.saturating_sub(files)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: &str = "Limit                     Soft Limit           Hard Limit           Units     \n\
        Max cpu time              unlimited            unlimited            seconds   \n\
        Max address space         6144000000           unlimited            bytes     \n";

    #[test]
    fn address_space_is_what_is_not_in_use() {
        let status = "Name:\tplasticity\nVmSize:\t 1000000 kB\n";
        assert_eq!(address_space(LIMITS, status), Some(6_144_000_000 - 1_024_000_000));
        assert_eq!(address_space(&LIMITS.replace("6144000000", "unlimited"), status), None);
        assert_eq!(address_space("", status), None);
    }

    #[test]
    fn groups_are_those_of_memory_and_all_around_them() {
        let two = "0::/user/job\n";
        assert_eq!(groups(two), ["/sys/fs/cgroup/user/job", "/sys/fs/cgroup/user", "/sys/fs/cgroup"]);
        let one = "4:cpu,cpuacct:/x\n3:memory:/job\nrubbish";
        assert_eq!(groups(one), ["/sys/fs/cgroup/memory/job", "/sys/fs/cgroup/memory"]);
    }

    #[test]
    fn a_group_has_left_what_is_not_used_and_what_it_can_give_back() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        assert_eq!(group_memory(folder.path()), None);
        write("memory.max", "max\n");
        assert_eq!(group_memory(folder.path()), None);
        write("memory.max", "1000\n");
        write("memory.current", "700\n");
        assert_eq!(group_memory(folder.path()), Some(300));
        write("memory.stat", "anon 400\ninactive_file 100\nactive_file 50\n");
        assert_eq!(group_memory(folder.path()), Some(450));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_machine_says_how_much_there_is() {
        assert!(limit().is_some_and(|limit| limit.bytes > 0));
    }
}
