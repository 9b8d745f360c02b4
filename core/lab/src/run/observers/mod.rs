//! What looks on while a run trains: its metrics, TensorBoard's events, its checkpoints, and the config's own observers.

mod checkpoints;
mod events;
mod metrics;
mod norms;
mod own;
mod transposes;

pub(super) use checkpoints::Checkpoints;
pub(super) use events::Events;
pub(super) use metrics::Metrics;
pub(super) use own::Own;
