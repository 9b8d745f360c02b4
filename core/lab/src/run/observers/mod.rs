//! The observers of a run: metrics, TensorBoard's events, checkpoints, regular measures of the network, and
//! the config's own observers.

mod along;
mod checkpoints;
mod events;
mod look;
mod metrics;
mod norms;
mod own;
mod patience;
mod standing;
mod transposes;
mod watch;

pub(super) use along::Along;
pub(super) use checkpoints::Checkpoints;
pub(super) use events::Events;
pub(super) use look::Look;
pub(super) use metrics::Metrics;
pub(super) use own::Own;
pub use standing::trivial_losses;
pub(super) use watch::Watch;
