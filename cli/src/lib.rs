//! Train, probe, verify and audit local self-supervised learning rules from a config.

pub mod audit;
pub mod verify;

use plasticity_encoders as _;
use plasticity_modalities as _;
use plasticity_rules as _;
