//! A network's parameters and its optimisers' averages, by name, for checkpoints.

use super::{Module, Network, Owner, Slot};
use plasticity_core::device::Buffer;
use plasticity_core::parameter::Parameter;
use plasticity_core::plasticity::PlasticityRule;
use plasticity_core::{Error, Result};
use std::collections::BTreeMap;
use std::ops::Range;

/// A tensor in its public layout.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values.
    pub values: Vec<f32>,
}

/// Everything of a network that changes with training.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Parameters as `layer.I.NAME`, `module.M.NAME`; averages as `optimiser.M.FULL NAME.0` and `.1`.
    pub tensors: BTreeMap<String, Saved>,
    /// Steps that each module's optimiser has made; empty if only weights are passed on, and optimisers begin anew.
    pub optimiser_steps: Vec<u64>,
}

impl State {
    /// A tensor that holds NaN or an infinity, if there is one.
    pub fn not_finite(&self) -> Option<&str> {
        let lost = |saved: &Saved| saved.values.iter().any(|value| !value.is_finite());
        self.tensors.iter().find(|(_, saved)| lost(saved)).map(|(name, _)| name.as_str())
    }
}

impl Network {
    /// Everything that changes with training.
    ///
    /// # Errors
    /// If a copy from the device fails.
    pub fn state(&mut self) -> Result<State> {
        let mut tensors = BTreeMap::new();
        for (name, parameter) in self.parameters() {
            tensors.insert(name, Saved { shape: parameter.shape().to_vec(), values: parameter.get()? });
        }
        let Self { slots, modules, .. } = self;
        for (index, module) in modules.iter_mut().enumerate() {
            let Module { layers, rule, optimiser, .. } = module;
            let learning = learning(index, layers, slots, rule.as_mut());
            for ((name, parameter), averages) in learning.into_iter().zip(optimiser.averages()) {
                for (which, average) in averages.iter().enumerate().filter(|(_, average)| !average.is_empty())
                {
                    let saved =
                        Saved { shape: parameter.shape().to_vec(), values: parameter.to_public(average)? };
                    tensors.insert(format!("optimiser.{index}.{name}.{which}"), saved);
                }
            }
        }
        Ok(State { tensors, optimiser_steps: self.optimiser_steps() })
    }

    /// Steps that each module's optimiser has made.
    pub fn optimiser_steps(&self) -> Vec<u64> {
        self.modules.iter().map(|module| module.optimiser.steps()).collect()
    }

    /// Restores a saved state. If it does not fit, nothing changes.
    ///
    /// # Errors
    /// If a tensor is missing, has another shape, or belongs to another network; the error names it.
    pub fn restore(&mut self, state: &State) -> Result<()> {
        let steps = match &state.optimiser_steps[..] {
            [] => vec![0; self.modules.len()],
            steps => steps.to_vec(),
        };
        if steps.len() != self.modules.len() {
            let message = format!("has {} modules, but the network has {}", steps.len(), self.modules.len());
            return Err(Error::shape("checkpoint", message));
        }
        let mut used = 0;
        let mut averages = Vec::new();
        for (index, &made) in steps.iter().enumerate() {
            let mut of_module = Vec::new();
            let Module { layers, rule, .. } = &mut self.modules[index];
            for (name, parameter) in learning(index, layers, &mut self.slots, rule.as_mut()) {
                let average = |which: usize| -> Result<Buffer> {
                    let key = format!("optimiser.{index}.{name}.{which}");
                    let memory = match state.tensors.get(&key) {
                        Some(saved) => parameter.to_memory(fitting(&key, saved, parameter)?)?,
                        None => Vec::new(),
                    };
                    Ok(Buffer::from_vec(&self.device, memory)?)
                };
                let pair = [average(0)?, average(1)?];
                used += pair.iter().filter(|average| !average.is_empty()).count();
                of_module.push(pair);
            }
            if made == 0 {
                of_module.clear();
            } else if self.modules[index].optimiser.averages_updates()
                && of_module.iter().any(|[first, _]| first.is_empty())
            {
                return Err(Error::shape(
                    "checkpoint",
                    format!("has no running averages for module {}", index + 1),
                ));
            }
            averages.push(of_module);
        }
        let mut values = Vec::new();
        for (name, parameter) in self.parameters() {
            let missing =
                || Error::shape("checkpoint", format!("has no `{name}`: it belongs to another network"));
            let saved = state.tensors.get(&name).ok_or_else(missing)?;
            values.push(fitting(&name, saved, parameter)?);
            used += 1;
        }
        if used != state.tensors.len() {
            let message = format!(
                "has {} tensors, but the network needs {used}: it belongs to another network",
                state.tensors.len()
            );
            return Err(Error::shape("checkpoint", message));
        }
        for ((_, parameter), values) in self.parameters().into_iter().zip(values) {
            parameter.set(values)?;
        }
        for ((module, averages), steps) in self.modules.iter_mut().zip(averages).zip(steps) {
            module.optimiser.restore(steps, averages);
        }
        Ok(())
    }
}

/// The parameters that a module's optimiser moves, in its order, by full name.
fn learning<'a>(
    module: usize,
    layers: &Range<usize>,
    slots: &'a mut [Slot],
    rule: &'a mut dyn PlasticityRule,
) -> Vec<(String, &'a mut Parameter)> {
    let layers = layers.clone().zip(&mut slots[layers.clone()]).flat_map(|(layer, slot)| {
        slot.layer.parameters().into_iter().map(move |p| (Owner::Layer(layer).full(p.name()), p))
    });
    let own = rule.parameters().into_iter().map(|p| (Owner::Module(module).full(p.name()), p));
    layers.chain(own).filter(|(_, parameter)| parameter.learns()).collect()
}

fn fitting<'a>(name: &str, saved: &'a Saved, parameter: &Parameter) -> Result<&'a [f32]> {
    if saved.shape == parameter.shape() && saved.values.len() == parameter.value().len() {
        return Ok(&saved.values);
    }
    let message =
        format!("`{name}` has shape {:?}, but the network needs {:?}", saved.shape, parameter.shape());
    Err(Error::shape("checkpoint", message))
}
