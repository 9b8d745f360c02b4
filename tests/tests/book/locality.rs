//! The audit's marks of a rule on a small network, for its page.

use plasticity_core::Result;
use plasticity_core::device::Device;
use plasticity_core::layer::LayerSpec;
use plasticity_core::map::MapShape;
use plasticity_core::plasticity::RuleSpec;
use plasticity_core::registry::Plugin;
use plasticity_lab::audit::{Audit, AuditBench, THRESHOLD, audit};
use plasticity_lab::modules::resolve;
use plasticity_lab::network::{Network, NetworkPlan};
use plasticity_lab::optimiser::OptimiserSpec;

/// Patches in time, of stimuli that make no pairs, so that rules on two views refuse them; and whole images in two views.
const INPUTS: [MapShape; 2] = [
    MapShape { time: 4, location: 2, batch: 5, extent: [1, 4, 4], channels: 1 },
    MapShape { time: 1, location: 1, batch: 8, extent: [1, 8, 8], channels: 1 },
];
const LAYERS: usize = 3;

/// A line for each mark, with the modules that the rule is meant for; or why the audit has nothing to say.
pub fn marks(plugin: &Plugin) -> String {
    let rule: Box<dyn RuleSpec> = toml::from_str(plugin.example).unwrap();
    let mut refused = None;
    for input in INPUTS {
        match measure(rule.as_ref(), input) {
            Ok(text) => return text,
            Err(error) => {
                refused.get_or_insert(error);
            }
        }
    }
    format!("The audit does not run on this rule: {}.", refused.unwrap())
}

fn measure(rule: &dyn RuleSpec, input: MapShape) -> Result<String> {
    let device = Device::open()?;
    let layers: Vec<Box<dyn LayerSpec>> = (0..LAYERS)
        .map(|_| serde_json::json!({ "type": "conv2d", "channels": 6, "kernel": 3, "padding": 1 }))
        .map(|spec| serde_json::from_value(spec).unwrap())
        .collect();
    let modules = resolve(&rule.demands().modules, LAYERS)?;
    let optimiser = OptimiserSpec::default();
    let plan = NetworkPlan {
        layers: &layers,
        modules: &modules,
        rule,
        optimiser: optimiser.into(),
        module_rates: None,
        input,
        classes: Some(3),
        seed: 5,
    };
    let found = audit(&mut AuditBench::new(Network::build(&plan, &device)?, input, 3, 5)?)?;
    if !found.learns {
        return Ok("This rule changes no weights, so there is nothing to measure.".to_owned());
    }
    let whole = if modules.len() == 1 { "in one module" } else { "each in its own module" };
    Ok(format!(
        "Measured on {LAYERS} convolutions, {whole}, by [the audit](../../compare/audit.md#how-local-is-it):\n\n{}",
        lines(&found, input.batch)
    ))
}

/// The marks, with what they were read off where they are not the ones of a local rule.
fn lines(found: &Audit, batch: usize) -> String {
    let evidence = &found.evidence;
    let mut against = Vec::new();
    let mut add = |change: Option<f64>, what: &str| {
        if let Some(change) = change.filter(|change| *change > THRESHOLD) {
            against.push(format!("{what} ({change:.1e})"));
        }
    };
    add(Some(evidence.other_layers), "a layer's update changes with other layers' weights");
    add(evidence.third_stimulus, "the effect of three stimuli is not the sum of the effects of pairs");
    add(evidence.disconnected_neuron, "updates change with a neuron without dendritic connections");
    let transport = match (evidence.other_layers > THRESHOLD, evidence.backward_use) {
        (_, Some(change)) if change > THRESHOLD => {
            format!(": updates of presynaptic neurons change with the weight ({change:.1e})")
        }
        (true, _) => ": a layer's update changes with the weights of layers above".to_owned(),
        _ => String::new(),
    };
    let time = match evidence.partners_of_a_context {
        Some(0) => ": no earlier step of a stimulus is compared with the last step of one".to_owned(),
        Some(1) => {
            ": an update combines the earlier steps of a stimulus with the last step of one stimulus only"
                .to_owned()
        }
        Some(many) => format!(": a step compares a context with {many} of {batch} stimuli"),
        None => String::new(),
    };
    let space = if against.is_empty() { String::new() } else { format!(": {}", against.join("; ")) };
    let mark = |mark: Option<bool>| match mark {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not measured",
    };
    format!(
        "- Local in space: **{}**{space}.\n- Local in time: **{}**{time}.\n- Weight transport: **{}**{transport}.",
        mark(found.space),
        mark(found.time),
        mark(found.weight_transport)
    )
}
