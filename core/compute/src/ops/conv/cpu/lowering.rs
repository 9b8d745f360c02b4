//! How a convolution becomes matrix products.

use std::ops::Range;

/// A path from a layer's maps, weights and post factor to matrix products, and back.
///
/// A sample gives [`rows`](Self::rows) rows (output positions, or tiles of them) to each of
/// [`products`](Self::products) independent products `C = A · B` with `A` `[rows, depth]` and `B`
/// `[depth, out]`. `B`, `C` and arrays of the same shapes are cut into panels of
/// [`width`](Self::width) outgoing channels, the last one filled up with zeros. Ranges of rows count
/// over all samples of the given maps.
pub(crate) trait Lowering: Sync {
    /// Independent products.
    fn products(&self) -> usize;

    /// Rows of each product from one sample.
    fn rows(&self) -> usize;

    /// Depth of each product.
    fn depth(&self) -> usize;

    /// Outgoing channels in a panel.
    fn width(&self) -> usize;

    /// Panels of outgoing channels.
    fn panels(&self) -> usize;

    /// One panel of weights `[tap, in, out]` to operands `[product, depth, width]`.
    fn weight(&self, weight: &[f32], panel: usize, out: &mut [f32]);

    /// `rows` of the `input` maps to operands `[product, row, depth]`.
    fn input(&self, input: &[f32], rows: Range<usize>, out: &mut [f32]);

    /// Results `[product, row, width]` of one panel to positions of the convolution's output maps,
    /// with bias and ReLU.
    fn output(
        &self,
        results: &[f32],
        rows: Range<usize>,
        panel: usize,
        activation: Activation<'_>,
        maps: &mut [f32],
    );

    /// `rows` of a factor on the convolution's output maps to operands `[panel, product, row, width]`.
    fn post(&self, post: &[f32], rows: Range<usize>, out: &mut [f32]);

    /// Sums `[panel, product, depth, width]` of outer products to `[tap, in, out]`.
    fn gradient(&self, sums: &[f32], d_weight: &mut [f32]);
}

/// The operation after the linear map: `max(z + b, 0)`, or `z + b` without ReLU, or `z` without bias.
#[derive(Clone, Copy)]
pub(crate) struct Activation<'a> {
    /// `[out]`.
    pub(crate) bias: Option<&'a [f32]>,
    pub(crate) relu: bool,
}
