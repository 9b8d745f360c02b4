//! Measures what was learned, for `plasticity report`, `features` and `analyse`.
//!
//! A [`survey`] runs stimuli through one or several networks. It keeps every layer's features and
//! the pieces of stimuli that drive each neuron most. [`linear_cka`](Gram::cka), [`selectivity`]
//! and the effective dimension describe the features; [`prediction_alignment`] describes a rule's
//! own weights.

mod alignment;
mod cka;
mod confusion;
mod drivers;
mod embedding;
mod pieces;
mod rows;
mod selectivity;
mod subset;
mod summary;
mod survey;

pub(crate) use alignment::aligned;
pub use alignment::{PredictionAlignment, prediction_alignment};
pub use cka::Gram;
pub use confusion::{Answers, Confusion, answers};
pub use drivers::{Driver, Drivers};
pub use embedding::{FEWEST, embedding, perplexity, varies};
pub use pieces::{Excerpt, Kind, excerpt, kind, whole};
pub use rows::{map_axes, maps, represent_once, rows};
pub use selectivity::{Selectivity, selectivity};
pub use subset::{Subset, spread};
pub use summary::{LayerSummary, summary};
pub use survey::{Seen, features_of, survey};
