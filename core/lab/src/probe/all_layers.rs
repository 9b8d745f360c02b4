//! Whether all layers are read out side by side as well, and how each of them is pooled for it.

use crate::network::Network;
use plasticity_core::representation::Pooling;
use plasticity_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// `probe.all_layers`: the read-out of all layers' representations side by side, `[row, Σ channel · y · x]`
/// (Zihan, Delrocq, Gerstner & Bellec 2026).
///
/// Each layer's map is averaged over blocks, which are flattened as (channel, row, column).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected true or false, the side of blocks (0 or more), or a list of such sides"
)]
pub enum AllLayers {
    /// `true`: every layer that ends a module is pooled as the module's rule pools it, others over the whole map.
    /// `false`: there is no such read-out.
    AsRule(bool),
    /// Blocks of so many rows and columns in every layer; 0 is the whole map.
    Same(usize),
    /// One size for each layer, first to last.
    Each(Vec<usize>),
}

impl Default for AllLayers {
    fn default() -> Self {
        Self::AsRule(false)
    }
}

impl AllLayers {
    /// The pooling of every layer of `network`, or `None` where this read-out is not asked for.
    ///
    /// # Errors
    /// Where a list has not one size for each layer.
    pub fn poolings(&self, network: &Network) -> Result<Option<Vec<Pooling>>> {
        let layers = network.layer_names().len();
        let blocks = |&size: &usize| if size == 0 { Pooling::Mean } else { Pooling::Blocks(size) };
        Ok(Some(match self {
            Self::AsRule(false) => return Ok(None),
            Self::AsRule(true) => {
                let mut poolings = vec![Pooling::Mean; layers];
                for module in network.modules() {
                    // A rule that keeps every place apart (`Keep`) has no blocks to lay side by side.
                    if let (Pooling::Blocks(_), Some(last)) =
                        (module.pooling(), poolings.get_mut(module.layers().end - 1))
                    {
                        *last = module.pooling();
                    }
                }
                poolings
            }
            Self::Same(size) => vec![blocks(size); layers],
            Self::Each(sizes) if sizes.len() == layers => sizes.iter().map(blocks).collect(),
            Self::Each(sizes) => {
                let message = format!(
                    "{sizes:?} has {} sizes and the encoder {layers} layers: give one number, or one a layer \
                     (0 pools the whole map)",
                    sizes.len()
                );
                return Err(Error::config("probe.all_layers", message));
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ProbeConfig;

    #[test]
    fn configs_say_true_a_number_or_a_list() {
        let read = |text: &str| toml::from_str::<ProbeConfig>(text).map(|probe| probe.all_layers);
        assert_eq!(read("").unwrap(), AllLayers::AsRule(false));
        assert_eq!(read("all_layers = true").unwrap(), AllLayers::AsRule(true));
        assert_eq!(read("all_layers = 2").unwrap(), AllLayers::Same(2));
        assert_eq!(read("all_layers = [8, 4, 0]").unwrap(), AllLayers::Each(vec![8, 4, 0]));
        assert!(read("all_layers = \"yes\"").is_err());
    }
}
