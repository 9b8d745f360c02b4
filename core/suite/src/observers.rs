//! Checks of every observer: it measures the same values for the same steps, also in a resumed run.

use super::Found;
use super::compare::{noise, random};
use plasticity_core::Result;
use plasticity_core::device::Device;
use plasticity_core::observer::{Measure, Moment, Observed, ObserverSpec};
use plasticity_core::parameter::Parameter;

/// Number of steps that an observer sees.
const STEPS: u64 = 200;

/// A network of two modules, with what observers can see of it.
struct Shown(Vec<(String, Parameter)>);

impl Observed for Shown {
    fn parameters(&mut self) -> Vec<(String, &Parameter)> {
        self.0.iter().map(|(name, parameter)| (name.clone(), parameter)).collect()
    }

    fn modules(&self) -> usize {
        2
    }
}

fn shown() -> Result<Shown> {
    let device = Device::open()?;
    let mut random = random(21);
    let mut parameter = |name: &str, shape: &[usize]| -> Result<(String, Parameter)> {
        let values = noise(&mut random, shape.iter().product());
        let short = name.rsplit('.').next().unwrap_or_default();
        Ok((name.to_owned(), Parameter::plain(&device, short, shape, &values)?))
    };
    let named: [(&str, &[usize]); 4] = [
        ("layer.0.weight", &[3, 2, 3, 3]),
        ("layer.0.bias", &[3]),
        ("layer.1.weight", &[4, 3, 1, 1]),
        ("module.1.predict", &[4, 4]),
    ];
    Ok(Shown(named.into_iter().map(|(name, shape)| parameter(name, shape)).collect::<Result<_>>()?))
}

/// Checks an observer in a short training, from the start and resumed in the middle.
#[allow(clippy::borrowed_box, reason = "the type of specs")]
pub fn check(spec: &Box<dyn ObserverSpec>, found: &mut Found) {
    found.run("a training", |found| {
        let (first, again) = (watch(spec.as_ref(), 0)?, watch(spec.as_ref(), 0)?);
        if first != again {
            found.add("a second observer measures other numbers in the same training");
        }
        let resumed = watch(spec.as_ref(), STEPS / 2)?;
        let later: Vec<_> = first.into_iter().filter(|(step, _)| *step > STEPS / 2).collect();
        if resumed != later {
            found.add("in a resumed run it measures other numbers than in a run that was never stopped");
        }
        Ok(())
    });
}

/// The measures of each step after `from`.
fn watch(spec: &dyn ObserverSpec, from: u64) -> Result<Vec<(u64, Measure)>> {
    let mut observer = spec.build()?;
    let mut network = shown()?;
    let mut measured = Vec::new();
    let losses = [0.5, 0.25];
    {
        let moment: Moment = Moment::new(from, STEPS, &mut network);
        observer.begin(&moment)?;
    }
    for step in from + 1..=STEPS {
        observer.before(step)?;
        // Stands for learning: the values depend only on the step.
        for (_, parameter) in &mut network.0 {
            let values = vec![step as f32; parameter.value().len()];
            parameter.set(&values)?;
        }
        let mut moment: Moment = Moment::new(step, STEPS, &mut network);
        moment.batch = 4;
        moment.losses = if observer.wants_losses(step) { &losses } else { &[] };
        observer.after(&moment)?;
        measured.extend(moment.into_measures().into_iter().map(|measure| (step, measure)));
    }
    let moment: Moment = Moment::new(STEPS, STEPS, &mut network);
    observer.end(&moment)?;
    Ok(measured)
}
