//! t-SNE maps of the features of layers, coloured by class, as in the paper's Figure 3b.

use super::summary::listed;
use crate::examined::Look;
use crate::report::Material;
use crate::report::charts::{Frame, scatter};
use crate::report::page::Page;
use crate::report::pictures::{Picture, range};
use maud::{Markup, html};
use plasticity_core::Result;
use plasticity_core::stimulus::{Label, Stimulus};
use plasticity_lab::analysis::{FEWEST, Kind, embedding, kind, perplexity, spread, varies, whole};
use plasticity_lab::probe::{Features, Labelled};
use rayon::prelude::*;
use serde_json::json;

/// The side of a stimulus under the pointer, in pixels.
const SIDE: usize = 32;
/// The number of stimuli in a row of their sheet.
const COLUMNS: usize = 40;

/// The section with maps of the shown layers (with several groups, only of the last layer), and of the last layer of the
/// untrained networks.
pub fn maps(material: &Material, page: &mut Page) -> Result<()> {
    let Some(stimuli) = crate::report::material::stimuli(material) else { return Ok(()) };
    let one = material.groups.len() == 1;
    let last: Vec<usize> = material.layers.last().copied().into_iter().collect();
    let layers = if one { material.layers.clone() } else { last.clone() };
    let mut wanted: Vec<(String, String, &Look, usize)> = Vec::new();
    for (index, group) in material.groups.iter().enumerate() {
        for &layer in &layers {
            let name = if one {
                format!("layer {}", layer + 1)
            } else {
                format!("{}, layer {}", group.name, layer + 1)
            };
            wanted.push((
                name,
                format!("map-{}-layer-{}", index + 1, layer + 1),
                &material.first(index).trained,
                layer,
            ));
        }
    }
    for (index, group) in material.baselines(material.groups.iter().enumerate()) {
        let number = if material.same_untrained { String::new() } else { format!("-{}", index + 1) };
        for &layer in &last {
            wanted.push((
                format!("the untrained network{}, layer {}", material.whose(group), layer + 1),
                format!("map-untrained{number}-layer-{}", layer + 1),
                &material.first(index).untrained,
                layer,
            ));
        }
    }
    let count = material.first(0).trained.seen.features.labels().len();
    let rows = spread(count, material.wanted.points);
    let part =
        |(_, _, look, layer): &(_, _, &Look, usize)| Ok(picked(look.seen.features.layer(*layer)?, &rows));
    let parts = wanted.iter().map(part).collect::<Result<Vec<_>>>()?;
    let labels = parts.first().map_or(&[][..], |part| &part.labels);
    let seed = material.first(0).loaded.config().seed;
    // A map keeps one processor busy for most of its time.
    let drawn: Vec<_> = parts.par_iter().map(|part| embedding(part.as_labelled(), seed)).collect();
    let mut figures: Vec<Markup> = Vec::new();
    for (((name, file, ..), part), places) in wanted.into_iter().zip(&parts).zip(drawn) {
        let Some(places) = places else {
            let why = no_map(part.as_labelled());
            figures.push(html! { figure { figcaption { (name) ": " (why) ", so there is no map" } } });
            continue;
        };
        let frame = Frame {
            name: file,
            title: format!("t-SNE map of the features of {name}"),
            x: "t-SNE 1".to_owned(),
            y: "t-SNE 2".to_owned(),
            ..Frame::default()
        };
        let map = scatter(&frame, &places, labels, &material.first(0).classes)?;
        let places = json!(map.places).to_string();
        figures
            .push(html! { div.map data-places=(places) { (page.figure(map.chart, &format!("{} points.", labels.len()))) } });
    }
    told(material, stimuli, &rows, labels, page)?;
    let images = kind(stimuli) != Kind::Sound;
    let perplexity = perplexity(rows.len());
    let body = html! {
        p {
            "Each point is " (material.rows.tested())
            "; near points have similar features in this layer (t-SNE, perplexity " (format!("{perplexity:.0}"))
            "; the axes have no unit, and distances between far groups have no meaning). Colours are classes" (told_by(&material.taught(), material.groups.len())) ". If a colour stays together, the layer separates \
             this class."
            @if images && material.wanted.pictures { " Move the pointer over a point to see its stimulus." }
        }
        div.charts { @for figure in &figures { (figure) } }
    };
    page.section("maps", "Maps of the features", body);
    Ok(())
}

/// Why [`embedding`] has made no map of these features.
fn no_map(of: Labelled) -> String {
    match of.labels.len() {
        rows if rows < FEWEST => format!("t-SNE needs at least {FEWEST} points, and there are {rows}"),
        _ if !varies(of) => "its features do not vary".to_owned(),
        _ => "t-SNE has found places that are no numbers".to_owned(),
    }
}

/// Which of `all` networks learned from the classes, when `taught` did.
fn told_by(taught: &[&str], all: usize) -> String {
    match taught {
        [] if all > 1 => ", which the networks never saw".to_owned(),
        [] => ", which the network never saw".to_owned(),
        some if some.len() < all => format!(", which only {} saw in training", listed(some)),
        _ => String::new(),
    }
}

/// Some rows of a layer's features.
struct Part {
    values: Vec<f32>,
    channels: usize,
    labels: Vec<u32>,
}

impl Part {
    fn as_labelled(&self) -> Labelled<'_> {
        Labelled { values: &self.values, channels: self.channels, labels: &self.labels }
    }
}

fn picked(of: Labelled, rows: &[usize]) -> Part {
    let row = |&row: &usize| &of.values[row * of.channels..(row + 1) * of.channels];
    Part {
        values: rows.iter().flat_map(row).copied().collect(),
        channels: of.channels,
        labels: rows.iter().map(|&row| of.labels[row]).collect(),
    }
}

/// The stimulus of every row of the features. Each labelled frame has a row.
fn stimulus_of_rows(stimuli: &dyn Stimulus, of: &Features) -> Result<Vec<usize>> {
    let mut owners = Vec::with_capacity(of.labels().len());
    if of.labels().len() == stimuli.len() {
        return Ok((0..stimuli.len()).collect());
    }
    for index in 0..stimuli.len() {
        let rows = match stimuli.sample(index, None)?.label {
            Label::Frames(frames) => frames.iter().flatten().count(),
            _ => 1,
        };
        owners.extend(std::iter::repeat_n(index, rows));
    }
    Ok(owners)
}

/// Gives the script the class and the name of each point, and a sheet of small pictures if stimuli can be
/// seen.
fn told(
    material: &Material,
    stimuli: &dyn Stimulus,
    rows: &[usize],
    labels: &[u32],
    page: &mut Page,
) -> Result<()> {
    let owners = stimulus_of_rows(stimuli, &material.first(0).trained.seen.features)?;
    let owner = |row: &usize| owners.get(*row).copied().unwrap_or(0);
    let names: Vec<String> =
        rows.iter().map(|row| stimuli.name(owner(row)).map_or(String::new(), last_parts)).collect();
    let mut side = 0;
    if kind(stimuli) != Kind::Sound && material.wanted.pictures {
        let mut pictures = Vec::new();
        for row in rows {
            let mut excerpt = whole(stimuli, owner(row))?;
            let mut values = excerpt.values.clone();
            let contrast = range(&mut values);
            excerpt.extent[0] = excerpt.extent[0].max(1);
            pictures.push(Picture::of_excerpt(&excerpt, contrast).thumbnail(SIDE));
        }
        side = pictures.first().map_or(0, |picture| picture.width);
        if side > 0 {
            let sheet = Picture::sheet(&pictures, COLUMNS, 0);
            page.rule(&format!(".sprite{{background-image:url({})}}", sheet.jpeg()?));
        }
    }
    let classes = &material.first(0).classes;
    let columns = COLUMNS.min(rows.len().max(1));
    let json =
        json!({ "classes": classes, "labels": labels, "names": names, "side": side, "columns": columns });
    page.data("stimuli", json.to_string());
    Ok(())
}

/// The last two parts of a path. They are enough to find a file, and do not show a user's home folder.
fn last_parts(name: String) -> String {
    let parts: Vec<&str> = name.split('/').collect();
    parts[parts.len().saturating_sub(2)..].join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_that_learned_from_labels_are_named() {
        assert_eq!(told_by(&[], 1), ", which the network never saw");
        assert_eq!(told_by(&["supervised"], 3), ", which only supervised saw in training");
        assert_eq!(told_by(&["supervised"], 1), "");
    }

    #[test]
    fn each_missing_map_has_its_own_reason() {
        let why = |values: &[f32]| no_map(Labelled { values, channels: 1, labels: &vec![0; values.len()] });
        assert_eq!(why(&[1.0, 2.0]), "t-SNE needs at least 8 points, and there are 2");
        assert_eq!(why(&[2.0; 8]), "its features do not vary");
        assert!(why(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, f32::NAN]).contains("no numbers"));
    }

    #[test]
    fn names_are_short() {
        assert_eq!(last_parts("/home/someone/images/dog/7.png".to_owned()), "dog/7.png");
        assert_eq!(last_parts("7.png".to_owned()), "7.png");
    }
}
