//! Compares a rule's update with finite differences of its loss. This is for rules with only a loss: automatic
//! differentiation makes their update, so it cannot also be the reference.

use super::{Comparison, norm};
use plasticity_core::device::{Buffer, Device};
use plasticity_core::draws::Draws;
use plasticity_core::plasticity::{PlasticityRule, RuleUpdate, Signals, autodiff};
use plasticity_core::random::{Random, stream};
use plasticity_core::representation::Representation;
use plasticity_core::{Error, Result};
use rand::RngExt;

/// The largest relative error that passes; rounding of a loss in `f32` and its curvature cause such errors.
pub const TOLERANCE: f64 = 1e-2;
/// The number of directions in which each tensor is moved. They are parts of its update, so that each value is in some
/// directions and not in others.
const DIRECTIONS: u64 = 3;
/// Step lengths, relative to the moved tensor. The length with the best agreement counts, since short steps suffer
/// from rounding and long ones from curvature.
const STEPS: [f64; 6] = [0.3, 0.1, 3e-2, 1e-2, 3e-3, 1e-3];

/// The moved part of the signals.
#[derive(Clone, Copy)]
enum Side {
    Target,
    Context,
}

/// Compares the update of one module's rule: by target, context and every own parameter that learns.
///
/// # Errors
/// If the rule returns an error, or follows no loss.
pub fn differences(
    rule: &mut dyn PlasticityRule,
    signals: &Signals,
    draws: &mut dyn Draws,
    update: &RuleUpdate,
    module: usize,
) -> Result<Vec<Comparison>> {
    let mut held = autodiff::Held::default();
    let mut loss = |rule: &mut dyn PlasticityRule, signals: &Signals| -> Result<f64> {
        let loss = autodiff::loss(rule, signals, draws, &mut held)?;
        loss.map(f64::from).ok_or_else(|| Error::shape("verify", "the rule no longer has a loss"))
    };
    // From here on, detached values stay fixed.
    loss(rule, signals)?;
    let device = signals.target.data().device().clone();
    let mut compared = Vec::new();
    let sides = [
        (Side::Target, Some(signals.target), Some(&update.target)),
        (Side::Context, signals.context, update.context.as_ref()),
    ];
    for (side, seen, slope) in sides {
        let (Some(seen), Some(slope)) = (seen, slope) else { continue };
        let name = match side {
            Side::Target => "target",
            Side::Context => "context",
        };
        let error = relative_error(&seen.data().to_vec()?, &slope.to_vec()?, &mut |moved| {
            let moved = representation(&device, seen, moved)?;
            let mut signals = *signals;
            match side {
                Side::Target => signals.target = &moved,
                Side::Context => signals.context = Some(&moved),
            }
            loss(rule, &signals)
        })?;
        compared.push(Comparison {
            tensor: format!("module.{module}.{name}"),
            relative_error: Some(error),
            tolerance: TOLERANCE,
        });
    }
    let learning = rule.parameters().iter().filter(|parameter| parameter.learns()).count();
    for index in 0..learning {
        let mut name = String::new();
        let mut of = |rule: &mut dyn PlasticityRule,
                      values: Option<&[f32]>|
         -> Result<(Vec<f32>, Vec<f32>)> {
            let mut parameters = rule.parameters().into_iter().filter(|parameter| parameter.learns());
            let parameter =
                parameters.nth(index).ok_or_else(|| Error::shape("verify", "a parameter is missing"))?;
            values.map_or(Ok(()), |values| parameter.set(values))?;
            name = parameter.name().to_owned();
            let slope = update.own.get(index).map_or(Ok(Vec::new()), |slope| parameter.to_public(slope))?;
            Ok((parameter.get()?, slope))
        };
        let (before, slope) = of(rule, None)?;
        let error = relative_error(&before, &slope, &mut |moved| {
            of(rule, Some(&moved))?;
            loss(rule, signals)
        })?;
        of(rule, Some(&before))?;
        compared.push(Comparison {
            tensor: format!("module.{module}.{name}"),
            relative_error: Some(error),
            tolerance: TOLERANCE,
        });
    }
    Ok(compared)
}

fn representation(device: &Device, seen: &Representation, values: Vec<f32>) -> Result<Representation> {
    Representation::new(seen.shape(), Buffer::from_vec(device, values)?)
}

/// The largest error over all directions d: −⟨∇L, d⟩ from the update, compared with the change of the loss.
fn relative_error(at: &[f32], update: &[f32], loss: &mut dyn FnMut(Vec<f32>) -> Result<f64>) -> Result<f64> {
    let mut random = stream(0, &[u64::from_be_bytes(*b"verify\0\0")]);
    let mut largest: f64 = 0.0;
    for direction in 0..DIRECTIONS {
        let moved = part(update, direction, &mut random);
        let length = norm(&moved);
        if length == 0.0 {
            continue;
        }
        // Along d = part / ‖part‖ the loss falls by ‖part‖, since the rest of the update is orthogonal to it.
        let mut best = f64::INFINITY;
        for step in STEPS {
            let step = step * norm(at).max(1e-3) / length;
            let at_step = |sign: f64| -> Vec<f32> {
                at.iter()
                    .zip(&moved)
                    .map(|(at, d)| (f64::from(*at) + sign * step * f64::from(*d)) as f32)
                    .collect()
            };
            let fallen = (loss(at_step(-1.0))? - loss(at_step(1.0))?) / (2.0 * step);
            best = best.min((fallen - length * length).abs() / (length * length));
        }
        largest = largest.max(best);
    }
    Ok(largest)
}

/// The whole update, or a random half of its values. If the update is zero, so is each part; then it is not checked
/// that the loss stays constant.
fn part(update: &[f32], direction: u64, random: &mut Random) -> Vec<f32> {
    update.iter().map(|value| if direction == 0 || random.random::<bool>() { *value } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasticity_core::draws::SeededDraws;
    use plasticity_core::parameter::Parameter;
    use plasticity_core::plasticity::{LossRule, Taped};
    use plasticity_core::representation::RepresentationShape;
    use plasticity_core::taped::Scalar;

    /// ⟨(z W − detach(z))²⟩: a part of the value has no gradient.
    struct Towards(Parameter);

    impl LossRule for Towards {
        fn loss(&self, signals: &Taped, _: &mut dyn Draws) -> Result<Scalar> {
            let z = signals.target();
            Ok((z.matmul(signals.own(0)?) - z.detach()).square().mean())
        }

        fn parameters(&mut self) -> Vec<&mut Parameter> {
            vec![&mut self.0]
        }
    }

    fn compare(change: impl FnOnce(&mut RuleUpdate)) -> Vec<Comparison> {
        let device = Device::open().unwrap();
        let shape = RepresentationShape { time: 3, location: 1, batch: 4, channel: 2 };
        let values = (0..shape.len()).map(|i| (i * 37 % 23) as f32 / 23.0 - 0.4).collect();
        let target = Representation::new(shape, Buffer::from_vec(&device, values).unwrap()).unwrap();
        let weight = Parameter::plain(&device, "weight", &[2, 2], &[0.3, -0.2, 0.5, 0.1]).unwrap();
        let mut rule = Towards(weight);
        let mut draws = SeededDraws { seed: 1, step: 0, module: 0 };
        let signals = Signals::new(&target);
        let mut update = rule.update(&signals, &mut draws).unwrap();
        change(&mut update);
        let compared = differences(&mut rule, &signals, &mut draws, &update, 2).unwrap();
        assert_eq!(rule.0.get().unwrap(), [0.3, -0.2, 0.5, 0.1], "it is put back");
        compared
    }

    #[test]
    fn a_right_update_agrees_though_part_of_the_loss_is_stopped() {
        let compared = compare(|_| {});
        let names: Vec<_> = compared.iter().map(|one| one.tensor.as_str()).collect();
        assert_eq!(names, ["module.2.target", "module.2.weight"]);
        assert!(compared.iter().all(Comparison::passes), "{compared:?}");
    }

    #[test]
    fn a_wrong_value_or_a_wrong_size_does_not() {
        let wrong = |index: usize, factor: f32| {
            compare(|update| {
                let device = update.target.device().clone();
                let values = if index == 0 { &mut update.target } else { &mut update.own[0] };
                let mut changed = values.to_vec().unwrap();
                changed.iter_mut().step_by(3).for_each(|value| *value *= factor);
                *values = Buffer::from_vec(&device, changed).unwrap();
            })
        };
        for index in 0..2 {
            let passes: Vec<_> = wrong(index, -1.0).iter().map(Comparison::passes).collect();
            assert_eq!(passes, [index != 0, index != 1]);
            assert!(!wrong(index, 1.2)[index].passes());
        }
    }
}
