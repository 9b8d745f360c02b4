//! The audit's marks of a rule on a small network, for its page.

use plasticity::audit::{AuditBench, audit};
use plasticity_core::Result;
use plasticity_core::device::Device;
use plasticity_core::layer::LayerSpec;
use plasticity_core::map::MapShape;
use plasticity_core::modules::resolve;
use plasticity_core::network::{Network, NetworkPlan};
use plasticity_core::optimiser::OptimiserSpec;
use plasticity_core::plasticity::RuleSpec;
use plasticity_core::registry::Plugin;

/// Patches in time, of stimuli that make no pairs, so that rules on two views refuse them; and whole images in two views.
const INPUTS: [MapShape; 2] = [
    MapShape { time: 4, location: 2, batch: 5, extent: [1, 4, 4], channels: 1 },
    MapShape { time: 1, location: 1, batch: 8, extent: [1, 8, 8], channels: 1 },
];
const LAYERS: usize = 3;

/// "local in space: yes; …" with the modules that the rule is meant for; or why the audit has nothing to say.
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
    let modules = resolve(&rule.modules(), LAYERS)?;
    let optimiser = OptimiserSpec::default();
    let plan =
        NetworkPlan { layers: &layers, modules: &modules, rule, optimiser, input, classes: Some(3), seed: 5 };
    let found = audit(&mut AuditBench::new(Network::build(&plan, &device)?, input, 3, 5)?)?;
    if !found.learns {
        return Ok("Nothing learns: there is nothing to be local.".to_owned());
    }
    let mark = |yes| if yes { "yes" } else { "no" };
    let whole = if modules.len() == 1 { "one module of all layers" } else { "every layer a module" };
    Ok(format!(
        "Local in space: **{}**. Local in time: **{}**. Weight transport: **{}**. (Measured on {LAYERS} convolutions, {whole}.)",
        mark(found.space),
        mark(found.time),
        mark(found.weight_transport)
    ))
}
