//! `plasticity export`: encoders for other programs, run there and compared.

use super::{CONFIG, Place, read};
use std::process::Command;

/// Every kind of layer that images know, some inside others.
const LAYERS: &str = r#"seed = 3
[stimulus]
type = "images"
source = { type = "synthetic", count = 16, train = 16, test = 8 }
patch = { size = 16, stride = 8 }
[encoder]
layers = [
    { type = "block", layers = [
        { type = "batch_norm", affine = false },
        { type = "pad", size = 2 },
        { type = "conv2d", channels = 6, kernel = [5, 3], relu = false, bias = false },
        { type = "triangle", power = 0.7 },
        { type = "max_pool", size = 4, stride = 2, padding = 1 },
    ] },
    { type = "normalise" },
    { type = "residual", width = 3, expansion = 2 },
    { type = "residual", width = 3, expansion = 3, stride = 2 },
    { type = "pad", size = 1, border = "zero" },
    { type = "conv2d", channels = 5, kernel = 2, stride = 2, padding = 1, batch_norm = true, max_pool = { size = 2, stride = 1 } },
    { type = "normalise", over = "position" },
    { type = "triangle" },
    { type = "avg_pool", size = 2, stride = 1 },
    { type = "tanh" },
    { type = "dtp", layer = { type = "dense", channels = 4 } },
]
[rule]
type = "cpc"
[training]
epochs = 1
steps = 3
batch = 8
precision = "f32"
optimiser = { type = "adam", rate = 1e-2 }
"#;

const SPEECH: &str = r#"seed = 1
[stimulus]
type = "speech"
learn = { type = "synthetic_speech", speakers = 2, utterances = 4 }
labelled.train = { type = "synthetic_speech", speakers = 2, first_utterance = 4, utterances = 1 }
labelled.test = { type = "synthetic_speech", speakers = 1, first_speaker = 2, utterances = 1 }
[encoder]
preset = "audio"
widths = [4, 4, 4, 4, 5]
gru = 6
[rule]
type = "cpc"
[training]
epochs = 1
steps = 2
batch = 2
optimiser = { type = "adam", rate = 1e-2 }
"#;

const VIDEO: &str = r#"seed = 1
[stimulus]
type = "clips"
every = 1
frames = 9
size = 24
source = { type = "motions", size = 24, length = 9, learn = 4, train = 8, test = 8 }
[encoder]
layers = [
    { type = "conv3d", channels = 3, kernel = [1, 5, 5], stride = [1, 2, 2], batch_norm = true, max_pool = { size = [1, 3, 3], stride = [1, 2, 2] } },
    { type = "conv3d", channels = 4, kernel = 3, padding = [0, 1, 1], stride = [3, 1, 1] },
]
[rule]
type = "random"
[training]
epochs = 1
steps = 1
batch = 2
"#;

fn exported(config: &str) -> Place {
    let place = Place::new(config);
    place.succeed(&["train", "config.toml", "--out", "run", "--set", "training.keep=1"]);
    place.succeed(&["export", "run", "--format", "onnx", "--out", "encoder.onnx"]);
    place
}

#[test]
fn an_encoder_is_written_with_every_layer_and_in_the_place_of_nothing() {
    let place = exported(CONFIG);
    let whole = read(&place.path("encoder.onnx"));
    let says = |bytes: &[u8], word: &str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
    for word in ["Conv", "MaxPool", "layer.0.weight", "layer6", "batch, channel, row, column", "clapp_s"] {
        assert!(says(&whole, word), "{word}");
    }
    place.succeed(&["export", "run", "--layers", "2", "--out", "two.onnx"]);
    let two = read(&place.path("two.onnx"));
    assert!(says(&two, "layer2") && !says(&two, "layer3") && two.len() < whole.len());
    let error = place.fail(&["export", "run", "--out", "encoder.onnx"], 1);
    assert!(error.starts_with("encoder.onnx: already exists"), "{error}");
    assert_eq!(read(&place.path("encoder.onnx")), whole);
    for layers in ["0", "7"] {
        let error = place.fail(&["export", "run", "--out", "new.onnx", "--layers", layers], 3);
        assert!(error.contains("a number from 1 to 6"), "{error}");
    }
    assert!(!place.path("new.onnx").exists());
}

#[test]
fn a_rule_that_shows_the_network_something_else_is_refused_by_name() {
    let place = Place::new(CONFIG);
    place.succeed(&[
        "train",
        "config.toml",
        "--out",
        "run",
        "--set",
        "rule={type=\"scff\",form=\"position\"}",
    ]);
    let error = place.fail(&["export", "run", "--out", "encoder.onnx"], 3);
    assert!(
        error.contains("rule") && error.contains("changes the stimuli before the network sees them"),
        "{error}"
    );
}

/// The script of the book's page on Python, on runs of this test: its own comparison must come out small.
#[test]
#[ignore = "needs Python with onnxruntime"]
fn onnxruntime_makes_the_same_of_an_encoder_layer_by_layer() {
    let book = concat!(env!("CARGO_MANIFEST_DIR"), "/../book/src/reference/python.md");
    let page = std::fs::read_to_string(book).unwrap();
    let script = page.split("```python\n").find(|block| block.starts_with("# graph.py")).unwrap();
    let script = script.split("```").next().unwrap().replace("runs/python/", "");
    for (config, layers) in [(CONFIG, 6), (LAYERS, 11), (SPEECH, 6), (VIDEO, 2)] {
        let place = exported(config);
        place.succeed(&["features", "run", "--whole", "--out", "maps.npz"]);
        std::fs::write(place.path("graph.py"), &script).unwrap();
        let output = Command::new("python3").arg("graph.py").current_dir(place.path(".")).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let numbers = |line: &str| -> Vec<f64> {
            line.split_whitespace().filter_map(|word| word.parse().ok()).collect()
        };
        let compared: Vec<Vec<f64>> = text.lines().map(numbers).collect();
        assert_eq!(compared.len(), layers, "{text}");
        for line in compared {
            let [difference, largest] = line[..] else { panic!("{text}") };
            assert!(largest > 0.0 && difference <= 1e-4 * largest.max(1.0), "{text}");
        }
    }
}

#[test]
fn a_checkpoint_to_pass_on_has_the_weights_alone_and_gives_the_same_features() {
    let place = Place::new(CONFIG);
    place.succeed(&["train", "config.toml", "--out", "run"]);
    std::fs::create_dir_all(place.path("passed/checkpoints")).unwrap();
    std::fs::copy(place.path("run/config.toml"), place.path("passed/config.toml")).unwrap();
    let out = ["--format", "checkpoint", "--out", "passed/checkpoints/step-6.safetensors"];
    let export = [&["export", "run"][..], &out].concat();
    place.succeed(&export);
    let [whole, passed] = ["run", "passed"].map(|run| {
        place.succeed(&["features", run, "--out", &format!("{run}.npz")]);
        (
            read(&place.path(&format!("{run}/checkpoints/step-6.safetensors"))),
            read(&place.path(&format!("{run}.npz"))),
        )
    });
    assert!(2 * passed.0.len() < whole.0.len(), "{} of {} bytes", passed.0.len(), whole.0.len());
    assert!(!String::from_utf8_lossy(&passed.0).contains("optimiser.0."));
    assert_eq!(passed.1, whole.1, "features");
    assert!(place.fail(&export, 1).contains("already exists"));
    assert!(place.fail(&[&export[..], &["--layers", "2"]].concat(), 1).contains("already exists"));
    let fewer = ["export", "run", "--format", "checkpoint", "--layers", "2", "--out", "other.safetensors"];
    assert!(place.fail(&fewer, 3).contains("a checkpoint has all layers"));
    // Weights to start from, and to train further.
    place.succeed(&["train", "config.toml", "--set", "training.init=\"passed\"", "--out", "on"]);
    place.succeed(&["train", "--resume", "passed", "--set", "training.epochs=3"]);
    place.succeed(&["probe", "passed"]);
}
