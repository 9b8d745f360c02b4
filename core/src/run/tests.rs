//! Run folders: one process at a time, one run a folder, the last two checkpoints.

use super::*;
use crate::network::State;

fn checkpoint(step: u64) -> Checkpoint {
    Checkpoint { state: State::default(), step, seed: 1, fingerprint: "f".to_owned() }
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
fn as_many_checkpoints_are_kept_as_the_config_says() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("checkpoints")).unwrap();
    let mut run = Run::start(folder.path(), lock(folder.path()).unwrap(), None, 3).unwrap();
    for step in 1..=5 {
        run.save(&checkpoint(step)).unwrap();
    }
    let steps: Vec<u64> = checkpoints(folder.path()).unwrap().into_iter().map(|(step, _)| step).collect();
    assert_eq!(steps, [3, 4, 5]);
}

#[test]
fn the_last_two_checkpoints_are_kept_and_a_broken_one_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("checkpoints")).unwrap();
    assert!(last_checkpoint(folder.path()).unwrap().is_none());
    let lock = lock(folder.path()).unwrap();
    let mut run = Run::start(folder.path(), lock, None, 2).unwrap();
    for step in [2, 10, 9] {
        run.save(&checkpoint(step)).unwrap();
    }
    let steps: Vec<u64> = checkpoints(folder.path()).unwrap().into_iter().map(|(step, _)| step).collect();
    assert_eq!(steps, [9, 10]);
    std::fs::write(checkpoint_path(folder.path(), 10), b"broken").unwrap();
    assert_eq!(last_checkpoint(folder.path()).unwrap().unwrap().step, 9);
    std::fs::write(checkpoint_path(folder.path(), 9), b"broken").unwrap();
    assert!(last_checkpoint(folder.path()).unwrap_err().to_string().contains("step-10"));
}
