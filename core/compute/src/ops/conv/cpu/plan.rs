//! Selects the path of a layer from its shape.

use super::im2col::Im2col;
use super::lowering::Lowering;
use super::winograd::{F2, F4, Pair, Tiling, Winograd};
use super::{Geometry, direct};
use crate::bf16::Arithmetic;

/// How a layer becomes matrix products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// Patches copied to rows: any kernel, stride and padding.
    Im2col,
    /// Winograd's F(4×4, 3×3): 36 products for 16 outputs instead of 144
    /// (Lavin and Gray 2016, arXiv:1509.09308).
    Winograd4,
    /// Winograd's F(2×2, 3×3): 16 products for 4 outputs instead of 36.
    Winograd2,
    /// Every multiplication, without those with padding; only with bfloat16 operands.
    Direct,
    /// 2×2 maps: 9 products for 4 outputs, with no multiplications with padding.
    Pair,
}

/// A path and the arithmetic of its products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) path: Path,
    pub(super) arithmetic: Arithmetic,
    /// Whether biases are summed in double precision.
    pub(super) double_biases: bool,
    /// Whether the post factor on the map is rounded to bf16, once it has passed pool and ReLU. Biases sum it
    /// unrounded.
    pub(super) rounded: bool,
}

impl Plan {
    /// With biases in single precision and a factor that is not rounded.
    pub(super) fn new(path: Path, arithmetic: Arithmetic) -> Self {
        Self { path, arithmetic, double_biases: false, rounded: false }
    }
}

/// The least number of channels for which packing operands is faster: each packed value is used in this many products.
const CHANNELS: usize = 64;

/// The plan of a layer's forward pass.
pub(super) fn forward_plan(arithmetic: Arithmetic, g: &Geometry) -> Plan {
    match plan(arithmetic, g) {
        Plan { path: Path::Direct, .. } if direct::few(g) => plan(Arithmetic::Single, g),
        plan => plan,
    }
}

/// The plan of a layer. It uses `arithmetic` if this is faster.
///
/// F(4×4, 3×3) enlarges the rounding error of bfloat16 more than F(2×2, 3×3) does. So F(4×4, 3×3) stays in `f32`, and
/// wide layers use F(2×2, 3×3) instead ([`Kernel::wide`](crate::bf16::Kernel)).
pub(super) fn plan(arithmetic: Arithmetic, g: &Geometry) -> Plan {
    let path = path(g);
    if let Arithmetic::Half(kernel) = arithmetic
        && kernel.direct()
        && direct::suits(g)
    {
        return Plan::new(Path::Direct, arithmetic);
    }
    let depth = if path == Path::Im2col { g.taps() * g.in_channels } else { g.in_channels };
    match arithmetic {
        Arithmetic::Half(_) if depth.min(g.out_channels) < CHANNELS => Plan::new(path, Arithmetic::Single),
        Arithmetic::Half(kernel) if path == Path::Winograd4 => match g.out_channels >= kernel.wide() {
            true => Plan::new(Path::Winograd2, arithmetic),
            false => Plan::new(path, Arithmetic::Single),
        },
        _ => Plan::new(path, arithmetic),
    }
}

/// The path with the fewest multiplications. With few incoming channels, a transform is not worth its cost.
fn path(g: &Geometry) -> Path {
    let three = g.kernel == [1, 3, 3] && g.stride == [1, 1, 1];
    let (same, inside) = (g.padding == [0, 1, 1], g.padding == [0, 0, 0]);
    if !(three && (same || inside)) || g.in_channels < 16 || g.out_channels < 16 {
        return Path::Im2col;
    }
    if same && g.input[1..] == [2, 2] {
        return Path::Pair;
    }
    let [_, height, width] = g.output();
    let cost = |tile: usize, products: usize| height.div_ceil(tile) * width.div_ceil(tile) * products;
    let candidates =
        [(cost(2, 16), Path::Winograd2), (cost(4, 36), Path::Winograd4), (9 * height * width, Path::Im2col)];
    candidates.into_iter().min_by_key(|&(cost, _)| cost).map_or(Path::Im2col, |(_, path)| path)
}

/// The lowering of `path` for `g`.
pub(crate) fn lowering(path: Path, g: &Geometry) -> Box<dyn Lowering> {
    fn winograd<T: Tiling>(g: &Geometry) -> Box<dyn Lowering> {
        Box::new(Winograd::<T>::new(g))
    }
    match path {
        // Patches suit any layer.
        Path::Im2col | Path::Direct => Box::new(Im2col::new(g)),
        Path::Winograd4 => winograd::<F4>(g),
        Path::Winograd2 => winograd::<F2>(g),
        Path::Pair => winograd::<Pair>(g),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bf16::Kernel;

    #[test]
    fn shapes_of_vgg_take_their_paths() {
        let layer = |side, in_channels| Geometry {
            samples: 1,
            input: [1, side, side],
            in_channels,
            out_channels: 128,
            kernel: [1, 3, 3],
            stride: [1, 1, 1],
            padding: [0, 1, 1],
        };
        assert_eq!(path(&layer(16, 3)), Path::Im2col);
        assert_eq!(path(&layer(16, 128)), Path::Winograd4);
        assert_eq!(path(&layer(4, 128)), Path::Winograd4);
        assert_eq!(path(&layer(6, 128)), Path::Winograd2);
        assert_eq!(path(&layer(2, 128)), Path::Pair);
        assert_eq!(path(&layer(1, 128)), Path::Im2col);
        let inside = |side| Geometry { padding: [0; 3], ..layer(side, 128) };
        assert_eq!(path(&inside(10)), Path::Winograd4);
        assert_eq!(path(&inside(4)), Path::Winograd2);
        assert_eq!(path(&inside(3)), Path::Im2col);
        let half = Arithmetic::Half(Kernel::plain());
        for (side, channels, path, arithmetic) in [
            (16, 3, Path::Im2col, Arithmetic::Single),
            (16, 32, Path::Winograd4, Arithmetic::Single),
            (16, 128, Path::Winograd2, half),
            (2, 128, Path::Pair, half),
            (1, 128, Path::Im2col, half),
        ] {
            assert_eq!(plan(half, &layer(side, channels)), Plan::new(path, arithmetic));
        }
    }
}
