//! The data from which a page is made.

use super::groups::{Group, groups};
use super::recorded::Recorded;
use super::rows::Rows;
use crate::examined::{Examined, Extent, Look, some};
use crate::output;
use plasticity_core::Result;
use plasticity_core::device::{Device, Precision};
use plasticity_core::representation::Pooling;
use plasticity_core::stimulus::{Split, Stimulus};
use plasticity_lab::analysis::{Answers, answers, features_of};
use plasticity_lab::audit::{Audit, AuditBench, audit};
use plasticity_lab::config::Config;
use plasticity_lab::experiment::Experiment;
use plasticity_lab::probe::{LayerProbe, ProbeKind};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// What a page shows.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The largest number of test stimuli that networks see.
    pub stimuli: usize,
    /// The largest number of points in a t-SNE map.
    pub points: usize,
    /// The layers whose neurons and maps are shown, counted from 0. If empty: first, middle and last.
    pub layers: Vec<usize>,
    /// The number of neurons shown in each of these layers.
    pub neurons: usize,
    /// Whether locality is measured.
    pub audit: bool,
    /// Whether the page has pictures of stimuli.
    pub pictures: bool,
}

/// The largest number of stimuli that train the probe of the confusion matrix.
const LEARNED: usize = 4000;

/// The number of pieces shown for each neuron.
pub const PIECES: usize = 8;

/// Runs, and what was measured on them.
pub struct Material {
    /// The runs.
    pub runs: Vec<Examined>,
    /// The groups of runs that differ only in their seed.
    pub groups: Vec<Group>,
    /// What has a row of features. All runs have the same stimuli.
    pub rows: Rows,
    /// The records of each run.
    pub recorded: Vec<Recorded>,
    /// The locality of each group's rule, or why it could not be measured; `None` if it was not asked for.
    pub audits: Vec<Option<Result<Audit, String>>>,
    /// The answers of a probe on the best layer of each group's first run.
    pub answers: Vec<Answers>,
    /// Whether all groups have the same untrained network, with the same scores. Then that of one group stands for all.
    pub same_untrained: bool,
    /// What to show.
    pub wanted: Wanted,
    /// The layers that are shown, counted from 0.
    pub layers: Vec<usize>,
}

/// One of the two networks of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// After training.
    Trained,
    /// With the initial weights.
    Untrained,
}

impl Material {
    /// Opens runs, passes stimuli through their networks, and measures.
    ///
    /// # Errors
    /// As [`Examined::all`].
    pub fn gather(folders: &[PathBuf], set: &[String], wanted: Wanted, device: &Device) -> Result<Self> {
        let extent = Extent { stimuli: wanted.stimuli, drivers: PIECES };
        let mut runs = Examined::all(folders, set, extent, device)?;
        let recorded =
            runs.iter().map(|run| Recorded::read(&run.loaded.folder)).collect::<Result<Vec<_>>>()?;
        let groups = groups(&runs)?;
        let (mut found, mut audits) = (Vec::new(), Vec::new());
        for group in &groups {
            let Some(&first) = group.runs.first() else { continue };
            let best = best_layer(
                recorded[first].probe.as_ref().map(|probe| &probe.layers[..]),
                runs[first].layers(),
            );
            found.push(probe(&mut runs[first], best, wanted.stimuli, device)?);
            audits.push(
                wanted
                    .audit
                    .then(|| measured(runs[first].loaded.config()).map_err(|error| error.to_string())),
            );
        }
        let layers = match (wanted.layers.is_empty(), runs.first().map_or(0, Examined::layers)) {
            (false, _) => wanted.layers.clone(),
            (true, count) => chosen(count),
        };
        let first_of = |group: &Group| group.runs.first().map(|&run| runs[run].loaded.config().to_toml());
        let configs = groups.iter().filter_map(first_of).collect::<Result<Vec<_>>>()?;
        let scores_of = |&run: &usize| {
            Some((runs[run].loaded.config().seed, untrained_scores(&recorded[run].probe.as_ref()?.layers)))
        };
        let scores: Vec<Scores> =
            groups.iter().map(|group| group.runs.iter().filter_map(scores_of).collect()).collect();
        let same_untrained = same_untrained(&configs, &scores);
        let rows = runs.first().map_or(Ok(Rows::Stimuli), |run| Rows::of(run.stimuli.as_ref()))?;
        Ok(Self { runs, groups, rows, recorded, audits, answers: found, same_untrained, wanted, layers })
    }

    /// The first run of a group.
    pub fn first(&self, group: usize) -> &Examined {
        let run = self.groups.get(group).and_then(|group| group.runs.first()).copied().unwrap_or(0);
        &self.runs[run]
    }

    /// The name of the untrained networks of a group, which a page shows beside the trained networks of all
    /// groups.
    pub fn untrained(&self, group: &Group) -> String {
        if self.same_untrained { "untrained".to_owned() } else { format!("untrained {}", group.name) }
    }

    /// The words that name a group after "the untrained network".
    pub fn whose(&self, group: &Group) -> String {
        if self.same_untrained { String::new() } else { format!(" of {}", group.name) }
    }

    /// Groups whose untrained networks a page shows: of these, only the first one if it stands for all.
    pub fn baselines<T>(&self, of: impl IntoIterator<Item = T>) -> impl Iterator<Item = T> {
        of.into_iter().take(if self.same_untrained { 1 } else { self.groups.len() })
    }

    /// The networks of which a page shows pictures, with their titles: the trained network of each group's first
    /// run, and the untrained ones. If one untrained network stands for all groups, it is the last.
    pub fn networks(&self) -> Vec<(String, &Examined, Network)> {
        let one = self.groups.len() == 1;
        let mut all = Vec::new();
        for (index, group) in self.groups.iter().enumerate() {
            let trained = if one { "trained".to_owned() } else { group.name.clone() };
            all.push((trained, self.first(index), Network::Trained));
            if !self.same_untrained {
                all.push((self.untrained(group), self.first(index), Network::Untrained));
            }
        }
        let first = self.groups.first().filter(|_| self.same_untrained);
        all.extend(first.map(|group| (self.untrained(group), self.first(0), Network::Untrained)));
        all
    }

    /// The names of the groups that learned from labels.
    pub fn taught(&self) -> Vec<&str> {
        let labels = |group: usize| self.first(group).loaded.config().rule.demands().labels;
        let named = self.groups.iter().enumerate().filter(|(index, _)| labels(*index));
        named.map(|(_, group)| group.name.as_str()).collect()
    }

    /// The trained networks of a group, or the untrained ones.
    pub fn looks<'a>(&'a self, group: &'a Group, trained: bool) -> impl Iterator<Item = &'a Look> {
        let run = |&run: &usize| self.runs.get(run);
        group.runs.iter().filter_map(run).map(move |run| if trained { &run.trained } else { &run.untrained })
    }

    /// The names of the layers, from 1.
    pub fn places(&self) -> Vec<String> {
        (1..=self.runs.first().map_or(0, Examined::layers)).map(|layer| layer.to_string()).collect()
    }
}

/// The first, the middle and the last of `count` layers, as in the paper's figures.
fn chosen(count: usize) -> Vec<usize> {
    let mut layers = vec![0, count.div_ceil(2).saturating_sub(1), count.saturating_sub(1)];
    layers.dedup();
    layers
}

/// The layer, counted from 0, with the best accuracy of a probe on standardised features. The last layer if
/// no layer was probed.
fn best_layer(probes: Option<&[LayerProbe]>, count: usize) -> usize {
    let accuracy = |layer: &LayerProbe| {
        let score = layer.score(ProbeKind::Standardised).or(layer.scores.first())?;
        Some((layer.name.parse::<usize>().ok()?.checked_sub(1)?, score.accuracy))
    };
    let all = probes.into_iter().flatten().filter_map(accuracy).filter(|(layer, _)| *layer < count);
    all.max_by(|a, b| a.1.total_cmp(&b.1)).map_or(count.saturating_sub(1), |(layer, _)| layer)
}

/// The scores of a group's untrained networks in their probes, by seed.
type Scores = BTreeMap<u64, Vec<f64>>;

fn untrained_scores(layers: &[LayerProbe]) -> Vec<f64> {
    layers.iter().flat_map(|layer| &layer.scores).map(|score| score.untrained).collect()
}

/// Whether groups with these configs and scores have the same untrained network: the same encoder and probe, and the
/// same scores where both were probed. A rule may change the stimuli of probes, and thereby only the scores.
fn same_untrained(configs: &[String], scores: &[Scores]) -> bool {
    let untrained = |config: &String| {
        let config = config.parse::<toml::Table>().ok()?;
        let mut encoder = config.get("encoder")?.as_table()?.clone();
        // These keys change only what is learned.
        encoder.retain(|key, _| !["modules", "gradient"].contains(&key));
        Some((encoder, config.get("probe").cloned()))
    };
    let mut seen = Scores::new();
    let mut probed = scores.iter().flatten();
    configs.windows(2).all(|pair| untrained(&pair[0]) == untrained(&pair[1]))
        && probed.all(|(&seed, of)| seen.entry(seed).or_insert_with(|| of.clone()) == of)
}

/// Probes one layer, pooled as in the run's probe. Returns the probe's answers to the stimuli that the run's networks
/// have seen.
fn probe(run: &mut Examined, layer: usize, most: usize, device: &Device) -> Result<Answers> {
    output::note(&format!("probing layer {} of {}", layer + 1, run.loaded.folder.display()));
    let (whole, _) = run.loaded.labelled(Split::ProbeTrain)?;
    // A probe needs more stimuli for training than for tests.
    let train = some(whole, (2 * most).min(LEARNED))?;
    let config = run.loaded.experiment.config();
    let sizes = (config.training.batch, config.training.threads);
    let settings = config.probe.settings(ProbeKind::Standardised);
    let (seed, pooling) = (config.seed, config.probe.pooling);
    run.loaded.experiment.set_precision(device)?;
    let mut of = |stimuli: &Arc<dyn Stimulus>| {
        features_of(&mut run.loaded.trained, stimuli, sizes, device, (layer, pooling))
    };
    let found = of(&train).and_then(|learned| {
        // The survey has pooled to means.
        let own = (pooling != Pooling::Mean).then(|| of(&run.stimuli)).transpose()?;
        let features = (&learned, own.as_ref().unwrap_or(&run.trained.seen.features));
        answers(&settings, run.classes.len(), features, layer, device, seed)
    });
    found.map_err(|error| run.loaded.config().locate(error))
}

/// The number of neurons in each layer of the network on which locality is measured. The results do not
/// depend on it.
const NARROW: usize = 4;

/// Measures the locality of a config's rule on the config's layers, with fewer neurons if the encoder has
/// `widths`.
fn measured(config: &Config) -> Result<Audit> {
    let text = config.to_toml()?;
    let table: toml::Table = text.parse().unwrap_or_default();
    let widths = table.get("encoder").and_then(|encoder| Some(encoder.get("widths")?.as_array()?.len()));
    let mut narrow = Vec::new();
    if let Some(layers) = widths {
        narrow.push(format!("encoder.widths={:?}", vec![NARROW; layers]));
        let gru = table.get("encoder").and_then(|encoder| encoder.get("gru")?.as_integer());
        narrow.extend(gru.filter(|gru| *gru > 0).map(|_| format!("encoder.gru={NARROW}")));
    }
    let document = plasticity_lab::config::Document::parse(&text, "config.toml")?.overridden(&narrow)?;
    let mut config = Config::from_document(document)?;
    config.training.batch = AuditBench::batch_for(config.rule.as_ref());
    config.training.precision = Some(Precision::F32);
    let seed = config.seed;
    let experiment = Experiment::open(config)?;
    let classes = experiment.stimulus().classes().map_or(0, |classes| classes.len());
    let network = experiment.network(&Device::open()?)?;
    audit(&mut AuditBench::new(network, experiment.input(), classes, seed)?)
}

/// The stimuli that all networks of a page have seen.
pub fn stimuli(material: &Material) -> Option<&dyn Stimulus> {
    material.runs.first().map(|run| run.stimuli.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_the_papers_where_there_are_six() {
        assert_eq!(chosen(6), [0, 2, 5]);
        assert_eq!(chosen(1), [0]);
        assert_eq!(chosen(2), [0, 1]);
    }

    #[test]
    fn other_untrained_networks_are_told_apart() {
        let config = |width: usize, modules: &str| {
            format!("[encoder]\nwidths = [{width}]\nmodules = \"{modules}\"\n[rule]\ntype = \"{modules}\"\n")
        };
        let same = [config(4, "layers"), config(4, "one")];
        assert!(same_untrained(&same, &[]));
        assert!(!same_untrained(&[config(4, "one"), config(8, "one")], &[]));
        let probe = |epochs: usize| format!("{}[probe]\nepochs = {epochs}\n", config(4, "one"));
        assert!(!same_untrained(&[probe(1), probe(2)], &[]));
        let scores = |accuracy: f64| Scores::from([(1, vec![accuracy])]);
        assert!(same_untrained(&same, &[scores(15.6), Scores::new(), scores(15.6)]));
        let more = Scores::from([(1, vec![15.6]), (2, vec![17.0])]);
        assert!(same_untrained(&same, &[more, scores(15.6)]), "only the first has seed 2");
        assert!(!same_untrained(&same, &[scores(15.6), scores(16.4)]));
    }
}
