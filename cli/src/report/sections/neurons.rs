//! What drives single neurons most, as in the paper's Figures 3a and 8.

use crate::examined::{Examined, Look};
use crate::report::Material;
use crate::report::material::{Network, PIECES};
use crate::report::page::Page;
use crate::report::pictures::{Picture, range};
use crate::report::rows::Rows;
use maud::{Markup, html};
use plasticity_core::Result;
use plasticity_core::stimulus::{Label, Stimulus};
use plasticity_lab::analysis::{Driver, Kind, excerpt, kind, whole};

/// The largest side of a piece, in pixels.
const SIDE: usize = 48;
/// The largest side of a piece on the page, in pixels.
const SHOWN: usize = 64;

/// The section with the pieces that drive neurons of the shown layers. With several groups, only the last
/// layer is shown.
pub fn neurons(material: &Material, page: &mut Page) -> Result<()> {
    let Some(stimuli) = crate::report::material::stimuli(material) else { return Ok(()) };
    let kind = kind(stimuli);
    if kind != Kind::Sound && !material.wanted.pictures {
        return Ok(());
    }
    let contrast = contrast(stimuli)?;
    let layers = match material.groups.len() {
        1 => &material.layers[..],
        _ => material.layers.last().map_or(&[][..], std::slice::from_ref),
    };
    let mut parts: Vec<Markup> = Vec::new();
    for &layer in layers {
        let mut figures = Vec::new();
        for (title, run, network) in material.networks() {
            let look = if network == Network::Trained { &run.trained } else { &run.untrained };
            figures.push(match kind {
                Kind::Sound => sounds(run, look, layer, material, &title)?,
                _ => pieces(stimuli, look, layer, material.wanted.neurons, contrast, &title)?,
            });
        }
        parts.push(html! {
            h3 { "layer " (layer + 1) }
            div.pair { @for figure in &figures { (figure) } }
        });
    }
    let what = match kind {
        Kind::Image => "the pieces of test images",
        Kind::Video => "the frames of test clips",
        Kind::Sound => "the moments of test speech",
    };
    let body = html! {
        p {
            "For some neurons of a layer, " (what) " at which they are most active, strongest first, each from \
                                                    another stimulus."
            @if material.rows == Rows::Frames {
                " The label is the phone at that moment; – marks a moment without a label."
            } @else if kind == Kind::Sound { " The label is that of the whole window." }
            @else { " A row is a neuron. If a row shows the same thing again and again, the neuron represents \
                     this thing. A row ends early if no further stimulus drives the neuron." }
            " The untrained network is shown beside it: random weights also have preferences, but seldom for \
             something with a name."
        }
        @for part in &parts { (part) }
    };
    page.section("neurons", "What drives single neurons", body);
    Ok(())
}

/// The darkest and brightest values of some stimuli. All pieces are shown with this contrast.
fn contrast(stimuli: &dyn Stimulus) -> Result<(f32, f32)> {
    let mut values = Vec::new();
    let count = stimuli.len();
    for index in (0..count).step_by(count.div_ceil(16).max(1)) {
        values.extend(whole(stimuli, index)?.values.iter().step_by(7));
    }
    Ok(range(&mut values))
}

/// A sheet with a row of pieces for each neuron.
fn pieces(
    stimuli: &dyn Stimulus,
    look: &Look,
    layer: usize,
    neurons: usize,
    contrast: (f32, f32),
    what: &str,
) -> Result<Markup> {
    let Some(drivers) = look.seen.drivers.get(layer) else { return Ok(html! {}) };
    let chosen = drivers.awake(neurons);
    let mut pictures = Vec::new();
    for &neuron in &chosen {
        let mut row = Vec::new();
        for driver in drivers.of(neuron) {
            row.push(Picture::of_excerpt(&excerpt(stimuli, driver)?, contrast).thumbnail(SIDE));
        }
        if let Some(first) = row.first() {
            let blank = Picture::clear(first.width, first.height);
            row.resize(PIECES, blank);
        }
        pictures.extend(row);
    }
    if pictures.is_empty() {
        return Ok(
            html! { figure { p.title { (what) } figcaption { "No neuron of this layer is ever active." } } },
        );
    }
    let side = pictures[0].width.max(pictures[0].height);
    let zoom = (SHOWN / side.max(1)).max(1);
    let sheet = Picture::sheet(&pictures, PIECES, 2);
    let numbers: Vec<String> = chosen.iter().map(|neuron| (neuron + 1).to_string()).collect();
    let alt = format!("Pieces that drive neurons {} most, {what}", numbers.join(", "));
    Ok(html! {
        figure {
            p.title { (what) }
            img.sheet src=(sheet.png()?) width=(sheet.width * zoom) alt=(alt);
            figcaption { "Neurons " (numbers.join(", ")) " of " (drivers.channels()) ", one in each row" }
        }
    })
}

/// A table of the labels at which neurons are most active.
fn sounds(run: &Examined, look: &Look, layer: usize, material: &Material, what: &str) -> Result<Markup> {
    let Some(drivers) = look.seen.drivers.get(layer) else { return Ok(html! {}) };
    let mut rows = Vec::new();
    for neuron in drivers.awake(material.wanted.neurons) {
        let names = drivers.of(neuron).iter().map(|driver| label(run, driver)).collect::<Result<Vec<_>>>()?;
        rows.push((neuron + 1, names.join(" ")));
    }
    Ok(html! {
        figure {
            p.title { (what) }
            div.scroll { table {
                thead { tr { th { "neuron" } th.text { (material.rows.labels()) " at which it is most active" } } }
                tbody { @for (neuron, names) in &rows { tr { td { (neuron) } td.text { (names) } } } }
            } }
        }
    })
}

/// The label at the moment of a driver: a phone, or the class of its stimulus.
fn label(run: &Examined, driver: &Driver) -> Result<String> {
    let named = |class: Option<u32>| {
        class.and_then(|class| run.classes.get(class as usize)).cloned().unwrap_or_else(|| "–".to_owned())
    };
    Ok(match run.stimuli.sample(driver.stimulus, None)?.label {
        Label::Frames(frames) => {
            named(frames.get(driver.step * frames.len() / driver.steps.max(1)).copied().flatten())
        }
        Label::Class(class) => named(Some(class)),
        Label::None => named(None),
    })
}
