//! Loss, surprise and norms over time.

use crate::examined::Examined;
use crate::report::Material;
use crate::report::charts::{Chart, Frame, Level, Point, Series, lines, over_seeds};
use crate::report::groups::Group;
use crate::report::page::Page;
use crate::report::recorded::Recorded;
use maud::{Markup, html};
use plasticity_core::Result;
use plasticity_core::device::Device;
use plasticity_lab::network::State;
use plasticity_lab::run::trivial_losses;
use std::collections::BTreeMap;

/// The largest number of points of a curve. If there are more, blocks of them are averaged.
const POINTS: usize = 120;

/// The values of a run at each step, one for each module or layer that has one.
type Curve = Vec<(u64, Vec<Option<f64>>)>;

/// The section with the recorded curves.
pub fn training(material: &Material, page: &mut Page) -> Result<()> {
    let one = material.groups.len() == 1;
    let what = if one { "every module" } else { "the last module" };
    let loss = |recorded: &Recorded| -> Curve {
        let wide = |record: &plasticity_lab::run::Record| {
            record.loss.iter().map(|&loss| Some(f64::from(loss))).collect()
        };
        recorded.metrics.iter().map(|record| (record.step, wide(record))).collect()
    };
    let surprise = |recorded: &Recorded| -> Curve {
        let wide = |of: &[f32]| of.iter().map(|&share| Some(100.0 * f64::from(share))).collect();
        let records = recorded.metrics.iter().filter(|record| !record.surprise.is_empty());
        records.map(|record| (record.step, wide(&record.surprise))).collect()
    };
    let mut figures: Vec<Markup> = Vec::new();
    let mut add = |page: &mut Page, chart: Option<Chart>, caption: String| {
        figures.extend(chart.map(|chart| page.figure(chart, &caption)));
    };
    let blind = if one { blind(&trivial(material)) } else { None };
    let levels: Vec<Level> =
        blind.iter().map(|&value| Level { name: "nothing told apart".to_owned(), value }).collect();
    let chart = curves(material, ("loss", "Loss"), "loss", &loss, "module", &levels)?;
    let scales = match (one, blind) {
        (false, _) => " Losses of different rules have different scales: compare only their course.",
        (true, Some(_)) => {
            " A network to which all stimuli look the same has the dotted loss; a module that stands there has learned \
             nothing."
        }
        (true, None) => "",
    };
    add(page, chart, format!("Loss of {what}, averaged over neighbouring steps: lower is better.{scales}"));
    let chart = curves(material, ("surprise", "Surprise"), "surprised pairs, %", &surprise, "module", &[])?;
    let caption = format!(
        "Surprise of {what}: how many of the compared pairs of stimuli the module still predicts badly (the gate H of \
         the broadcast signal is 1). Only these pairs change synapses. The share falls as predictions improve."
    );
    let surprised = chart.is_some();
    add(page, chart, caption);
    let weights = |recorded: &Recorded| norms(recorded, "");
    let updates = |recorded: &Recorded| norms(recorded, ".update");
    let chart = curves(material, ("weight-norms", "Size of the weights"), "‖W‖", &weights, "layer", &[])?;
    let measured = chart.is_some();
    add(page, chart, "Euclidean norm of every layer's weights.".to_owned());
    let title = ("update-norms", "Size of the updates");
    let chart = curves(material, title, "‖ΔW‖ of one step", &updates, "layer", &[])?;
    add(page, chart, "How far each step moved the weights of every layer.".to_owned());
    if !measured {
        let chart = moved(material)?;
        let caption = "How far the weights of every layer have moved from their initial values, ‖W − W₀‖ / ‖W₀‖, \
                       at the saved checkpoints.";
        add(page, chart, caption.to_owned());
    }
    let body = html! {
        @if figures.is_empty() {
            p { "This run has no recorded losses: it was not trained, its rule does not learn, or its records were removed." }
        } @else {
            p {
                "Each module (one or several layers) has its own loss."
                @if material.runs.len() > material.groups.len() {
                    " Lines are means over seeds, bands one standard deviation."
                }
            }
            div.charts { @for figure in &figures { (figure) } }
        }
        @if !measured && !figures.is_empty() {
            p.note {
                "Norms of weights and updates are recorded if the config has this observer: "
                code { "[[observers]] type = \"norms\", updates = true" } "."
            }
        }
        @if !surprised && !figures.is_empty() {
            p.note {
                "There is no surprise to show: the rule has no gate H, or the run is of an earlier version."
            }
        }
    };
    page.section("training", "Training", body);
    Ok(())
}

/// The curves of each module or layer of one group. With several groups, only that of the last module or
/// layer. `None` if nothing was recorded.
fn curves(
    material: &Material,
    (name, title): (&str, &str),
    y: &str,
    of: &dyn Fn(&Recorded) -> Curve,
    part: &str,
    levels: &[Level],
) -> Result<Option<Chart>> {
    let of_run = |&run: &usize| material.recorded.get(run).map(of);
    let of_group = |group: &Group| -> Vec<Curve> { group.runs.iter().filter_map(of_run).collect() };
    let mut series = Vec::new();
    for (index, group) in material.groups.iter().enumerate() {
        let runs = of_group(group);
        let parts = runs.iter().flatten().map(|(_, values)| values.len()).max().unwrap_or(0);
        let shown = if material.groups.len() == 1 { 0..parts } else { parts.saturating_sub(1)..parts };
        for at in shown {
            let points = smooth(&runs, at);
            let (name, colour) = match material.groups.len() {
                1 => (format!("{part} {}", at + 1), at),
                _ => (group.name.clone(), index),
            };
            if !points.is_empty() {
                series.push(Series { name, points, colour: Some(colour), faint: false });
            }
        }
    }
    if series.is_empty() {
        return Ok(None);
    }
    let frame = Frame {
        name: name.to_owned(),
        title: format!("{title} during training"),
        x: "training step".to_owned(),
        y: y.to_owned(),
        ..Frame::default()
    };
    lines(&frame, &series, levels).map(Some)
}

/// The loss of every module of the first run if all stimuli look the same; none if it cannot be measured.
fn trivial(material: &Material) -> Vec<Option<f64>> {
    let loaded = &material.first(0).loaded;
    let Ok(device) = Device::open() else { return Vec::new() };
    trivial_losses(&loaded.experiment, &device).unwrap_or_default()
}

/// The loss that all modules have in common if all stimuli look the same.
fn blind(modules: &[Option<f64>]) -> Option<f64> {
    let first = modules.first().copied().flatten()?;
    let near = |loss: &Option<f64>| loss.is_some_and(|loss| (loss - first).abs() <= 0.01 * first.abs());
    modules.iter().all(near).then_some(first)
}

/// The curve of one module or layer: means over blocks of steps, then over seeds.
fn smooth(runs: &[Curve], part: usize) -> Vec<Point> {
    let longest = runs.iter().max_by_key(|run| run.len()).map_or(&[][..], Vec::as_slice);
    let steps: Vec<u64> = longest.iter().map(|(step, _)| *step).collect();
    let block = steps.len().div_ceil(POINTS).max(1);
    let mean = |run: &Curve, from: u64, to: u64| -> Option<f64> {
        let inside = run.iter().filter(|(step, _)| (from..=to).contains(step));
        let values: Vec<f64> = inside.filter_map(|(_, values)| *values.get(part)?).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let point = |steps: &[u64]| -> Option<Point> {
        let (from, to) = (*steps.first()?, *steps.last()?);
        let values: Vec<f64> = runs.iter().filter_map(|run| mean(run, from, to)).collect();
        (!values.is_empty()).then(|| over_seeds((from + to) as f64 / 2.0, &values))
    };
    steps.chunks(block).filter_map(point).collect()
}

/// Whether a parameter of a layer is a matrix of weights between neurons: no bias, and nothing of a normalisation.
fn is_weight(parameter: &str) -> bool {
    ["weight", "weight_ih", "weight_hh"].contains(&parameter.rsplit('.').next().unwrap_or_default())
}

/// The values of the observer `norms` for the weights of every layer whose names end in `suffix`, by layer. If several
/// observers measured a parameter at a step, the last value counts.
fn norms(recorded: &Recorded, suffix: &str) -> Curve {
    // The squares of each layer's parameters.
    let mut steps: BTreeMap<u64, BTreeMap<usize, BTreeMap<&str, f64>>> = BTreeMap::new();
    for measured in recorded.measures.iter().filter(|measured| measured.observer.ends_with(".norms")) {
        let Some((layer, parameter)) =
            measured.name.strip_prefix("layer.").and_then(|rest| rest.split_once('.'))
        else {
            continue;
        };
        let (Ok(layer), Some(value)) = (layer.parse::<usize>(), measured.value) else { continue };
        if parameter.strip_suffix(suffix).is_some_and(is_weight) {
            let layers = steps.entry(measured.step).or_default();
            layers.entry(layer).or_default().insert(parameter, value * value);
        }
    }
    let layers = steps.values().flat_map(BTreeMap::keys).max().map_or(0, |last| last + 1);
    let all = |of: &BTreeMap<usize, BTreeMap<&str, f64>>| {
        (0..layers).map(|layer| Some(of.get(&layer)?.values().sum::<f64>().sqrt())).collect()
    };
    steps.iter().map(|(step, of)| (*step, all(of))).collect()
}

/// ‖W − W₀‖ / ‖W₀‖ of the weights of a layer, if it has any.
fn distance(layer: usize, start: &State, state: &State) -> Option<f64> {
    let prefix = format!("layer.{layer}.");
    let (mut change, mut size) = (0.0, 0.0);
    for (name, before) in &start.tensors {
        let weight = name.strip_prefix(&prefix).is_some_and(is_weight);
        let Some(now) = state.tensors.get(name).filter(|_| weight) else { continue };
        for (now, before) in now.values.iter().zip(&before.values) {
            change += (f64::from(*now) - f64::from(*before)).powi(2);
            size += f64::from(*before).powi(2);
        }
    }
    (size > 0.0).then(|| (change / size).sqrt())
}

/// The distance of layers from their initial weights at the checkpoints; `None` if no start is known.
fn moved(material: &Material) -> Result<Option<Chart>> {
    let of_run = |run: &Examined| -> Curve {
        let Some((0, start)) = run.states.first() else { return Vec::new() };
        let at = |state| (0..run.layers()).map(|layer| distance(layer, start, state)).collect();
        run.states.iter().map(|(step, state)| (*step, at(state))).collect()
    };
    let of_group =
        |group: &Group| -> Vec<Curve> { group.runs.iter().map(|&run| of_run(&material.runs[run])).collect() };
    let mut series = Vec::new();
    for (index, group) in material.groups.iter().enumerate() {
        let runs = of_group(group);
        let layers = material.places().len();
        let shown = if material.groups.len() == 1 { 0..layers } else { layers.saturating_sub(1)..layers };
        for layer in shown {
            let (name, colour) = match material.groups.len() {
                1 => (format!("layer {}", layer + 1), layer),
                _ => (group.name.clone(), index),
            };
            series.push(Series { name, points: smooth(&runs, layer), colour: Some(colour), faint: false });
        }
    }
    series.retain(|one| !one.points.is_empty());
    if series.is_empty() {
        return Ok(None);
    }
    let frame = Frame {
        name: "moved".to_owned(),
        title: "Distance of weights from their initial values".to_owned(),
        x: "training step".to_owned(),
        y: "‖W − W₀‖ / ‖W₀‖".to_owned(),
        bottom: Some(0.0),
        ..Frame::default()
    };
    lines(&frame, &series, &[]).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_means_over_seeds_of_blocks_of_steps() {
        let run = |offset: f64| -> Curve {
            (1..=240).map(|step| (step, vec![None, Some(step as f64 + offset)])).collect()
        };
        let points = smooth(&[run(0.0), run(2.0)], 1);
        assert_eq!(points.len(), 120);
        assert!((points[0].y - 2.5).abs() < 1e-9 && (points[0].spread - 2.0_f64.sqrt()).abs() < 1e-9);
        assert!(smooth(&[run(0.0)], 0).is_empty() && smooth(&[run(0.0)], 2).is_empty());
    }

    #[test]
    fn one_loss_without_knowledge_is_shown_only_if_all_modules_have_it() {
        assert_eq!(blind(&[Some(2.0), Some(2.001)]), Some(2.0));
        assert_eq!(
            (blind(&[Some(2.0), None]), blind(&[Some(2.0), Some(1.0)]), blind(&[])),
            (None, None, None)
        );
    }

    #[test]
    fn norms_are_gathered_by_layer() {
        let of = |observer: &str, name: &str, value| plasticity_lab::run::Measured {
            step: 100,
            observer: observer.to_owned(),
            name: name.to_owned(),
            value: Some(value),
        };
        let measured = |name: &str, value| of("1.norms", name, value);
        let measures = vec![
            of("0.norms", "layer.0.weight", 3.0),
            of("0.norms", "layer.1.1.weight", 3.0),
            measured("layer.0.weight", 3.0),
            measured("layer.1.1.weight", 3.0),
            measured("layer.1.2.weight", 4.0),
            measured("layer.1.2.weight.update", 9.0),
            measured("layer.1.2.norm_weight", 5.0),
            measured("layer.3.weight_ih", 6.0),
            measured("layer.3.weight_hh", 8.0),
            measured("layer.3.bias_ih", 2.0),
            measured("module.0.predict.1", 7.0),
        ];
        let recorded = Recorded { measures, ..Recorded::default() };
        // Layer 2, from 0, has no weights.
        assert_eq!(norms(&recorded, ""), [(100, vec![Some(3.0), Some(5.0), None, Some(10.0)])]);
        assert_eq!(norms(&recorded, ".update"), [(100, vec![None, Some(9.0)])]);
    }

    #[test]
    fn only_weights_between_neurons_have_a_distance() {
        let state = |weight: f32, other: f32| {
            let saved = |value: f32| plasticity_lab::network::Saved { shape: vec![1], values: vec![value] };
            let names = ["0.weight", "0.bias", "0.norm_weight", "0.running_mean", "1.norm_weight"];
            let value = |name: &str| if name == "0.weight" { weight } else { other };
            let tensors = names.iter().map(|name| (format!("layer.{name}"), saved(value(name)))).collect();
            State { tensors, ..State::default() }
        };
        let (start, now) = (state(2.0, 1.0), state(3.0, 9.0));
        assert_eq!(distance(0, &start, &now), Some(0.5));
        assert_eq!((distance(1, &start, &now), distance(2, &start, &now)), (None, None));
    }
}
