//! Into which blocks the map of each module is pooled before it is scored.

use plasticity_core::representation::Pooling;
use plasticity_core::{Error, Result};

/// Block sizes of average pooling: one for all modules or one for each; 0 pools the whole map.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum Pool {
    /// The same in all modules.
    Same(usize),
    /// One a module, first to last.
    Each(Vec<usize>),
}

impl Default for Pool {
    fn default() -> Self {
        Self::Same(0)
    }
}

impl Pool {
    /// How the maps of `module` (from 0) become representations.
    pub fn of(&self, module: usize) -> Pooling {
        let size = match self {
            Self::Same(size) => Some(*size),
            Self::Each(sizes) => sizes.get(module).copied(),
        };
        match size {
            None | Some(0) => Pooling::Mean,
            Some(size) => Pooling::Blocks(size),
        }
    }

    /// Checks that there is a size for each of `modules`.
    ///
    /// # Errors
    /// Says how many there are and how many modules.
    pub fn check(&self, modules: usize) -> Result<()> {
        match self {
            Self::Each(sizes) if sizes.len() != modules => {
                let message = format!(
                    "{sizes:?} has {} sizes and the network {modules} modules: give one number, or one a module \
                     (0 pools the whole map)",
                    sizes.len()
                );
                Err(Error::config("pool", message))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_of_zero_pools_the_whole_map() {
        let pool = Pool::Each(vec![4, 0]);
        assert_eq!((pool.of(0), pool.of(1)), (Pooling::Blocks(4), Pooling::Mean));
        assert_eq!(Pool::Same(2).of(5), Pooling::Blocks(2));
    }

    #[test]
    fn a_list_must_have_one_size_a_module() {
        let error = Pool::Each(vec![4, 2]).check(3).unwrap_err().to_string();
        assert!(error.starts_with("pool: ") && error.contains("2 sizes") && error.contains("3 modules"));
    }
}
