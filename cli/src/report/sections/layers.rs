//! Lines over layers, for several groups and for the untrained network.

use crate::examined::Look;
use crate::report::Material;
use crate::report::charts::{Chart, Frame, Point, Series, lines, over_seeds};
use plasticity_core::Result;

/// A line for every group, and a line for the untrained networks: one for all groups if they have the same, otherwise one
/// for each. `None` if there is nothing to draw.
pub fn by_layer(
    material: &Material,
    frame: Frame,
    of: &dyn Fn(&Look) -> Vec<Option<f64>>,
) -> Result<Option<Chart>> {
    let line = |looks: Vec<&Look>| -> Vec<Point> {
        let all: Vec<Vec<Option<f64>>> = looks.into_iter().map(of).collect();
        let layers = all.iter().map(Vec::len).max().unwrap_or(0);
        (0..layers)
            .filter_map(|layer| {
                let values: Vec<f64> = all.iter().filter_map(|of| of.get(layer).copied().flatten()).collect();
                (!values.is_empty()).then(|| over_seeds((layer + 1) as f64, &values))
            })
            .collect()
    };
    let mut series: Vec<Series> = material
        .groups
        .iter()
        .enumerate()
        .map(|(index, group)| Series {
            name: if material.groups.len() == 1 { "trained".to_owned() } else { group.name.clone() },
            points: line(material.looks(group, true).collect()),
            colour: Some(index),
            faint: false,
        })
        .collect();
    for (index, group) in material.baselines(material.groups.iter().enumerate()) {
        let points = line(material.looks(group, false).collect());
        let colour = (!material.same_untrained).then_some(index);
        series.push(Series { name: material.untrained(group), points, colour, faint: true });
    }
    series.retain(|one| !one.points.is_empty());
    if series.is_empty() {
        return Ok(None);
    }
    let frame = Frame { x: "layer".to_owned(), places: material.places(), ..frame };
    lines(&frame, &series, &[]).map(Some)
}
