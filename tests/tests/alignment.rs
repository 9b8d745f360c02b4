//! The angle between local updates and backpropagation's.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use plasticity_tests as _;

use plasticity_core::Result;
use plasticity_core::device::Device;
use plasticity_lab::alignment::{self, LayerAlignment};
use plasticity_lab::config::Config;
use plasticity_lab::experiment::Experiment;

const CONVOLUTIONS: &str = r#"
    { type = "conv2d", channels = 4, kernel = 3, padding = 1 },
    { type = "conv2d", channels = 6, kernel = 3, padding = 1, max_pool = { size = 2 } },
    { type = "conv2d", channels = 6, kernel = 3, padding = 1 },
"#;

fn angles(rule: &str, modules: &str) -> Vec<LayerAlignment> {
    measured(rule, modules, CONVOLUTIONS).unwrap()
}

fn measured(rule: &str, modules: &str, layers: &str) -> Result<Vec<LayerAlignment>> {
    let text = format!(
        r#"
seed = 3
[stimulus]
type = "images"
source = {{ type = "synthetic", count = 64, train = 16, test = 16 }}
crop = 16
views = 2
[encoder]
modules = {modules}
layers = [{layers}]
[rule]
{rule}
[training]
epochs = 1
batch = 8
precision = "f32"
"#
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    let experiment = Experiment::open(Config::load(&path, &[]).unwrap()).unwrap();
    alignment::at(&experiment, None, 1, &Device::open().unwrap())
}

#[test]
fn a_network_of_one_module_is_backpropagation() {
    for rule in ["type = \"clapp_pp\"", "type = \"clapp_pp\"\ncontext = \"both\"", "type = \"lpl\""] {
        let found = angles(rule, "\"end_to_end\"");
        assert_eq!(found.len(), 3);
        for layer in found {
            assert_eq!(layer.degrees, Some(0.0), "{rule}: {layer:?}");
        }
    }
}

#[test]
fn of_many_modules_only_the_top_is_backpropagation() {
    let rules = [
        "type = \"clapp_pp\"\ncontext = \"top\"\npool = [4, 4, 4]",
        "type = \"lpl\"",
        "type = \"scff\"",
        "type = \"dfa\"",
    ];
    for rule in rules {
        let found = angles(rule, "\"layerwise\"");
        let names: Vec<_> = found.iter().map(|layer| layer.name.as_str()).collect();
        assert_eq!(names, ["layer.0", "layer.1", "layer.2"]);
        let degrees: Vec<_> = found.iter().map(|layer| layer.degrees.unwrap()).collect();
        assert_eq!(degrees[2], 0.0, "{rule}: {degrees:?}");
        assert!(degrees[..2].iter().all(|&angle| angle > 0.1 && angle < 180.0), "{rule}: {degrees:?}");
    }
}

/// Else such a network in one module would be compared with itself: 0° in every layer.
#[test]
fn layers_that_do_not_follow_the_gradient_are_refused() {
    let dense = "{ type = \"dense\", channels = 4 }";
    let target = format!("{dense}, {{ type = \"dtp\", layer = {dense} }}");
    let error = measured("type = \"lpl\"", "\"end_to_end\"", &target).unwrap_err().to_string();
    assert!(error.contains("encoder.layers.1: does not follow the gradient"), "{error}");
    let plain = measured("type = \"lpl\"", "\"end_to_end\"", &format!("{dense}, {dense}")).unwrap();
    assert_eq!(plain.len(), 2);
}
