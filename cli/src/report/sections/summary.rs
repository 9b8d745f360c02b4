//! The top of the page: what was run, and what came of it.

use crate::report::Material;
use crate::report::page::Page;
use crate::report::paper::published;
use maud::html;
use plasticity_core::Result;
use plasticity_lab::analysis::{Confusion, Kind, kind};

/// The page's title: the rules, and what they learned from.
pub fn title(material: &Material) -> String {
    let names: Vec<&str> = material.groups.iter().map(|group| group.name.as_str()).collect();
    let what = match material.runs.first().map(|run| kind(run.stimuli.as_ref())) {
        Some(Kind::Sound) => "speech",
        Some(Kind::Video) => "video",
        _ => "images",
    };
    match names.len() {
        0..=3 => format!("What {} learned from {what}", listed(&names)),
        count => format!("What {count} settings learned from {what}"),
    }
}

fn listed(names: &[&str]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => (*one).to_owned(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

/// A sentence and a few numbers.
pub fn summary(material: &Material, page: &mut Page) -> Result<()> {
    let first = material.first(0);
    let classes = first.classes.len();
    let chance = 100.0 / classes.max(1) as f64;
    let frames = kind(first.stimuli.as_ref()) == Kind::Sound;
    let unit = if frames { "frames of speech" } else { "test stimuli" };
    let kinds = if frames { "classes of speech sounds" } else { "classes" };
    let (first_classes, all) = first.classes.split_at(classes.min(6));
    let names = if all.is_empty() {
        listed(&first_classes.iter().map(String::as_str).collect::<Vec<_>>())
    } else {
        format!("{}, …", first_classes.join(", "))
    };
    let told =
        (0..material.groups.len()).any(|group| material.first(group).loaded.config().rule.demands().labels);
    let how = if told { "" } else { " without labels" };
    let body = html! {
        p.lead {
            "A network learned" (how) ", each layer or group of layers with its own rule. Then it was frozen, \
             and a linear classifier (a " em { "linear probe" } ") was trained on the activity of its layers to name " (classes)
            " " (kinds) " (" (names) "). Its accuracy shows how much about the classes the network has learned."
        }
        ul.tiles {
            @for (index, (group, answers)) in material.groups.iter().zip(&material.answers).enumerate() {
                @let run = material.first(index);
                li {
                    b { (format!("{:.1} %", Confusion::of(answers, run.classes.len()).accuracy())) }
                    span {
                        "of " (answers.labels.len()) " " (unit) " correct from layer " (answers.layer + 1)
                        @if material.groups.len() > 1 { ", " (group.name) }
                    }
                }
            }
            li { b { (format!("{chance:.1} %")) } span { "would be correct by guessing (chance)" } }
            @if material.groups.len() == 1 {
                li { b { (first.loaded.step()) } span { "steps of training" } }
                @if let Some(found) = published(first.loaded.config()) {
                    li { b { (format!("{} %", found.accuracy)) } span { "reported in the paper, " (found.data) ", last layer" } }
                }
            }
            li { b { (material.runs.len()) } span { @if material.runs.len() == 1 { "run" } @else { "runs" } } }
        }
    };
    page.section("summary", "", body);
    Ok(())
}
