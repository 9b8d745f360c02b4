//! Ranks whose communication runs on a separate thread.
//!
//! The thread performs the rank's requests in order, and training continues meanwhile. A thread is needed
//! because most communication libraries make no progress in the background.

use super::collective::ended;
use super::{Collective, Pending, Reduced};
use plasticity_core::{Error, Result};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Communication between ranks, called from one thread only. The methods match those of [`Collective`].
pub trait Link {
    /// The number of this rank, and the number of ranks.
    fn place(&self) -> (usize, usize);

    /// The element-wise sum of the values of all ranks.
    ///
    /// # Errors
    /// If a rank has left.
    fn sum(&mut self, values: Vec<f32>) -> Result<Vec<f32>>;

    /// The values of all ranks.
    ///
    /// # Errors
    /// If a rank has left.
    fn gather(&mut self, values: Vec<f32>) -> Result<Vec<f32>>;

    /// The bytes of every rank.
    ///
    /// # Errors
    /// If a rank has left.
    fn exchange(&mut self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>>;

    /// The bytes of rank 0.
    ///
    /// # Errors
    /// If a rank has left.
    fn broadcast(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>>;

    /// The next number of the shared counter.
    ///
    /// # Errors
    /// If rank 0 has left.
    fn claim(&mut self) -> Result<u64>;

    /// Ends all ranks.
    fn abort(&mut self, status: i32);

    /// Called regularly while this rank has no request. The link answers requests of other ranks here.
    ///
    /// # Errors
    /// If a rank has left.
    fn idle(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Whether this rank has asked to end all ranks.
#[derive(Clone, Debug, Default)]
pub struct Abort(Arc<AtomicI32>);

impl Abort {
    /// The exit status to end with, if this rank has asked for it. A link checks this while it waits.
    pub fn asked(&self) -> Option<i32> {
        Some(self.0.load(Ordering::Acquire)).filter(|&status| status != 0)
    }
}

/// How often an idle link answers requests of other ranks.
const IDLE: Duration = Duration::from_millis(1);

type Job = Box<dyn FnOnce(&mut dyn Link) + Send>;

/// The collective operations over a [`Link`].
pub struct Queued {
    rank: usize,
    size: usize,
    jobs: Mutex<Option<Sender<Job>>>,
    abort: Abort,
    worker: Option<JoinHandle<()>>,
}

impl Queued {
    /// Opens a link on a new thread.
    ///
    /// # Errors
    /// If no thread can be started, or the link cannot be opened.
    pub fn open<L: Link>(open: impl FnOnce(Abort) -> Result<L> + Send + 'static) -> Result<Self> {
        let abort = Abort::default();
        let asked = abort.clone();
        let (jobs, queue) = channel::<Job>();
        let (opened, place) = channel();
        let work = move || {
            let mut link = match open(asked.clone()) {
                Ok(link) => link,
                Err(error) => return drop(opened.send(Err(error))),
            };
            if opened.send(Ok(link.place())).is_ok() {
                serve(&mut link, &queue, &asked);
            }
        };
        let worker = std::thread::Builder::new()
            .name("ranks".to_owned())
            .spawn(work)
            .map_err(|error| Error::Ranks(format!("no thread can be started for communication ({error})")))?;
        let (rank, size) = place.recv().unwrap_or_else(|_| Err(ended()))?;
        Ok(Self { rank, size, jobs: Mutex::new(Some(jobs)), abort, worker: Some(worker) })
    }

    /// Queues a job. If the thread has ended, the job is dropped, and its caller gets an error.
    fn queue(&self, job: Job) {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(jobs) = jobs.as_ref() {
            // `send` fails only if the thread has ended.
            let _ = jobs.send(job);
        }
    }

    fn ask<T: Send + 'static>(
        &self,
        what: impl FnOnce(&mut dyn Link) -> Result<T> + Send + 'static,
    ) -> Receiver<Result<T>> {
        let (answer, answered) = channel();
        // The caller may have stopped waiting, so a failed send is ignored.
        self.queue(Box::new(move |link| drop(answer.send(what(link)))));
        answered
    }

    fn wait<T: Send + 'static>(
        &self,
        what: impl FnOnce(&mut dyn Link) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.ask(what).recv().unwrap_or_else(|_| Err(ended()))
    }
}

/// Performs jobs until the queue is closed, or until all ranks must end.
fn serve(link: &mut dyn Link, queue: &Receiver<Job>, abort: &Abort) {
    loop {
        let job = queue.recv_timeout(IDLE);
        // The caller of `abort` may be gone by now, so the flag is checked first.
        if let Some(status) = abort.asked() {
            return link.abort(status);
        }
        match job {
            Ok(job) => job(link),
            Err(RecvTimeoutError::Timeout) => {
                if let Err(error) = link.idle() {
                    return tracing::error!("{error}");
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

impl Collective for Queued {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn all_reduce(&self, values: Vec<f32>) -> Pending {
        Pending::coming(self.ask(move |link| {
            let began = Instant::now();
            link.sum(values).map(|values| Reduced { values, began, took: began.elapsed() })
        }))
    }

    fn all_gather(&self, values: Vec<f32>) -> Result<Vec<f32>> {
        self.wait(move |link| link.gather(values))
    }

    fn exchange(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        self.wait(move |link| link.exchange(bytes))
    }

    fn broadcast(&self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        self.wait(move |link| link.broadcast(bytes))
    }

    fn claim(&self) -> Result<u64> {
        self.wait(|link| link.claim())
    }

    fn abort(&self, status: i32) {
        self.abort.0.store(status.max(1), Ordering::Release);
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        if self.worker.take().is_some_and(|worker| worker.join().is_err()) {
            tracing::error!("the thread of communication panicked");
        }
    }
}
