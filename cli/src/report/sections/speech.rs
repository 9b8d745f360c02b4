//! Speech: the correct phones, and the phones that a probe names, below the spectrogram.

use crate::report::Material;
use crate::report::charts::{Frame, Strip, speech as spectrogram};
use crate::report::page::Page;
use maud::{Markup, html};
use plasticity_core::Result;
use plasticity_core::stimulus::Label;
use plasticity_lab::analysis::{Kind, kind, whole};
use plasticity_modalities::audio::{HOP, RATE, mfcc::log_mel};

/// The largest number of windows of speech that are shown.
const SHOWN: usize = 3;

/// The section with spectrograms and phones, if stimuli are speech with labelled frames and may be shown.
pub fn speech(material: &Material, page: &mut Page) -> Result<()> {
    let run = material.first(0);
    if kind(run.stimuli.as_ref()) != Kind::Sound || !material.wanted.pictures {
        return Ok(());
    }
    let mut figures: Vec<Markup> = Vec::new();
    let mut row = 0;
    let every = run.stimuli.len().div_ceil(SHOWN).max(1);
    for index in 0..run.stimuli.len() {
        let Label::Frames(frames) = run.stimuli.sample(index, None)?.label else { return Ok(()) };
        let first = row;
        row += frames.iter().flatten().count();
        if index % every != 0 || first == row {
            continue;
        }
        let name = |class: u32| run.classes.get(class as usize).cloned();
        let mut strips = vec![Strip {
            name: "said".to_owned(),
            frames: frames.iter().map(|class| class.and_then(name)).collect(),
            right: vec![true; frames.len()],
        }];
        for (group, answers) in material.groups.iter().zip(&material.answers) {
            let mut next = first;
            let mut heard = |class: &Option<u32>| -> (Option<String>, bool) {
                let Some(class) = class else { return (None, true) };
                let named = answers.named.get(next).copied();
                next += 1;
                (named.and_then(name), named == Some(*class))
            };
            let (frames, right) = frames.iter().map(&mut heard).unzip();
            let name = if material.groups.len() == 1 { "probed".to_owned() } else { group.name.clone() };
            strips.push(Strip { name, frames, right });
        }
        let sound = whole(run.stimuli.as_ref(), index)?;
        let frame = Frame {
            name: format!("speech-{}", figures.len() + 1),
            title: format!("Spectrogram and phones of {}", run.stimuli.name(index).unwrap_or_default()),
            x: "time, s".to_owned(),
            ..Frame::default()
        };
        let chart = spectrogram(&frame, &log_mel(&sound.values), HOP as f64 / f64::from(RATE), &strips)?;
        figures.push(page.figure(chart, "A gap in the phones is speech without a label."));
    }
    let body = html! {
        p {
            "Loudness over time and frequency (mel scale; the colour of the page is silence, that of the text is \
             loud), the correct phone (speech sound) every 10 ms, and the phone that the probe names: blue if correct, \
             orange if wrong."
            @if run.classes.iter().any(|class| class == "sil") { " The phone sil is silence." }
            span.narrow { " Swipe sideways to see the rest." }
        }
        div.speech { @for figure in &figures { (figure) } }
    };
    page.section("speech", "Speech and the phones that the probe names", body);
    Ok(())
}
