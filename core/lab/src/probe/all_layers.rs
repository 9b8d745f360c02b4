//! How each layer is pooled for the probe of all layers together.

use crate::config::AllLayers;
use crate::network::Network;
use plasticity_core::representation::Pooling;
use plasticity_core::{Error, Result};

/// The pooling of every layer of `network`, or `None` if this probe is not requested.
///
/// # Errors
/// If a list does not have one size for each layer.
pub(super) fn poolings(asked: &AllLayers, network: &Network) -> Result<Option<Vec<Pooling>>> {
    let layers = network.layer_names().len();
    let blocks = |&size: &usize| if size == 0 { Pooling::Mean } else { Pooling::Blocks(size) };
    Ok(Some(match asked {
        AllLayers::AsRule(false) => return Ok(None),
        AllLayers::AsRule(true) => {
            let mut poolings = vec![Pooling::Mean; layers];
            for module in network.modules() {
                // A rule that keeps every place (`Keep`) has no blocks.
                if let (Pooling::Blocks(_), Some(last)) =
                    (module.pooling(), poolings.get_mut(module.layers().end - 1))
                {
                    *last = module.pooling();
                }
            }
            poolings
        }
        AllLayers::Same(size) => vec![blocks(size); layers],
        AllLayers::Each(sizes) if sizes.len() == layers => sizes.iter().map(blocks).collect(),
        AllLayers::Each(sizes) => {
            let message = format!(
                "{sizes:?} has {} sizes, but the encoder has {layers} layers: give one number, or one for each \
                 layer (0 pools the whole map)",
                sizes.len()
            );
            return Err(Error::config("probe.all_layers", message));
        }
    }))
}
