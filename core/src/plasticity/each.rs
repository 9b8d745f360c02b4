//! One value for all modules, or one for each module.

use super::Site;
use crate::error::{Error, Result};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use toml::Value;

/// One value for all modules, or a list of one for each module, as configs write it: `0.5` or `[0.5, 1.0]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Each<T> {
    /// In every module.
    Same(T),
    /// First to last.
    Each(Vec<T>),
}

impl<T> Each<T> {
    /// Checks that there is one value for all modules, or one for each of `modules`.
    ///
    /// # Errors
    /// If a list does not have one value for each module; the error names the key.
    pub fn check(&self, key: &str, modules: usize) -> Result<()> {
        match self {
            Self::Each(each) if each.len() != modules => {
                let message =
                    format!("{} values for {modules} modules: give one, or one for each module", each.len());
                Err(Error::config(key, message))
            }
            _ => Ok(()),
        }
    }

    /// The value of a module, from 0; `None` if a list is shorter.
    pub fn get(&self, module: usize) -> Option<&T> {
        match self {
            Self::Same(value) => Some(value),
            Self::Each(each) => each.get(module),
        }
    }

    /// All values, as written.
    pub fn values(&self) -> &[T] {
        match self {
            Self::Same(value) => std::slice::from_ref(value),
            Self::Each(each) => each,
        }
    }
}

impl<T: Clone> Each<T> {
    /// The value for the module of a rule; `key` is its key in the config.
    ///
    /// # Errors
    /// If a list does not have one value for each module.
    pub fn of(&self, key: &str, site: &Site) -> Result<T> {
        self.check(key, site.modules)?;
        let missing = || Error::config(key, format!("has no value for module {}", site.module + 1));
        self.get(site.module).cloned().ok_or_else(missing)
    }
}

impl<T> From<T> for Each<T> {
    fn from(value: T) -> Self {
        Self::Same(value)
    }
}

/// An array is read as a list, and anything else as a value, so that an error is about the value.
impl<'de, T: DeserializeOwned> Deserialize<'de> for Each<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let read = |value: Value| T::deserialize(value).map_err(|error| D::Error::custom(error.message()));
        match Value::deserialize(deserializer)? {
            Value::Array(list) => {
                list.into_iter().map(read).collect::<std::result::Result<_, _>>().map(Self::Each)
            }
            value => read(value).map(Self::Same),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn read<T: DeserializeOwned>(text: &str) -> std::result::Result<Each<T>, String> {
        let table: std::result::Result<BTreeMap<String, Each<T>>, _> = toml::from_str(text);
        table.map_err(|error| error.message().to_owned()).map(|mut table| table.remove("key").unwrap())
    }

    #[test]
    fn a_value_is_for_all_modules_and_a_list_has_one_a_module() {
        let same = read::<f32>("key = 1").unwrap();
        assert_eq!(same, Each::Same(1.0));
        assert_eq!((same.get(7), same.values()), (Some(&1.0), &[1.0][..]));
        same.check("key", 7).unwrap();
        let each = read::<f32>("key = [1, 2.5]").unwrap();
        assert_eq!(each, Each::Each(vec![1.0, 2.5]));
        assert_eq!((each.get(1), each.get(2)), (Some(&2.5), None));
        each.check("key", 2).unwrap();
        let message = each.check("key", 3).unwrap_err().to_string();
        assert_eq!(message, "key: 2 values for 3 modules: give one, or one for each module");
        assert_eq!(read::<String>("key = \"a\"").unwrap(), Each::Same("a".to_owned()));
        assert_eq!(read::<bool>("key = [true, false]").unwrap(), Each::Each(vec![true, false]));
        let table = read::<BTreeMap<String, u64>>("key = { steps = 3 }").unwrap();
        assert_eq!(table.values()[0]["steps"], 3);
    }

    #[test]
    fn what_is_wrong_is_said_of_the_value() {
        #[derive(Debug, Deserialize)]
        struct Needy {
            #[serde(rename = "to")]
            _to: f32,
        }
        assert_eq!(read::<Needy>("key = {}").unwrap_err(), "missing field `to`");
        assert_eq!(read::<Needy>("key = [{}]").unwrap_err(), "missing field `to`");
        assert!(read::<f32>("key = [1, \"a\"]").unwrap_err().contains("invalid type: string \"a\""));
    }
}
