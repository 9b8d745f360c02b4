//! Score functions.

pub mod bilinear;
pub mod w_retro;

pub use bilinear::{Bilinear, BilinearScore};
pub use w_retro::WRetro;

use plasticity_core::score::ScoreFunction;

/// Names the weights of a score `name`, or `name.PARAMETER` if it has several.
pub(crate) fn name_parameters(score: &mut dyn ScoreFunction, name: &str) {
    let mut parameters = score.parameters();
    let alone = parameters.len() == 1;
    for parameter in &mut parameters {
        parameter.rename(if alone { name.to_owned() } else { format!("{name}.{}", parameter.name()) });
    }
}
