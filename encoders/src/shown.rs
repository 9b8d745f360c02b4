//! Functions that layers share if they show positions of their input at other places and do not learn.

use plasticity_core::Result;
use plasticity_core::device::Buffer;
use plasticity_core::layer::{LayerUpdate, PostFactor};
use plasticity_core::map::{FeatureMap, MapShape};

/// Calls its argument with each place of the output and the position of the input that it shows.
pub(crate) type Visit<'a> = dyn Fn(&mut dyn FnMut(usize, usize)) + 'a;

/// The output of `shape`: each place has the activity of the position that it shows, or 0.
///
/// # Errors
/// If a copy from or to the device fails.
pub(crate) fn output(pre: &FeatureMap, shape: MapShape, visit: &Visit) -> Result<FeatureMap> {
    let (values, channels) = (pre.data().to_vec()?, shape.channels);
    let mut made = vec![0.0; shape.len()];
    visit(&mut |to, from| {
        made[to * channels..][..channels].copy_from_slice(&values[from * channels..][..channels]);
    });
    FeatureMap::new(shape, Buffer::from_vec(pre.data().device(), made)?)
}

/// The feedback, if requested: each position gets the sum of the factors of the places that show it.
///
/// # Errors
/// If the factor does not fit the output `post` of `layer`.
pub(crate) fn update(
    layer: &str,
    pre: &FeatureMap,
    post: &FeatureMap,
    factor: PostFactor,
    feedback: bool,
    visit: &Visit,
) -> Result<LayerUpdate> {
    let update = LayerUpdate::new(Vec::new());
    if !feedback {
        return Ok(update);
    }
    let factor = factor.per_position(post.shape(), layer)?;
    let (given, channels) = (factor.to_vec()?, pre.shape().channels);
    let mut made = vec![0.0; pre.shape().len()];
    visit(&mut |to, from| {
        let sums = made[from * channels..][..channels].iter_mut();
        sums.zip(&given[to * channels..]).for_each(|(sum, given)| *sum += given);
    });
    Ok(update.with_feedback(Buffer::from_vec(factor.device(), made)?))
}
