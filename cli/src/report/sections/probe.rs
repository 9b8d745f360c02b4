//! The accuracy of probes by layer, as in the paper's Figure 4.

use crate::output;
use crate::report::Material;
use crate::report::charts::{self, ByLayer, Level, Point, over_seeds};
use crate::report::groups::Group;
use crate::report::page::Page;
use crate::report::paper::published;
use maud::{Markup, html};
use plasticity_core::Result;
use plasticity_lab::probe::{LayerProbe, ProbeKind, Score};

/// The section with a chart for each kind of probe.
pub fn probe(material: &Material, page: &mut Page) -> Result<()> {
    let mut figures: Vec<Markup> = Vec::new();
    for kind in [ProbeKind::Standardised, ProbeKind::Raw, ProbeKind::Neighbours] {
        figures.extend(figure(material, kind, page)?);
    }
    let missing: Vec<String> = (0..material.runs.len())
        .filter(|&run| material.recorded[run].probe.is_none())
        .map(|run| material.runs[run].loaded.folder.display().to_string())
        .collect();
    let stale: Vec<String> = (0..material.runs.len())
        .filter_map(|run| {
            let (probed, step) =
                (material.recorded[run].probe.as_ref()?.step, material.runs[run].loaded.step());
            let folder = material.runs[run].loaded.folder.display();
            (probed != step).then(|| {
                format!("{folder} was probed at step {probed}, but its last checkpoint is of step {step}")
            })
        })
        .collect();
    let command = format!("{} probe", output::program());
    let body = html! {
        p {
            "A linear probe learns to name classes from the frozen activity of one layer. The chart shows its \
             accuracy on new stimuli. The baseline is the untrained network with its initial weights. A useful \
             rule is above it, and more so in deeper layers."
            @if material.runs.len() > material.groups.len() { " Bars and bands are one standard deviation over seeds." }
        }
        @if figures.is_empty() {
            p.note { "These runs have not been probed. Run " code { (command) " RUN" } ", then make the report again." }
        }
        div.charts { @for figure in &figures { (figure) } }
        @if !missing.is_empty() && !figures.is_empty() {
            p.note { "Not shown, because not probed: " (missing.join(", ")) ". Run " code { (command) " RUN" } "." }
        }
        @for one in &stale { p.note { (one) ": run " code { (command) } " again." } }
        (paper(material))
    };
    page.section("probe", "Probe accuracy of every layer", body);
    Ok(())
}

/// The paper's results for the groups whose config is that of the paper.
fn paper(material: &Material) -> Markup {
    let found: Vec<(String, f64, &str)> = (0..material.groups.len())
        .filter_map(|index| {
            let of = published(material.first(index).loaded.config())?;
            Some((material.groups[index].name.clone(), of.accuracy, of.data))
        })
        .collect();
    html! {
        @for (name, accuracy, data) in found {
            p {
                "For this method, encoder and data (" code { (name) } ", " (data) ") the paper reports "
                b { (accuracy) " %" } " from the last layer (Illing et al. 2021, Table 1), after days on several GPUs."
            }
        }
    }
}

fn figure(material: &Material, kind: ProbeKind, page: &mut Page) -> Result<Option<Markup>> {
    let of_run = |&run: &usize| material.recorded.get(run)?.probe.as_ref().map(|probe| &probe.layers[..]);
    let probed = |group: &Group| -> Vec<&[LayerProbe]> { group.runs.iter().filter_map(of_run).collect() };
    let points = |group: &Group, value: &dyn Fn(&Score) -> f64| -> Vec<Point> {
        let runs = probed(group);
        let at = |name: &String, place: usize| -> Option<Point> {
            let of = |layers: &&[LayerProbe]| {
                layers.iter().find(|layer| layer.name == *name)?.score(kind).map(value)
            };
            let values: Vec<f64> = runs.iter().filter_map(of).collect();
            (!values.is_empty()).then(|| over_seeds((place + 1) as f64, &values))
        };
        material.places().iter().enumerate().filter_map(|(place, name)| at(name, place)).collect()
    };
    let name = |group: &Group| match material.groups.len() {
        1 => "trained".to_owned(),
        _ => group.name.clone(),
    };
    let trained = material.groups.iter().map(|group| (name(group), points(group, &|score| score.accuracy)));
    // If one group stands for all, it must have been probed.
    let known = |group: &&Group| !material.same_untrained || !probed(group).is_empty();
    let (mut untrained, mut levels) = (Vec::new(), Vec::new());
    for group in material.baselines(material.groups.iter().filter(known)) {
        untrained.push((material.untrained(group), points(group, &|score| score.untrained)));
        levels.push((&group.name[..], without_network(&probed(group), kind)));
    }
    let (trained, levels) = (trained.collect(), of_groups(&levels));
    let shown = ByLayer { kind, layers: material.places(), trained, untrained, levels };
    let what = match kind {
        ProbeKind::Raw => "On raw features, as Illing et al. 2021 probe.",
        ProbeKind::Standardised => {
            "On features that are each scaled to mean 0 and variance 1, so that weak ones count as much as strong ones. \
             This also makes an untrained network easier to read."
        }
        ProbeKind::Neighbours => {
            "By the most frequent class of the nearest training stimuli (cosine of features)."
        }
    };
    Ok(shown.chart()?.map(|chart| page.figure(chart, what)))
}

/// The accuracies of probes without a network, of the majority class (if it is not chance) and of chance, as means over
/// runs.
fn without_network(runs: &[&[LayerProbe]], kind: ProbeKind) -> Vec<Level> {
    let mut levels = Vec::new();
    let mut add = |name: String, values: Vec<f64>| {
        let value = over_seeds(0.0, &values).y;
        levels.extend((!values.is_empty()).then_some(Level { name, value }));
    };
    let names = runs.iter().take(1).flat_map(|layers| layers.iter().map(|layer| &layer.name));
    for name in names.filter(|name| *name != "all" && name.parse::<usize>().is_err()) {
        let of = |layers: &&[LayerProbe]| {
            Some(layers.iter().find(|layer| layer.name == *name)?.score(kind)?.accuracy)
        };
        add(charts::baseline(name), runs.iter().filter_map(of).collect());
    }
    let first = || runs.iter().filter_map(|layers| layers.first());
    if first().any(|layer| (layer.majority - layer.chance).abs() > 0.05) {
        add("majority class".to_owned(), first().map(|layer| layer.majority).collect());
    }
    add("chance".to_owned(), first().map(|layer| layer.chance).collect());
    levels
}

/// The levels of all groups. One that another group has with another value gets the name of its group.
fn of_groups(groups: &[(&str, Vec<Level>)]) -> Vec<Level> {
    let all = || groups.iter().flat_map(|(_, levels)| levels);
    let differs = |level: &Level| {
        all().any(|other| other.name == level.name && (other.value - level.value).abs() > 1e-6)
    };
    let mut shown: Vec<Level> = Vec::new();
    for (group, levels) in groups {
        for level in levels {
            let name = if differs(level) { format!("{}, {group}", level.name) } else { level.name.clone() };
            if !shown.iter().any(|other| other.name == name) {
                shown.push(Level { name, value: level.value });
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasticity_lab::probe::FeatureStatistics;

    #[test]
    fn levels_that_differ_between_groups_are_told_apart() {
        let levels = |input: f64| {
            [("stimuli themselves", input), ("chance", 10.0)]
                .map(|(name, value)| Level { name: name.to_owned(), value })
                .to_vec()
        };
        let shown = of_groups(&[("a", levels(30.0)), ("b", levels(40.0))]);
        let names: Vec<_> = shown.iter().map(|level| (&level.name[..], level.value)).collect();
        assert_eq!(
            names,
            [("stimuli themselves, a", 30.0), ("chance", 10.0), ("stimuli themselves, b", 40.0)]
        );
        assert_eq!(of_groups(&[("a", levels(30.0)), ("b", levels(30.0))]).len(), 2);
    }

    #[test]
    fn levels_are_means_over_seeds() {
        let run = |accuracy, majority| {
            let score =
                Score { probe: ProbeKind::Raw, accuracy, untrained: accuracy, top5: None, chosen: None };
            let layer = |name: &str| LayerProbe {
                name: name.to_owned(),
                scores: vec![score.clone()],
                chance: 10.0,
                majority,
                features: FeatureStatistics::default(),
                untrained_features: FeatureStatistics::default(),
            };
            ["input", "1", "all"].map(layer)
        };
        let (one, other) = (run(30.0, 12.0), run(40.0, 18.0));
        let levels = without_network(&[&one[..], &other], ProbeKind::Raw);
        let found: Vec<_> = levels.iter().map(|level| (&level.name[..], level.value)).collect();
        let baseline = charts::baseline("input");
        assert_eq!(found, [(&baseline[..], 35.0), ("majority class", 15.0), ("chance", 10.0)]);
        assert!(without_network(&[], ProbeKind::Raw).is_empty());
    }
}
