//! Encoder layers: convolutions, GRU by BPTT and e-prop, presets.
//!
//! The paper's encoder for images, narrow, on a patch of 16×16:
//!
//! ```
//! use plasticity_core::device::{Buffer, Device};
//! use plasticity_core::layer::{EncoderPreset, Phase};
//! use plasticity_core::map::{FeatureMap, MapShape};
//! use plasticity_core::random::stream;
//!
//! # fn main() -> plasticity_core::Result<()> {
//! let device = Device::open()?;
//! let shape = MapShape { time: 1, location: 1, batch: 1, extent: [1, 16, 16], channels: 1 };
//! let mut map = FeatureMap::new(shape, Buffer::from_vec(&device, vec![1.0; shape.len()])?)?;
//! let vgg6 = plasticity_encoders::presets::Vgg6 { widths: vec![2, 2, 3, 3, 4, 4] };
//! for spec in vgg6.layers()? {
//!     let mut layer = spec.build(map.shape(), &device, &mut stream(1, &[]))?;
//!     map = layer.forward(&map, Phase::Evaluate)?.post;
//! }
//! assert_eq!((map.shape().extent, map.shape().channels), ([1, 1, 1], 4));
//! # Ok(())
//! # }
//! ```

pub mod batch_norm;
pub mod block;
pub mod conv;
pub mod dtp;
#[cfg(test)]
mod finite_differences;
pub mod gru;
pub mod normalise;
pub mod pad;
pub mod pool;
pub mod presets;
pub mod repatch;
pub mod residual;
mod shown;
pub mod tanh;
pub mod triangle;
pub mod weights;
