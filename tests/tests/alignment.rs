//! The angle between local updates and backpropagation's.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use plasticity_tests as _;

use plasticity_core::device::Device;
use plasticity_lab::alignment::{self, LayerAlignment};
use plasticity_lab::config::Config;
use plasticity_lab::experiment::Experiment;

fn angles(rule: &str, modules: &str) -> Vec<LayerAlignment> {
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
layers = [
    {{ type = "conv2d", channels = 4, kernel = 3, padding = 1 }},
    {{ type = "conv2d", channels = 6, kernel = 3, padding = 1, max_pool = {{ size = 2 }} }},
    {{ type = "conv2d", channels = 6, kernel = 3, padding = 1 }},
]
[rule]
{rule}
[training]
epochs = 1
batch = 8
"#
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    let experiment = Experiment::open(Config::load(&path, &[]).unwrap()).unwrap();
    alignment::at(&experiment, None, 1, &Device::open().unwrap()).unwrap()
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
