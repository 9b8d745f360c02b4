//! The weights of the first layer.

use crate::report::Material;
use crate::report::charts::{Chart, Frame, Point, Series, lines};
use crate::report::material::Network;
use crate::report::page::Page;
use crate::report::pictures::Picture;
use maud::{Markup, html};
use plasticity_core::Result;
use plasticity_lab::network::{Saved, State};

/// The largest number of filters shown.
const MOST: usize = 64;
/// The approximate side of a filter on the page, in pixels.
const SIDE: usize = 40;
/// The largest number of filters over time that are shown.
const CURVES: usize = 6;

/// The first layer's filters, trained and untrained, if they can be shown as pictures or curves.
pub fn filters(material: &Material, page: &mut Page) -> Result<()> {
    let mut figures: Vec<Markup> = Vec::new();
    let (mut over_time, mut in_colour) = (false, false);
    for (index, (title, run, network)) in material.networks().into_iter().enumerate() {
        let (what, state) = match network {
            Network::Trained => ("trained", run.state()),
            Network::Untrained => ("untrained", &run.fresh),
        };
        let Some(saved) = of(state) else { continue };
        let name = format!("filters-{}-{what}", index + 1);
        if let Some(sheet) = sheet(saved) {
            in_colour |= saved.shape.get(1) == Some(&3);
            let shown = saved.shape[0].min(MOST);
            let zoom = (SIDE / saved.shape.last().copied().unwrap_or(1).max(1)).max(2);
            figures.push(html! {
                figure {
                    p.title { (title) }
                    img.sheet src=(sheet.png()?) width=(sheet.width * zoom) alt={ (shown) " filters of layer 1, " (title) };
                    figcaption { (shown) " of " (saved.shape[0]) " filters, each " (size(saved)) }
                }
            });
        } else if let Some(chart) = waves(saved, &name, &title)? {
            over_time = true;
            let shown = saved.shape[0].min(CURVES);
            figures.push(page.figure(chart, &format!("The first {shown} of {} filters.", saved.shape[0])));
        }
    }
    if figures.is_empty() {
        return Ok(());
    }
    let body = html! {
        p {
            "The weights of the neurons of layer 1: the pattern that each neuron responds to"
            @if over_time { ", over the samples of a sound" }
            @else if in_colour { " (a bright colour: this colour drives it; a dark colour: its opposite drives it; grey: no effect; \
                each filter has its own contrast)" }
            @else { " (white: bright drives it; black: dark drives it; grey: no effect; each filter has its own contrast)" }
            ". Compare trained with untrained: what differs was learned."
        }
        div.pair { @for figure in &figures { (figure) } }
    };
    page.section("filters", "Filters of the first layer", body);
    Ok(())
}

/// The convolution weights of the first layer, if it has any.
fn of(state: &State) -> Option<&Saved> {
    let first = |(name, saved): &(&String, &Saved)| {
        name.starts_with("layer.0.") && name.ends_with("weight") && saved.shape.len() >= 3
    };
    state.tensors.iter().find(first).map(|(_, saved)| saved)
}

/// A sheet of filters over rows and columns, for grey or coloured stimuli. Filters over time are shown at
/// their middle frame.
fn sheet(saved: &Saved) -> Option<Picture> {
    let (inputs, time, rows, columns) = match saved.shape[..] {
        [_, inputs, rows, columns] => (inputs, 1, rows, columns),
        [_, inputs, time, rows, columns] => (inputs, time, rows, columns),
        _ => return None,
    };
    if ![1, 3].contains(&inputs) || rows * columns < 4 {
        return None;
    }
    let each = inputs * time * rows * columns;
    let picture = |filter: &[f32]| {
        let most = filter.iter().fold(f32::MIN_POSITIVE, |most, weight| most.max(weight.abs()));
        let at = |place: usize, input: usize| filter[(input * time + time / 2) * rows * columns + place];
        let values: Vec<f32> =
            (0..rows * columns).flat_map(|place| (0..inputs).map(move |input| at(place, input))).collect();
        Picture::of(columns, rows, inputs, &values, (-most, most))
    };
    let pictures: Vec<Picture> = saved.values.chunks_exact(each).take(MOST).map(picture).collect();
    Some(Picture::sheet(&pictures, 8, 1))
}

/// The numbers of rows and columns of a filter, and whether its inputs are colours.
fn size(saved: &Saved) -> String {
    let [.., rows, columns] = saved.shape[..] else { return String::new() };
    let colours = if saved.shape.get(1) == Some(&3) { ", in colour" } else { "" };
    format!("{rows}×{columns}{colours}")
}

/// Filters that extend only over time, as curves.
fn waves(saved: &Saved, name: &str, what: &str) -> Result<Option<Chart>> {
    let [_, 1, taps] = saved.shape[..] else { return Ok(None) };
    let series: Vec<Series> = saved
        .values
        .chunks_exact(taps)
        .take(CURVES)
        .enumerate()
        .map(|(index, filter)| Series {
            name: format!("neuron {}", index + 1),
            points: (1..)
                .zip(filter)
                .map(|(tap, &y)| Point { x: f64::from(tap), y: f64::from(y), spread: 0.0 })
                .collect(),
            colour: Some(index),
            faint: false,
        })
        .collect();
    let frame = Frame {
        name: name.to_owned(),
        title: format!("Filters over time, {what}"),
        x: "sample of the filter's window".to_owned(),
        y: "weight".to_owned(),
        ..Frame::default()
    };
    lines(&frame, &series, &[]).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_of_one_or_three_inputs_are_pictures() {
        let of = |shape: &[usize]| {
            sheet(&Saved { shape: shape.to_vec(), values: vec![1.0; shape.iter().product()] })
                .map(|sheet| (sheet.width, sheet.height))
        };
        assert_eq!(of(&[9, 1, 3, 3]), Some((8 * 4 - 1, 2 * 4 - 1)));
        assert_eq!(of(&[2, 3, 5, 4, 4]), Some((9, 4)));
        assert_eq!((of(&[2, 8, 3, 3]), of(&[2, 1, 7])), (None, None));
    }
}
