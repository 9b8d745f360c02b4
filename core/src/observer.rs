//! What looks on while a network learns: an observer is told of every step and changes none of them.
//!
//! A user's own is a plugin of the family `observer`: a spec that configs name in `[[observers]]`, and what it builds. The
//! laboratory's own (metrics, checkpoints, progress) implement the same trait and see more of the network: `N` is what
//! an observer sees, for a plugin a `dyn` [`Observed`].

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

/// Where training is when an observer is told of it.
#[non_exhaustive]
pub struct Moment<'a, N: ?Sized = dyn Observed> {
    /// Steps made.
    pub step: u64,
    /// Steps of the whole training.
    pub total: u64,
    /// The pass over the stimuli that the step belongs to, from 0.
    pub epoch: u64,
    /// Stimuli in a step.
    pub batch: usize,
    /// The loss of every module on this step's batch, before the step was applied. Empty where no observer
    /// [wants](Observer::wants_losses) it.
    pub losses: &'a [f32],
    /// How long training has waited for stimuli so far.
    pub waited: Duration,
    network: RefCell<&'a mut N>,
    measures: RefCell<Vec<Measure>>,
    stopped: RefCell<Option<String>>,
}

impl<'a, N: ?Sized> Moment<'a, N> {
    /// After `step` of `total` steps; the other fields are 0 or empty, and public to be set.
    pub fn new(step: u64, total: u64, network: &'a mut N) -> Self {
        Self {
            step,
            total,
            epoch: 0,
            batch: 0,
            losses: &[],
            waited: Duration::ZERO,
            network: RefCell::new(network),
            measures: RefCell::default(),
            stopped: RefCell::default(),
        }
    }

    /// The network, after the step.
    pub fn network(&self) -> RefMut<'_, &'a mut N> {
        self.network.borrow_mut()
    }

    /// The same moment, as an observer sees it that sees less of the network.
    pub fn seen_as<'b, M: ?Sized>(&'b self, network: &'b mut M) -> Moment<'b, M> {
        let Self { step, total, epoch, batch, losses, waited, .. } = *self;
        let (network, measures, stopped) = (RefCell::new(network), RefCell::default(), RefCell::default());
        Moment { step, total, epoch, batch, losses, waited, network, measures, stopped }
    }

    /// Keeps a number with the run: a line of `measures.jsonl`, and a scalar in TensorBoard's events.
    pub fn measure(&self, name: impl Into<String>, value: f64) {
        self.measures.borrow_mut().push(Measure { name: name.into(), value });
    }

    /// The numbers that observers which were told of the moment before have measured.
    pub fn measures(&self) -> Ref<'_, Vec<Measure>> {
        self.measures.borrow()
    }

    /// Ends training after this moment, as if this were its last step; `why` is told to whoever trains.
    pub fn stop(&self, why: impl Into<String>) {
        self.stopped.borrow_mut().get_or_insert(why.into());
    }

    /// Why training is to end, if it is: the first reason that was given.
    pub fn stopped(&self) -> Option<String> {
        self.stopped.borrow().clone()
    }

    /// The numbers that were measured.
    pub fn into_measures(self) -> Vec<Measure> {
        self.measures.into_inner()
    }
}

/// Looks on while a network learns.
///
/// In a run the order of calls is [`begin`](Self::begin), for every step [`before`](Self::before) and
/// [`after`](Self::after), and [`end`](Self::end) where training ended without an error. Several observers are called in
/// the order in which a config names them. What one returns as an error ends training.
pub trait Observer<N: ?Sized = dyn Observed> {
    /// Whether it reads [`losses`](Moment::losses) after this step (counted from 1). On a GPU reading them waits for the
    /// step.
    fn wants_losses(&self, _step: u64) -> bool {
        false
    }

    /// Whether it looks at the [network](Moment::network), or may [stop](Moment::stop) training, after this step (counted
    /// from 1). After others a pipeline may have gone on when it is told of them: its network is a later one then.
    fn looks(&self, _step: u64) -> bool {
        true
    }

    /// Before the first step.
    ///
    /// # Errors
    /// Where training cannot go on.
    fn begin(&mut self, _moment: &Moment<N>) -> Result<()> {
        Ok(())
    }

    /// Before each step, which is counted from 1.
    ///
    /// # Errors
    /// Where training cannot go on.
    fn before(&mut self, _step: u64) -> Result<()> {
        Ok(())
    }

    /// After each step.
    ///
    /// # Errors
    /// Where training cannot go on.
    fn after(&mut self, moment: &Moment<N>) -> Result<()>;

    /// After the last step that was made, where training was stopped early too.
    ///
    /// # Errors
    /// Where the end cannot be kept.
    fn end(&mut self, _moment: &Moment<N>) -> Result<()> {
        Ok(())
    }
}

/// What a config says of an observer.
#[typetag::serde(tag = "type")]
pub trait ObserverSpec: Send + Sync + std::fmt::Debug {
    /// Makes the observer. What it must know of a run that goes on follows from the moment that
    /// [`begin`](Observer::begin) is told of: it keeps nothing from one process to the next.
    ///
    /// # Errors
    /// Names a value that is out of range by its key (`every`).
    fn build(&self) -> Result<Box<dyn Observer>>;
}
