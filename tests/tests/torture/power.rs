//! Power loss: a run is recorded, and resumed from what a disk may hold where the power goes at one of its calls.

use super::bench::{Bench, Count};
use super::disk::{Disk, Loss, Tree};
use super::recording::{Call, TRACED, calls};
use plasticity_core::random::stream;
use rand::RngExt;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const RUN: &str = "power";
const METRICS: &str = "power/metrics.jsonl";

/// Records a run that is killed, gets a line into its records that is none, and is resumed to its end. It has two records
/// for each checkpoint, so that one of them is not synchronised yet.
pub fn record(bench: &Bench) -> Vec<Call> {
    let every = ["--set", "training.checkpoint_every={steps=2}"];
    let start = [&["train", "config.toml", "--out", RUN][..], &every].concat();
    let killed = traced(bench, &["-e", "inject=fsync:signal=SIGKILL:when=16"], &start);
    assert!(bench.steps(RUN) > 0, "it is killed after its first checkpoint");
    let bytes = b"no record\n";
    let mut records = std::fs::read(bench.path(METRICS)).unwrap();
    records.extend(bytes);
    std::fs::write(bench.path(METRICS), records).unwrap();
    let line = [
        Call::Open { path: METRICS.into(), file: 3, make: false, empty: false },
        Call::Write { file: 3, bytes: bytes.to_vec() },
        Call::Synchronise { file: 3 },
        Call::End,
    ];
    let resumed = traced(bench, &[], &["train", "--resume", RUN]);
    assert!(bench.path(RUN).join(super::bench::last()).exists(), "it comes to its end");
    std::fs::remove_dir_all(bench.path(RUN)).unwrap();
    [killed, line.to_vec(), resumed].concat()
}

fn traced(bench: &Bench, more: &[&str], arguments: &[&str]) -> Vec<Call> {
    let recording = bench.path("recording");
    let strace = ["strace", "-qq", "-f", "-xx", "-s", "1000000", "-o", "recording", "-e", TRACED];
    bench.under(&[&strace, more].concat(), arguments).output().unwrap();
    calls(&std::fs::read_to_string(recording).unwrap(), RUN)
}

/// The last checkpoint whose writing the program has finished: it does something else already.
fn finished(calls: &[Call]) -> u64 {
    let (mut written, mut finished) = (0, 0);
    for call in calls {
        match call {
            Call::Rename { to, .. } => written = step(to).unwrap_or(written),
            Call::Write { .. } | Call::Remove { .. } | Call::End => finished = written,
            _ => {}
        }
    }
    finished
}

fn step(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_prefix("step-")?.strip_suffix(".safetensors")?.parse().ok()
}

fn last(tree: &Tree) -> u64 {
    tree.keys().filter_map(|path| step(path)).max().unwrap_or(0)
}

/// What may be left at each call has the checkpoint that was finished and all that the run recorded until then, and is a run
/// that can be resumed where it has a config. Returns what is not so, with the first call at which it is not.
pub fn lost_at_any_call(calls: &[Call]) -> BTreeMap<&'static str, String> {
    let (mut random, mut lost) = (stream(5, &[]), BTreeMap::new());
    for at in 0..=calls.len() {
        let (disk, finished) = (Disk::after(&calls[..at]), finished(&calls[..at]));
        for loss in std::iter::once(Loss::All).chain([Loss::Ordered, Loss::Unordered].repeat(8)) {
            let tree = disk.survivor(loss, &mut random);
            let has = |name: &str| tree.contains_key(&Path::new(RUN).join(name));
            let lines = |path: &str| {
                let text = tree.get(Path::new(path)).cloned().flatten().unwrap_or_default();
                text.split_inclusive(|byte| *byte == b'\n').filter(|line| is_record(line)).count() as u64
            };
            let kept = [
                ("checkpoint", last(&tree) >= finished),
                ("records", lines(METRICS) >= finished),
                ("session", lines("power/sessions.jsonl") >= u64::from(finished > 0)),
                ("events", (1..=finished).all(|step| events(&tree).contains(&step))),
                ("run", !has("config.toml") || has(".lock") || last(&tree) > 0),
            ];
            for (what, _) in kept.iter().filter(|(_, kept)| !kept) {
                let place = || format!("call {at} {:?}, {loss:?}: {:?}", calls.get(at), tree.keys());
                lost.entry(*what).or_insert_with(place);
            }
        }
    }
    lost
}

fn is_record(line: &[u8]) -> bool {
    line.ends_with(b"\n") && serde_json::from_slice::<serde_json::Value>(line).is_ok()
}

/// The steps of which there are events. An event file is a chain of records: length, its checksum, bytes, their checksum; an
/// event begins with nine bytes of time and the tag of the step.
fn events(tree: &Tree) -> BTreeSet<u64> {
    let files = tree.iter().filter(|(path, _)| path.to_string_lossy().contains("tfevents"));
    let mut steps = BTreeSet::new();
    for bytes in files.filter_map(|(_, bytes)| bytes.as_ref()) {
        let mut rest = &bytes[..];
        while let Some((length, after)) = rest.split_first_chunk() {
            let length = u64::from_le_bytes(*length) as usize;
            if length == 0 || after.len() < length + 8 {
                break;
            }
            steps.insert(u64::from(after[14]));
            rest = &after[length + 8..];
        }
    }
    steps
}

/// The power goes at random calls; each run goes on from what is left.
pub fn cuts(bench: &Bench, calls: &[Call], states: u64, seed: u64) -> Count {
    let (mut random, mut count) = (stream(seed, &[3]), Count::default());
    for loss in [Loss::Unordered, Loss::Ordered, Loss::All].into_iter().cycle().take(states as usize) {
        let at = random.random_range(0..=calls.len());
        let tree = Disk::after(&calls[..at]).survivor(loss, &mut random);
        write(bench, &tree);
        let mut well = last(&tree) >= finished(&calls[..at]);
        well &= bench.comes_to_its_end(RUN);
        let left = read(&bench.path(RUN), Path::new(RUN));
        let broken = left.keys().any(|path| path.to_string_lossy().ends_with(".safetensors.broken"));
        let sessions = left[Path::new("power/sessions.jsonl")].as_deref().unwrap_or_default();
        well &= !broken && sessions.split_inclusive(|byte| *byte == b'\n').all(is_record);
        well &= (1..=12).all(|step| events(&left).contains(&step));
        if !well {
            println!("power loss at call {at} of {} ({loss:?}): {:?}", calls.len(), tree.keys());
        }
        std::fs::remove_dir_all(bench.path(RUN)).unwrap();
        count.tried += 1;
        count.met += u64::from(at < calls.len());
        count.lost += u64::from(!well);
    }
    count
}

fn write(bench: &Bench, tree: &Tree) {
    for (path, bytes) in tree {
        let path = bench.path("").join(path);
        match bytes {
            Some(bytes) => std::fs::write(path, bytes).unwrap(),
            None => std::fs::create_dir_all(path).unwrap(),
        }
    }
}

/// The files in a folder.
fn read(folder: &Path, named: &Path) -> Tree {
    let mut tree = Tree::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, named): (_, PathBuf) = (entry.path(), named.join(entry.file_name()));
        if path.is_dir() {
            tree.extend(read(&path, &named));
        } else {
            tree.insert(named, Some(std::fs::read(path).unwrap()));
        }
    }
    tree
}
