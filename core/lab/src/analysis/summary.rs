//! The measures of one layer.

use super::{Gram, selectivity};
use crate::probe::{Features, statistics};
use plasticity_core::Result;
use plasticity_core::device::Device;
use serde::Serialize;

/// Measures of a layer's features.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerSummary {
    /// The layer, counted from 1.
    pub layer: usize,
    /// Share of the neurons that are 0 for every stimulus, in percent.
    pub dead: f64,
    /// Effective dimension of the features' covariance C, (tr C)² / ‖C‖².
    pub dimension: f64,
    /// Mean lifetime sparseness of the neurons that change; `None` for a layer with negative activity.
    pub lifetime_sparseness: Option<f64>,
    /// Mean class selectivity of the neurons that change; `None` for a layer with negative activity.
    pub class_selectivity: Option<f64>,
}

/// Summaries of all layers, and their Gram matrices for comparisons.
///
/// # Errors
/// If the device has no memory.
pub fn summary(
    features: &Features,
    classes: usize,
    device: &Device,
) -> Result<(Vec<LayerSummary>, Vec<Gram>)> {
    let (mut summaries, mut grams) = (Vec::new(), Vec::new());
    for layer in 0..features.layers() {
        let of = features.layer(layer)?;
        let plain = statistics(of, device)?;
        let selective = selectivity(of, classes.max(1));
        summaries.push(LayerSummary {
            layer: layer + 1,
            dead: plain.dead,
            dimension: plain.dimension,
            lifetime_sparseness: selective.mean_lifetime(),
            class_selectivity: selective.mean_class(),
        });
        grams.push(Gram::of(of, device)?);
    }
    Ok((summaries, grams))
}
