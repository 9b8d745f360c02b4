//! Ends training after a time without improvement. This depends only on the records, so a resumed
//! run ends at the same step as a run that was never stopped.

use crate::config::Patience;
use crate::run::Record;

/// The improvement of training so far.
pub struct Waiting {
    patience: Patience,
    best: Option<(f64, u64)>,
    without: u64,
    /// The epoch whose losses are summed, their sum and their number.
    epoch: (u64, f64, u64),
}

impl Waiting {
    pub fn new(patience: Patience) -> Self {
        Self { patience, best: None, without: 0, epoch: (0, 0.0, 0) }
    }

    /// Processes a record; returns the reason if training must end.
    pub fn hear(&mut self, record: &Record) -> Option<String> {
        match self.patience {
            Patience::Loss(_) => {
                let mean = mean(record.loss.iter().map(|&loss| f64::from(loss)))?;
                let (epoch, sum, count) = self.epoch;
                if record.epoch == epoch {
                    self.epoch = (epoch, sum + mean, count + 1);
                } else {
                    self.epoch = (record.epoch, mean, 1);
                    if count > 0 {
                        self.judge(-sum / count as f64, record.step);
                    }
                }
            }
            Patience::Probe(_) => {
                let probes = record.measures.iter().filter(|(name, _)| name.starts_with("probe/"));
                self.judge(mean(probes.map(|(_, accuracy)| *accuracy))?, record.step);
            }
        }
        let (Patience::Loss(most) | Patience::Probe(most)) = self.patience;
        let (best, step) = self.best.filter(|_| self.without >= most)?;
        Some(match self.patience {
            Patience::Loss(_) => {
                format!(
                    "the loss has not fallen below {:.4} (reached by step {step}) in {most} epochs",
                    -best
                )
            }
            Patience::Probe(_) => {
                format!("the probe accuracy has not risen above {best:.1} % (step {step}) in {most} probes")
            }
        })
    }

    /// Compares a value with the best one before; higher is better.
    fn judge(&mut self, value: f64, step: u64) {
        if self.best.is_none_or(|(best, _)| value > best) {
            self.best = Some((value, step));
            self.without = 0;
        } else {
            self.without += 1;
        }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0u64), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(step: u64, epoch: u64, loss: f32, probes: &[f64]) -> Record {
        let names = ["probe/layer_1/raw", "probe/layer_2/raw"];
        let measures = names.into_iter().map(str::to_owned).zip(probes.iter().copied()).collect();
        Record { step, epoch, loss: vec![loss, loss + 1.0], surprise: Vec::new(), measures }
    }

    /// The step of the record at which training ends.
    fn ends(patience: Patience, records: &[Record]) -> Option<u64> {
        let mut waiting = Waiting::new(patience);
        records.iter().find_map(|record| waiting.hear(record).map(|_| record.step))
    }

    #[test]
    fn epochs_without_a_lower_mean_loss_are_counted() {
        // Means of the epochs: 3.5, 2.5, 2.5, 2.6; the last epoch is not complete.
        let losses = [(0, 4.0), (0, 2.0), (1, 2.0), (2, 1.5), (2, 2.5), (3, 2.1), (4, 0.0)];
        let records: Vec<_> =
            losses.iter().zip(1..).map(|(&(epoch, loss), step)| record(step, epoch, loss, &[])).collect();
        assert_eq!(ends(Patience::Loss(2), &records), Some(7));
        assert_eq!(ends(Patience::Loss(1), &records), Some(6));
        assert_eq!(ends(Patience::Loss(3), &records), None);
    }

    #[test]
    fn probes_without_a_better_mean_are_counted_and_a_better_one_begins_anew() {
        let probes: [&[f64]; 7] =
            [&[30.0, 40.0], &[], &[35.0, 35.0], &[36.0, 36.0], &[20.0, 20.0], &[], &[36.0, 30.0]];
        let records: Vec<_> =
            probes.iter().zip(1..).map(|(probes, step)| record(step, 0, 1.0, probes)).collect();
        assert_eq!(ends(Patience::Probe(2), &records), Some(7));
        assert_eq!(ends(Patience::Probe(1), &records), Some(3));
        let mut waiting = Waiting::new(Patience::Probe(2));
        let why = records.iter().find_map(|record| waiting.hear(record)).unwrap();
        assert_eq!(why, "the probe accuracy has not risen above 36.0 % (step 4) in 2 probes");
    }
}
