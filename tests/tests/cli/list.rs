//! The catalogue as it is printed.

use super::{CONFIG, Place};
use serde_json::Value;

#[test]
fn every_family_lists_its_plugins_with_citations() {
    let place = Place::new(CONFIG);
    for (family, one) in [
        ("rules", "clapp"),
        ("scores", "bilinear"),
        ("broadcasts", "hinge"),
        ("layers", "conv2d"),
        ("presets", "vgg6"),
        ("stimuli", "images"),
        ("sources", "synthetic"),
        ("observers", "norms"),
    ] {
        let text = place.succeed(&["list", family]);
        assert!(text.lines().any(|line| line.split_whitespace().next() == Some(one)), "{family}: {text}");
        let json: Value = serde_json::from_str(&place.succeed(&["list", family, "--json"])).unwrap();
        let found = json.as_array().unwrap().iter().find(|plugin| plugin["name"] == one).unwrap();
        assert!(found["summary"].as_str().unwrap().len() > 5 && found["example"].is_string());
    }
    assert!(place.succeed(&["list", "rules"]).contains("Illing et al. 2021"));
}

#[test]
fn one_plugin_shows_its_equation_and_keys() {
    let place = Place::new(CONFIG);
    let text = place.succeed(&["list", "clapp"]);
    for part in ["equation: ", "citation: Illing et al. 2021", "prediction_steps", "type = \"clapp\""] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let error = place.fail(&["list", "clappp"], 3);
    assert!(error.contains("did you mean `clapp`?"), "{error}");
}
