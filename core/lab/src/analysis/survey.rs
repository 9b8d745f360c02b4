//! One pass of stimuli through networks, from which all analyses are made.

use super::{Drivers, represent_once, rows};
use crate::loader::{Loader, Pass};
use crate::network::Network;
use crate::probe::{Features, append};
use plasticity_core::Result;
use plasticity_core::device::Device;
use plasticity_core::representation::Pooling;
use plasticity_core::stimulus::{Label, Stimulus};
use std::sync::Arc;

/// The results of a survey for one network.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Features of every layer, as a probe sees them with maps pooled to their mean.
    pub features: Features,
    /// The places that drive the neurons of every layer most.
    pub drivers: Vec<Drivers>,
}

/// Runs stimuli without augmentation through `networks`. Keeps features and, for each neuron, the
/// `most` places that drive it most. Stimuli without labels get class 0.
///
/// `progress` is called with the share that is done.
///
/// # Errors
/// If a stimulus cannot be made, or does not fit a network.
pub fn survey(
    networks: &mut [&mut Network],
    stimulus: &Arc<dyn Stimulus>,
    (batch, threads): (usize, Option<usize>),
    device: &Device,
    most: usize,
    progress: &mut dyn FnMut(f64),
) -> Result<Vec<Seen>> {
    let loader = Loader::new(Arc::clone(stimulus), Pass::Evaluate, batch, threads)?;
    let batches = loader.steps_per_epoch().max(1) as f64;
    let views = stimulus.shape(1).batch.max(1);
    let mut seen = vec![Seen::default(); networks.len()];
    let mut first = 0;
    for (done, host) in loader.enumerate() {
        progress(done as f64 / batches);
        let host = host?;
        let mut stimuli = 0;
        for (network, seen) in networks.iter_mut().zip(&mut seen) {
            let (layers, labels) = represent_once(network, host.clone(), views, device, Pooling::Mean)?;
            let labels: Vec<Label> = labels.into_iter().map(labelled).collect();
            stimuli = labels.len();
            seen.drivers.resize_with(layers.len(), || Drivers::new(most));
            for (layer, drivers) in layers.iter().zip(&mut seen.drivers) {
                drivers.add(&layer.data().to_vec()?, layer.shape(), first);
            }
            for (layer, kept) in layers.iter().zip(seen.features.layers_mut(layers.len())) {
                append(layer, Pooling::Mean, &labels, kept)?;
            }
            labels.iter().try_for_each(|label| seen.features.add_label(label))?;
        }
        first += stimuli;
    }
    Ok(seen)
}

/// The features of one layer, from 0, for labelled stimuli without augmentation. They are pooled as `pooling` says.
///
/// # Errors
/// If a stimulus cannot be made, has no label or does not fit the network, or blocks do not fit the layer's map.
pub fn features_of(
    network: &mut Network,
    stimulus: &Arc<dyn Stimulus>,
    (batch, threads): (usize, Option<usize>),
    device: &Device,
    (layer, pooling): (usize, Pooling),
) -> Result<Features> {
    let loader = Loader::new(Arc::clone(stimulus), Pass::Evaluate, batch, threads)?;
    let views = stimulus.shape(1).batch.max(1);
    let mut features = Features::default();
    for host in loader {
        features.extend(rows(network, host?, views, device, (&[layer], pooling))?.0);
    }
    Ok(features)
}

/// The label of a row; class 0 if the stimulus has none.
fn labelled(label: Label) -> Label {
    if label == Label::None { Label::Class(0) } else { label }
}
