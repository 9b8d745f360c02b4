//! Measures of features: dimension, selectivity, similarity of layers and runs, and the alignment of the
//! rule's weights.

use super::layers::by_layer;
use crate::examined::Look;
use crate::report::Material;
use crate::report::charts::{Chart, Frame, Point, Series, lines, matrix, over_seeds};
use crate::report::page::Page;
use maud::{Markup, html};
use plasticity_core::Result;
use plasticity_lab::analysis::{Gram, PredictionAlignment};
use plasticity_lab::run::Measured;
use std::collections::BTreeMap;

/// The section with all analyses.
pub fn analyses(material: &Material, page: &mut Page) -> Result<()> {
    let frame = |name: &str, title: &str, y: &str| Frame {
        name: name.to_owned(),
        title: title.to_owned(),
        y: y.to_owned(),
        bottom: Some(0.0),
        ..Frame::default()
    };
    let mut figures: Vec<Markup> = Vec::new();
    let mut add = |page: &mut Page, chart: Option<Chart>, caption: &str| {
        figures.extend(chart.map(|chart| page.figure(chart, caption)));
    };
    let of = |get: fn(&plasticity_lab::analysis::LayerSummary) -> Option<f64>| {
        move |look: &Look| look.layers.iter().map(get).collect::<Vec<_>>()
    };
    let title = frame("dimension", "Effective dimension of features, by layer", "effective dimension");
    let chart = by_layer(material, title, &of(|layer| Some(layer.dimension)))?;
    add(
        page,
        chart,
        "The number of directions along which the activity of a layer varies, (tr C)² / ‖C‖²: 1 if all neurons \
         vary together.",
    );
    let title =
        frame("class-selectivity", "Mean class selectivity of neurons, by layer", "class selectivity");
    let chart = by_layer(material, title, &of(|layer| layer.class_selectivity))?;
    add(
        page,
        chart,
        "How much more a neuron responds to its preferred class than to the others, from 0 to 1; mean over the \
         layer's neurons. It is not defined, and not drawn, for a layer with negative activity.",
    );
    let title = frame("sparseness", "Mean lifetime sparseness of neurons, by layer", "lifetime sparseness");
    let chart = by_layer(material, title, &of(|layer| layer.lifetime_sparseness))?;
    add(
        page,
        chart,
        "How few stimuli a neuron responds to: 0, to all equally; 1, to only one. Mean over the layer's neurons. It is \
         not defined, and not drawn, for a layer with negative activity.",
    );
    let title = frame("dead", "Share of neurons that are never active, by layer", "silent neurons, %");
    let silent = material.runs.iter().any(|run| run.trained.layers.iter().any(|layer| layer.dead > 0.0));
    let chart = if silent { by_layer(material, title, &of(|layer| Some(layer.dead)))? } else { None };
    add(page, chart, "Neurons that are silent for every shown stimulus.");
    let chart = layers_alike(material)?;
    add(
        page,
        Some(chart),
        "Similarity of layers (linear CKA): 1 if the features of one are a rotation of the other's, 0 if they \
         have nothing in common. The last row compares every layer with the untrained layer.",
    );
    let chart = runs_alike(material)?;
    add(page, chart, "Similarity of the last layers of the runs (linear CKA), on the same stimuli.");
    let chart = transposes(material)?;
    add(
        page,
        chart,
        "Alignment of the forward weights W_pred with the backward weights W_retro of every module, which learn \
         separately: cos(W_pred, W_retroᵀ), at the start and at the saved checkpoints, or during training if \
         the config has the observer transposes.",
    );
    let body = html! {
        p { "Measured on the " (material.first(0).stimuli.len()) " test stimuli shown to the networks." }
        div.charts { @for figure in &figures { (figure) } }
    };
    page.section("analyses", "Features in numbers", body);
    Ok(())
}

/// CKA between the layers of the first run, and with its untrained network.
fn layers_alike(material: &Material) -> Result<Chart> {
    let run = material.first(0);
    let row =
        |one: &Gram, others: &[Gram]| others.iter().map(|other| one.cka(other)).collect::<Result<Vec<_>>>();
    let mut cells =
        run.trained.grams.iter().map(|one| row(one, &run.trained.grams)).collect::<Result<Vec<_>>>()?;
    let before = run.trained.grams.iter().zip(&run.untrained.grams);
    cells.push(before.map(|(now, before)| now.cka(before)).collect::<Result<_>>()?);
    let columns = material.places();
    let rows: Vec<String> = columns.iter().cloned().chain(["untrained".to_owned()]).collect();
    let of =
        if material.groups.len() == 1 { String::new() } else { format!(" of {}", material.groups[0].name) };
    let frame = Frame {
        name: "cka-layers".to_owned(),
        title: format!("Linear CKA between the layers{of}"),
        x: format!("layer{of}"),
        y: format!("layer{of}"),
        ..Frame::default()
    };
    matrix(&frame, &rows, &columns, &cells, 1.0, &|cka| format!("{cka:.2}"))
}

/// CKA between the last layers of all runs.
fn runs_alike(material: &Material) -> Result<Option<Chart>> {
    if material.runs.len() < 2 {
        return Ok(None);
    }
    let named = |run: usize| -> String {
        let group = material.groups.iter().find(|group| group.runs.contains(&run));
        let name = group.map_or("", |group| group.name.as_str());
        match group.is_some_and(|group| group.runs.len() > 1) {
            true => format!("{name}, seed {}", material.runs[run].loaded.config().seed),
            false => name.to_owned(),
        }
    };
    let names: Vec<String> = (0..material.runs.len()).map(named).collect();
    let last = |run: &crate::examined::Examined| run.trained.grams.len().saturating_sub(1);
    let cka = |one: &crate::examined::Examined, other: &crate::examined::Examined| match (
        one.trained.grams.get(last(one)),
        other.trained.grams.get(last(other)),
    ) {
        (Some(one), Some(other)) => one.cka(other),
        _ => Ok(None),
    };
    let row = |one| material.runs.iter().map(|other| cka(one, other)).collect::<Result<Vec<_>>>();
    let cells = material.runs.iter().map(row).collect::<Result<Vec<_>>>()?;
    let frame = Frame {
        name: "cka-runs".to_owned(),
        title: "Linear CKA between the last layers of runs".to_owned(),
        x: "run".to_owned(),
        ..Frame::default()
    };
    matrix(&frame, &names, &names, &cells, 1.0, &|cka| format!("{cka:.2}")).map(Some)
}

/// A value for each module, at some steps.
type Stages = Vec<(u64, Vec<f64>)>;

/// The alignment at the start, and at each step at which the observer `transposes` measured it. Without the
/// observer: at the start and at the checkpoints.
fn stages(material: &Material, run: usize) -> Stages {
    let at = &material.runs[run].alignment;
    let of = |(step, modules): &(u64, Vec<PredictionAlignment>)| {
        (*step, modules.iter().map(|module| module.cosine).collect())
    };
    let measured = measured(&material.recorded[run].measures);
    match measured.is_empty() {
        true => at.iter().map(of).collect(),
        false => at.iter().filter(|(step, _)| *step == 0).map(of).chain(measured).collect(),
    }
}

/// What observers `transposes` measured. If several measured a module at a step, the last value counts.
fn measured(measures: &[Measured]) -> Stages {
    let mut steps: BTreeMap<u64, BTreeMap<usize, f64>> = BTreeMap::new();
    for one in measures.iter().filter(|one| one.observer.ends_with(".transposes")) {
        let module = one.name.strip_prefix("module.").and_then(|module| module.parse().ok());
        if let (Some(module), Some(value)) = (module, one.value) {
            steps.entry(one.step).or_default().insert(module, value);
        }
    }
    steps.into_iter().map(|(step, modules)| (step, modules.into_values().collect())).collect()
}

/// A module's means over the runs that have a value at a step, at each step of the first run.
fn over_runs(runs: &[Stages], module: usize) -> Vec<Point> {
    let at = |step: u64| {
        let of = |run: &Stages| run.iter().find(|(other, _)| *other == step)?.1.get(module).copied();
        over_seeds(step as f64, &runs.iter().filter_map(of).collect::<Vec<_>>())
    };
    runs.iter().take(1).flatten().map(|(step, _)| at(*step)).collect()
}

/// The alignment of W_pred with W_retroᵀ, if a rule has both.
fn transposes(material: &Material) -> Result<Option<Chart>> {
    let one = material.groups.len() == 1;
    let mut series = Vec::new();
    for (index, group) in material.groups.iter().enumerate() {
        let runs: Vec<_> = group.runs.iter().map(|&run| stages(material, run)).collect();
        let Some(first) = runs.first().filter(|first| first.iter().any(|(_, modules)| !modules.is_empty()))
        else {
            continue;
        };
        let modules = first.iter().map(|(_, modules)| modules.len()).max().unwrap_or(0);
        for module in if one { 0..modules } else { modules - 1..modules } {
            let points = over_runs(&runs, module);
            let (name, colour) =
                if one { (format!("module {}", module + 1), module) } else { (group.name.clone(), index) };
            series.push(Series { name, points, colour: Some(colour), faint: false });
        }
    }
    if series.is_empty() {
        return Ok(None);
    }
    let frame = Frame {
        name: "transposes".to_owned(),
        title: "Alignment of W_pred with the transpose of W_retro over training".to_owned(),
        x: "training step".to_owned(),
        y: "cos(W_pred, W_retroᵀ)".to_owned(),
        ..Frame::default()
    };
    lines(&frame, &series, &[]).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_observer_adds_no_modules() {
        let one = |observer: &str, module: usize, value| Measured {
            step: 4,
            observer: observer.to_owned(),
            name: format!("module.{module}"),
            value: Some(value),
        };
        let all = ["0.transposes", "1.transposes"].map(|name| [one(name, 0, 0.5), one(name, 10, 0.2)]);
        let other = [one("2.norms", 1, 9.0)];
        assert_eq!(measured(&[&all.concat()[..], &other].concat()), [(4, vec![0.5, 0.2])]);
    }

    #[test]
    fn seeds_are_averaged_at_the_same_step() {
        let runs =
            [vec![(0, vec![0.0]), (4, vec![1.0])], vec![(0, vec![0.0]), (2, vec![9.0]), (4, vec![3.0])]];
        let means: Vec<_> = over_runs(&runs, 0).iter().map(|point| (point.x, point.y)).collect();
        assert_eq!(means, [(0.0, 0.0), (4.0, 2.0)]);
    }
}
