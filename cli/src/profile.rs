//! Where a step's time goes: sums over the spans of [`plasticity_core::stage`].

use plasticity_core::Result;
use plasticity_core::observer::{Moment, Observer};
use plasticity_core::stage::TARGET;
use plasticity_lab::training::Trainer;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, EnteredSpan, Id};
use tracing::subscriber::DefaultGuard;
use tracing::{Subscriber, debug_span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// One stage of a layer or module; the mean over steps.
#[derive(Clone, Debug, Serialize)]
pub struct Stage {
    /// The layer or module.
    pub part: String,
    /// The name of the stage; the name of a kernel follows the name of its stage.
    pub stage: String,
    /// Its time without its kernels.
    pub ms: f64,
    /// Its share of the step, in percent.
    pub share: f64,
    /// For a kernel: 10⁹ operations of the plain algorithm per second.
    pub gflops: Option<f64>,
}

/// Times and operations of all stages so far, in the order of their first occurrence.
#[derive(Debug, Default)]
struct Sums {
    order: BTreeMap<(String, String), usize>,
    sums: Vec<(Duration, u64)>,
}

/// Records the stages of steps.
#[derive(Clone, Debug, Default)]
pub struct Profile(Arc<Mutex<Sums>>);

/// The span of a step and, to be dropped after it, the subscriber.
struct Listening {
    _step: EnteredSpan,
    _guard: DefaultGuard,
}

/// An observer that records every step.
#[derive(Default)]
pub struct Profiled {
    /// The recorded stages.
    pub profile: Profile,
    listening: Option<Listening>,
}

impl Observer<Trainer> for Profiled {
    fn before(&mut self, _: u64) -> Result<()> {
        self.listening = Some(self.profile.listening());
        Ok(())
    }

    fn after(&mut self, _: &Moment<Trainer>) -> Result<()> {
        self.listening = None;
        Ok(())
    }
}

/// The data of an open span.
struct Open {
    part: String,
    stage: String,
    work: u64,
    since: Instant,
    inside: Duration,
}

#[derive(Default)]
struct Fields {
    part: Option<String>,
    stage: String,
    work: u64,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "part" {
            self.part = Some(format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "stage" {
            self.stage = value.to_owned();
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "work" {
            self.work = value;
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Profile {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target() == TARGET
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let around = span.parent();
        let around = around.as_ref().map(|parent| parent.extensions());
        let around = around.as_ref().and_then(|extensions| extensions.get::<Open>());
        let (part, stage) = match (fields.part, around) {
            (None, Some(around)) if around.stage == fields.stage => (around.part.clone(), fields.stage),
            (None, Some(around)) => (around.part.clone(), format!("{}: {}", around.stage, fields.stage)),
            (part, _) => (part.unwrap_or_default(), fields.stage),
        };
        let (work, since, inside) = (fields.work, Instant::now(), Duration::ZERO);
        span.extensions_mut().insert(Open { part, stage, work, since, inside });
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(open) = span.extensions_mut().remove::<Open>() else { return };
        let time = open.since.elapsed();
        if let Some(parent) = span.parent()
            && let Some(around) = parent.extensions_mut().get_mut::<Open>()
        {
            around.inside += time;
        }
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sums.add((open.part, open.stage), time.saturating_sub(open.inside), open.work);
    }
}

impl Sums {
    fn add(&mut self, key: (String, String), time: Duration, work: u64) {
        let next = self.sums.len();
        let place = *self.order.entry(key).or_insert(next);
        if place == next {
            self.sums.push((Duration::ZERO, 0));
        }
        self.sums[place].0 += time;
        self.sums[place].1 += work;
    }
}

impl Profile {
    /// Runs `step` and records its stages.
    pub fn listen<T>(&self, step: impl FnOnce() -> T) -> T {
        let _listening = self.listening();
        step()
    }

    fn listening(&self) -> Listening {
        let subscriber = tracing_subscriber::registry().with(self.clone());
        let guard = tracing::subscriber::set_default(subscriber);
        Listening { _step: debug_span!("step").entered(), _guard: guard }
    }

    /// The mean of each stage over `steps` steps of `step_ms`, and last the time outside all stages.
    pub fn stages(&self, steps: u64, step_ms: f64) -> Vec<Stage> {
        let sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut order: Vec<_> = sums.order.iter().collect();
        order.sort_by_key(|&(_, place)| place);
        let stage = |part: &str, stage: &str, ms: f64, work: u64| Stage {
            part: part.to_owned(),
            stage: stage.to_owned(),
            ms,
            share: 100.0 * ms / step_ms,
            gflops: (work > 0).then(|| 2.0 * work as f64 / steps as f64 / ms / 1e6),
        };
        let mut stages: Vec<Stage> = order
            .into_iter()
            .map(|((part, name), &place)| {
                let (time, work) = sums.sums[place];
                stage(part, name, time.as_secs_f64() * 1e3 / steps as f64, work)
            })
            .collect();
        let known: f64 = stages.iter().map(|stage| stage.ms).sum();
        stages.push(stage("step", "all else", (step_ms - known).max(0.0), 0));
        stages
    }
}
