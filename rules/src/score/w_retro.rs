//! `w_retro`: the bilinear score with separate retrodiction weights.

use super::bilinear::{Bilinear, BilinearScore};
use plasticity_core::Result;
use plasticity_core::device::Device;
use plasticity_core::draws::Side;
use plasticity_core::plugin;
use plasticity_core::random::Random;
use plasticity_core::score::{ScoreFunction, ScoreSpec, Transport};

/// [`Bilinear`] with transport `retrodiction`: no weight is used in both directions.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WRetro {
    /// Initial weights are uniform within ±`initial`/√fan_in.
    pub initial: f32,
}

impl Default for WRetro {
    fn default() -> Self {
        Self { initial: Bilinear::default().initial }
    }
}

plugin! {
    Score "w_retro": "Bilinear score with separate retrodiction weights W_retro",
    equation: "u = zᵀ W_pred c on neurons of the target, u = cᵀ W_retro z on neurons of the context",
    citation: "Illing et al. 2021, Equations 16-19",
    keys: [
        initial = "1.0", "[0, 1]", "the initial weights are uniform within ± this value / √fan_in";
    ],
    example: "type = \"w_retro\"",
    impl ScoreSpec for WRetro {
        fn build(
            &self,
            side: Side,
            target: usize,
            context: usize,
            device: &Device,
            random: &mut Random,
        ) -> Result<Box<dyn ScoreFunction>> {
            let bilinear = Bilinear { initial: self.initial, ..Bilinear::from(Transport::Retrodiction) };
            Ok(Box::new(BilinearScore::new(&bilinear, side, target, context, device, random)?))
        }

        fn transport(&self) -> Transport {
            Transport::Retrodiction
        }
    }
}
