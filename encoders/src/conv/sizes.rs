//! Sizes in a config: one number for all axes, or one for each axis.

use plasticity_core::ops::conv::Pool;
use plasticity_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// One number for every axis, or a list of one for each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Sizes {
    /// The same on every axis.
    Same(usize),
    /// One for each axis of the layer, in the order time, row, column.
    Each(Vec<usize>),
}

impl Sizes {
    /// The sizes on time, row and column of a layer whose axes are the flagged ones; `least` on the others.
    ///
    /// # Errors
    /// If a list has another length than there are axes, or a size is below `least` or past 4096.
    pub fn on(&self, axes: [bool; 3], least: usize, key: &str) -> Result<[usize; 3]> {
        let count = axes.iter().filter(|&&axis| axis).count();
        let mut each = match self {
            Self::Same(size) => vec![*size; count],
            Self::Each(sizes) if sizes.len() == count => sizes.clone(),
            Self::Each(sizes) => {
                let message = format!("{sizes:?} must be one number, or {count} (one for each axis)");
                return Err(Error::config(key, message));
            }
        };
        if let Some(size) = each.iter().find(|&&size| size < least || size > MOST) {
            return Err(Error::config(key, format!("{size} is not in {least} … {MOST}")));
        }
        each.reverse();
        Ok(axes.map(|axis| if axis { each.pop().unwrap_or(least) } else { least }))
    }
}

/// The largest size that a config may ask for on one axis.
const MOST: usize = 4096;

/// A max pool in a config.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolSpec {
    /// Window.
    pub size: Sizes,
    /// Step between windows; by default their size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<Sizes>,
}

impl PoolSpec {
    /// The pool of a layer whose axes are the flagged ones.
    pub(super) fn on(&self, axes: [bool; 3]) -> Result<Pool> {
        let size = self.size.on(axes, 1, "max_pool.size")?;
        if size.iter().product::<usize>() > Pool::MOST {
            let message = format!("{size:?} has more than {} positions", Pool::MOST);
            return Err(Error::config("max_pool.size", message));
        }
        let stride = match &self.stride {
            Some(stride) => stride.on(axes, 1, "max_pool.stride")?,
            None => size,
        };
        Ok(Pool { size, stride })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_stand_on_the_axes_that_a_layer_has() {
        let image = [false, true, true];
        assert_eq!(Sizes::Same(3).on(image, 1, "kernel").unwrap(), [1, 3, 3]);
        assert_eq!(Sizes::Each(vec![3, 5]).on(image, 1, "kernel").unwrap(), [1, 3, 5]);
        assert_eq!(Sizes::Each(vec![7]).on([true, false, false], 0, "padding").unwrap(), [7, 0, 0]);
        let error = Sizes::Each(vec![1]).on(image, 1, "kernel").unwrap_err().to_string();
        assert_eq!(error, "kernel: [1] must be one number, or 2 (one for each axis)");
        assert!(Sizes::Same(0).on(image, 1, "stride").is_err());
    }
}
