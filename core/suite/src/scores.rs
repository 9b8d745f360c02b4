//! Checks of every score function: its fast form agrees with automatic differentiation of all pairs.

use super::Found;
use super::compare::{agree, noise, noisy, random};
use plasticity_core::Result;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::draws::Side;
use plasticity_core::pairs::{Pairs, Scores};
use plasticity_core::score::{Reach, Rows, ScoreFunction, ScoreSpec, Transport, autodiff};

const ROWS: usize = 6;
/// Numbers of target and context neurons: different, and equal for scores that need this.
const WIDTHS: [(usize, usize); 2] = [(5, 4), (5, 5)];

fn make(
    spec: &dyn ScoreSpec,
    side: Side,
    device: &Device,
) -> Result<(Box<dyn ScoreFunction>, (usize, usize))> {
    let [unlike, alike] = WIDTHS;
    let build = |widths: (usize, usize)| {
        spec.build(side, widths.0, widths.1, device, &mut random(4)).map(|score| (score, widths))
    };
    build(unlike).or_else(|_| build(alike))
}

/// Builds the score.
#[allow(clippy::borrowed_box, reason = "the type of specs")]
pub fn build(spec: &Box<dyn ScoreSpec>) -> Result<()> {
    make(spec.as_ref(), Side::Predict, &Device::open()?).map(drop)
}

/// Checks a score on sampled and on all pairs.
#[allow(clippy::borrowed_box, reason = "the type of specs")]
pub fn check(spec: &Box<dyn ScoreSpec>, found: &mut Found) {
    for side in [Side::Predict, Side::Retrodict] {
        if side == Side::Retrodict && spec.transport() != Transport::Retrodiction {
            continue;
        }
        found.run(side.name(), |found| {
            let device = Device::open()?;
            let (mut score, widths) = make(spec.as_ref(), side, &device)?;
            let index = vec![1, 5, 0, 0, 2, 4, 3, 3, 0, 5, 1, 2];
            pairs(score.as_mut(), widths, &Pairs::sampled(&device, ROWS, 2, index)?, "sampled pairs", found)?;
            let of_a_batch = Pairs::sampled(&device, ROWS, 1, vec![1, 2, 1])?;
            pairs(score.as_mut(), widths, &of_a_batch, "pairs, the same in every batch", found)?;
            pairs(score.as_mut(), widths, &Pairs::all(ROWS), "all pairs", found)
        });
        found.refuses("rows of another width", || {
            let device = Device::open()?;
            let (mut score, widths) = make(spec.as_ref(), side, &device)?;
            let data = Buffer::zeros(&device, ROWS * (widths.0 + 2))?;
            let rows = Rows { data: &data, first: 0, rows: ROWS, channels: widths.0 + 2 };
            score.scores(rows, rows, &Pairs::all(ROWS)).map(drop)
        });
    }
}

fn pairs(
    score: &mut dyn ScoreFunction,
    widths: (usize, usize),
    pairs: &Pairs,
    what: &str,
    found: &mut Found,
) -> Result<()> {
    let device = Device::open()?;
    let z = noisy(&device, &mut random(5), (ROWS + 2) * widths.0)?;
    let c = noisy(&device, &mut random(6), (ROWS + 1) * widths.1)?;
    let target = Rows { data: &z, first: 2, rows: ROWS, channels: widths.0 };
    let context = Rows { data: &c, first: 1, rows: ROWS, channels: widths.1 };
    let ours = score.scores(target, context, pairs)?;
    let plain = autodiff::scores(score, target, context, pairs)?;
    agree(found, &format!("{what}: scores"), &ours.values, &plain.values)?;
    let columns = pairs.columns();
    let mut gamma = noise(&mut random(7), ROWS * columns);
    gamma[columns..2 * columns].fill(0.0);
    let gamma = Scores { values: Buffer::from_vec(&device, gamma)?, rows: ROWS, columns };
    let all = Reach::ALL;
    let plain = autodiff::dendrites(score, target, context, pairs, &gamma, all)?;
    for reach in [
        all,
        Reach { target: true, context: false, weights: false },
        Reach { target: false, context: true, weights: false },
        Reach { target: false, context: false, weights: true },
    ] {
        score.scores(target, context, pairs)?;
        let ours = score.dendrites(target, context, pairs, &gamma, reach)?;
        for (side, asked, ours, plain) in [
            ("target", reach.target, &ours.target, &plain.target),
            ("context", reach.context, &ours.context, &plain.context),
        ] {
            match (asked, ours, plain) {
                (true, Some(ours), Some(plain)) => agree(found, &format!("{what}: {side}"), ours, plain)?,
                (true, _, _) => found.add(format!("{what}: returns no dendritic signal for the {side}")),
                (false, ..) => {}
            }
        }
        if reach.weights && ours.own.len() != plain.own.len() {
            found.add(format!("{what}: {} own updates instead of {}", ours.own.len(), plain.own.len()));
        }
        for (ours, plain) in ours.own.iter().zip(&plain.own).filter(|_| reach.weights) {
            agree(found, &format!("{what}: own weights"), ours, plain)?;
        }
    }
    Ok(())
}
