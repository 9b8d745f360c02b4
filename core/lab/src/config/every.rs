//! How often something happens.

use serde::{Deserialize, Serialize};

/// How often something happens: `{ epochs = 1 }`, `{ steps = 500 }` or `{ minutes = 10 }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", try_from = "EveryTable")]
pub enum Every {
    /// After this many epochs.
    Epochs(u64),
    /// After this many steps.
    Steps(u64),
    /// After this many minutes of this process.
    Minutes(u64),
}

/// [`Every`] as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "{ epochs = N }, { steps = N } or { minutes = N }")]
struct EveryTable {
    epochs: Option<u64>,
    steps: Option<u64>,
    minutes: Option<u64>,
}

impl TryFrom<EveryTable> for Every {
    type Error = &'static str;

    fn try_from(table: EveryTable) -> Result<Self, Self::Error> {
        match (table.epochs, table.steps, table.minutes) {
            (Some(epochs), None, None) => Ok(Self::Epochs(epochs)),
            (None, Some(steps), None) => Ok(Self::Steps(steps)),
            (None, None, Some(minutes)) => Ok(Self::Minutes(minutes)),
            _ => Err("expected one of { epochs = N }, { steps = N } and { minutes = N }"),
        }
    }
}
