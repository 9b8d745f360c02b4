//! Forward-Forward recognises a class by the goodness of a stimulus with each class written on it.

use super::Place;
use plasticity_core::random::stream;
use rand::RngExt;
use serde_json::Value;

const CONFIG: &str = r#"seed = 1
[stimulus]
type = "images"
source = { type = "folder", path = "train" }
labelled = { train = "train", test = "test" }
crop = 8
flip = false
grey = true
[encoder]
modules = [[1, 2], [3, 4]]
layers = [
    { type = "normalise" },
    { type = "dense", channels = 32 },
    { type = "normalise" },
    { type = "dense", channels = 32 },
]
[rule]
type = "forward_forward"
threshold = 1.0
strength = 3.0
[training]
epochs = 80
batch = 16
optimiser = { type = "adam", rate = 1e-3 }
[probe]
epochs = 1
"#;

/// Pictures of four classes: noise, and a bright quarter that is another for each class.
fn pictures(place: &Place, split: &str, count: u32) {
    let mut random = stream(7, &[count.into()]);
    for class in 0..4u32 {
        let folder = place.path(split).join(class.to_string());
        std::fs::create_dir_all(&folder).unwrap();
        for number in 0..count {
            let picture = image::GrayImage::from_fn(8, 8, |x, y| {
                let bright = (x / 4, y / 4) == (class % 2, class / 2);
                image::Luma([random.random_range(0..100) + if bright { 100 } else { 0 }])
            });
            picture.save(folder.join(format!("{number}.png"))).unwrap();
        }
    }
}

#[test]
fn a_probe_tells_how_often_goodness_names_the_right_class() {
    let place = Place::new(CONFIG);
    pictures(&place, "train", 16);
    pictures(&place, "test", 12);
    place.succeed(&["train", "config.toml", "--out", "run"]);
    let table = place.succeed(&["probe", "run"]);
    for row in ["class by goodness", "module 1", "module 2", "all but the first"] {
        assert!(table.contains(row), "{table}");
    }
    let report: Value =
        serde_json::from_slice(&std::fs::read(place.path("run/probe.json")).unwrap()).unwrap();
    let chance = report["layers"][0]["chance"].as_f64().unwrap();
    let together = |network: &str| report["goodness"]["together"][network].as_f64().unwrap();
    assert!(together("trained") > 2.0 * chance && together("trained") > together("untrained"), "{table}");
    let other = r#"rule={type="random"}"#;
    place.succeed(&["train", "config.toml", "--out", "random", "--set", other]);
    assert!(!place.succeed(&["probe", "random"]).contains("goodness"));
}
