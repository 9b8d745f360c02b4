//! One update of a GRU by each method, and the heap it takes.

use plasticity_core::Result;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::layer::{EncoderLayer, Phase, PostFactor};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::random::stream;
use plasticity_encoders::gru::{Gradient, Gru};

/// The most bytes that `work` held at once.
pub fn peak(work: impl FnOnce() -> Result<()>) -> usize {
    let emptied = Device::open().map(|device| device.empty_cache());
    let profiler = dhat::Profiler::builder().testing().build();
    let done = emptied.map_err(Into::into).and_then(|()| work());
    let bytes = dhat::HeapStats::get().max_bytes;
    drop(profiler);
    assert!(done.is_ok(), "{done:?}");
    bytes
}

fn layer(device: &Device, neurons: usize) -> Result<Gru> {
    Gru::new(device, neurons, neurons, Gradient::Bptt, &mut stream(1, &[]))
}

/// Back-propagation through `steps` steps of one sequence, input and learning signal of all steps included.
pub fn bptt(steps: usize, neurons: usize) -> Result<()> {
    let device = Device::open()?;
    let mut gru = layer(&device, neurons)?;
    let shape = MapShape { time: 1, location: 1, batch: 1, extent: [steps, 1, 1], channels: neurons };
    let pre = FeatureMap::new(shape, Buffer::zeros(&device, shape.len())?)?;
    let activity = gru.forward(&pre, Phase::Learn)?;
    let factor = PostFactor::PerPosition(Buffer::zeros(&device, steps * neurons)?);
    gru.plasticity(&pre, &activity.post, activity.trace, factor, false).map(drop)
}

/// e-prop forward over `steps` steps of one sequence; each step's input and learning signal come and go.
pub fn forward_traces(steps: usize, neurons: usize) -> Result<()> {
    let device = Device::open()?;
    let gru = layer(&device, neurons)?;
    let mut run = gru.stream(1)?;
    for _ in 0..steps {
        run.step(&Buffer::zeros(&device, neurons)?)?;
        run.learn(&Buffer::zeros(&device, neurons)?)?;
    }
    drop(run.into_updates());
    Ok(())
}
