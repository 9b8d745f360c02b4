//! The blocks into which each module's map is pooled before the score.

use plasticity_core::representation::Pooling;
use plasticity_core::{Error, Result};

/// Block sizes of average pooling: one for all modules or one for each; 0 pools the whole map.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum Pool {
    /// The same in all modules.
    Same(usize),
    /// One for each module, first to last.
    Each(Vec<usize>),
}

impl Default for Pool {
    fn default() -> Self {
        Self::Same(0)
    }
}

impl Pool {
    /// How the maps of each module become representations; a single pooling applies to all modules.
    pub fn poolings(&self) -> Vec<Pooling> {
        let pooling = |size: &usize| if *size == 0 { Pooling::Mean } else { Pooling::Blocks(*size) };
        match self {
            Self::Same(size) => vec![pooling(size)],
            Self::Each(sizes) => sizes.iter().map(pooling).collect(),
        }
    }

    /// Checks that there is a size for each of `modules`.
    ///
    /// # Errors
    /// If the numbers differ; the error states both.
    pub fn check(&self, modules: usize) -> Result<()> {
        match self {
            Self::Each(sizes) if sizes.len() != modules => {
                let message = format!(
                    "{sizes:?} has {} sizes, but the network has {modules} modules: give one number, or one for \
                     each module (0 pools the whole map)",
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
        assert_eq!(Pool::Each(vec![4, 0]).poolings(), [Pooling::Blocks(4), Pooling::Mean]);
        assert_eq!(Pool::Same(2).poolings(), [Pooling::Blocks(2)]);
    }

    #[test]
    fn a_list_must_have_one_size_a_module() {
        let error = Pool::Each(vec![4, 2]).check(3).unwrap_err().to_string();
        assert!(error.starts_with("pool: ") && error.contains("2 sizes") && error.contains("3 modules"));
    }
}
