//! How exact matrix products and convolutions are.

use crate::error::Error;
use serde::{Deserialize, Serialize};

/// Operands of matrix products and convolutions; sums are always `f32`.
///
/// On the CPU results are `f32`. On CUDA they are too, but for maps at bf16; where a convolution goes by cuDNN at bf16, the
/// directions of its weights and its feedback are rounded to bf16 as well: cuDNN writes results as it reads operands.
///
/// Everything else (activities pooled into representations, scores, modulations, optimisers) is `f32` throughout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 24 bits of significand: strict single precision.
    #[cfg_attr(not(feature = "cuda"), default)]
    F32,
    /// 11 bits of significand, 8 of exponent: tensor cores on `f32` data (NVIDIA, compute capability 8.0 and up).
    #[cfg_attr(feature = "cuda", default)]
    Tf32,
    /// 8 bits of significand, 8 of exponent. On CUDA maps are kept so between layers, which halves their size. On the CPU
    /// operands are packed for AMX tiles or for AVX-512 BF16 where the processor has them; elsewhere they are rounded and
    /// multiplied by the kernels for f32, so that what bf16 does to learning can be seen on any machine.
    Bf16,
}

impl Precision {
    /// Those of this build's device.
    #[cfg(not(feature = "cuda"))]
    pub const AVAILABLE: &[Self] = &[Self::F32, Self::Bf16];
    /// Those of this build's device.
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
