//! Contexts predict targets some steps later: `predictive` and its presets.

mod clapp;
mod clapp_paired;
mod clapp_s;
mod clapp_twin;
mod cpc;
mod drawn;
mod gim;
mod hinge_cpc;
mod hinge_cpc_time_local;
mod loss;
mod meetings;
pub mod options;
mod preset;
mod rule;
mod steps;

pub use drawn::{DrawnFor, Each, Landing, Negatives, Signs};
pub use options::{Options, PredictionSteps};
pub use rule::{Predictive, PredictiveSpec};
