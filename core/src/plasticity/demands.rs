//! What a rule needs from its network.

use crate::error::{Error, Result};
use crate::map::MapShape;
use crate::representation::Pooling;

/// Where a rule's context comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContextSource {
    /// The module's own representation.
    #[default]
    Same,
    /// The module above (the last one: its own); its layers receive the context's post factor.
    Above,
    /// The top module, detached: it receives no post factor.
    Top,
    /// The module's own representation and, detached, the top module's.
    Both,
}

/// The activity of a module's last layer that a rule uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// The output, after ρ and pooling; the layer multiplies the post factor by ρ'(a).
    #[default]
    Output,
    /// The summed inputs a of all neurons at all positions; the layer does not multiply the post factor by ρ'(a).
    Activation,
    /// The same with the bias, which then learns as well: the potential a + b.
    Potential,
}

impl Level {
    /// Whether it is summed inputs, with or without the bias.
    pub fn is_summed(self) -> bool {
        self != Self::Output
    }
}

/// Which layers share a module, in a config: `"layerwise"`, `"end_to_end"`, a named preset, or lists of
/// layers counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum Modules {
    /// A name.
    Named(String),
    /// Lists of layers, counted from 1.
    Lists(Vec<Vec<usize>>),
}

/// The number of views of each stimulus that a rule pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Views {
    AsGiven,
    Always(usize),
    OfSingleSteps(usize),
}

/// What a rule needs from its network. [`Demands::default`] asks for the mean of each layer's output over the map, of
/// unchanged stimuli, without labels.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Demands {
    /// The activity of a module's last layer that the rule uses.
    pub level: Level,
    /// Where the context comes from.
    pub context: ContextSource,
    /// The modules if the config names none.
    pub modules: Modules,
    /// Whether the rule needs labels to learn.
    pub labels: bool,
    /// The least number of stimuli in a batch, each of several presentations counted.
    pub least_batch: usize,
    /// How often each stimulus is in its batch (`training.presentations`); `None`: any number.
    pub presentations: Option<usize>,
    pooling: Vec<Pooling>,
    views: Views,
    prepared: fn(MapShape) -> MapShape,
}

impl Default for Demands {
    fn default() -> Self {
        Self {
            level: Level::Output,
            context: ContextSource::Same,
            modules: Modules::Named("layerwise".to_owned()),
            labels: false,
            least_batch: 1,
            presentations: None,
            pooling: Vec::new(),
            views: Views::AsGiven,
            prepared: |input| input,
        }
    }
}

impl Demands {
    /// How the maps of `module` (from 0) become representations.
    pub fn pooling(&self, module: usize) -> Pooling {
        let all = self.pooling.first().filter(|_| self.pooling.len() == 1);
        self.pooling.get(module).or(all).copied().unwrap_or(Pooling::Mean)
    }

    /// The number of views of each stimulus that the rule pairs, for a stimulus with this many steps in time. Views
    /// are arranged along the batch.
    pub fn views(&self, steps: usize) -> Option<usize> {
        match self.views {
            Views::AsGiven => None,
            Views::Always(views) => Some(views),
            Views::OfSingleSteps(views) => (steps == 1).then_some(views),
        }
    }

    /// Checks that a stimulus that is several times in its batch is there as often as the rule needs it.
    ///
    /// # Errors
    /// If it is not; the error states both numbers.
    pub fn check_presentations(&self, presentations: usize) -> Result<()> {
        match self.presentations.filter(|&needed| presentations != 1 && needed != presentations) {
            None => Ok(()),
            Some(needed) => {
                let message = format!(
                    "is {presentations}, but the rule needs {needed}: set training.presentations = {needed} (`batch` \
                     counts each presentation)"
                );
                Err(Error::config("training.presentations", message))
            }
        }
    }

    /// The shape that [`PlasticityRule::prepare`](super::PlasticityRule::prepare) makes of a batch.
    pub fn prepared(&self, input: MapShape) -> MapShape {
        (self.prepared)(input)
    }

    /// The same with another activity of a module's last layer.
    #[must_use]
    pub fn with_level(self, level: Level) -> Self {
        Self { level, ..self }
    }

    /// The same with another pooling in every module.
    #[must_use]
    pub fn with_pooling(self, pooling: Pooling) -> Self {
        self.with_pooling_of_each(vec![pooling])
    }

    /// The same with a pooling for each module, first to last; [`Pooling::Mean`] for modules beyond the list. A
    /// single one applies to all.
    #[must_use]
    pub fn with_pooling_of_each(self, pooling: Vec<Pooling>) -> Self {
        Self { pooling, ..self }
    }

    /// The same with another source of the context.
    #[must_use]
    pub fn with_context(self, context: ContextSource) -> Self {
        Self { context, ..self }
    }

    /// The same with these modules if the config names none.
    #[must_use]
    pub fn with_modules(self, name: &str) -> Self {
        Self { modules: Modules::Named(name.to_owned()), ..self }
    }

    /// The same if a batch must hold this many stimuli.
    #[must_use]
    pub fn with_least_batch(self, least_batch: usize) -> Self {
        Self { least_batch, ..self }
    }

    /// The same if each stimulus is this often in its batch.
    #[must_use]
    pub fn with_presentations(self, presentations: usize) -> Self {
        Self { presentations: Some(presentations), ..self }
    }

    /// The same with this many views of each stimulus.
    #[must_use]
    pub fn with_views(self, views: usize) -> Self {
        Self { views: Views::Always(views), ..self }
    }

    /// The same with this many views, for stimuli with one step in time.
    #[must_use]
    pub fn with_views_of_single_steps(self, views: usize) -> Self {
        Self { views: Views::OfSingleSteps(views), ..self }
    }

    /// The same with labels.
    #[must_use]
    pub fn with_labels(self) -> Self {
        Self { labels: true, ..self }
    }

    /// The same if [`PlasticityRule::prepare`](super::PlasticityRule::prepare) makes batches of another shape.
    #[must_use]
    pub fn with_prepared(self, prepared: fn(MapShape) -> MapShape) -> Self {
        Self { prepared, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pooling_is_that_of_the_module() {
        assert_eq!(Demands::default().pooling(3), Pooling::Mean);
        assert_eq!(Demands::default().with_pooling(Pooling::Keep).pooling(3), Pooling::Keep);
        let each = Demands::default().with_pooling_of_each(vec![Pooling::Blocks(4), Pooling::Keep]);
        assert_eq!(
            [0, 1, 2].map(|module| each.pooling(module)),
            [Pooling::Blocks(4), Pooling::Keep, Pooling::Mean]
        );
    }

    #[test]
    fn other_presentations_than_the_rule_needs_are_refused() {
        Demands::default().check_presentations(3).unwrap();
        let demands = Demands::default().with_presentations(2);
        demands.check_presentations(2).unwrap();
        demands.check_presentations(1).unwrap();
        let error = demands.check_presentations(3).unwrap_err().to_string();
        assert!(
            error.starts_with("training.presentations: is 3") && error.contains("presentations = 2"),
            "{error}"
        );
    }

    #[test]
    fn views_may_be_asked_for_of_stimuli_without_time_alone() {
        let demands = Demands::default().with_views_of_single_steps(2);
        assert_eq!((demands.views(1), demands.views(5)), (Some(2), None));
        assert_eq!(Demands::default().with_views(2).views(5), Some(2));
    }
}
