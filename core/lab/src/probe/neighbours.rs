//! The nearest-neighbour probe. It learns nothing, so it depends only on the features.

use super::in_f32::in_f32;
use super::labelled::Task;
use super::result::Found;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::ops::{self, Product};
use plasticity_core::{Error, Result};

/// Rows that are tested together.
const BLOCK: usize = 512;

/// The percentage of test stimuli whose class is the most frequent one of their `k` nearest
/// training stimuli. The nearest stimuli have the largest cosine of raw features, xᵀ y / (‖x‖ ‖y‖), computed in f32.
/// Among classes with equal votes, the one with the largest sum of cosines wins. Each version of a stimulus has a vote.
///
/// # Errors
/// If rows or labels do not fit, or there are fewer than `k` training stimuli.
pub fn neighbours(k: usize, task: &Task, device: &Device) -> Result<Found> {
    task.check()?;
    let (classes, channels) = (task.classes, task.test.channels);
    let labels: Vec<u32> = task.train.iter().flat_map(|pass| pass.labels).copied().collect();
    enough(k, labels.len(), task.train.len())?;
    let known: Vec<f32> = task.train.iter().flat_map(|pass| directions(pass.values, channels)).collect();
    let known = Buffer::from_vec(device, known)?;
    let mut found = Found::default();
    for (values, own) in task.test.values.chunks(BLOCK * channels).zip(task.test.labels.chunks(BLOCK)) {
        let rows = Buffer::from_vec(device, directions(values, channels))?;
        let mut cosines = Buffer::zeros(device, own.len() * labels.len())?;
        let product = Product::new(own.len(), labels.len(), channels).transpose_b();
        in_f32(device, || Ok(ops::product(product, &rows, &known, &mut cosines)?))?;
        for (cosines, &own) in cosines.to_vec()?.chunks(labels.len()).zip(own) {
            let mut votes = vec![(0usize, 0.0f32); classes];
            for near in nearest(k, cosines) {
                if let Some((count, sum)) = votes.get_mut(labels[near] as usize) {
                    *count += 1;
                    *sum += cosines[near];
                }
            }
            found.count(own as usize, &votes, |a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        }
    }
    Ok(found.in_percent(task.test.labels.len(), classes))
}

/// Checks that `k` of the `rows` training stimuli can be neighbours. The rows are those of all `versions`.
///
/// # Errors
/// If there are fewer than `k`.
pub(super) fn enough(k: usize, rows: usize, versions: usize) -> Result<()> {
    if (1..=rows).contains(&k) {
        return Ok(());
    }
    let what = if versions > 1 { "versions of training stimuli" } else { "training stimuli" };
    Err(Error::config("probe.neighbours", format!("expected 1 to {rows}, the number of {what}, got {k}")))
}

/// Every row divided by its length; a row of zeros stays zero.
fn directions(values: &[f32], channels: usize) -> Vec<f32> {
    let of_row = |row: &[f32]| -> Vec<f32> {
        let length = row.iter().map(|value| value * value).sum::<f32>().sqrt();
        row.iter().map(|value| if length > 0.0 { value / length } else { 0.0 }).collect()
    };
    values.chunks(channels.max(1)).flat_map(of_row).collect()
}

/// The places of the `k` largest values; among equal values the first.
fn nearest(k: usize, cosines: &[f32]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..cosines.len()).collect();
    let order = |a: &usize, b: &usize| cosines[*b].total_cmp(&cosines[*a]).then(a.cmp(b));
    if k < places.len() {
        places.select_nth_unstable_by(k, order);
        places.truncate(k);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::super::labelled::Labelled;
    use super::*;

    fn probe(k: usize, train: &[f32], labels: &[u32], test: &[f32], own: &[u32]) -> Result<Found> {
        let train = [Labelled { values: train, channels: 2, labels }];
        let test = Labelled { values: test, channels: 2, labels: own };
        neighbours(k, &Task { classes: 6, train: &train, held_out: &[], test }, &Device::open().unwrap())
    }

    #[test]
    fn near_is_what_points_the_same_way_however_far_it_is() {
        // The row (10, 1) has the smallest distance to (9, 9), but nearly the direction of (1, 0).
        let found = probe(1, &[1.0, 0.0, 9.0, 9.0], &[2, 3], &[10.0, 1.0, 0.5, 0.6], &[2, 3]).unwrap();
        assert_eq!(found.accuracy, 100.0);
    }

    #[test]
    fn the_class_of_most_neighbours_wins_and_then_the_nearer_one() {
        let train = [1.0, 0.0, 1.0, 0.2, 1.0, 0.3, 0.0, 1.0];
        let labels = [1, 0, 0, 5];
        let of = |k, own| probe(k, &train, &labels, &[1.0, 0.0], &[own]).unwrap();
        assert_eq!([1, 2, 3].map(|k| of(k, 1).accuracy), [100.0, 100.0, 0.0]);
        // Class 1 is among the five best classes; a class without votes is not.
        assert_eq!((of(3, 1).top5, of(3, 2).top5), (Some(100.0), Some(0.0)));
    }

    #[test]
    fn more_neighbours_than_there_are_is_an_error_that_says_how_many_there_are() {
        for k in [0, 3] {
            let error = probe(k, &[1.0; 4], &[0, 1], &[1.0; 2], &[0]).unwrap_err().to_string();
            assert!(
                error.starts_with("probe.neighbours: expected 1 to 2, the number of training"),
                "{error}"
            );
        }
        let pass = Labelled { values: &[1.0; 4], channels: 2, labels: &[0, 1] };
        let task = Task { classes: 2, train: &[pass; 2], held_out: &[], test: pass };
        let error = neighbours(5, &task, &Device::open().unwrap()).unwrap_err().to_string();
        assert!(error.contains("expected 1 to 4, the number of versions of training stimuli"), "{error}");
    }
}
