//! Observers: they are called at every step of training and change nothing.
//!
//! A plugin of the family `observer` is a spec that configs name in `[[observers]]`, and the observer that it builds.
//! The toolkit's own observers (metrics, checkpoints, progress) implement the same trait and see more of the network:
//! `N` is the network that an observer sees, for a plugin a `dyn` [`Observed`].

use crate::error::Result;
use crate::parameter::Parameter;
use std::cell::{Ref, RefCell, RefMut};
use std::time::Duration;

/// A network that an observer reads.
pub trait Observed {
    /// All parameters with their full names: `layer.I.NAME` and `module.M.NAME`, counted from 0.
    fn parameters(&mut self) -> Vec<(String, &Parameter)>;

    /// How many modules it has.
    fn modules(&self) -> usize;
}

/// A number that an observer measured.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Measure {
    /// What was measured: `layer.0.weight`, `sparseness`.
    pub name: String,
    /// The number.
    pub value: f64,
}

/// The state of training when an observer is called.
#[non_exhaustive]
pub struct Moment<'a, N: ?Sized = dyn Observed> {
    /// Steps made.
    pub step: u64,
    /// Steps of the whole training.
    pub total: u64,
    /// The epoch of the step, from 0.
    pub epoch: u64,
    /// Stimuli in a step.
    pub batch: usize,
    /// The loss of every module on the batch of this step, before the step was applied. Empty if no observer
    /// [wants](Observer::wants_losses) it.
    pub losses: &'a [f32],
    /// How long training has waited for stimuli so far.
    pub waited: Duration,
    /// Whether the [network](Self::network) has made exactly these steps. In a pipeline it may already have made more.
    pub current: bool,
    network: RefCell<&'a mut N>,
    measures: RefCell<Vec<Measure>>,
    stopped: RefCell<Option<String>>,
}

impl<'a, N: ?Sized> Moment<'a, N> {
    /// After `step` of `total` steps, with a current network. The other fields are 0 or empty; set them if needed.
    pub fn new(step: u64, total: u64, network: &'a mut N) -> Self {
        Self {
            step,
            total,
            epoch: 0,
            batch: 0,
            losses: &[],
            waited: Duration::ZERO,
            current: true,
            network: RefCell::new(network),
            measures: RefCell::default(),
            stopped: RefCell::default(),
        }
    }

    /// The network, after the step.
    ///
    /// # Panics
    /// If what an earlier call returned, or an iterator over it, is still in use: keep the result in a variable and
    /// call this once.
    pub fn network(&self) -> RefMut<'_, &'a mut N> {
        self.network.borrow_mut()
    }

    /// The same moment for an observer that sees less of the network.
    pub fn seen_as<'b, M: ?Sized>(&'b self, network: &'b mut M) -> Moment<'b, M> {
        let Self { step, total, epoch, batch, losses, waited, current, .. } = *self;
        let (network, measures, stopped) = (RefCell::new(network), RefCell::default(), RefCell::default());
        Moment { step, total, epoch, batch, losses, waited, current, network, measures, stopped }
    }

    /// Saves a number: as a line of `measures.jsonl` and as a scalar for TensorBoard.
    pub fn measure(&self, name: impl Into<String>, value: f64) {
        self.measures.borrow_mut().push(Measure { name: name.into(), value });
    }

    /// The numbers measured with this moment so far. A plugin sees its own numbers, not those of other plugins.
    ///
    /// # Panics
    /// At the next call of [`measure`](Self::measure), if the result is still in use.
    pub fn measures(&self) -> Ref<'_, Vec<Measure>> {
        self.measures.borrow()
    }

    /// Ends training after this moment, as if it were the last step. `why` is shown to the user.
    pub fn stop(&self, why: impl Into<String>) {
        self.stopped.borrow_mut().get_or_insert(why.into());
    }

    /// The first reason to end training, if there is one.
    pub fn stopped(&self) -> Option<String> {
        self.stopped.borrow().clone()
    }

    /// The measured numbers.
    pub fn into_measures(self) -> Vec<Measure> {
        self.measures.into_inner()
    }
}

/// Is called while a network learns.
///
/// The order of calls in a run is [`begin`](Self::begin); for every step [`before`](Self::before) and
/// [`after`](Self::after); and [`end`](Self::end) if training ends without an error. Several observers are called in
/// the order of the config. An error of an observer ends training.
pub trait Observer<N: ?Sized = dyn Observed> {
    /// Whether it reads [`losses`](Moment::losses) after this step (counted from 1). On a GPU reading them waits for the
    /// step.
    fn wants_losses(&self, _step: u64) -> bool {
        false
    }

    /// Whether it looks at the [network](Moment::network), or may [stop](Moment::stop) training, after this step
    /// (counted from 1). After other steps, a pipeline may already have made further steps when it calls the
    /// observer; the network is then a later one.
    fn looks(&self, _step: u64) -> bool {
        true
    }

    /// Before the first step. Each process that resumes the run calls it again, and saves again what it measures.
    ///
    /// # Errors
    /// If training cannot continue.
    fn begin(&mut self, _moment: &Moment<N>) -> Result<()> {
        Ok(())
    }

    /// Before each step, which is counted from 1.
    ///
    /// # Errors
    /// If training cannot continue.
    fn before(&mut self, _step: u64) -> Result<()> {
        Ok(())
    }

    /// After each step.
    ///
    /// # Errors
    /// If training cannot continue.
    fn after(&mut self, moment: &Moment<N>) -> Result<()>;

    /// After the last step, also if training was stopped early. Each process that trains the run calls it, and saves
    /// again what it measures.
    ///
    /// # Errors
    /// If the final state cannot be saved.
    fn end(&mut self, _moment: &Moment<N>) -> Result<()> {
        Ok(())
    }
}

/// The keys of an observer in a config.
#[typetag::serde(tag = "type")]
pub trait ObserverSpec: Send + Sync + std::fmt::Debug {
    /// Builds the observer. It keeps nothing between processes: all it knows of a resumed run is the moment that
    /// [`begin`](Observer::begin) gets.
    ///
    /// # Errors
    /// If a value is out of range; the error names its key (`every`).
    fn build(&self) -> Result<Box<dyn Observer>>;
}
