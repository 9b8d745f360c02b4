//! Measures the norms of weights, and how far a step moves them.

use plasticity_core::observer::{Moment, Observer, ObserverSpec};
use plasticity_core::{Error, Result, plugin};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Measures the Euclidean norm of every parameter and, if requested, of its change in a step.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Norms {
    /// Steps between two measures, at least 1.
    #[serde(default = "every")]
    pub every: u64,
    /// Whether the change in the measured step is also measured, as `NAME.update`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub updates: bool,
}

fn every() -> u64 {
    100
}

/// The observer that [`Norms`] builds.
struct Measuring {
    spec: Norms,
    /// The parameters one step before a measure.
    before: BTreeMap<String, Vec<f32>>,
}

impl Measuring {
    /// Keeps the parameters if the next step is measured.
    fn look_ahead(&mut self, moment: &Moment) -> Result<()> {
        self.before.clear();
        if self.spec.updates && (moment.step + 1).is_multiple_of(self.spec.every) {
            for (name, parameter) in moment.network().parameters() {
                self.before.insert(name, parameter.get()?);
            }
        }
        Ok(())
    }
}

impl Observer for Measuring {
    fn begin(&mut self, moment: &Moment) -> Result<()> {
        self.look_ahead(moment)
    }

    fn after(&mut self, moment: &Moment) -> Result<()> {
        if moment.step.is_multiple_of(self.spec.every) {
            for (name, parameter) in moment.network().parameters() {
                let values = parameter.get()?;
                let updated = self.before.get(&name).map(|before| {
                    norm(values.iter().zip(before).map(|(now, before)| f64::from(*now) - f64::from(*before)))
                });
                moment.measure(name.clone(), norm(values.iter().copied().map(f64::from)));
                if let Some(updated) = updated {
                    moment.measure(format!("{name}.update"), updated);
                }
            }
        }
        self.look_ahead(moment)
    }
}

fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}

plugin! {
    Observer "norms": "The Euclidean norm of every parameter, and of its change in a step",
    equation: "‖w‖ = √Σ w²",
    citation: "Oja 1982 (a rule that keeps the norm of the weights bounded)",
    keys: [
        every = "100", "1.. steps", "steps between two measurements";
        updates = "false", "true | false", "also measures the change in the measured step, as `NAME.update`";
    ],
    example: "type = \"norms\"\nevery = 50\nupdates = true",
    impl ObserverSpec for Norms {
        fn build(&self) -> Result<Box<dyn Observer>> {
            if self.every == 0 {
                return Err(Error::config("every", "0 is not in [1, ∞)"));
            }
            Ok(Box::new(Measuring { spec: self.clone(), before: BTreeMap::new() }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasticity_core::device::Device;
    use plasticity_core::observer::Observed;
    use plasticity_core::parameter::Parameter;

    /// A network with one parameter of two values.
    struct One(Parameter);

    impl Observed for One {
        fn parameters(&mut self) -> Vec<(String, &Parameter)> {
            vec![("layer.0.weight".to_owned(), &self.0)]
        }
        fn modules(&self) -> usize {
            1
        }
    }

    #[test]
    fn a_measured_step_tells_how_far_it_moved_weights_wherever_the_run_began() {
        let device = Device::open().unwrap();
        let spec: Norms = toml::from_str("every = 2\nupdates = true").unwrap();
        for first in [0, 1] {
            let mut observer = spec.build().unwrap();
            let mut network = One(Parameter::plain(&device, "weight", &[2], &[0.0, 0.0]).unwrap());
            let mut found = Vec::new();
            for step in first..=2u64 {
                network.0.set(&[3.0 * step as f32, 4.0 * step as f32]).unwrap();
                let moment = Moment::new(step, 2, &mut network as &mut dyn Observed);
                if step == first { observer.begin(&moment) } else { observer.after(&moment) }.unwrap();
                found.extend(moment.into_measures());
            }
            let found: Vec<_> = found.iter().map(|one| (one.name.as_str(), one.value)).collect();
            assert_eq!(found, [("layer.0.weight", 10.0), ("layer.0.weight.update", 5.0)], "from {first}");
        }
    }
}
