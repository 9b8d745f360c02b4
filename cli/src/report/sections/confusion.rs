//! Which class a probe names for each class.

use crate::report::Material;
use crate::report::charts::{Frame, matrix};
use crate::report::page::Page;
use crate::report::rows::Rows;
use maud::html;
use plasticity_core::Result;
use plasticity_lab::analysis::{Answers, Confusion};

/// The layer that a probe read, its accuracy, and the numbers of stimuli that trained and tested it. These
/// numbers are those of one group: groups may differ in them.
fn caption(answers: &Answers, accuracy: f64, rows: Rows) -> String {
    let unit = rows.name();
    let (layer, learned, tested) = (answers.layer + 1, answers.learned, answers.labels.len());
    format!(
        "Layer {layer}: {accuracy:.1} % of {tested} test {unit} named correctly, after training on {learned} {unit}."
    )
}

/// The classes of a matrix's rows and those of its columns: the classes of the test stimuli, and these with all others
/// that the probe names.
fn shown(confusion: &Confusion) -> (Vec<usize>, Vec<usize>) {
    let classes = 0..confusion.counts.len();
    let present = |class: &usize| confusion.share(*class, *class).is_some();
    let named = |class: &usize| present(class) || confusion.counts.iter().any(|row| row[*class] > 0);
    (classes.clone().filter(present).collect(), classes.filter(named).collect())
}

/// The section with a matrix for each group's first run.
pub fn confusion(material: &Material, page: &mut Page) -> Result<()> {
    let mut figures = Vec::new();
    for (index, (group, answers)) in material.groups.iter().zip(&material.answers).enumerate() {
        let run = material.first(index);
        let confusion = Confusion::of(answers, run.classes.len());
        let (rows, columns) = shown(&confusion);
        let cells: Vec<Vec<Option<f64>>> = rows
            .iter()
            .map(|&class| columns.iter().map(|&named| confusion.share(class, named)).collect())
            .collect();
        let [rows, columns] = [rows, columns].map(|classes| -> Vec<String> {
            classes.iter().map(|&class| run.classes[class].clone()).collect()
        });
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
        let chart = matrix(&frame, &rows, &columns, &cells, 100.0, &|share| format!("{share:.0}"))?;
        figures.push(page.figure(chart, &caption(answers, confusion.accuracy(), material.rows)));
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
        let [one, other] =
            [answers(0, 16), answers(4, 12)].map(|answers| caption(&answers, 50.0, Rows::Stimuli));
        assert!(
            one.starts_with("Layer 1: 50.0 % of 8 test stimuli") && one.contains("on 16 stimuli"),
            "{one}"
        );
        assert!(other.starts_with("Layer 5") && other.contains("on 12 stimuli"), "{other}");
        assert!(caption(&answers(0, 16), 50.0, Rows::Frames).contains("8 test frames of speech"));
        assert!(caption(&answers(0, 16), 50.0, Rows::Windows).contains("8 test windows of speech"));
    }

    #[test]
    fn a_class_that_only_the_probe_names_has_a_column() {
        let answers = Answers { layer: 0, labels: vec![0, 0, 3], named: vec![0, 2, 3], learned: 9 };
        assert_eq!(shown(&Confusion::of(&answers, 5)), (vec![0, 3], vec![0, 2, 3]));
    }
}
