//! Run folders: one process at a time, one run in each folder, the last two checkpoints.

use super::*;
use crate::network::State;

/// A run in a folder.
fn run(folder: &Path, keep: usize, from: Option<Stored>) -> Run {
    let step = from.as_ref().map_or(0, |stored| stored.checkpoint.step);
    let (config, lock) = ("seed = 1".to_owned(), lock(folder).unwrap());
    let origins = BTreeMap::new();
    Run {
        folder: folder.to_owned(),
        config,
        origins,
        keep,
        keep_best: 0,
        best_by: BestBy::Loss,
        log_every: 1,
        table: false,
        from,
        step,
        by_config: false,
        records: None,
        _lock: lock,
    }
}

fn checkpoint(step: u64) -> Checkpoint {
    let fingerprint = "f".to_owned();
    Checkpoint { state: State::default(), step, seed: 1, fingerprint, config: None, provenance: None }
}

#[test]
fn two_processes_cannot_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = lock(folder.path()).unwrap();
    assert!(lock(folder.path()).unwrap_err().to_string().contains("is in use by another process"));
    drop(first);
    assert!(lock(folder.path()).is_ok());
}

#[test]
fn a_folder_with_anything_that_a_run_would_replace_is_not_vacant() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    vacant(&folder.join("missing")).unwrap();
    std::fs::create_dir(folder.join("checkpoints")).unwrap();
    vacant(folder).unwrap();
    let names =
        ["config.toml", "metrics.jsonl", "metrics.csv", "warnings.jsonl", "checkpoints/step-8.safetensors"];
    for name in names {
        let path = folder.join(name);
        std::fs::write(&path, "of something else").unwrap();
        let error = vacant(folder).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}: belongs to no run", path.display())), "{error}");
        assert!(!is_run(folder));
        std::fs::remove_file(path).unwrap();
    }
    // A run that was killed before its first checkpoint, and one that was copied without its lock.
    for beside in [".lock", "checkpoints/step-8.safetensors"] {
        let files = [folder.join("config.toml"), folder.join(beside)];
        files.iter().for_each(|file| std::fs::write(file, "").unwrap());
        assert!(is_run(folder) && vacant(folder).unwrap_err().to_string().contains("--resume"));
        files.iter().for_each(|file| std::fs::remove_file(file).unwrap());
    }
}

#[test]
fn as_many_checkpoints_are_kept_as_the_config_says() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = run(folder.path(), 3, None);
    for step in 0..=5 {
        run.save(&checkpoint(step)).unwrap();
    }
    let steps: Vec<u64> = checkpoints(folder.path()).unwrap().into_iter().map(|(step, _)| step).collect();
    assert_eq!(steps, [0, 3, 4, 5], "and the start");
}

#[test]
fn the_best_checkpoints_are_kept_beside_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run { keep_best: 2, ..run(folder.path(), 1, None) };
    for (step, score) in [(1, 5.0), (2, 9.0), (3, 1.0), (4, 7.0), (5, 2.0), (6, 3.0)] {
        run.score(step, score).unwrap();
        run.save(&checkpoint(step)).unwrap();
    }
    let steps: Vec<u64> = checkpoints(folder.path()).unwrap().into_iter().map(|(step, _)| step).collect();
    assert_eq!(steps, [2, 4, 6]);
}

#[test]
fn the_last_two_checkpoints_are_kept_and_a_broken_one_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = run(folder.path(), 2, None);
    assert!(last_checkpoint(folder.path()).unwrap().is_none());
    for step in [2, 10, 9] {
        run.save(&checkpoint(step)).unwrap();
    }
    let steps: Vec<u64> = checkpoints(folder.path()).unwrap().into_iter().map(|(step, _)| step).collect();
    assert_eq!(steps, [9, 10]);
    std::fs::write(checkpoint_path(folder.path(), 10), b"broken").unwrap();
    assert_eq!(last_checkpoint(folder.path()).unwrap().unwrap().checkpoint.step, 9);
    std::fs::write(checkpoint_path(folder.path(), 9), b"broken").unwrap();
    assert!(last_checkpoint(folder.path()).unwrap_err().to_string().contains("step-10"));
}

#[test]
fn the_checkpoint_just_written_stays_whatever_lies_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = run(folder.path(), 1, None);
    run.begin().unwrap();
    std::fs::write(checkpoint_path(folder.path(), 99), b"left by something else").unwrap();
    run.save(&checkpoint(2)).unwrap();
    assert_eq!(last_checkpoint(folder.path()).unwrap().unwrap().checkpoint.step, 2);
}

#[test]
fn a_resumed_run_sets_the_broken_checkpoints_past_its_own_aside_when_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = run(folder.path(), 2, None);
    [6, 8].iter().for_each(|&step| first.save(&checkpoint(step)).unwrap());
    drop(first);
    let broken = checkpoint_path(folder.path(), 8);
    std::fs::write(&broken, b"broken").unwrap();
    let mut resumed = run(folder.path(), 1, last_checkpoint(folder.path()).unwrap());
    assert!(broken.exists(), "it is not sure yet that the run goes on");
    resumed.begin().unwrap();
    assert!(!broken.exists());
    assert_eq!(std::fs::read(broken.with_extension("safetensors.broken")).unwrap(), b"broken");
    resumed.save(&checkpoint(7)).unwrap();
    let steps: Vec<u64> = checkpoints(folder.path()).unwrap().into_iter().map(|(step, _)| step).collect();
    assert_eq!(steps, [7]);
}
