//! The scores of checkpoints: `scores.jsonl`, with a line for each checkpoint.

use super::journal::Journal;
use crate::config::BestBy;
use plasticity_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The score of a checkpoint: higher is better.
#[derive(Serialize, Deserialize)]
struct Scored {
    step: u64,
    score: f64,
    /// The criterion; runs of earlier programs do not state it.
    #[serde(default)]
    by: Option<BestBy>,
}

/// The scores of a run's checkpoints.
pub(super) struct Best {
    journal: Journal,
    by: BestBy,
    scores: BTreeMap<u64, f64>,
}

impl Best {
    /// Opens the file to resume after `step`; later scores are dropped. Scores by another criterion stay in the file but
    /// do not count, because they have another scale. A score without a criterion counts.
    pub(super) fn open(path: &Path, step: u64, by: BestBy) -> Result<Self> {
        let journal = Journal::open(path, step)?;
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::file(path, format!("cannot be read: {error}")))?;
        let scored = text.lines().filter_map(|line| serde_json::from_str::<Scored>(line).ok());
        let scored = scored.filter(|scored| scored.by.is_none_or(|of| of == by));
        Ok(Self { journal, by, scores: scored.map(|scored| (scored.step, scored.score)).collect() })
    }

    pub(super) fn add(&mut self, step: u64, score: f64) -> Result<()> {
        self.scores.insert(step, score);
        self.journal.write(&Scored { step, score, by: Some(self.by) })?;
        self.journal.synchronise()
    }

    /// The `count` best of `steps`; among equal ones the earlier. Steps without a score are not included.
    pub(super) fn of(&self, count: usize, steps: &[u64]) -> Vec<u64> {
        let mut scored: Vec<_> =
            steps.iter().filter_map(|step| Some((*step, *self.scores.get(step)?))).collect();
        scored.sort_by(|(a, one), (b, other)| other.total_cmp(one).then(a.cmp(b)));
        scored.into_iter().take(count).map(|(step, _)| step).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_are_those_of_highest_score_also_after_resuming() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scores.jsonl");
        let mut best = Best::open(&path, 0, BestBy::Loss).unwrap();
        for (step, score) in [(2, -3.0), (4, -1.0), (6, -2.0), (8, -1.0)] {
            best.add(step, score).unwrap();
        }
        assert_eq!(best.of(2, &[2, 4, 6, 8]), [4, 8]);
        assert_eq!(
            best.of(9, &[2, 5, 6]),
            [6, 2],
            "there is no checkpoint of step 4, and no score of step 5"
        );
        drop(best);
        assert_eq!(Best::open(&path, 6, BestBy::Loss).unwrap().of(2, &[2, 4, 6, 8]), [4, 6]);
    }

    #[test]
    fn scores_by_another_criterion_do_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scores.jsonl");
        std::fs::write(&path, "{\"step\":1,\"score\":-5.0}\n").unwrap();
        Best::open(&path, 9, BestBy::Loss).unwrap().add(2, -1.0).unwrap();
        let mut best = Best::open(&path, 9, BestBy::Probe).unwrap();
        best.add(3, 40.0).unwrap();
        assert_eq!(best.of(3, &[1, 2, 3]), [3, 1]);
        assert_eq!(Best::open(&path, 9, BestBy::Loss).unwrap().of(3, &[1, 2, 3]), [2, 1]);
    }
}
