//! The top of the page: the runs and their main results.

use crate::report::Material;
use crate::report::charts::over_seeds;
use crate::report::page::Page;
use crate::report::paper::published;
use crate::report::rows::Rows;
use maud::html;
use plasticity_core::Result;
use plasticity_lab::analysis::{Confusion, Kind, kind};
use plasticity_lab::probe::{LayerProbe, ProbeKind, Score};
use std::collections::BTreeSet;

/// The title of the page: the rules, and the kind of stimuli.
pub fn title(material: &Material) -> String {
    let names: Vec<&str> = material.groups.iter().map(|group| group.name.as_str()).collect();
    let what = match material.runs.first().map(|run| kind(run.stimuli.as_ref())) {
        Some(Kind::Sound) => "speech",
        Some(Kind::Video) => "video",
        _ => "images",
    };
    match names.len() {
        0..=3 => format!("What {} learned from {what}", listed(&names)),
        count => format!("What {count} {} learned from {what}", settings(material)),
    }
}

pub fn listed(names: &[&str]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => (*one).to_owned(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

/// The names of the first classes. Names with a comma have quotation marks.
fn examples(classes: &[String]) -> String {
    let quoted = |name: &String| if name.contains(',') { format!("“{name}”") } else { name.clone() };
    let (first, others) = classes.split_at(classes.len().min(6));
    let first: Vec<String> = first.iter().map(quoted).collect();
    match others {
        [] => listed(&first.iter().map(String::as_str).collect::<Vec<_>>()),
        _ => format!("{}, …", first.join(", ")),
    }
}

/// The section with a few sentences and numbers.
pub fn summary(material: &Material, page: &mut Page) -> Result<()> {
    let first = material.first(0);
    let classes = first.classes.len();
    let chance = 100.0 / classes.max(1) as f64;
    let unit = if material.rows == Rows::Stimuli { "test stimuli" } else { material.rows.name() };
    let kinds = material.rows.classes();
    let names = examples(&first.classes);
    let probes = (0..material.groups.len()).map(|group| probed(material, group)).collect::<Vec<_>>();
    let baselines =
        material.groups.iter().zip(&probes).filter_map(|(group, probed)| Some((group, probed.as_ref()?)));
    let majority = probes.iter().flatten().map(|probed| probed.majority).next();
    let mut steps: Vec<u64> = material.runs.iter().map(|run| run.loaded.step()).collect();
    steps.sort_unstable();
    steps.dedup();
    let body = html! {
        p.lead {
            (how(material)) " Then " @if material.groups.len() == 1 { "it was" } @else { "they were" }
            " frozen, and a linear classifier (a " em { "linear probe" } ") learned to name " (classes) " " (kinds)
            " (" (names) ") from the activity of one layer. Its accuracy shows how much this layer tells about the \
             classes. A rule is useful where it is above the untrained network."
        }
        ul.tiles {
            @for (index, (group, answers)) in material.groups.iter().zip(&material.answers).enumerate() {
                @let run = material.first(index);
                @let of = if material.groups.len() == 1 { String::new() } else { format!("{}, ", group.name) };
                @match &probes[index] {
                    Some(probed) => {
                        li {
                            b { (format!("{:.1} %", probed.accuracy)) }
                            span { (of) "layer " (answers.layer + 1) ": " (unit) " named correctly" }
                        }
                        @if material.groups.len() == 1 {
                            li {
                                b { (format!("{:.1} %", probed.untrained)) }
                                span { "the same layer of the untrained network" }
                            }
                        }
                    }
                    None => li {
                        b { (format!("{:.1} %", Confusion::of(answers, run.classes.len()).accuracy())) }
                        span { (of) "layer " (answers.layer + 1) ": of " (answers.labels.len()) " " (unit) " named correctly" }
                    },
                }
            }
            @if material.groups.len() > 1 {
                @for (group, probed) in material.baselines(baselines) {
                    li {
                        b { (format!("{:.1} %", probed.best_untrained)) }
                        span { "best layer of the untrained network" (material.whose(group)) }
                    }
                }
            }
            li { b { (format!("{chance:.1} %")) } span { "by guessing (chance)" } }
            @if let Some(majority) = majority.filter(|majority| majority - chance > 0.05) {
                li { b { (format!("{majority:.1} %")) } span { "by always naming the commonest class" } }
            }
            @if material.groups.len() == 1 {
                li { b { (first.loaded.step()) } span { "steps of training" } }
                @if let Some(found) = published(first.loaded.config()) {
                    li { b { (format!("{} %", found.accuracy)) } span { "reported in the paper, " (found.data) ", last layer" } }
                }
            }
            @if material.runs.len() > 1 { li { b { (material.runs.len()) } span { "runs" } } }
        }
        @if steps.len() > 1 {
            p.note {
                "The runs have trained for different numbers of steps, from " (steps[0]) " to " (steps[steps.len() - 1])
                ". Compare them with care."
            }
        }
    };
    page.section("summary", "", body);
    Ok(())
}

/// The difference between the groups: rules, or other settings.
fn settings(material: &Material) -> &'static str {
    let rule = |group| material.first(group).loaded.config().rule.typetag_name();
    let rules: BTreeSet<&str> = (0..material.groups.len()).map(rule).collect();
    if rules.len() == material.groups.len() { "rules" } else { "settings" }
}

/// A sentence about how the networks learned.
fn how(material: &Material) -> String {
    let taught = material.taught();
    let told = if taught.len() == material.groups.len() { "" } else { " without labels" };
    if material.groups.len() != 1 {
        let each =
            if settings(material) == "rules" { "each with another rule" } else { "each with other settings" };
        let except = match taught.len() {
            some if some > 0 && some < material.groups.len() => {
                format!(" (with labels: {})", listed(&taught))
            }
            _ => String::new(),
        };
        return format!("Networks learned{told}{except}, {each}.");
    }
    let run = material.first(0);
    if !run.learned() {
        let mut layers = run.fresh.tensors.iter().filter(|(name, _)| name.starts_with("layer."));
        let given = layers.any(|(name, fresh)| run.state().tensors.get(name) != Some(fresh));
        let weights = if given { "the weights of another training" } else { "its initial weights" };
        return format!("A network kept {weights}.");
    }
    let layers = run.layers();
    match run.loaded.trained.modules().len() {
        1 if layers > 1 => format!("A network learned{told}, all {layers} layers with one loss."),
        modules if modules == layers => {
            format!("A network of {layers} layers learned{told}, each layer with a loss of its own.")
        }
        modules => {
            format!("A network of {layers} layers learned{told}, in {modules} modules with a loss each.")
        }
    }
}

/// The results of `probe` for the layer that the page names, as means over seeds.
struct Probed {
    accuracy: f64,
    untrained: f64,
    best_untrained: f64,
    majority: f64,
}

fn probed(material: &Material, group: usize) -> Option<Probed> {
    let name = (material.answers.get(group)?.layer + 1).to_string();
    let runs = material.groups[group].runs.iter().filter_map(|&run| material.recorded[run].probe.as_ref());
    means(&runs.map(|probe| &probe.layers[..]).collect::<Vec<_>>(), &name)
}

/// The means over runs. A layer is the best one if its mean is the largest.
fn means(runs: &[&[LayerProbe]], name: &str) -> Option<Probed> {
    let score = |layer: &LayerProbe| layer.score(ProbeKind::Standardised).or(layer.scores.first()).cloned();
    let mean = |values: &[f64]| (!values.is_empty()).then(|| over_seeds(0.0, values).y);
    let of = |name: &str, value: fn(&Score) -> f64| {
        let found = runs.iter().filter_map(|all| all.iter().find(|layer| layer.name == name));
        mean(&found.filter_map(score).map(|score| value(&score)).collect::<Vec<_>>())
    };
    let numbered = runs.first()?.iter().filter(|layer| layer.name.parse::<usize>().is_ok());
    let untrained = numbered.filter_map(|layer| of(&layer.name, |score| score.untrained));
    let first = runs.iter().filter_map(|all| Some(all.first()?.majority));
    Some(Probed {
        accuracy: of(name, |score| score.accuracy)?,
        untrained: of(name, |score| score.untrained)?,
        best_untrained: untrained.reduce(f64::max)?,
        majority: mean(&first.collect::<Vec<_>>())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasticity_lab::probe::FeatureStatistics;

    #[test]
    fn the_best_layer_of_untrained_networks_is_that_with_the_best_mean() {
        let run = |untrained: [f64; 2], majority| {
            let layer = |(index, untrained): (usize, f64)| LayerProbe {
                name: (index + 1).to_string(),
                scores: vec![Score {
                    probe: ProbeKind::Standardised,
                    accuracy: 50.0 + untrained,
                    untrained,
                    top5: None,
                    chosen: None,
                }],
                chance: 10.0,
                majority,
                features: FeatureStatistics::default(),
                untrained_features: FeatureStatistics::default(),
            };
            untrained.into_iter().enumerate().map(layer).collect::<Vec<_>>()
        };
        let (one, other) = (run([40.0, 20.0], 12.0), run([20.0, 36.0], 18.0));
        let found = means(&[&one, &other], "2").unwrap();
        assert_eq!((found.accuracy, found.untrained), (78.0, 28.0));
        assert_eq!((found.best_untrained, found.majority), (30.0, 15.0));
        assert!(means(&[&one], "3").is_none() && means(&[], "1").is_none());
    }

    #[test]
    fn names_with_commas_stay_apart() {
        let names = |names: &[&str]| examples(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(names(&["bird", "car", "cat"]), "bird, car and cat");
        assert_eq!(names(&["disc, rings", "car"]), "“disc, rings” and car");
        assert_eq!(names(&["a", "b", "c", "d", "e", "f", "g"]), "a, b, c, d, e, f, …");
    }
}
