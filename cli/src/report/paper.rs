//! The paper's results, for configs that are those of the paper.

use plasticity_lab::config::Config;
use toml::{Table, Value};

/// A value in Table 1 of Illing et al. 2021: the test accuracy of a linear classifier on the last layer, in
/// percent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Published {
    /// The name of the data.
    pub data: &'static str,
    /// The accuracy.
    pub accuracy: f64,
}

/// The rule, then its accuracies on STL-10, LibriSpeech phones and UCF-101.
const TABLE: [(&str, [Option<f64>; 3]); 9] = [
    ("random", [Some(21.8), Some(27.7), Some(30.5)]),
    ("greedy_supervised", [Some(66.3), Some(73.4), None]),
    ("supervised", [Some(73.2), Some(77.7), Some(51.5)]),
    ("cpc", [Some(81.1), Some(64.3), Some(35.7)]),
    ("gim", [Some(75.6), Some(63.9), Some(41.2)]),
    ("hinge_cpc", [Some(80.3), Some(62.8), Some(36.1)]),
    ("clapp_s", [Some(75.0), Some(61.7), Some(41.6)]),
    ("hinge_cpc_time_local", [Some(79.1), None, None]),
    ("clapp", [Some(73.6), None, None]),
];

/// The keys of the paper's predictive rules for speech, as in `configs/audio`.
const SPEECH: &str = "prediction_steps = 12\nskip = 0\nnegatives = { type = \"random\", count = 10 }\n";
/// Those for video, as in `configs/video`.
const VIDEO: &str = "prediction_steps = 3\nskip = 0\nnegatives = { type = \"all\" }\n";

/// `[rule]` in the paper's config for a column of [`TABLE`].
fn papers(rule: &str, column: usize) -> String {
    let more = match (column, rule) {
        (1, "gim" | "clapp_s") => "window = 128\n",
        (2, "hinge_cpc" | "clapp_s") => "broadcast = { type = \"hinge\", weight = 0.5 }\n",
        _ => "",
    };
    let keys = match (column, rule) {
        (0, _) | (_, "random" | "supervised" | "greedy_supervised") => "",
        (1, _) => SPEECH,
        _ => VIDEO,
    };
    format!("type = \"{rule}\"\n{keys}{more}")
}

/// The paper's result; `None` if data, labels, encoder or a key of `[rule]` is not that of the paper. Widths must be
/// absent (then they are the presets' defaults) or equal those of the paper. Modules must be absent (then they are
/// the rule's).
pub fn published(config: &Config) -> Option<Published> {
    let table: Table = config.to_toml().ok()?.parse().ok()?;
    let name = |path: &[&str]| -> Option<String> {
        let mut at = table.get(*path.first()?)?;
        for key in &path[1..] {
            at = at.get(*key)?;
        }
        at.as_str().map(str::to_owned)
    };
    let source =
        [&["stimulus", "source", "type"][..], &["stimulus", "learn", "type"]].into_iter().find_map(name)?;
    let (data, column, preset, widths) = match source.as_str() {
        "stl10" => ("STL-10", 0, "vgg6", &[128, 256, 256, 512, 1024, 1024][..]),
        "librispeech" => ("LibriSpeech phones", 1, "audio", &[512; 5][..]),
        "ucf101" => ("UCF-101", 2, "video", &[96, 256, 512, 512, 512][..]),
        _ => return None,
    };
    let speakers = name(&["stimulus", "label"]).is_some_and(|label| label == "speaker");
    if speakers || name(&["encoder", "preset"])? != preset {
        return None;
    }
    let own: Option<Vec<i64>> = table
        .get("encoder")
        .and_then(|encoder| encoder.get("widths"))
        .and_then(|widths| widths.as_array()?.iter().map(|width| width.as_integer()).collect());
    if own.is_some_and(|own| own != widths) || table.get("encoder")?.get("modules").is_some() {
        return None;
    }
    let gru = table.get("encoder")?.get("gru").and_then(|gru| gru.as_integer());
    let gradient = name(&["encoder", "gradient"]);
    if gru.is_some_and(|gru| gru != 256) || gradient.is_some_and(|gradient| gradient != "bptt") {
        return None;
    }
    let rule = name(&["rule", "type"])?;
    let row = TABLE.iter().find(|(of, _)| *of == rule)?;
    let mut with_papers = table.clone();
    with_papers.insert("rule".to_owned(), Value::Table(papers(&rule, column).parse().ok()?));
    // With all defaults, as in `table`.
    let with_papers = Config::parse(&with_papers.to_string(), "the paper's config").ok()?.to_toml().ok()?;
    if table.get("rule") != with_papers.parse::<Table>().ok()?.get("rule") {
        return None;
    }
    row.1[column].map(|accuracy| Published { data, accuracy })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_papers_configs_have_its_figures_and_narrow_ones_have_none() {
        let of = |name: &str, overrides: &[&str]| {
            let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
            let path = format!("{}/../configs/{name}.toml", env!("CARGO_MANIFEST_DIR"));
            published(&Config::load(Path::new(&path), &overrides).unwrap()).map(|found| found.accuracy)
        };
        for (rule, accuracies) in TABLE {
            let shipped = ["vision/stl10", "audio/librispeech", "video/ucf101"];
            for (data, accuracy) in shipped.into_iter().zip(accuracies).filter(|(_, found)| found.is_some()) {
                assert_eq!(of(&format!("{data}_{rule}"), &[]), accuracy, "{data} {rule}");
            }
        }
        for changed in [
            "rule.score={type=\"bilinear\",transport=\"retrodiction\"}",
            "rule.context=above",
            "rule.negatives={type=\"random\",count=4}",
            "rule.prediction_steps=3",
        ] {
            assert_eq!(of("vision/stl10_clapp_s", &[changed]), None, "{changed}");
        }
        assert_eq!(of("vision/stl10_clapp_s_2_modules", &[]), None);
        assert_eq!(of("vision/stl10_cpc", &["encoder.widths=[1,2,3,4,5,6]"]), None);
        assert_eq!(of("vision/tiny", &[]), None);
        assert_eq!(
            of("vision/stl10_cpc", &["encoder={layers=[{type=\"conv2d\",channels=4,kernel=3}]}"]),
            None
        );
        assert_eq!(of("vision/stl10_cpc", &["encoder={preset=\"resnet50\"}"]), None);
        assert_eq!(of("audio/librispeech_cpc", &["stimulus.label=speaker"]), None);
    }
}
