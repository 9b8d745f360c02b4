//! t-SNE: a map on which stimuli with similar features are near each other (the paper's Figure 3b).

use crate::probe::Labelled;
use bhtsne::tSNE;
use plasticity_core::random::{Random, stream};
use rand::RngExt;

/// The effective number of neighbours of a point (t-SNE's perplexity).
const PERPLEXITY: f32 = 30.0;
/// How coarsely distant points are summed (Barnes-Hut's θ): larger is coarser.
const THETA: f32 = 0.5;
const STEPS: usize = 1000;
/// The fewest points of a map.
pub const FEWEST: usize = 8;

/// The perplexity of a map of `rows` points: 30, or what so few points allow.
pub fn perplexity(rows: usize) -> f32 {
    PERPLEXITY.min(rows.saturating_sub(2) as f32 / 3.0)
}

/// A place in the plane for every row of `of`, by t-SNE (van der Maaten & Hinton 2008; Barnes-Hut,
/// van der Maaten 2014) with this [`perplexity`] on Euclidean distances of raw features. The initial
/// places follow from `seed`. The search for neighbours is random, so maps of the same features are
/// similar but not equal. `None` if there are fewer than [`FEWEST`] rows, if they do not [vary](varies), or if a place is
/// not finite.
pub fn embedding(of: Labelled, seed: u64) -> Option<Vec<[f32; 2]>> {
    let rows: Vec<&[f32]> = of.values.chunks_exact(of.channels.max(1)).collect();
    if rows.len() < FEWEST || !varies(of) {
        return None;
    }
    let mut random: Random = stream(seed, &[u64::from_be_bytes(*b"TSNE-map")]);
    let start: Vec<f32> = (0..2 * rows.len()).map(|_| random.random_range(-1e-2..1e-2)).collect();
    let mut map = tSNE::<f32, &[f32], 2>::new(&rows);
    map.perplexity(perplexity(rows.len())).epochs(STEPS).initial_embedding(start);
    map.barnes_hut(THETA, |a, b| distance(a, b));
    let places: Vec<[f32; 2]> = map.embedding().chunks_exact(2).map(|place| [place[0], place[1]]).collect();
    places.iter().flatten().all(|value| value.is_finite()).then_some(places)
}

/// Whether some rows differ.
pub fn varies(of: Labelled) -> bool {
    let mut rows = of.values.chunks_exact(of.channels.max(1));
    let first = rows.next();
    rows.any(|row| Some(row) != first)
}

/// The Euclidean distance of two rows. It has eight partial sums, which the processor adds at once.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; 8];
    for (a, b) in a.chunks(8).zip(b.chunks(8)) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += (a - b) * (a - b);
        }
    }
    sums.iter().sum::<f32>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_stay_apart() {
        let labels: Vec<u32> = (0..60).map(|row| row % 2).collect();
        let noise = |row: u32, channel: u32| ((row * 7 + channel * 13) % 11) as f32 * 0.02;
        let values: Vec<f32> =
            (0..60u32).flat_map(|row| (0..3).map(move |c| 4.0 * (row % 2) as f32 + noise(row, c))).collect();
        let of = Labelled { values: &values, channels: 3, labels: &labels };
        let map = embedding(of, 1).unwrap();
        let distance = |a: usize, b: usize| (map[a][0] - map[b][0]).hypot(map[a][1] - map[b][1]);
        for row in 0..60 {
            let others = (0..60).filter(|other| *other != row);
            let nearest = others.min_by(|a, b| distance(row, *a).total_cmp(&distance(row, *b))).unwrap();
            assert_eq!(nearest % 2, row % 2, "the nearest of {row} is {nearest}");
        }
    }

    #[test]
    fn distances_are_euclidean() {
        let (a, b): (Vec<f32>, Vec<f32>) = (0..11).map(|at| (at as f32, 3.0)).unzip();
        assert_eq!(distance(&a, &b), 154_f32.sqrt(), "9 + 4 + 1 + 0 + 1 + 4 + … + 49");
        assert_eq!(distance(&a, &a), 0.0);
    }

    #[test]
    fn features_that_do_not_vary_have_no_map() {
        let of =
            |values: &[f32]| embedding(Labelled { values, channels: 1, labels: &vec![0; values.len()] }, 1);
        assert!(of(&[2.0; 40]).is_none() && of(&[1.0, 2.0]).is_none());
    }
}
