//! Sources of images, and how a config names one.

use super::Picture;
use plasticity_core::Result;
use plasticity_core::registry::{self, Family};
use plasticity_core::stimulus::Split;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Serialize, Serializer};

/// An image and its class, if it has one.
#[derive(Clone, Debug)]
pub struct LabelledPicture {
    /// The image.
    pub picture: Picture,
    /// Its class.
    pub class: Option<u32>,
}

/// One split of a source, opened: images by index.
pub trait ImageSource: Send + Sync {
    /// How many images.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Decodes image `index`; called from several threads.
    ///
    /// # Errors
    /// Names the file that cannot be used, and what is wrong with it.
    fn image(&self, index: usize) -> Result<LabelledPicture>;

    /// The file of image `index` and its place in it, for messages.
    fn place(&self, index: usize) -> String;

    /// Names of the classes, where images are labelled.
    fn classes(&self) -> Option<Vec<String>> {
        None
    }
}

/// What a config says of a source of images. A source of your own implements this and
/// [`ImageSource`], and is entered with `plasticity_core::plugin! { Source "name": … }`.
#[typetag::serde(tag = "type")]
pub trait ImageSourceSpec: Send + Sync + std::fmt::Debug {
    /// Opens one split. `seed` is the run's.
    ///
    /// # Errors
    /// Where files are missing or unusable, or where the source has no such split: names them, and the remedy.
    fn open(&self, split: Split, seed: u64) -> Result<Box<dyn ImageSource>>;
}

/// A source in a config: `source = "synthetic"` or `source = { type = "folder", path = "…" }`.
#[derive(Debug)]
pub struct SourceChoice(pub Box<dyn ImageSourceSpec>);

impl Serialize for SourceChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SourceChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ChoiceVisitor)
    }
}

struct ChoiceVisitor;

impl ChoiceVisitor {
    fn choose<E: de::Error>(table: toml::Table) -> Result<SourceChoice, E> {
        let name = match table.get("type") {
            Some(toml::Value::String(name)) => name,
            Some(other) => return Err(E::custom(format!("source.type must be a name, got {other}"))),
            None => return Err(E::missing_field("source.type")),
        };
        registry::find(Family::Source, name, "source").map_err(E::custom)?;
        toml::Value::Table(table)
            .try_into()
            .map(SourceChoice)
            .map_err(|e: toml::de::Error| E::custom(format!("source: {}", e.message())))
    }
}

impl<'de> Visitor<'de> for ChoiceVisitor {
    type Value = SourceChoice;

    fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str("the name of a source, or a table with its `type` and keys")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<SourceChoice, E> {
        let mut table = toml::Table::new();
        table.insert("type".to_owned(), toml::Value::String(name.to_owned()));
        Self::choose(table)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SourceChoice, A::Error> {
        Self::choose(toml::Table::deserialize(de::value::MapAccessDeserializer::new(map))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize, Serialize)]
    struct Config {
        source: SourceChoice,
    }

    fn error(text: &str) -> String {
        toml::from_str::<Config>(text).unwrap_err().to_string()
    }

    #[test]
    fn a_source_is_a_name_or_a_table_and_survives_a_round_trip() {
        for text in ["source = \"synthetic\"", "source = { type = \"folder\", path = \"images\" }"] {
            let config: Config = toml::from_str(text).unwrap();
            let again: Config = toml::from_str(&toml::to_string(&config).unwrap()).unwrap();
            assert_eq!(format!("{config:?}"), format!("{again:?}"));
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let message = error("source = \"syntetic\"");
        assert!(message.contains("did you mean `synthetic`") && message.contains("folder"), "{message}");
        let message = error("source = { type = \"foldr\", path = \"images\" }");
        assert!(message.contains("did you mean `folder`"), "{message}");
        let message = error("source = { type = \"folder\", pth = \"images\" }");
        assert!(message.contains("`pth`") && message.contains("`path`"), "{message}");
        assert!(error("source = { path = \"images\" }").contains("source.type"));
        assert!(error("source = 3").contains("the name of a source"));
    }
}
