//! Which class a probe names for each class.

use crate::report::Material;
use crate::report::charts::{Frame, matrix};
use crate::report::page::Page;
use maud::html;
use plasticity_core::Result;
use plasticity_lab::analysis::Confusion;

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
        let caption = format!(
            "Layer {}: {:.1} % of {} correct. The stronger a field's colour, the more often the probe gives the row's class the column's name. \
             A row adds up to 100 %; a perfect probe has 100 % on the diagonal.",
            answers.layer + 1,
            confusion.accuracy(),
            answers.labels.len()
        );
        figures.push(page.figure(chart, &caption));
    }
    let body = html! {
        p {
            "Which classes the network separates: a probe on standardised features of the layer with the best \
             probe accuracy, trained on " (material.learned_from) " labelled rows."
        }
        div.charts { @for figure in &figures { (figure) } }
    };
    page.section("confusion", "Confusions", body);
    Ok(())
}
