//! Makes batches ahead of training, on separate threads.
//!
//! Worker threads decode, augment and assemble; the training thread only moves a finished batch to the device.
//! A batch depends only on the seed and its step. So any number of threads gives the same bits, and a run may start
//! at any step.

use crate::ranks::Shard;
use plasticity_core::device::{Buffer, Device};
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::random::{purpose, stream};
use plasticity_core::stimulus::{Batch, Label, Sample, Stimulus};
use plasticity_core::{Error, Result};
use rand::seq::SliceRandom;
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// A batch on the host.
#[derive(Clone, Debug)]
pub struct HostBatch {
    /// The encoder's input, `[sample, t, y, x, channel]`.
    pub values: Vec<f32>,
    /// Its axes.
    pub shape: MapShape,
    /// One label for each of [`MapShape::batch`].
    pub labels: Vec<Label>,
    /// The pass over the stimuli to which it belongs, from 0.
    pub epoch: u64,
    /// The number of the batch in the run, from 0, over all epochs.
    pub step: u64,
}

impl HostBatch {
    /// Moves the batch to the device.
    ///
    /// # Errors
    /// If the device has no memory.
    pub fn to_device(self, device: &Device) -> Result<Batch> {
        let input = FeatureMap::new(self.shape, Buffer::from_vec(device, self.values)?)?;
        Ok(Batch { input, labels: self.labels })
    }
}

/// The order of the stimuli, and whether they are augmented.
#[derive(Clone, Debug)]
pub enum Pass {
    /// For learning: augmented, each epoch in a new order; stimuli after the last whole batch are left out.
    Learn {
        /// The run's seed.
        seed: u64,
        /// The steps of the run, counted over all epochs: `0..u64::MAX` for a run without end.
        steps: Range<u64>,
        /// The part of every batch.
        shard: Shard,
        /// How often each stimulus is in its batch, one after another.
        presentations: usize,
    },
    /// For a probe: each stimulus once, in its source's order, not augmented; the last batch may be smaller.
    Evaluate,
    /// The same, with each stimulus augmented depending on the seed and the number of the pass.
    EvaluateAugmented {
        /// The run's seed.
        seed: u64,
        /// Which pass over the stimuli, from 0.
        pass: u64,
    },
}

/// Batches of one epoch of learning, which drops the last, partial batch. Each stimulus is `presentations` times in its
/// batch.
///
/// # Errors
/// If a batch needs more than all stimuli, is 0, or does not hold whole numbers of presentations.
pub fn steps_per_epoch(stimuli: usize, batch: usize, presentations: usize) -> Result<u64> {
    if presentations == 0 || !batch.is_multiple_of(presentations) {
        let message = format!("a batch of {batch} does not hold each of its stimuli {presentations} times");
        return Err(Error::config("training.presentations", message));
    }
    let different = batch / presentations;
    if different == 0 || different > stimuli {
        let most = stimuli.saturating_mul(presentations);
        let message =
            format!("a batch of {batch} is too large for {stimuli} stimuli: use {presentations} to {most}");
        return Err(Error::config("training.batch", message));
    }
    Ok((stimuli / different) as u64)
}

/// The largest useful number of threads for arithmetic or loading: several for each core, since some wait. More
/// would only slow each other down.
pub fn most_threads() -> usize {
    std::thread::available_parallelism().map_or(16, |cores| (4 * cores.get()).max(16))
}

/// The number of workers of a loader: the threads that a config allows (`None`: one for each core, at most 4), but
/// at most [`most_threads`], and at most the number of batches.
fn workers(threads: Option<usize>, batches: u64) -> usize {
    let available = || std::thread::available_parallelism().map_or(1, |cores| cores.get().min(4));
    let threads = threads.unwrap_or_else(available).min(most_threads());
    threads.min(usize::try_from(batches).unwrap_or(usize::MAX)).max(1)
}

/// The largest number of batches that a loader holds: one for every worker, and one that is ready.
pub fn ahead(threads: Option<usize>, batches: u64) -> u64 {
    (workers(threads, batches) as u64 + 1).min(batches)
}

/// An iterator of batches that worker threads make ahead of it.
pub struct Loader {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

/// The state that the loader and its workers share.
struct Shared {
    stimulus: Arc<dyn Stimulus>,
    pass: Pass,
    batch: usize,
    per_epoch: u64,
    last: u64,
    queue: u64,
    stopped: AtomicBool,
    state: Mutex<State>,
    made: Condvar,
    taken: Condvar,
}

struct State {
    /// The next step that a worker will make.
    claimed: u64,
    /// The next step that the loader will return.
    next: u64,
    /// Finished batches that wait to be returned.
    done: BTreeMap<u64, Result<HostBatch>>,
}

impl Loader {
    /// Starts at most `threads` workers (`None`: one for each core, at most 4).
    ///
    /// # Errors
    /// If no batch of this size can be made, or no thread can be started.
    pub fn new(
        stimulus: Arc<dyn Stimulus>,
        pass: Pass,
        batch: usize,
        threads: Option<usize>,
    ) -> Result<Self> {
        let (first, last, per_epoch) = match &pass {
            Pass::Learn { steps, presentations, .. } => {
                let per_epoch = steps_per_epoch(stimulus.len(), batch, *presentations)?;
                (steps.start, steps.end.max(steps.start), per_epoch)
            }
            Pass::Evaluate | Pass::EvaluateAugmented { .. } => {
                if batch == 0 {
                    return Err(Error::config("training.batch", "must be at least 1, got 0"));
                }
                let steps = stimulus.len().div_ceil(batch) as u64;
                (0, steps, steps)
            }
        };
        let threads = workers(threads, last - first);
        let shared = Arc::new(Shared {
            stimulus,
            pass,
            batch,
            per_epoch,
            last,
            queue: threads as u64 + 1,
            stopped: AtomicBool::new(false),
            state: Mutex::new(State { claimed: first, next: first, done: BTreeMap::new() }),
            made: Condvar::new(),
            taken: Condvar::new(),
        });
        // The loader is made first, so that its drop ends the workers if a later one cannot be started.
        let mut loader = Self { shared, workers: Vec::new() };
        for worker in 0..threads {
            let shared = loader.shared.clone();
            let handle = std::thread::Builder::new()
                .name(format!("loader-{worker}"))
                .spawn(move || shared.work())
                .map_err(|e| Error::stimulus("loader", format!("no thread can be started ({e})")))?;
            loader.workers.push(handle);
        }
        Ok(loader)
    }

    /// Batches of one epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        self.shared.per_epoch
    }
}

impl Iterator for Loader {
    type Item = Result<HostBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut state = self.shared.lock();
        if state.next >= self.shared.last {
            return None;
        }
        let step = state.next;
        let item = loop {
            if let Some(item) = state.done.remove(&step) {
                break item;
            }
            state = self.shared.made.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        state.next += 1;
        drop(state);
        self.shared.taken.notify_all();
        Some(item)
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        // Under the lock, so that no worker is between reading the flag and waiting.
        let state = self.shared.lock();
        self.shared.stopped.store(true, Ordering::Relaxed);
        drop(state);
        self.shared.taken.notify_all();
        for worker in self.workers.drain(..) {
            if worker.join().is_err() {
                tracing::error!("a loader thread panicked");
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// A worker: makes the next step as soon as there is room for it, until no step is left.
    fn work(&self) {
        let mut order = (u64::MAX, Vec::new());
        while let Some(step) = self.claim() {
            let made = catch_unwind(AssertUnwindSafe(|| self.make(step, &mut order)));
            let made = made.unwrap_or_else(|_| {
                order = (u64::MAX, Vec::new());
                Some(Err(Error::stimulus(
                    format!("batch {step}"),
                    "the code of the stimulus panicked; see above",
                )))
            });
            let Some(made) = made else { return };
            self.lock().done.insert(step, made);
            self.made.notify_all();
        }
    }

    fn claim(&self) -> Option<u64> {
        let mut state = self.lock();
        loop {
            if self.stopped() || state.claimed >= self.last {
                return None;
            }
            if state.claimed < state.next.saturating_add(self.queue) {
                state.claimed += 1;
                return Some(state.claimed - 1);
            }
            state = self.taken.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Makes the batch of a step, or nothing if the loader was dropped meanwhile. `order` is the worker's
    /// (epoch, order of that epoch).
    fn make(&self, step: u64, order: &mut (u64, Vec<u32>)) -> Option<Result<HostBatch>> {
        let (epoch, place) = (step / self.per_epoch, (step % self.per_epoch) as usize);
        if order.0 != epoch {
            *order = (epoch, (0..self.stimulus.len() as u32).collect());
            if let Pass::Learn { seed, .. } = self.pass {
                order.1.shuffle(&mut stream(seed, &[purpose::ORDER, epoch]));
            }
        }
        let (own, presentations) = match self.pass {
            Pass::Learn { shard, presentations, .. } => (shard.of(self.batch), presentations),
            _ => (0..self.batch, 1),
        };
        let presented = |sample: usize| order.1.get((place * self.batch + sample) / presentations).copied();
        let (mut samples, mut last): (Vec<Sample>, _) = (Vec::new(), None);
        for index in own.map_while(presented) {
            if self.stopped() {
                return None;
            }
            if last.replace(index) == Some(index) {
                samples.extend(samples.last().cloned());
                continue;
            }
            let mut random = match self.pass {
                Pass::Learn { seed, .. } => Some(stream(seed, &[purpose::AUGMENT, epoch, u64::from(index)])),
                Pass::EvaluateAugmented { seed, pass } => {
                    Some(stream(seed, &[purpose::PROBE_AUGMENT, pass, u64::from(index)]))
                }
                Pass::Evaluate => None,
            };
            match self.stimulus.sample(index as usize, random.as_mut()) {
                Ok(sample) => samples.push(sample),
                Err(error) => return Some(Err(error)),
            }
        }
        let shape = self.stimulus.shape(samples.len());
        let labels = self.stimulus.labels(&samples);
        Some(self.stimulus.assemble(&samples).and_then(|values| {
            if values.len() == shape.len() && labels.len() == shape.batch {
                return Ok(HostBatch { values, shape, labels, epoch, step });
            }
            let message = format!(
                "{} stimuli should give {} values and {} labels, got {} and {}",
                samples.len(),
                shape.len(),
                shape.batch,
                values.len(),
                labels.len()
            );
            Err(Error::stimulus("batch", message))
        }))
    }
}

#[cfg(test)]
mod tests;
