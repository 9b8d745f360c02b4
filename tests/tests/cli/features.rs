//! `plasticity features`: what every layer makes of stimuli, in files for other programs.

use super::{CONFIG, Place, read};
use safetensors::SafeTensors;
use serde_json::Value;
use std::process::Command;

fn trained() -> Place {
    let place = Place::new(CONFIG);
    place.succeed(&["train", "config.toml", "--out", "run", "--set", "training.steps=2"]);
    place
}

fn values(file: &SafeTensors, name: &str) -> (Vec<usize>, Vec<f32>) {
    let view = file.tensor(name).unwrap();
    let number = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().unwrap());
    (view.shape().to_vec(), view.data().chunks_exact(4).map(number).collect())
}

#[test]
fn pooled_features_are_the_means_of_whole_maps() {
    let place = trained();
    place.succeed(&["features", "run", "--out", "pooled.safetensors"]);
    place.succeed(&["features", "run", "--out", "whole.safetensors", "--whole"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |name: &str| place.path(name).metadata().unwrap().permissions().mode();
        assert_eq!(
            mode("pooled.safetensors"),
            mode("config.toml"),
            "others may read what they may read of configs"
        );
    }
    let (pooled, whole) = (read(&place.path("pooled.safetensors")), read(&place.path("whole.safetensors")));
    let (_, header) = SafeTensors::read_metadata(&pooled).unwrap();
    assert_eq!(header.metadata().as_ref().unwrap()["axes"], "row, feature");
    let (pooled, whole) =
        (SafeTensors::deserialize(&pooled).unwrap(), SafeTensors::deserialize(&whole).unwrap());
    assert_eq!(values(&whole, "input").0, [16, 7, 1, 7, 16, 16, 1]);
    for (layer, side, channels) in [(1, 16, 4), (2, 8, 4), (6, 1, 8)] {
        let name = format!("layer{layer}");
        let (shape, means) = values(&pooled, &name);
        assert_eq!(shape, [16, channels]);
        let (shape, maps) = values(&whole, &name);
        assert_eq!(shape, [16, 7, 1, 7, side, side, channels]);
        let places = 49 * side * side;
        for (stimulus, map) in maps.chunks_exact(places * channels).enumerate() {
            for channel in 0..channels {
                let mean = map.iter().skip(channel).step_by(channels).sum::<f32>() / places as f32;
                let found = means[stimulus * channels + channel];
                assert!((mean - found).abs() < 1e-4 * mean.abs().max(1e-2), "{name}: {mean} {found}");
            }
        }
    }
}

#[test]
fn every_format_holds_labels_names_and_axes() {
    let place = trained();
    place.succeed(&["features", "run", "--layer", "3", "--out", "three.npy", "--split", "train"]);
    let bytes = read(&place.path("three.npy"));
    let header = String::from_utf8_lossy(&bytes[12..128]).into_owned();
    assert!(bytes.starts_with(b"\x93NUMPY") && header.contains("'shape': (32, 4)"), "{header}");
    let beside: Value = serde_json::from_slice(&read(&place.path("three.npy.json"))).unwrap();
    assert_eq!((&beside["axes"], &beside["layer"]), (&"row, feature".into(), &3.into()));
    assert_eq!(beside["labels"].as_array().unwrap().len(), 32);
    assert_eq!(
        (beside["classes"].as_array().unwrap().len(), beside["names"].as_array().unwrap().len()),
        (8, 32)
    );
    place.succeed(&["features", "run", "--out", "all.npz"]);
    let bytes = read(&place.path("all.npz"));
    let text = String::from_utf8_lossy(&bytes);
    for name in
        ["layer1.npy", "layer6.npy", "labels.npy", "stimulus.npy", "names.npy", "classes.npy", "axes.npy"]
    {
        assert!(text.contains(name), "{name}");
    }
}

#[test]
fn a_file_takes_the_place_of_nothing_and_one_array_holds_one_layer() {
    let place = trained();
    std::fs::write(place.path("f.npz"), b"mine").unwrap();
    assert!(place.fail(&["features", "run", "--out", "f.npz"], 1).starts_with("f.npz: already exists"));
    assert_eq!(read(&place.path("f.npz")), b"mine");
    std::fs::write(place.path("f.npy.json"), b"mine").unwrap();
    let error = place.fail(&["features", "run", "--layer", "1", "--out", "f.npy"], 1);
    assert!(error.starts_with("f.npy.json: already exists"), "{error}");
    assert!(place.fail(&["features", "run", "--out", "all.npy"], 1).contains("choose it with --layer N"));
    let layers = "encoder={layers=[{type=\"conv2d\",channels=4,kernel=3,padding=1}]}";
    place.succeed(&["train", "config.toml", "--out", "one", "--set", layers, "--set", "training.steps=1"]);
    let error = place.fail(&["features", "one", "--whole", "--out", "one.npy"], 1);
    assert!(error.contains("choose it with --layer N") && !place.path("one.npy").exists(), "{error}");
    assert!(place.fail(&["features", "run", "--out", "f.csv"], 1).contains(".npy, .npz or .safetensors"));
    let blocks = ["features", "run", "--out", "blocks.npz", "--set", "probe.pooling={blocks=9}"];
    let error = place.fail(&blocks, 3);
    assert!(error.starts_with("--set probe.pooling={blocks=9}: layer 2: "), "{error}");
}

/// The script of the book's page on Python, on a run of this test: its own comparison must come out small.
#[test]
#[ignore = "needs Python with NumPy"]
fn numpy_makes_the_same_of_a_checkpoint_layer_by_layer() {
    let book = concat!(env!("CARGO_MANIFEST_DIR"), "/../book/src/reference/python.md");
    let page = std::fs::read_to_string(book).unwrap();
    let script = page.split("```python\n").find(|block| block.starts_with("# forward.py")).unwrap();
    let script = script.split("```").next().unwrap();
    let place = trained();
    place.succeed(&["features", "run", "--whole", "--out", "maps.npz"]);
    let script = script
        .replace("runs/python/checkpoints/step-40.safetensors", "run/checkpoints/step-2.safetensors")
        .replace("runs/python/maps.npz", "maps.npz");
    std::fs::write(place.path("forward.py"), script).unwrap();
    let output = Command::new("python3").arg("forward.py").current_dir(place.path(".")).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let differences: Vec<f64> =
        text.lines().map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).collect();
    assert_eq!(differences.len(), 6, "{text}");
    assert!(differences.iter().all(|difference| *difference < 1e-4), "{text}");
}
