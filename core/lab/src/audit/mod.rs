//! `plasticity audit`: how local a rule is, by measurement.
//!
//! The updates of a step are a function U of the stimuli and of all weights. The audit measures finite differences of
//! this function on a new network whose scores are scaled to order one. It does not ask the rule. From mixed
//! differences it subtracts a noise floor of rounding.
//!
//! *In space*, three things must hold:
//! - **layers**: no update changes when weights of a layer above, or of another module's rule, change;
//! - **pairs**: the mixed difference Δₐ Δ_b Δ_c U over any three stimuli is zero. So the modulation of a pair depends
//!   only on this pair, and not on the scores of others (with a softmax it does depend on them: Equations 11 to 14);
//! - **neurons**: if a neuron without dendritic connections changes its activity, no other neuron's update changes.
//!
//! *In time*: a context is compared with one stimulus at a time, itself or another. So Δ_context Δ_target U differs
//! from zero for at most one target stimulus. The target is the last step of a module; the context is any earlier
//! step.
//!
//! *Weight transport*, a separate mark: one learning weight is used in both directions, by a rule or by a layer that
//! passes a factor down inside a module. Layers with an inverse of their own (`dtp`) depend on layers above without it.
//!
//! If one of these cannot be measured on a network, it has no value and no mark.

mod measure;
mod space;
mod span;
mod time;
mod transport;

use measure::Bench;
pub(crate) use measure::owner;
use plasticity_core::{Error, Result};
use serde::Serialize;

/// Relative changes of an update below this are rounding.
pub const THRESHOLD: f64 = 1e-5;

/// The marks of a rule on a network, with the measurements; `None` if it could not be measured.
#[derive(Clone, Debug, Serialize)]
pub struct Audit {
    /// Local in space.
    pub space: Option<bool>,
    /// Local in time.
    pub time: Option<bool>,
    /// One weight is used in both directions.
    pub weight_transport: Option<bool>,
    /// Whether anything learns at all.
    pub learns: bool,
    /// The measurements behind the marks.
    pub evidence: Evidence,
}

/// The largest relative change of an update in each measurement, ‖ΔU‖ / ‖U‖; `None` if it could not be measured.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Evidence {
    /// Change when weights of layers above or of other modules' rules change.
    pub other_layers: f64,
    /// Mixed difference over three stimuli, minus the noise floor.
    pub third_stimulus: Option<f64>,
    /// Change of other neurons' updates when a neuron without dendritic connections changes its activity.
    pub disconnected_neuron: Option<f64>,
    /// The largest number of stimuli that one context is compared with in a step.
    pub partners_of_a_context: Option<usize>,
    /// Change of the updates of a weight's presynaptic neurons when the weight changes.
    pub backward_use: Option<f64>,
    /// Change of the factor that a layer passes down when a weight of its forward pass changes, at the same activity;
    /// `None` if every module has one layer.
    pub down_through_layers: Option<f64>,
}

impl Evidence {
    /// Local in space: none of the three changes is larger than rounding.
    fn space(&self) -> Option<bool> {
        let changes = [Some(self.other_layers), self.third_stimulus, self.disconnected_neuron];
        if changes.iter().flatten().any(|change| *change > THRESHOLD) {
            return Some(false);
        }
        changes.iter().all(Option::is_some).then_some(true)
    }

    /// One weight of a rule or a layer carries signals forwards and back.
    fn weight_transport(&self) -> Option<bool> {
        if self.other_layers > THRESHOLD && self.down_through_layers.is_none_or(|change| change > THRESHOLD) {
            return Some(true);
        }
        self.backward_use.map(|change| change > THRESHOLD)
    }
}

/// Measures the marks.
///
/// A learning rule whose updates are all zero here gets no marks.
///
/// # Errors
/// If the network cannot make a step on such stimuli, or an update is not finite.
pub fn audit(bench: &mut Bench) -> Result<Audit> {
    if !bench.learns() {
        let evidence = Evidence::default();
        return Ok(Audit {
            space: Some(true),
            time: Some(true),
            weight_transport: Some(false),
            learns: false,
            evidence,
        });
    }
    let plain = bench.plain()?;
    if let Some((name, _)) = plain.iter().find(|(_, update)| update.iter().any(|value| !value.is_finite())) {
        let message = format!("the update of `{name}` is not finite and cannot be measured");
        return Err(Error::Diverged { place: "audit".to_owned(), message });
    }
    if plain.values().flatten().all(|value| *value == 0.0) {
        let evidence = Evidence::default();
        return Ok(Audit { space: None, time: None, weight_transport: None, learns: true, evidence });
    }
    let evidence = Evidence {
        other_layers: space::other_layers(bench)?,
        third_stimulus: space::third_stimulus(bench)?,
        disconnected_neuron: space::disconnected_neuron(bench)?,
        partners_of_a_context: time::partners(bench)?,
        backward_use: transport::backward_use(bench)?,
        down_through_layers: transport::down_through_layers(bench)?,
    };
    Ok(Audit {
        space: evidence.space(),
        time: evidence.partners_of_a_context.map(|partners| partners <= 1),
        weight_transport: evidence.weight_transport(),
        learns: true,
        evidence,
    })
}

pub use measure::Bench as AuditBench;
