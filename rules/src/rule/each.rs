//! One value for all modules, or one a module.

use plasticity_core::plasticity::Site;
use plasticity_core::{Error, Result};

/// One value for all modules, or one a module.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(untagged, expecting = "expected a value, or a list with one for each module")]
pub enum Each<T> {
    /// In every module.
    Same(T),
    /// First to last.
    Each(Vec<T>),
}

impl<T: Copy> Each<T> {
    /// That of a module, of the value that is called `key`.
    ///
    /// # Errors
    /// Where a list has not one a module.
    pub fn of(&self, key: &str, site: &Site) -> Result<T> {
        match self {
            Self::Same(value) => Ok(*value),
            Self::Each(each) if each.len() == site.modules => Ok(each[site.module]),
            Self::Each(each) => {
                let message = format!(
                    "{} values for {} modules: give one, or one for each module",
                    each.len(),
                    site.modules
                );
                Err(Error::config(key, message))
            }
        }
    }
}
