//! The key of the probe of all layers together.

use serde::{Deserialize, Serialize};

/// `probe.all_layers`: a probe of the representations of all layers together, `[row, Σ channel · y · x]` (Zihan,
/// Delrocq, Gerstner & Bellec 2026).
///
/// Each layer's map is averaged over blocks, which are flattened as (channel, row, column).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected true or false, the side of blocks (0 or more), or a list of such sides"
)]
pub enum AllLayers {
    /// `true`: the last layer of each module is pooled as the module's rule pools it, other layers over the
    /// whole map. `false`: there is no such probe.
    AsRule(bool),
    /// Blocks of this many rows and columns in every layer; 0 is the whole map.
    Same(usize),
    /// One size for each layer, first to last.
    Each(Vec<usize>),
}

impl Default for AllLayers {
    fn default() -> Self {
        Self::AsRule(false)
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
