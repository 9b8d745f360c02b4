//! The precision of matrix products and convolutions.

use crate::error::Error;
use serde::{Deserialize, Serialize};

/// The precision of the operands of matrix products and convolutions. Sums are always `f32`.
///
/// On the CPU results are `f32`. On CUDA they are `f32` too, except maps at bf16. If cuDNN computes a convolution
/// at bf16, the updates of its weights and its feedback are also rounded to bf16, because cuDNN writes results in
/// the type of the operands.
///
/// Every matrix product rounds its operands, also a product in a score or a modulation. Everything else (pooling,
/// softmax and hinge, optimisers) is `f32` throughout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 24 bits of significand: strict single precision.
    #[cfg_attr(not(feature = "cuda"), default)]
    F32,
    /// 11 bits of significand, 8 of exponent: tensor cores on `f32` data (NVIDIA, compute capability 8.0 and up).
    #[cfg_attr(feature = "cuda", default)]
    Tf32,
    /// 8 bits of significand, 8 of exponent. On CUDA, maps stay in bf16 between layers, which halves their size.
    /// On the CPU, operands are packed for AMX tiles or AVX-512 BF16 if these are faster than f32. Else they are
    /// rounded and multiplied by the kernels for f32, so the effect of bf16 on learning can be studied on any
    /// machine.
    Bf16,
}

impl Precision {
    /// The precisions of this build's device.
    #[cfg(not(feature = "cuda"))]
    pub const AVAILABLE: &[Self] = &[Self::F32, Self::Bf16];
    /// The precisions of this build's device.
    #[cfg(feature = "cuda")]
    pub const AVAILABLE: &[Self] = &[Self::F32, Self::Tf32, Self::Bf16];
}

impl std::str::FromStr for Precision {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "f32" => Ok(Self::F32),
            "tf32" => Ok(Self::Tf32),
            "bf16" => Ok(Self::Bf16),
            _ => Err(Error::setting("precision", format!("expected f32, tf32 or bf16, got {name:?}"))),
        }
    }
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_others_refused() {
        for precision in [Precision::F32, Precision::Tf32, Precision::Bf16] {
            assert_eq!(precision.to_string().parse::<Precision>().unwrap(), precision);
        }
        let error = "fp16".parse::<Precision>().unwrap_err().to_string();
        assert_eq!(error, "precision: expected f32, tf32 or bf16, got \"fp16\"");
    }
}
