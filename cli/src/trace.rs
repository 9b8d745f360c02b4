//! A step in Chrome's trace format: the stages of training, and the sums over ranks that run in parallel.

use plasticity_core::observer::{Moment, Observer};
use plasticity_core::stage::TARGET;
use plasticity_core::{Error, Result};
use plasticity_lab::files::write_atomically;
use plasticity_lab::ranks::{GATHER, MOMENTS, WAIT};
use plasticity_lab::training::Trainer;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// An event with its time.
#[derive(Clone, Debug, PartialEq)]
struct Interval {
    name: String,
    /// Whether it is a sum over ranks, in parallel with training.
    beside: bool,
    /// Whether training waits for other ranks during it.
    waits: bool,
    /// Time since the start of the trace.
    start: Duration,
    took: Duration,
}

/// An observer that records the last step.
#[derive(Default)]
pub struct Traced {
    listening: Option<DefaultGuard>,
    heard: Option<Heard>,
}

/// The records of a step.
#[derive(Clone)]
struct Heard {
    began: Instant,
    /// Microseconds since 1970: ranks on one machine have the same clock.
    epoch: f64,
    intervals: Arc<Mutex<Vec<Interval>>>,
}

impl Heard {
    fn new() -> Self {
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1e6;
        Self { began: Instant::now(), epoch, intervals: Arc::default() }
    }

    fn add(&self, interval: Interval) {
        self.intervals.lock().unwrap_or_else(PoisonError::into_inner).push(interval);
    }

    fn intervals(&self) -> Vec<Interval> {
        self.intervals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Observer<Trainer> for Traced {
    fn before(&mut self, _: u64) -> Result<()> {
        let heard = Heard::new();
        let subscriber = tracing_subscriber::registry().with(heard.clone());
        self.listening = Some(tracing::subscriber::set_default(subscriber));
        self.heard = Some(heard);
        Ok(())
    }

    fn after(&mut self, _: &Moment<Trainer>) -> Result<()> {
        self.listening = None;
        Ok(())
    }
}

/// The fields of a span or an event.
#[derive(Default)]
struct Fields {
    part: String,
    stage: String,
    ago: Option<u64>,
    took: u64,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "part" {
            self.part = format!("{value:?}: ");
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "stage" {
            self.stage = value.to_owned();
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "ago" => self.ago = Some(value),
            "took" => self.took = value,
            _ => {}
        }
    }
}

/// An open span.
struct Open {
    name: String,
    waits: bool,
    since: Instant,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Heard {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target() == TARGET
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let waits = [GATHER, WAIT, MOMENTS].contains(&fields.stage.as_str());
        let name = fields.part + &fields.stage;
        span.extensions_mut().insert(Open { name, waits, since: Instant::now() });
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let Some(ago) = fields.ago else { return };
        let start = self.began.elapsed().saturating_sub(Duration::from_nanos(ago));
        let took = Duration::from_nanos(fields.took);
        self.add(Interval { name: fields.part + &fields.stage, beside: true, waits: false, start, took });
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(Open { name, waits, since }) = span.extensions_mut().remove() else { return };
        let (start, took) = (since.saturating_duration_since(self.began), since.elapsed());
        self.add(Interval { name, beside: false, waits, start, took });
    }
}

impl Traced {
    /// Writes the last step as rank `rank`: `rank-0.json`, for chrome://tracing or ui.perfetto.dev. Returns the
    /// share of the time of sums over ranks in which training continued; `None` if there were no sums.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn write(&self, folder: &Path, rank: usize) -> Result<Option<f64>> {
        let Some(heard) = &self.heard else { return Ok(None) };
        let intervals = heard.intervals();
        let text = serde_json::to_vec(&chrome(&intervals, heard.epoch, rank))
            .map_err(|error| Error::file(folder, error))?;
        plasticity_lab::files::make_folder(folder)?;
        write_atomically(&folder.join(format!("rank-{rank}.json")), &text)?;
        Ok(hidden(&intervals))
    }
}

/// The trace format: complete events in microseconds. Each rank is a process with two threads, for training and
/// for communication.
fn chrome(intervals: &[Interval], epoch: f64, rank: usize) -> Value {
    let microseconds = |time: Duration| time.as_secs_f64() * 1e6;
    let thread = |beside: bool| usize::from(beside);
    let named = |beside: bool, name: &str| json!({ "name": "thread_name", "ph": "M", "pid": rank, "tid": thread(beside), "args": { "name": name } });
    let process =
        json!({ "name": "process_name", "ph": "M", "pid": rank, "args": { "name": format!("rank {rank}") } });
    let events = intervals.iter().map(|one| {
        json!({
            "name": one.name, "ph": "X", "pid": rank, "tid": thread(one.beside),
            "ts": epoch + microseconds(one.start), "dur": microseconds(one.took),
        })
    });
    let heads = [process, named(false, "training"), named(true, "communication")];
    json!({ "traceEvents": heads.into_iter().chain(events).collect::<Vec<_>>() })
}

/// The share of the time of sums over ranks in which training did not wait.
fn hidden(intervals: &[Interval]) -> Option<f64> {
    let shared = |a: &Interval, b: &Interval| {
        let (start, end) = (a.start.max(b.start), (a.start + a.took).min(b.start + b.took));
        end.saturating_sub(start).as_secs_f64()
    };
    let sums = || intervals.iter().filter(|one| one.beside);
    let all: f64 = sums().map(|sum| sum.took.as_secs_f64()).sum();
    let waits = || intervals.iter().filter(|one| one.waits);
    let waited: f64 = sums().flat_map(|sum| waits().map(move |wait| shared(sum, wait))).sum();
    (all > 0.0).then(|| (1.0 - waited / all).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(name: &str, beside: bool, waits: bool, start: u64, took: u64) -> Interval {
        let (start, took) = (Duration::from_millis(start), Duration::from_millis(took));
        Interval { name: name.to_owned(), beside, waits, start, took }
    }

    #[test]
    fn a_sum_is_hidden_while_training_does_not_wait() {
        let intervals = [
            interval("module 1: sum over ranks", true, false, 10, 20),
            interval("layer 2: forward", false, false, 10, 15),
            interval("module 2: gather", false, true, 25, 10),
        ];
        assert!((hidden(&intervals).unwrap() - 0.75).abs() < 1e-9);
        assert_eq!(hidden(&intervals[1..]), None);
    }

    #[test]
    fn events_are_heard_in_the_trace_format() {
        use plasticity_core::stage;
        let heard = Heard::new();
        let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(heard.clone()));
        stage::layer("1", "forward").in_scope(|| ());
        stage::module(0, WAIT).in_scope(|| ());
        stage::communicated(0, "sum over ranks", Instant::now(), Duration::from_micros(7));
        drop(guard);
        let trace = chrome(&heard.intervals(), 5.0, 3);
        let events = trace["traceEvents"].as_array().unwrap();
        let names: Vec<_> = events[3..].iter().map(|event| event["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["layer 1: forward", "module 1: wait for the sum", "module 1: sum over ranks"]);
        assert_eq!((&events[5]["tid"], &events[5]["pid"]), (&json!(1), &json!(3)));
        assert!((events[5]["dur"].as_f64().unwrap() - 7.0).abs() < 0.01);
        assert!(heard.intervals()[1].waits);
    }
}
