//! Every format on its corpus and on mutations of it: a value or an error, never a panic. The ignored test is the long form,
//! whose time `scripts/torture` gives.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use plasticity_core::random::stream;
use plasticity_tests::fuzz::{Reader, TARGETS, corpus, mutated};
use rand::RngExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

/// Mutations of a format's files, until `enough` of (tried, time) says so. Returns how many, how many were read without an
/// error, and those that panicked.
fn mutations(target: &str, seed: u64, enough: &dyn Fn(u64) -> bool) -> (u64, u64, Vec<Vec<u8>>) {
    let (reader, files) = (Reader::new(target).unwrap(), corpus(target));
    let mut random = stream(seed, &[1]);
    let (mut tried, mut read, mut panicked) = (0, 0, Vec::new());
    while !enough(tried) {
        let [one, other] = [(); 2].map(|()| &files[random.random_range(0..files.len())]);
        let bytes = mutated(one, other, &mut random);
        match catch_unwind(AssertUnwindSafe(|| reader.read(&bytes))) {
            Ok(result) => read += u64::from(result.is_ok()),
            Err(_) => panicked.push(bytes),
        }
        tried += 1;
    }
    (tried, read, panicked)
}

#[test]
fn files_of_the_corpus_are_right() {
    let mut wrong = Vec::new();
    for target in TARGETS {
        let (reader, files) = (Reader::new(target).unwrap(), corpus(target));
        assert!(!files.is_empty(), "{target}");
        // Lists and headers of clips are read; there are no frames behind them.
        let expected = match target {
            "lists" => Some("Wave"),
            "avi" => Some("its header says 5 frames"),
            _ => None,
        };
        for error in files.iter().filter_map(|bytes| reader.read(bytes).err()) {
            let error = error.to_string();
            if expected.is_none_or(|expected| !error.contains(expected)) {
                wrong.push(format!("{target}: {error}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_mutation_panics() {
    for target in TARGETS {
        let (tried, _, panicked) = mutations(target, 11, &|tried| tried == 120);
        assert!(tried == 120 && panicked.is_empty(), "{target}: {:?}", panicked.first());
    }
}

/// Seconds for which the processor has run this thread, so that other programs on the machine make the test longer and not
/// smaller. Linux counts them in nanoseconds.
fn processor_seconds() -> f64 {
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    counted.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

#[test]
#[ignore = "the long form: run by scripts/torture"]
fn long_form() {
    let number = |name: &str, default: u64| {
        std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
    };
    let (seconds, seed) = (number("FUZZ_SECONDS", 515) as f64, number("TORTURE_SEED", 7));
    println!("| format | inputs | read without an error | panics |\n| --- | ---: | ---: | ---: |");
    let only = std::env::var("FUZZ_ONLY").ok();
    let targets: Vec<&str> =
        TARGETS.into_iter().filter(|target| only.as_deref().is_none_or(|only| only == *target)).collect();
    assert!(!targets.is_empty(), "FUZZ_ONLY is not one of {TARGETS:?}");
    let (next, all) = (AtomicUsize::new(0), AtomicUsize::new(0));
    // The formats in turn, one at a time on each processor.
    let in_turn = || {
        while let Some(target) = targets.get(next.fetch_add(1, Relaxed)) {
            let until = processor_seconds() + seconds;
            let (tried, read, panicked) = mutations(target, seed, &|_| processor_seconds() >= until);
            println!("| {target} | {tried} | {read} | {} |", panicked.len());
            for (index, bytes) in panicked.iter().enumerate() {
                let path = std::env::temp_dir().join(format!("plasticity-{target}-{index}"));
                std::fs::write(path, bytes).unwrap();
            }
            all.fetch_add(panicked.len(), Relaxed);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().unwrap().get() {
            scope.spawn(in_turn);
        }
    });
    assert_eq!(all.into_inner(), 0, "the inputs lie in the temporary folder");
}
