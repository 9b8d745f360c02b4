//! Which class a probe names for each class.

use crate::report::Material;
use crate::report::charts::{Frame, matrix};
use crate::report::page::Page;
use maud::html;
use plasticity_core::Result;
use plasticity_lab::analysis::{Answers, Confusion, Kind, kind};

/// The layer that a probe read, its accuracy, and the numbers of stimuli that trained and tested it. These
/// numbers are those of one group: groups may differ in them.
fn caption(answers: &Answers, accuracy: f64, frames: bool) -> String {
    let unit = if frames { "frames of speech" } else { "stimuli" };
    let (layer, learned, tested) = (answers.layer + 1, answers.learned, answers.labels.len());
    format!(
        "Layer {layer}: {accuracy:.1} % of {tested} test {unit} named correctly, after training on {learned} {unit}."
    )
}

/// The section with a matrix for each group's first run.
pub fn confusion(material: &Material, page: &mut Page) -> Result<()> {
    let mut figures = Vec::new();
    for (index, (group, answers)) in material.groups.iter().zip(&material.answers).enumerate() {
        let run = material.first(index);
        let confusion = Confusion::of(answers, run.classes.len());
        let present: Vec<usize> =
            (0..run.classes.len()).filter(|&class| confusion.share(class, class).is_some()).collect();
        let cells: Vec<Vec<Option<f64>>> = present
            .iter()
            .map(|&class| present.iter().map(|&named| confusion.share(class, named)).collect())
            .collect();
        let names: Vec<String> = present.iter().map(|&class| run.classes[class].clone()).collect();
        let (suffix, of) = match material.groups.len() {
            1 => (String::new(), String::new()),
            _ => (format!("-{}", index + 1), format!(" after {}", group.name)),
        };
        let frame = Frame {
            name: format!("confusion{suffix}"),
            title: format!("What the probe names each class{of}, in %"),
            x: "class that the probe names".to_owned(),
            y: "class that it is".to_owned(),
            ..Frame::default()
        };
        let chart = matrix(&frame, &names, &names, &cells, 100.0, &|share| format!("{share:.0}"))?;
        let frames = kind(run.stimuli.as_ref()) == Kind::Sound;
        figures.push(page.figure(chart, &caption(answers, confusion.accuracy(), frames)));
    }
    let body = html! {
        p {
            "Which classes the network separates, and which it confuses. A row is a class. Its fields say how often, in \
             percent, the probe gives the stimuli of this class the name of each column. A row adds up to 100 %. A \
             perfect probe has 100 % on the diagonal."
        }
        p {
            "The probe reads the layer with the best accuracy of the probes above, on features scaled to mean 0 and \
             variance 1. A run that has not been probed is read at its last layer. The probe is trained for this page \
             alone, so its accuracy differs a little from the one above."
        }
        div.charts { @for figure in &figures { (figure) } }
    };
    page.section("confusion", "Confusions", body);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caption_tells_the_numbers_of_its_own_probe() {
        let answers = |layer, learned| Answers { layer, labels: vec![0; 8], named: vec![0; 8], learned };
        let [one, other] = [answers(0, 16), answers(4, 12)].map(|answers| caption(&answers, 50.0, false));
        assert!(
            one.starts_with("Layer 1: 50.0 % of 8 test stimuli") && one.contains("on 16 stimuli"),
            "{one}"
        );
        assert!(other.starts_with("Layer 5") && other.contains("on 12 stimuli"), "{other}");
        assert!(caption(&answers(0, 16), 50.0, true).contains("8 test frames of speech"));
    }
}
