//! A rule of single synapses is built for the summed inputs that it is given.
#![allow(clippy::unwrap_used, reason = "a test's helpers")]

use plasticity_tests as _;

use plasticity_core::device::{Buffer, Device};
use plasticity_core::draws::{Draws, SeededDraws};
use plasticity_core::layer::LayerSpec;
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::plasticity::{
    ContextSource, Demands, Level, PlasticityRule, RuleSpec, RuleUpdate, Signals, Site,
};
use plasticity_core::random::Random;
use plasticity_core::representation::{Pooling, RepresentationShape};
use plasticity_core::{Error, Result};
use plasticity_lab::network::{Network, NetworkPlan};
use plasticity_lab::optimiser::OptimiserSpec;
use serde_json::json;

/// Learns nothing, and refuses signals of another shape than it was made for.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Shapes {
    keep: bool,
}

struct ShapesRule {
    target: RepresentationShape,
    top: RepresentationShape,
}

#[typetag::serde(name = "shapes")]
impl RuleSpec for Shapes {
    fn build(&self, to: &Site, _: &mut Random) -> Result<Box<dyn PlasticityRule>> {
        assert_eq!(to.target, to.context);
        Ok(Box::new(ShapesRule { target: to.target, top: to.top }))
    }

    // ANCHOR: demands
    fn demands(&self) -> Demands {
        let pooling = if self.keep { Pooling::Keep } else { Pooling::Mean };
        let demands = Demands::default().with_level(Level::Activation).with_context(ContextSource::Top);
        demands.with_pooling(pooling)
    }
    // ANCHOR_END: demands
}

impl PlasticityRule for ShapesRule {
    fn update(&mut self, signals: &Signals, _: &mut dyn Draws) -> Result<RuleUpdate> {
        let top = signals.top.ok_or_else(|| Error::shape("shapes", "there is no top"))?;
        assert_eq!((signals.target.shape(), top.shape()), (self.target, self.top));
        let device = signals.target.data().device();
        let target = Buffer::zeros(device, signals.target.shape().len())?;
        Ok(RuleUpdate::new(Buffer::zeros(device, 1)?, target))
    }
}

#[test]
fn shapes_are_those_of_summed_inputs_ahead_of_the_pool() {
    let device = Device::open().unwrap();
    let input = MapShape { time: 2, location: 1, batch: 2, extent: [1, 8, 8], channels: 1 };
    let layer =
        json!({ "type": "conv2d", "channels": 3, "kernel": 3, "padding": 1, "max_pool": { "size": 2 } });
    let layers: Vec<Box<dyn LayerSpec>> = serde_json::from_value(json!([layer, layer])).unwrap();
    for keep in [false, true] {
        let plan = NetworkPlan {
            layers: &layers,
            modules: &[0..1, 1..2],
            rule: &Shapes { keep },
            optimiser: OptimiserSpec::default().into(),
            module_rates: None,
            input,
            classes: None,
            seed: 1,
        };
        let mut network = Network::build(&plan, &device).unwrap();
        let map = FeatureMap::new(input, Buffer::zeros(&device, input.len()).unwrap()).unwrap();
        let mut draws = SeededDraws::of_modules(1, 0);
        network.step(map, None, &mut draws, &mut |_| Ok(())).unwrap();
    }
}
