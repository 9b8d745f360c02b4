//! The block itself.

use crate::conv::{Conv, ConvShape};
use crate::weights::Initial;
use plasticity_core::across::Across;
use plasticity_core::device::Device;
use plasticity_core::layer::{Activity, EncoderLayer, LayerUpdate, Phase, PostFactor, Trace};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::ops;
use plasticity_core::parameter::Parameter;
use plasticity_core::random::Random;
use plasticity_core::{Error, Result};
use std::sync::Arc;

/// The sizes of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Neurons at each position inside.
    pub width: usize,
    /// Neurons at each position of the output.
    pub channels: usize,
    /// Step between windows of the 3×3 convolution and the shortcut.
    pub stride: usize,
}

/// A bottleneck block with pre-activation and without normalisation (as in GIM's ResNet-50):
///
/// x̂ = ρ(x), post = W₃ ρ(W₂ ρ(W₁ x̂)) + s, with s = x, or s = W_s x̂ if the block changes the size of the
/// map or the number of channels. W₁ and W₃ are 1×1, W₂ is 3×3 with padding 1; each has a bias.
///
/// # Biological roles
/// Not local: the post factor of the output reaches all three convolutions, and the layer below by two paths.
///
/// # Shapes
/// `[sample, 1, y, x, in] → [sample, 1, ⌈y / stride⌉, ⌈x / stride⌉, channels]`.
#[derive(Debug)]
pub struct Residual {
    convolutions: [Conv; 3],
    shortcut: Option<Conv>,
}

/// Maps inside the block, and the traces of its convolutions.
struct Kept {
    /// x̂, then the outputs of the first two convolutions.
    maps: [FeatureMap; 3],
    traces: [Trace; 3],
    shortcut: Option<Trace>,
}

impl Residual {
    /// A block for maps of this shape with new weights, uniform in ±1/√(fan-in).
    ///
    /// # Errors
    /// If the map does not fit the block, or the device has no memory.
    pub fn new(block: Block, input: MapShape, device: &Device, random: &mut Random) -> Result<Self> {
        let Block { width, channels, stride } = block;
        let shape = |channels: usize, side: usize, stride: usize, relu: bool| ConvShape {
            channels,
            axes: [false, true, true],
            kernel: [1, side, side],
            stride: [1, stride, stride],
            padding: [0, side / 2, side / 2],
            relu,
            bias: true,
            initial: Initial::Uniform,
            batch_norm: false,
            pool: None,
        };
        let [one, two, three] =
            [shape(width, 1, 1, true), shape(width, 3, stride, true), shape(channels, 1, 1, false)];
        // All sizes are checked before any weight is drawn.
        let first = one.output(input)?;
        let second = two.output(first)?;
        three.output(second)?;
        let mut conv = |part: &str, shape: ConvShape, input: MapShape| {
            Conv::new(shape, input, device, random).map(|conv| conv.of_part(part))
        };
        let convolutions =
            [conv("conv1", one, input)?, conv("conv2", two, first)?, conv("conv3", three, second)?];
        let changes = stride != 1 || input.channels != channels;
        let shortcut =
            if changes { Some(conv("shortcut", shape(channels, 1, stride, false), input)?) } else { None };
        Ok(Self { convolutions, shortcut })
    }
}

impl EncoderLayer for Residual {
    fn output(&self, input: MapShape) -> Result<MapShape> {
        self.convolutions.iter().try_fold(input, |shape, conv| conv.output(shape))
    }

    fn forward(&mut self, pre: &FeatureMap, phase: Phase) -> Result<Activity> {
        let rectified = FeatureMap::new(pre.shape(), ops::relu(pre.data())?)?;
        let [one, two, three] = &mut self.convolutions;
        let first = one.forward(&rectified, phase)?;
        let second = two.forward(&first.post, phase)?;
        let third = three.forward(&second.post, phase)?;
        let mut post = third.post;
        let shortcut = match &mut self.shortcut {
            Some(conv) => {
                let activity = conv.forward(&rectified, phase)?;
                ops::add(post.data_mut(), 1.0, activity.post.data())?;
                Some(activity.trace)
            }
            None => {
                ops::add(post.data_mut(), 1.0, pre.data())?;
                None
            }
        };
        if phase != Phase::Learn {
            return Ok(Activity::new(post));
        }
        let maps = [rectified, first.post, second.post];
        let traces = [first.trace, second.trace, third.trace];
        Ok(Activity::new(post).with_trace(Trace::new(Kept { maps, traces, shortcut })))
    }

    fn plasticity(
        &mut self,
        pre: &FeatureMap,
        post: &FeatureMap,
        trace: Trace,
        factor: PostFactor,
        feedback: bool,
    ) -> Result<LayerUpdate> {
        let Kept { maps: [rectified, first, second], traces: [trace1, trace2, trace3], shortcut } =
            trace.take()?;
        let factor = factor.per_position(post.shape(), "residual")?;
        let below = |update: &mut LayerUpdate| {
            update
                .feedback
                .take()
                .ok_or_else(|| Error::shape("residual", "a convolution returned no feedback"))
        };
        let given = PostFactor::PerPosition(factor.clone());
        let [one, two, three] = &mut self.convolutions;
        let mut third = three.plasticity(&second, post, trace3, given, true)?;
        let given = PostFactor::PerPosition(below(&mut third)?);
        let mut middle = two.plasticity(&first, &second, trace2, given, true)?;
        let given = PostFactor::PerPosition(below(&mut middle)?);
        let mut lowest = one.plasticity(&rectified, &first, trace1, given, feedback)?;
        let changes = self.shortcut.is_some();
        let mut direct = Some(factor);
        let mut updates = std::mem::take(&mut lowest.updates);
        updates.append(&mut middle.updates);
        updates.append(&mut third.updates);
        let mut rectified_factor = lowest.feedback;
        if let (Some(conv), Some(trace), Some(factor)) =
            (&mut self.shortcut, shortcut, direct.take_if(|_| changes))
        {
            let given = PostFactor::PerPosition(factor);
            let update = conv.plasticity(&rectified, post, trace, given, feedback)?;
            updates.extend(update.updates);
            if let (Some(sum), Some(more)) = (&mut rectified_factor, update.feedback) {
                ops::add(sum, 1.0, &more)?;
            }
        }
        let feedback = match rectified_factor {
            Some(factor) => {
                let mut feedback = ops::gate(&factor, pre.data())?;
                if let Some(direct) = direct {
                    ops::add(&mut feedback, 1.0, &direct)?;
                }
                Some(feedback)
            }
            None => None,
        };
        Ok(LayerUpdate::new(updates).with_feedback(feedback))
    }

    fn across(&mut self, ranks: Option<&Arc<dyn Across>>) {
        self.convolutions.iter_mut().chain(&mut self.shortcut).for_each(|conv| conv.across(ranks));
    }

    fn parameters(&mut self) -> Vec<&mut Parameter> {
        self.convolutions.iter_mut().chain(&mut self.shortcut).flat_map(EncoderLayer::parameters).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::residual::ResidualSpec;
    use plasticity_core::device::{Buffer, Device};
    use plasticity_core::layer::{LayerSpec, Phase};
    use plasticity_core::map::{FeatureMap, MapShape};
    use plasticity_core::random::stream;

    /// The shortcut of this block has weights, so all paths from the input pass through ReLU.
    #[test]
    fn a_nan_is_seen_behind_a_block() {
        let device = Device::open().unwrap();
        let shape = MapShape { time: 1, location: 1, batch: 1, extent: [1, 3, 3], channels: 3 };
        let block = ResidualSpec { width: 2, expansion: 2, stride: 1 };
        let mut block = block.build(shape, &device, &mut stream(0, &[])).unwrap();
        let lost = Buffer::from_vec(&device, vec![f32::NAN; shape.len()]).unwrap();
        let post = block.forward(&FeatureMap::new(shape, lost).unwrap(), Phase::Evaluate).unwrap().post;
        assert!(post.data().to_vec().unwrap().iter().all(|z| z.is_nan()));
    }
}
