//! `plasticity verify`: compares the updates of this build with numbers that were computed elsewhere.

pub mod autodiff;
mod case;
mod differences;
mod draws;
mod input;
mod published;
mod specs;

pub use case::{Case, Tensors};

use crate::memory::{self, Memory};
use crate::network::{ModuleStep, Network, NetworkPlan};
use crate::optimiser::OptimiserSpec;
use draws::FileDraws;
use plasticity_core::device::Device;
use plasticity_core::draws::Draws;
use plasticity_core::representation::{Representation, RepresentationShape};
use plasticity_core::{Error, Result};
use serde::Serialize;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// The largest relative error ‖ours − expected‖ / ‖expected‖ that passes.
pub const TOLERANCE: f64 = 1e-4;

/// The comparison of one expected tensor with ours.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The tensor's name in the file.
    pub tensor: String,
    /// ‖ours − expected‖ / ‖expected‖; `None` if the network or the file has no such tensor, or another number of
    /// values.
    pub relative_error: Option<f64>,
    /// The largest error that passes.
    pub tolerance: f64,
}

impl Comparison {
    /// A comparison with numbers of full precision.
    fn new(tensor: impl Into<String>, relative_error: Option<f64>) -> Self {
        Self { tensor: tensor.into(), relative_error, tolerance: TOLERANCE }
    }

    /// Whether the error is small enough.
    pub fn passes(&self) -> bool {
        self.relative_error.is_some_and(|error| error <= self.tolerance)
    }
}

/// Runs a reference case and compares every tensor that it expects, and the gradient of every parameter that learns,
/// whether the file has it or not.
///
/// # Errors
/// If the file is not a reference case, or describes a network that cannot be built.
pub fn reference(path: &Path, device: &Device) -> Result<Vec<Comparison>> {
    let tensors = Tensors::read(path)?;
    if let Some(compared) = published::compare(&tensors, device)? {
        return Ok(compared);
    }
    let case = Arc::new(Case::of(tensors)?);
    let input = input::input(&case, device)?;
    let modules = case
        .description
        .modules
        .iter()
        .map(|layers| contiguous(&case, layers))
        .collect::<Result<Vec<_>>>()?;
    let (layers, rule) = (specs::layers(&case)?, specs::rule(&case)?);
    let plan = NetworkPlan {
        layers: &layers,
        modules: &modules,
        rule: rule.as_ref(),
        optimiser: OptimiserSpec::default().into(),
        module_rates: None,
        input: input.shape(),
        classes: case.description.classes,
        seed: 0,
    };
    // Before anything is drawn.
    if let Some(mut sized) = memory::sized(&plan, device) {
        given(&case, &mut sized)?;
        let remedy = "verify a case with a smaller network or batch";
        Memory::of_network(&mut sized, &plan)?.check(memory::limit(), remedy)?;
    }
    let mut network = Network::build(&plan, device)?;
    let learning = given(&case, &mut network)?;
    let labels: Option<Vec<u32>> =
        case.integers.get("labels").map(|labels| labels.iter().map(|&label| label.max(0) as u32).collect());
    let missing = Arc::new(Mutex::new(Vec::new()));
    let mut ours = Vec::new();
    network.step(
        input,
        labels.as_deref(),
        &mut |module| {
            Box::new(FileDraws { case: Arc::clone(&case), module, missing: Arc::clone(&missing) })
                as Box<dyn Draws>
        },
        &mut |mut step| record(&mut ours, &case, &mut step),
    )?;
    if let Some(first) = missing.lock().ok().and_then(|missing| missing.first().cloned()) {
        return Err(case.bad(format!("lacks {first}")));
    }
    let expected =
        case.floats.iter().filter_map(|(name, tensor)| Some((name.strip_prefix("expect.")?, tensor)));
    let compared: Vec<_> = expected
        .map(|(name, tensor)| {
            let found = ours.iter().find(|(ours, _)| ours == name);
            let relative_error = found.and_then(|(_, values)| relative_error(values, &tensor.values));
            Comparison::new(name, relative_error)
        })
        .collect();
    // A case without the gradient of a learning parameter proves nothing about it.
    let without = learning.into_iter().filter(|name| !compared.iter().any(|one| one.tensor == *name));
    let without: Vec<_> = without.map(|tensor| Comparison::new(tensor, None)).collect();
    Ok(compared.into_iter().chain(without).collect())
}

/// Gives a network the parameters of the case, and returns the names of the gradients of those that learn.
///
/// # Errors
/// If a parameter is missing in the case, or has another shape there.
fn given(case: &Case, network: &mut Network) -> Result<Vec<String>> {
    let mut learning = Vec::new();
    for (name, parameter) in network.parameters() {
        // A layer's running statistics do not affect a step of learning; a rule's fixed parameters do.
        if !parameter.learns() && !name.starts_with("module.") {
            continue;
        }
        if parameter.learns() {
            learning.push(format!("{name}.grad"));
        }
        let given = case.float(&name)?;
        if given.shape != parameter.shape() {
            let expected = parameter.shape();
            return Err(case.bad(format!("`{name}` has shape {:?}, expected {expected:?}", given.shape)));
        }
        parameter.set(&given.values)?;
    }
    Ok(learning)
}

/// Adds a module's loss, representation and gradients to `ours`.
fn record(ours: &mut Vec<(String, Vec<f32>)>, case: &Case, step: &mut ModuleStep) -> Result<()> {
    let module = format!("module.{}", step.index);
    ours.push((format!("{module}.loss"), step.loss.to_vec()?));
    let seen = step.context.unwrap_or(step.target);
    let representation = match case.float(&format!("expect.{module}.representation"))?.shape.as_slice() {
        &[_, _, _, y, x] => channels_first(seen, y * x)?,
        _ => seen.data().to_vec()?,
    };
    ours.push((format!("{module}.representation"), representation));
    for (name, update) in step.named()? {
        ours.push((format!("{name}.grad"), update.into_iter().map(|value| -value).collect()));
    }
    Ok(())
}

/// `[time, location, B, C]` to `[B, C, T, locations]`.
fn channels_first(seen: &Representation, locations: usize) -> Result<Vec<f32>> {
    let RepresentationShape { time, location, batch, channel } = seen.shape();
    if location != locations {
        return Err(Error::shape("representation", format!("{location} locations, expected {locations}")));
    }
    let values = seen.data().to_vec()?;
    let mut out = Vec::with_capacity(values.len());
    for b in 0..batch {
        for c in 0..channel {
            for t in 0..time {
                out.extend((0..location).map(|l| values[((t * location + l) * batch + b) * channel + c]));
            }
        }
    }
    Ok(out)
}

fn contiguous(case: &Case, layers: &[usize]) -> Result<std::ops::Range<usize>> {
    match (layers.first(), layers.last()) {
        (Some(&first), Some(&last))
            if layers.iter().copied().eq(first..=last) && last < case.description.layers.len() =>
        {
            Ok(first..last + 1)
        }
        _ => Err(case.bad(format!("module {layers:?} is not a sequence of layers"))),
    }
}

/// ‖ours − expected‖ / ‖expected‖ (the absolute error if all expected values are zero).
fn relative_error(ours: &[f32], expected: &[f32]) -> Option<f64> {
    if ours.len() != expected.len() {
        return None;
    }
    let difference: Vec<f32> = ours.iter().zip(expected).map(|(ours, expected)| ours - expected).collect();
    let (difference, size) = (norm(&difference), norm(expected));
    Some(if size > 0.0 { difference / size } else { difference })
}

/// ‖values‖.
fn norm(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt()
}
