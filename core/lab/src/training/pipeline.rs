//! Parts of a network on threads of their own: while one learns from a batch, the part below makes the map of the next.
//!
//! Each part runs and updates its modules batch after batch. Its map goes up through a bounded queue as soon as it is made. In a
//! part the order of forward passes and updates is that of one thread after the other.
//!
//! At the [`Pace`] `Exact` a part waits for room in its queue, never for the learning of one above it. Every part learns from every
//! batch, and a module of gradient isolation needs nothing else: the bits are those of one thread after the other. At the pace
//! `Free` a part never waits for one above it: a map that finds the queue full takes the place of the oldest, from which the
//! parts above do not learn. This is the asynchronous variant of decoupled greedy learning (Belilovsky et al. 2020, Decoupled
//! Greedy Learning of CNNs) without its reuse of maps.

use super::queue::{Full, Receiver, Sender, queue};
use super::{Course, Length, Told, Trainer, tell};
use crate::loader::HostBatch;
use crate::network::{ModuleStep, Part, PartStep};
use plasticity_core::draws::SeededDraws;
use plasticity_core::map::{FeatureMap, MapShape};
use plasticity_core::observer::Observer;
use plasticity_core::{Error, Result};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

/// Batches that wait between two parts.
const QUEUE: usize = 2;
/// Steps after which all parts wait for each other at the latest, so that progress is shown.
const MOST: u64 = 64;

/// What parts do when those above them are slower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// They wait for room in the queue, so that every part learns from every batch.
    Exact,
    /// They continue, and those above skip batches. A part takes a map of the last two that the part below has made.
    Free,
}

/// How a network is divided among threads.
pub(super) struct Pipeline {
    pace: Pace,
    /// The modules of each part.
    ranges: Vec<Range<usize>>,
    /// The threads of arithmetic of each part.
    pools: Vec<ThreadPool>,
}

/// A batch on its way up.
struct Item {
    map: Arc<FeatureMap>,
    labels: Arc<Option<Vec<u32>>>,
    step: u64,
    /// Whether losses are read.
    report: bool,
}

/// What a part says of a step: of each of its modules loss and surprise, where they are read.
type Said = Vec<(f32, Option<f32>)>;

impl Trainer {
    /// The same with modules on as many threads as there are for arithmetic, and no more than modules; `shape` is the network's
    /// input.
    ///
    /// # Errors
    /// Where a module needs something of one above it, where there is only one, or a thread cannot be started.
    pub fn in_pipeline(mut self, shape: MapShape, pace: Pace) -> Result<Self> {
        self.network.learns_in_parts()?;
        let threads = rayon::current_num_threads();
        let ranges = self.network.divided(threads.max(2), shape)?;
        let each = (threads / ranges.len()).max(1);
        let pool = |_: &Range<usize>| {
            ThreadPoolBuilder::new().num_threads(each).build().map_err(|error| {
                Error::config("training.parallel", format!("no thread can be started ({error})"))
            })
        };
        let pools = ranges.iter().map(pool).collect::<Result<_>>()?;
        Ok(Self { pipeline: Some(Arc::new(Pipeline { pace, ranges, pools })), ..self })
    }

    /// From how many batches each module has learned, where that may differ: at the pace [`Free`](Pace::Free).
    pub fn learned(&self) -> Option<Vec<u64>> {
        let free = self.pipeline.as_ref().is_some_and(|pipeline| pipeline.pace == Pace::Free);
        free.then(|| self.network.optimiser_steps())
    }
}

/// [`learn`](super::learn) in a pipeline. Parts wait for each other before an observer [looks](Observer::looks), and at the pace
/// `Free` after every step whose losses are read: no part skips the last batch before they wait.
pub(super) fn learn(
    trainer: &mut Trainer,
    pipeline: &Pipeline,
    batches: &mut dyn Iterator<Item = Result<HostBatch>>,
    length: Length,
    stop: &dyn Fn() -> bool,
    observers: &mut [&mut dyn Observer<Trainer>],
) -> Result<()> {
    let mut told = Told::default();
    tell(trainer, length, told, observers, |observer, moment| observer.begin(moment))?;
    loop {
        let mut epochs = Vec::new();
        let mut next = |step: u64| -> Result<Option<(HostBatch, bool)>> {
            let made = epochs.len() as u64;
            let needs_all = |step| {
                let reads =
                    |one: &dyn Observer<Trainer>| pipeline.pace == Pace::Free && one.wants_losses(step);
                observers.iter().any(|one| one.looks(step) || reads(&**one))
            };
            if stop() || made == MOST || (made > 0 && needs_all(step - 1)) {
                return Ok(None);
            }
            let since = Instant::now();
            let host = batches.next().filter(|host| host.is_ok() || !stop()).transpose()?;
            told.waited += since.elapsed();
            let Some(host) = host else { return Ok(None) };
            observers.iter_mut().try_for_each(|observer| observer.before(step))?;
            epochs.push(host.epoch);
            Ok(Some((host, observers.iter().any(|observer| observer.wants_losses(step)))))
        };
        let said = match trainer.halted {
            None => segment(trainer, pipeline, &mut next)?,
            Some(_) => Vec::new(),
        };
        if said.is_empty() {
            break;
        }
        let last = trainer.step + said.len() as u64;
        for (epoch, said) in epochs.into_iter().zip(said) {
            told.epoch = epoch;
            trainer.step += 1;
            let losses: Vec<f32> = said.iter().map(|(loss, _)| *loss).collect();
            trainer.surprise = said.into_iter().map(|(_, surprise)| surprise).collect();
            let told = Told { losses: &losses, past: trainer.step < last, ..told };
            tell(trainer, length, told, observers, |observer, moment| observer.after(moment))?;
        }
    }
    tell(trainer, length, told, observers, |observer, moment| observer.end(moment))
}

/// Makes steps of the batches that `next` gives for each step, counted from 1, and whether losses are read in it, until it gives
/// none; returns what all modules say of each.
fn segment(
    trainer: &mut Trainer,
    pipeline: &Pipeline,
    next: &mut dyn FnMut(u64) -> Result<Option<(HostBatch, bool)>>,
) -> Result<Vec<Said>> {
    let (seed, device, first) = (trainer.seed, trainer.network.device().clone(), trainer.step);
    let course = &trainer.course;
    let parts = trainer.network.take_apart(&pipeline.ranges);
    // The first part learns from every batch.
    let (feed, below) = queue(QUEUE, Full::Waits);
    let full = match pipeline.pace {
        Pace::Exact => Full::Waits,
        Pace::Free => Full::LosesOldest,
    };
    let (outcomes, fed) = std::thread::scope(|scope| {
        let mut below = below;
        let mut running = Vec::new();
        for (part, pool) in parts.into_iter().zip(&pipeline.pools) {
            let (above, of_next) = queue(QUEUE, full);
            let from = std::mem::replace(&mut below, of_next);
            running.push(scope.spawn(move || pool.install(move || work(part, from, above, seed, course))));
        }
        // What the last part makes is for nobody.
        drop(below);
        let mut feed_all = || -> Result<()> {
            let mut made = 0;
            while let Some((host, report)) = next(first + made + 1)? {
                let batch = host.to_device(&device)?;
                let (labels, map) = (Arc::new(batch.classes()), Arc::new(batch.input));
                if !feed.send(Item { map, labels, step: first + made, report }) {
                    break;
                }
                made += 1;
            }
            Ok(())
        };
        let fed = feed_all();
        drop(feed);
        (running.into_iter().map(|thread| thread.join()).collect::<Vec<_>>(), fed)
    });
    let (mut parts, mut made) = (Vec::new(), Vec::new());
    for outcome in outcomes {
        let (part, own) =
            outcome.map_err(|_| Error::shape("pipeline", "a part's code panicked; see above"))?;
        parts.push(part);
        made.push(own);
    }
    trainer.network.put_together(parts);
    fed?;
    // The last error: a part whose map nobody takes has stopped for the one above.
    if let Some(error) = made.iter().rposition(Result::is_err) {
        return made.swap_remove(error).map(|_| Vec::new());
    }
    let mut made = made.into_iter().flatten();
    // The first part learns from every batch.
    let mut said: Vec<Said> = made.next().unwrap_or_default().into_iter().map(|(_, own)| own).collect();
    for (step, own) in made.flatten() {
        said[(step - first) as usize].extend(own);
    }
    Ok(said)
}

/// One part: takes batches from below until there are no more; says which steps it made.
fn work(
    mut part: Part,
    from: Receiver<Item>,
    above: Sender<Item>,
    seed: u64,
    course: &Course,
) -> (Part, Result<Vec<(u64, Said)>>) {
    let mut all = Vec::new();
    for item in from {
        let (step, mut said) = (item.step, Said::new());
        match learn_item(&mut part, item, &above, seed, course, &mut said) {
            Ok(()) => all.push((step, said)),
            Err(error) => return (part, Err(error)),
        }
    }
    (part, Ok(all))
}

fn learn_item(
    part: &mut Part,
    item: Item,
    above: &Sender<Item>,
    seed: u64,
    course: &Course,
    said: &mut Said,
) -> Result<()> {
    let Item { map, labels, step, report } = item;
    part.set_course(|module| course.factor(module, step), report);
    let mut draws = SeededDraws::of_modules(seed, step);
    let mut handed = |map: &Arc<FeatureMap>| {
        // Nobody is above the last part, and one that has failed says so itself.
        above.send(Item { map: Arc::clone(map), labels: Arc::clone(&labels), step, report });
        Ok(())
    };
    let mut each = |module: ModuleStep| {
        if report {
            said.push(module.reported(step)?);
        }
        module.apply()
    };
    let step = PartStep { labels: labels.as_deref(), draws: &mut draws, handed: &mut handed };
    part.step(map, step, &mut each)
}
