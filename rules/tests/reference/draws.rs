//! Draws read from a reference case instead of drawn.

use plasticity_core::draws::{Draws, Side};
use plasticity_core::random::{Random, stream};
use plasticity_core::{Error, Result};
use safetensors::{Dtype, SafeTensors};
use std::collections::HashMap;

/// The draws of one module of a reference case: `module.M.PATH.K.negatives` (int64) and `module.M.PATH.sign`.
///
/// What the file does not have comes out empty, and the rule that asks for it says what it expected.
#[derive(Clone, Debug, Default)]
pub struct FileDraws {
    negatives: HashMap<(Side, usize), Vec<u32>>,
    signs: HashMap<Side, Vec<i8>>,
}

impl FileDraws {
    /// The draws of `module` (from 0) among a file's tensors.
    ///
    /// # Errors
    /// Where a tensor is not of integers or signs.
    pub fn new(tensors: &SafeTensors, module: usize) -> Result<Self> {
        let mut draws = Self::default();
        let prefix = format!("module.{module}.");
        for name in tensors.names() {
            let Some(rest) = name.strip_prefix(&prefix) else { continue };
            let mut parts = rest.split('.');
            let side = match parts.next() {
                Some("predict") => Side::Predict,
                Some("retrodict") => Side::Retrodict,
                _ => continue,
            };
            match (parts.next(), parts.next()) {
                (Some("sign"), None) => {
                    let signs = integers(tensors, name)?;
                    draws.signs.insert(side, signs.into_iter().map(|sign| sign.signum() as i8).collect());
                }
                (Some(step), Some("negatives")) => {
                    let step = step.parse().map_err(|_| Error::shape(name, "has no prediction step"))?;
                    let index =
                        integers(tensors, name)?.into_iter().map(u32::try_from).collect::<Result<_, _>>();
                    let index =
                        index.map_err(|_| Error::shape(name, "holds an index below 0 or too large"))?;
                    draws.negatives.insert((side, step), index);
                }
                _ => {}
            }
        }
        Ok(draws)
    }
}

/// A tensor of int64, or of float32 that are whole numbers.
fn integers(tensors: &SafeTensors, name: &str) -> Result<Vec<i64>> {
    let view = tensors.tensor(name).map_err(|error| Error::shape(name, error.to_string()))?;
    match view.dtype() {
        Dtype::I64 => {
            Ok(view.data().as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect())
        }
        Dtype::F32 => {
            Ok(view.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes) as i64).collect())
        }
        other => Err(Error::shape(name, format!("expected int64 or float32, got {other:?}"))),
    }
}

impl Draws for FileDraws {
    fn negatives(&mut self, side: Side, step: usize, _rows: usize, _count: usize) -> Vec<u32> {
        self.negatives.get(&(side, step)).cloned().unwrap_or_default()
    }

    fn others(&mut self, side: Side, step: usize, _batch: usize) -> Vec<u32> {
        self.negatives.get(&(side, step)).cloned().unwrap_or_default()
    }

    fn signs(&mut self, side: Side, _batch: usize) -> Vec<i8> {
        self.signs.get(&side).cloned().unwrap_or_default()
    }

    fn random(&mut self, what: u64) -> Random {
        stream(0, &[what])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::tensor::TensorView;

    #[test]
    fn only_the_module_asked_for_is_read() {
        let bytes: Vec<u8> = [3_i64, 1].iter().flat_map(|i| i.to_le_bytes()).collect();
        let sign: Vec<u8> = [1_i64, -1].iter().flat_map(|i| i.to_le_bytes()).collect();
        let view = |bytes| TensorView::new(Dtype::I64, vec![2], bytes).unwrap();
        let file = safetensors::serialize(
            [
                ("module.1.predict.2.negatives", view(&bytes)),
                ("module.1.predict.sign", view(&sign)),
                ("module.0.predict.2.negatives", view(&sign)),
            ],
            None,
        )
        .unwrap();
        let tensors = SafeTensors::deserialize(&file).unwrap();
        let mut draws = FileDraws::new(&tensors, 1).unwrap();
        assert_eq!(draws.negatives(Side::Predict, 2, 4, 1), [3, 1]);
        assert_eq!(draws.signs(Side::Predict, 2), [1, -1]);
        assert!(draws.negatives(Side::Retrodict, 2, 4, 1).is_empty());
        assert!(FileDraws::new(&tensors, 0).is_err());
    }
}
