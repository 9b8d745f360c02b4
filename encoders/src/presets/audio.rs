//! The paper's encoder for speech.

use crate::conv::{Conv1d, Sizes};
use crate::gru::{Gradient, GruSpec};
use crate::weights::Initial;
use plasticity_core::layer::{EncoderPreset, LayerSpec};
use plasticity_core::plugin;
use plasticity_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// Five convolutions over time with ReLU, from 16 kHz samples to a step of 10 ms, and a GRU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Audio {
    /// Neurons of each convolution.
    pub widths: Vec<usize>,
    /// Neurons of the GRU; 0: no GRU.
    pub gru: usize,
    /// How the GRU learns.
    pub gradient: Gradient,
}

impl Default for Audio {
    fn default() -> Self {
        Self { widths: vec![512; LAYERS.len()], gru: 256, gradient: Gradient::Bptt }
    }
}

/// Kernel, stride and padding.
const LAYERS: [(usize, usize, usize); 5] = [(10, 5, 2), (8, 4, 2), (4, 2, 2), (4, 2, 2), (4, 2, 1)];

plugin! {
    Preset "audio": "Five convolutions over time with ReLU and a GRU: the paper's encoder for speech",
    equation: "conv 10 ∕5 · conv 8 ∕4 · conv 4 ∕2 · conv 4 ∕2 · conv 4 ∕2 (512 each) · GRU 256",
    citation: "Illing et al. 2021, Appendix B.2; van den Oord et al. 2018",
    keys: [
        widths = "[512, 512, 512, 512, 512]", "5 of 1..=65536", "neurons of each convolution (conv 10 ∕5: \
                                                                kernel 10, stride 5)";
        gru = "256", "0..=65536", "neurons of the GRU; 0: none";
        gradient = "\"bptt\"", "bptt | eprop | eprop_forward", "how the GRU learns: see layer `gru`";
    ],
    example: "preset = \"audio\"\nwidths = [2, 2, 2, 2, 3]\ngru = 3\ngradient = \"eprop\"\n",
    impl EncoderPreset for Audio {
        fn layers(&self) -> Result<Vec<Box<dyn LayerSpec>>> {
            if self.widths.len() != LAYERS.len() {
                let message = format!("audio has five convolutions, got {} widths", self.widths.len());
                return Err(Error::config("widths", message));
            }
            let layer = |(&channels, (kernel, stride, padding)): (&usize, _)| -> Box<dyn LayerSpec> {
                Box::new(Conv1d {
                    channels,
                    kernel: Sizes::Same(kernel),
                    stride: Sizes::Same(stride),
                    padding: Sizes::Same(padding),
                    relu: true,
                    bias: true,
                    initial: Initial::Uniform,
                    batch_norm: false,
                    max_pool: None,
                })
            };
            let mut layers: Vec<_> = self.widths.iter().zip(LAYERS).map(layer).collect();
            if self.gru > 0 {
                layers.push(Box::new(GruSpec { hidden: self.gru, gradient: self.gradient }));
            }
            Ok(layers)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasticity_core::device::Device;
    use plasticity_core::map::MapShape;
    use plasticity_core::random::stream;

    #[test]
    fn a_window_of_20480_samples_becomes_128_steps() {
        let device = Device::open().unwrap();
        let audio = Audio { widths: vec![2, 2, 2, 2, 3], gru: 4, ..Audio::default() };
        let mut shape = MapShape { time: 1, location: 1, batch: 1, extent: [20_480, 1, 1], channels: 1 };
        let mut steps = Vec::new();
        for layer in audio.layers().unwrap() {
            shape = layer.build(shape, &device, &mut stream(0, &[])).unwrap().output(shape).unwrap();
            steps.push(shape.extent[0]);
        }
        assert_eq!(steps, [4095, 1023, 512, 257, 128, 128]);
        assert_eq!(shape.channels, 4);
        assert_eq!(Audio { gru: 0, ..audio.clone() }.layers().unwrap().len(), 5);
        assert!(Audio { widths: vec![1], ..audio }.layers().is_err());
    }
}
