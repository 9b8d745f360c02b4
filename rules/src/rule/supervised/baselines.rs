//! `supervised` and `greedy_supervised`: cross entropy of a linear classifier, the labelled baselines.

use super::cross_entropy::CrossEntropy;
use plasticity_core::Result;
use plasticity_core::plasticity::{Demands, PlasticityRule, RuleSpec, Site};
use plasticity_core::plugin;
use plasticity_core::random::Random;

/// One linear classifier at the top, with gradients through all layers.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Supervised {}

/// One linear classifier for each gradient-isolated module.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GreedySupervised {}

plugin! {
    Rule "supervised": "Supervised learning: cross entropy at the top, gradients through all layers",
    equation: "L = −mean log softmax(W z̄ + b)[label], over inputs, or over labelled frames",
    citation: "Illing et al. 2021, Table 1",
    keys: [],
    example: "type = \"supervised\"",
    impl RuleSpec for Supervised {
        fn build(&self, site: &Site, random: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            Ok(Box::new(CrossEntropy::new("supervised", site.context.channel, site, random)?))
        }

        fn demands(&self) -> Demands {
            Demands::default().with_labels().with_modules("end_to_end")
        }
    }
}

plugin! {
    Rule "greedy_supervised": "Greedy supervised learning: a separate cross entropy for every module",
    equation: "L = −mean log softmax(W z̄ + b)[label], over inputs, or over labelled frames",
    citation: "Nøkland & Eidnes 2019; Illing et al. 2021, Table 1",
    keys: [],
    example: "type = \"greedy_supervised\"",
    impl RuleSpec for GreedySupervised {
        fn build(&self, site: &Site, random: &mut Random) -> Result<Box<dyn PlasticityRule>> {
            Ok(Box::new(CrossEntropy::new("greedy_supervised", site.context.channel, site, random)?))
        }

        fn demands(&self) -> Demands {
            Demands::default().with_labels()
        }
    }
}
