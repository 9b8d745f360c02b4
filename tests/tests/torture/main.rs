//! What runs survive: kills, failing system calls, power loss, a full disk, flipped bits, two processes. The tests are the short form;
//! the ignored one is the long form, whose sizes `scripts/torture` gives.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

mod bench;
mod disk;
mod faults;
mod full;
mod power;
mod recording;

use bench::{Bench, Count};

#[test]
fn a_run_that_is_killed_again_and_again_comes_to_the_same_bits() {
    let count = faults::kills(&Bench::new(), 6, 1);
    assert_eq!((count.tried, count.lost), (6, 0));
}

#[test]
fn no_flipped_bit_comes_to_other_bits() {
    let count = faults::flips(&Bench::new(), 8, 1);
    assert_eq!((count.tried, count.lost), (8, 0));
}

#[test]
fn a_file_that_cannot_grow_loses_nothing() {
    let count = faults::small_files(&Bench::new(), &[0, 1, 5]);
    assert_eq!((count.tried, count.lost), (3, 0));
}

#[test]
fn of_two_processes_one_goes_on() {
    let count = faults::two_processes(&Bench::new(), 2);
    assert_eq!((count.tried, count.lost), (2, 0));
}

/// By `strace`, where it is there and may trace: a kill at a system call that writes, and a disk that is full there.
#[test]
fn system_calls_that_write_may_fail_or_be_the_last() {
    let bench = Bench::new();
    if !bench.can_trace() {
        println!("skipped: strace cannot trace here");
        return;
    }
    let calls = [("rename", 2), ("fsync", 3)];
    let count = faults::calls(&bench, &calls.map(|(call, at)| (call, at..at + 1)));
    assert_eq!((count.tried, count.lost), (4, 0));
}

#[test]
fn where_the_power_goes_a_run_comes_to_the_same_bits() {
    let bench = Bench::new();
    if !bench.can_trace() {
        println!("skipped: strace cannot trace here");
        return;
    }
    let calls = power::record(&bench);
    let lost = power::lost_at_any_call(&calls);
    assert!(lost.is_empty(), "{lost:#?}");
    let count = power::cuts(&bench, &calls, 12, 1);
    assert_eq!((count.tried, count.lost), (12, 0));
}

/// Where a file system in memory may be mounted: too small at first, then with room.
#[test]
fn a_full_disk_loses_nothing() {
    let bench = Bench::new();
    if !full::can_mount(&bench) {
        println!("skipped: no file system can be mounted here");
        return;
    }
    let options = ["size=4k", "size=32k", "size=48k", "nr_inodes=8"].map(str::to_owned);
    let count = full::disks(&bench, &options);
    assert_eq!((count.tried, count.met, count.lost), (4, 4, 0));
}

#[test]
#[ignore = "the long form: run by scripts/torture"]
fn long_form() {
    let size = |name: &str, default: u64| {
        std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
    };
    let (bench, seed) = (Bench::new(), size("TORTURE_SEED", 7));
    let each = size("TORTURE_CALLS", 12) as usize;
    let calls = ["write", "fsync", "fdatasync", "rename", "openat", "mkdir", "unlink", "ftruncate"];
    println!("| what | tried | met | lost |\n| --- | ---: | ---: | ---: |");
    let mut lost = 0;
    let mut row = |what: &str, count: Count| {
        println!("| {what} | {} | {} | {} |", count.tried, count.met, count.lost);
        lost += count.lost;
    };
    row("kills at random", faults::kills(&bench, size("TORTURE_KILLS", 1000), seed));
    row("flipped bits", faults::flips(&bench, size("TORTURE_FLIPS", 200), seed));
    row("two processes", faults::two_processes(&bench, size("TORTURE_PAIRS", 20)));
    row("files that cannot grow", faults::small_files(&bench, &(0..30).collect::<Vec<_>>()));
    if full::can_mount(&bench) {
        let sizes = (1..=20).map(|pages| format!("size={}k", 4 * pages));
        let options: Vec<String> = sizes.chain((2..=16).map(|files| format!("nr_inodes={files}"))).collect();
        row("full disks", full::disks(&bench, &options));
    }
    if bench.can_trace() {
        row("system calls", faults::calls(&bench, &calls.map(|call| (call, 1..each + 1))));
        let calls = power::record(&bench);
        row("power loss", power::cuts(&bench, &calls, size("TORTURE_POWER", 500), seed));
    }
    assert_eq!(lost, 0);
}
