//! How a config gives a source.

use serde::de::{DeserializeOwned, Error as _, Unexpected};
use serde::{Deserialize, Deserializer};
use toml::{Table, Value};

/// Reads a source from a config: its name, as in `source = "synthetic"`, or a table with its `type` and keys.
///
/// # Errors
/// If it is neither, or if there is no such source; the error lists the sources there are.
pub fn choice<'de, D: Deserializer<'de>, T: ?Sized>(deserializer: D) -> Result<Box<T>, D::Error>
where
    Box<T>: DeserializeOwned,
{
    let table = match Value::deserialize(deserializer)? {
        Value::String(name) => Table::from_iter([("type".to_owned(), Value::String(name))]),
        Value::Table(table) => table,
        other => {
            let expected = &"the name of a source, or a table with its `type` and keys";
            return Err(D::Error::invalid_type(Unexpected::Other(other.type_str()), expected));
        }
    };
    Value::Table(table).try_into().map_err(|error: toml::de::Error| D::Error::custom(error.message()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::source::SpeechSourceSpec;
    use crate::video::source::ClipSourceSpec;
    use crate::vision::ImageSourceSpec;

    #[derive(Debug, serde::Serialize, Deserialize)]
    struct Config<T: ?Sized>
    where
        Box<T>: DeserializeOwned + serde::Serialize,
    {
        #[serde(deserialize_with = "choice")]
        source: Box<T>,
    }

    fn error(text: &str) -> String {
        toml::from_str::<Config<dyn ImageSourceSpec>>(text).unwrap_err().to_string()
    }

    #[test]
    fn a_source_is_a_name_or_a_table_and_survives_a_round_trip() {
        for text in ["source = \"synthetic\"", "source = { type = \"folder\", path = \"images\" }"] {
            let config: Config<dyn ImageSourceSpec> = toml::from_str(text).unwrap();
            let again: Config<dyn ImageSourceSpec> =
                toml::from_str(&toml::to_string(&config).unwrap()).unwrap();
            assert_eq!(format!("{config:?}"), format!("{again:?}"));
        }
        toml::from_str::<Config<dyn ClipSourceSpec>>("source = \"motions\"").unwrap();
        toml::from_str::<Config<dyn SpeechSourceSpec>>("source = \"synthetic_speech\"").unwrap();
    }

    #[test]
    fn what_is_wrong_is_said() {
        let message = error("source = \"motions\"");
        assert!(message.contains("`motions`") && message.contains("`folder`"), "{message}");
        let message = error("source = { type = \"folder\", pth = \"images\" }");
        assert!(message.contains("`pth`") && message.contains("`path`"), "{message}");
        assert!(error("source = { path = \"images\" }").contains("`type`"));
        let message = error("source = 3");
        assert!(message.contains("integer") && message.contains("the name of a source"), "{message}");
    }
}
