//! A checkpoint is read exactly as it was written, or not at all.

use super::*;
use safetensors::tensor::TensorView;
use std::collections::BTreeMap;

fn checkpoint() -> Checkpoint {
    let saved = Saved { shape: vec![2, 2], values: vec![1.0, -2.5, f32::MIN_POSITIVE, 3e7] };
    let tensors = BTreeMap::from([("layer.0.weight".to_owned(), saved)]);
    let state = State { tensors, optimiser_steps: vec![7] };
    let provenance = Provenance { program: "0".into(), data: "d".into(), ..Provenance::default() };
    let (config, provenance) = (Some("seed = 3\n".to_owned()), Some(provenance));
    Checkpoint { state, step: 7, seed: 3, fingerprint: "00ff".to_owned(), config, provenance }
}

fn broken(path: &Path) -> String {
    match Checkpoint::read(path) {
        Err(Unusable::Broken(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_checkpoint_comes_back_bit_by_bit_and_twice_to_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a.safetensors"), folder.path().join("b.safetensors"));
    checkpoint().save(&a).unwrap();
    let read = Checkpoint::load(&a).unwrap();
    assert_eq!(read, checkpoint());
    read.save(&b).unwrap();
    assert_eq!(std::fs::read(a).unwrap(), std::fs::read(b).unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_file_cut_short_anywhere_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    checkpoint().save(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    for length in 0..bytes.len() {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let error = broken(&path);
        assert!(error.contains("is incomplete"), "{length}: {error}");
    }
}

#[test]
fn no_bit_flips_unnoticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    checkpoint().save(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    for place in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[place / 8] ^= 1 << (place % 8);
        std::fs::write(&path, &flipped).unwrap();
        // Only padding after the header, and spaces around a number in JSON, may change.
        if let Ok(read) = Checkpoint::load(&path) {
            assert_eq!(read, checkpoint(), "bit {place}");
        }
    }
}

#[test]
fn values_that_training_never_saves_are_broken_also_without_a_checksum() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let mut wrong = checkpoint();
    wrong.state.tensors.values_mut().for_each(|saved| saved.values[1] = f32::NAN);
    wrong.save(&path).unwrap();
    assert!(broken(&path).contains("`layer.0.weight` contains NaN or infinity"));
    for steps in [u64::MAX, checkpoint().step + 1] {
        let mut wrong = checkpoint();
        let average = wrong.state.tensors["layer.0.weight"].clone();
        wrong.state.tensors.insert("optimiser.0.layer.0.weight.0".to_owned(), average);
        wrong.state.optimiser_steps = vec![steps];
        wrong.save(&path).unwrap();
        assert!(broken(&path).contains(&format!("an optimiser has made {steps} steps")));
    }
}

#[test]
fn what_cannot_be_read_now_is_not_broken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let refused = |path: &Path| match Checkpoint::read(path) {
        Err(Unusable::Refused(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(refused(&path).contains("cannot be read"));
    checkpoint().save(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let later = String::from_utf8_lossy(&bytes).find("format\\\":1").unwrap() + "format\\\":".len();
    let mut bytes = bytes;
    bytes[later] = b'2';
    std::fs::write(&path, bytes).unwrap();
    assert!(refused(&path).contains("has format 2, but this version reads 1"));
}

#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_a_checkpoint_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("step-7.safetensors");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let Err(Unusable::Refused(error)) = Checkpoint::read(&path) else { panic!("it is not broken") };
    assert!(error.to_string().contains("not a regular file"), "{error}");
}

#[test]
fn a_safetensors_file_of_another_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let none: Vec<(&str, TensorView)> = Vec::new();
    std::fs::write(&path, safetensors::serialize(none, None).unwrap()).unwrap();
    assert!(broken(&path).contains("was not written by plasticity"));
}

#[test]
fn a_checkpoint_without_averages_is_whole_and_its_optimisers_begin_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let mut full = checkpoint();
    let average = full.state.tensors["layer.0.weight"].clone();
    full.state.tensors.insert("optimiser.0.layer.0.weight.0".to_owned(), average);
    full.clone().without_averages().save(&path).unwrap();
    let read = Checkpoint::read(&path).unwrap();
    assert_eq!((read.step, &read.state.optimiser_steps[..]), (checkpoint().step, &[][..]));
    assert_eq!(read.state.tensors, checkpoint().state.tensors);
}

#[test]
fn a_module_may_have_made_fewer_steps() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let mut fewer = checkpoint();
    fewer.state.optimiser_steps = vec![fewer.step - 1];
    fewer.save(&path).unwrap();
    assert_eq!(Checkpoint::read(&path).unwrap(), fewer);
}
