//! Which rows each prediction step compares.

use super::drawn::Negatives;
use super::options::Protocol;
use plasticity_core::representation::RepresentationShape;
use plasticity_core::{Error, Result};

/// One prediction step. It compares row r of one contiguous part of the representation (contexts) with row r of
/// another (targets).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// k, from 1.
    pub k: usize,
    /// First context row.
    pub context: usize,
    /// First target row.
    pub target: usize,
    /// Rows of both.
    pub rows: usize,
}

/// The shape in which rows are compared. If all pairs are compared, one row holds all locations of a step and input.
pub fn view(protocol: &Protocol, shape: RepresentationShape) -> RepresentationShape {
    match protocol.negatives {
        Negatives::All {} => {
            RepresentationShape { location: 1, channel: shape.channel * shape.location, ..shape }
        }
        _ => shape,
    }
}

/// The prediction steps of a representation whose rows are compared in the shape `view`, within `window` steps
/// of time.
///
/// Every step that has a target is a context. If all pairs are compared, the contexts are the same for every k: the
/// steps that have a target for k = K.
///
/// # Errors
/// If there are too few steps in time.
pub fn steps(
    rule: &str,
    protocol: &Protocol,
    view: RepresentationShape,
    window: std::ops::Range<usize>,
) -> Result<Vec<Step>> {
    let (most, skip) = (protocol.prediction_steps, protocol.skip);
    let time = window.len();
    if time <= most + skip || view.rows_per_step() == 0 {
        let (source, remedy) = if time < view.time {
            (format!("a `window` of {time}"), "raise `window`")
        } else {
            (time.to_string(), "use longer stimuli")
        };
        let message = format!(
            "{most} prediction steps with `skip = {skip}` need more than {} steps in time, got {source} ({} \
             rows in each step): lower `prediction_steps` or `skip`, or {remedy}",
            most + skip,
            view.rows_per_step()
        );
        return Err(Error::shape(format!("rule {rule}"), message));
    }
    let row = |step: usize| (window.start + step) * view.rows_per_step();
    Ok((1..=most)
        .map(|k| {
            let ahead = match protocol.negatives {
                Negatives::All {} => most + skip,
                _ => k + skip,
            };
            let rows = (time - ahead) * view.rows_per_step();
            Step { k, context: row(0), target: row(k + skip), rows }
        })
        .collect())
}

/// Number of scores of one prediction step; there are as many modulations. Scores are of all pairs of rows, or of
/// each row with its own target and its negatives.
pub fn compared(protocol: &Protocol, shape: RepresentationShape) -> u64 {
    let view = view(protocol, shape);
    let time = if protocol.window > 0 { protocol.window.min(view.time) } else { view.time };
    let rows = |ahead: usize| (time.saturating_sub(ahead) as u64).saturating_mul(view.rows_per_step() as u64);
    let scores = match protocol.negatives {
        Negatives::All {} => {
            let rows = rows(protocol.prediction_steps + protocol.skip);
            rows.saturating_mul(rows)
        }
        Negatives::Random { count } | Negatives::OtherSample { count, .. } => {
            rows(1 + protocol.skip).saturating_mul(1 + count as u64)
        }
    };
    scores.saturating_mul(2)
}

#[cfg(test)]
mod tests {
    use super::super::options::{Options, PredictionSteps};
    use super::*;

    fn shape(time: usize) -> RepresentationShape {
        RepresentationShape { time, location: 3, batch: 2, channel: 4 }
    }

    #[test]
    fn targets_lie_k_and_skip_ahead() {
        let options =
            Options { prediction_steps: PredictionSteps::Same(2), ..Options::default() }.protocol(0);
        let made = steps("r", &options, shape(4), 0..4).unwrap();
        assert_eq!(made[0], Step { k: 1, context: 0, target: 12, rows: 12 });
        assert_eq!(made[1], Step { k: 2, context: 0, target: 18, rows: 6 });
        let windowed = steps("r", &options, shape(9), 3..7).unwrap();
        assert_eq!(windowed[1], Step { k: 2, context: 18, target: 36, rows: 6 });
    }

    #[test]
    fn with_all_pairs_every_step_has_the_same_contexts() {
        let negatives = Negatives::All {};
        let options =
            Options { prediction_steps: PredictionSteps::Same(2), skip: 0, negatives, ..Options::default() }
                .protocol(0);
        let view = view(&options, shape(5));
        assert_eq!((view.location, view.channel), (1, 12));
        let made = steps("r", &options, view, 0..5).unwrap();
        assert_eq!(made[0], Step { k: 1, context: 0, target: 2, rows: 6 });
        assert_eq!(made[1], Step { k: 2, context: 0, target: 4, rows: 6 });
    }

    #[test]
    fn too_few_steps_in_time_are_an_error_that_says_how_many() {
        let error = steps("clapp", &Options::default().protocol(0), shape(6), 0..6).unwrap_err().to_string();
        assert!(
            error.contains("rule clapp") && error.contains("more than 6 steps in time, got 6"),
            "{error}"
        );
        assert!(error.contains("use longer stimuli") && !error.contains("window"), "{error}");
        let error = steps("clapp", &Options::default().protocol(0), shape(9), 2..5).unwrap_err().to_string();
        assert!(error.contains("got a `window` of 3") && error.contains("raise `window`"), "{error}");
    }
}
