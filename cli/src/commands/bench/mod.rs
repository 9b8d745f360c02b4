//! `plasticity bench CONFIG`: the speed and memory of a training step.

mod scaling;

use crate::exit::Exit;
use crate::options::ConfigArguments;
use crate::profile::{Profiled, Stage};
use crate::trace::Traced;
use crate::{output, ranks};
use plasticity_core::device::{Buffer, Device};
use plasticity_core::observer::{Moment, Observer};
use plasticity_core::ops::{self, Product};
use plasticity_core::{Error, Result};
use plasticity_lab::config::{Config, Parallel};
use plasticity_lab::experiment::Experiment;
use plasticity_lab::loader::HostBatch;
use plasticity_lab::ranks::{Collective, Sharing};
use plasticity_lab::training::{Length, Trainer, learn};
use scaling::{Link, Predicted, Step};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Steps before the measured ones: they allocate memory and fill caches.
const WARM_UP: u64 = 2;
/// The number of different batches; the measured steps use them in turn.
const BATCHES: u64 = 4;
/// Steps of the measurement of loading.
const LOADING_STEPS: u64 = 8;

/// Arguments of `bench`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// Stimuli in each step [default: training.batch of the config]
    #[arg(long)]
    batch: Option<usize>,
    /// Number of steps to measure
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    /// Show the time of each layer and stage, and the speed of a large matrix product (CPU only)
    #[arg(long)]
    profile: bool,
    /// Write one step in Chrome's trace format into this folder, a file for each rank; also print the hidden share
    /// of the sums over ranks: the share of their time that passes during computation
    #[arg(long, value_name = "FOLDER")]
    trace: Option<PathBuf>,
    /// Predict the time of a step and the rank-hours of training (hours times ranks) on up to N ranks, from a
    /// step measured here on one rank
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=65536))]
    ranks: Option<u64>,
    /// With --ranks: how much a rank sends, in 10⁹ bytes a second; 12.5 is 100 Gbit/s (InfiniBand HDR100 or
    /// 100 GbE)
    #[arg(long, value_name = "GB/S", default_value_t = 12.5)]
    link: f64,
    /// With --ranks: microseconds that a message takes
    #[arg(long, value_name = "µS", default_value_t = 5.0)]
    latency: f64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The measures.
#[derive(Debug, Serialize)]
struct Report {
    /// Stimuli per second, from the median step. The stimuli are in memory before the measurement.
    stimuli_per_second: f64,
    /// The median step.
    step_ms: f64,
    /// The peak memory during the steps, of the process or, with CUDA, on the GPU; `None` if the system does not
    /// report it.
    peak_memory_mib: Option<f64>,
    /// The mean time that a step waits for stimuli if loaders run in parallel.
    waiting_ms: f64,
    /// Stimuli in a step.
    batch: usize,
    /// Steps measured.
    steps: u64,
    /// Threads for arithmetic.
    threads: usize,
    /// The device, and the family of kernels if the precision allows several.
    device: String,
    /// With `--profile`: 10⁹ operations per second of one large matrix product, the machine's limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_gflops: Option<f64>,
    /// With `--profile`: the stages of further steps, after the timed ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<Vec<Stage>>,
    /// With `--trace`: the share of the time of sums over ranks in which training continued; `None` without such sums.
    #[serde(skip_serializing_if = "Option::is_none")]
    hidden: Option<f64>,
    /// With `--ranks`: the predictions.
    #[serde(skip_serializing_if = "Option::is_none")]
    predicted: Option<Vec<Predicted>>,
}

/// Measures.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    if arguments.ranks.is_some() && plasticity_lab::ranks::started().is_some_and(|count| count > 1) {
        let message = "predicts from the step of one rank: start one process";
        return Err(Error::config("--ranks", message));
    }
    if (arguments.profile || arguments.ranks.is_some()) && plasticity_core::device::ON_GPU {
        let message =
            "works on the CPU only; on a GPU use NVIDIA's profiler: nsys profile plasticity bench …";
        return Err(Error::config("--profile", message));
    }
    let ranks = ranks::join(Duration::MAX)?;
    let mut given = arguments.config.clone();
    given.overrides.set.extend(arguments.batch.map(|batch| format!("training.batch={batch}")));
    let opened = given.load().and_then(|config| opened(config, &ranks));
    let (experiment, trainer) = ranks::agree(ranks.as_ref(), opened)?;
    let training = &experiment.config().training;
    if training.parallel != Parallel::Data || training.turns.is_some() {
        output::note(
            "bench measures a step in which all modules learn, one after another, on all threads (parallel = \"data\"): \
             training.parallel and training.turns do not change it",
        );
    }
    let sharing = trainer.sharing().clone().on(trainer.network().device());
    let trainer = trainer.among(sharing);
    ranks::together(&ranks, || measure(arguments, &experiment, trainer))
}

/// The experiment of a config, and its training as one of the ranks.
fn opened(config: Config, ranks: &Arc<dyn Collective>) -> Result<(Experiment, Trainer)> {
    let training = &config.training;
    let sharing = Sharing::new(Arc::clone(ranks), training.negatives, training.batch);
    let sharing = sharing.map_err(|error| config.locate(error))?;
    let (seed, experiment) = (config.seed, Experiment::open(config)?.among(ranks.size()));
    let trainer = Trainer::new(experiment.network(&Device::open()?)?, seed).among(sharing);
    Ok((experiment, trainer))
}

fn measure(arguments: &Arguments, experiment: &Experiment, mut trainer: Trainer) -> Result<Exit> {
    let training = &experiment.config().training;
    let (batch, device) = (training.batch, trainer.network().device().clone());
    let (shard, rank) = (trainer.sharing().shard(), trainer.sharing().ranks().rank());
    let batches = experiment.loader_of(0..BATCHES, shard)?.collect::<Result<Vec<HostBatch>>>()?;
    let mut timed = Timed::default();
    steps(&mut trainer, &mut repeated(&batches, WARM_UP + arguments.steps), &mut timed)?;
    let mut times = timed.times.split_off((WARM_UP as usize).min(timed.times.len()));
    let peak_memory_mib = peak_memory_mib(&device);
    let loading = arguments.steps.min(LOADING_STEPS);
    let mut loader = experiment.loader_of(0..loading + 1, shard)?;
    let mut loaded = Timed::default();
    steps(&mut trainer, &mut loader, &mut loaded)?;
    let stages = match arguments.profile || arguments.ranks.is_some() {
        true => Some(profiled(&mut trainer, &batches, arguments.steps)?),
        false => None,
    };
    let mut hidden = None;
    if let Some(folder) = &arguments.trace {
        let mut traced = Traced::default();
        steps(&mut trainer, &mut repeated(&batches, 1), &mut traced)?;
        hidden = traced.write(folder, rank)?;
    }
    let waited = loaded.waited();
    let step = median(&mut times).ok_or_else(|| Error::config("bench", "no step was measured"))?;
    let step_ms = step * 1e3;
    let link = Link { gigabytes: arguments.link, microseconds: arguments.latency };
    let total = training.total_steps(experiment.steps_per_epoch()?);
    let scaling = stages.as_ref().zip(arguments.ranks).map(|(stages, most)| {
        let step = Step::new(trainer.network_mut(), stages, step_ms, training.negatives);
        (step.table(most as usize, link, total), step)
    });
    let report = Report {
        stimuli_per_second: batch as f64 / step,
        step_ms,
        peak_memory_mib,
        waiting_ms: waited.as_secs_f64() * 1e3 / loading as f64,
        batch,
        steps: arguments.steps,
        threads: rayon::current_num_threads(),
        device: [Some(device.name()), device.family()].into_iter().flatten().collect::<Vec<_>>().join(", "),
        limit_gflops: if arguments.profile { Some(limit(&device)?) } else { None },
        profile: stages.filter(|_| arguments.profile),
        hidden,
        predicted: scaling.as_ref().map(|(predicted, _)| predicted.clone()),
    };
    if arguments.json {
        output::print(&output::json(&report)?)?;
        return Ok(Exit::Success);
    }
    output::print(&lines(&report))?;
    if let Some(hidden) = report.hidden {
        output::print(&format!(
            "{:.0} % of the time of sums over ranks is hidden behind training",
            100.0 * hidden
        ))?;
    }
    if let Some((predicted, step)) = &scaling {
        output::print("")?;
        step.print(predicted, link, batch, total)?;
    }
    Ok(Exit::Success)
}

/// Makes further steps and records their stages.
fn profiled(trainer: &mut Trainer, batches: &[HostBatch], steps: u64) -> Result<Vec<Stage>> {
    let (mut profiled, since) = (Profiled::default(), Instant::now());
    self::steps(trainer, &mut repeated(batches, steps), &mut profiled)?;
    Ok(profiled.profile.stages(steps, since.elapsed().as_secs_f64() * 1e3 / steps as f64))
}

/// Makes a step with each batch, with observers.
fn steps(
    trainer: &mut Trainer,
    batches: &mut dyn Iterator<Item = Result<HostBatch>>,
    observer: &mut dyn Observer<Trainer>,
) -> Result<()> {
    let length = Length { total: u64::MAX, batch: 0 };
    learn(trainer, batches, length, &|| false, &mut [observer])
}

/// `count` batches, in turn.
fn repeated(batches: &[HostBatch], count: u64) -> impl Iterator<Item = Result<HostBatch>> {
    batches.iter().cycle().take(count as usize).map(|host| Ok(host.clone()))
}

/// Measures the time of every step until the device has finished, and the time of waiting for batches.
#[derive(Default)]
struct Timed {
    since: Option<Instant>,
    times: Vec<f64>,
    waited: Vec<Duration>,
}

impl Timed {
    /// The time of waiting for all batches except the first. No loader can make the first batch in advance.
    fn waited(&self) -> Duration {
        let last = self.waited.last().copied().unwrap_or_default();
        last.saturating_sub(self.waited.first().copied().unwrap_or_default())
    }
}

impl Observer<Trainer> for Timed {
    fn before(&mut self, _: u64) -> Result<()> {
        self.since = Some(Instant::now());
        Ok(())
    }

    fn after(&mut self, moment: &Moment<Trainer>) -> Result<()> {
        moment.network().network().device().synchronize()?;
        self.times.extend(self.since.map(|since| since.elapsed().as_secs_f64()));
        self.waited.push(moment.waited);
        Ok(())
    }
}

/// 10⁹ operations per second of a square matrix product: the best of a few runs.
fn limit(device: &Device) -> Result<f64> {
    let side = 1536;
    let values = |seed: usize| (0..side * side).map(|i| ((i * 7919 + seed) % 2003) as f32 / 1001.0).collect();
    let (a, b) = (Buffer::from_vec(device, values(0))?, Buffer::from_vec(device, values(1))?);
    let mut c = Buffer::zeros(device, side * side)?;
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let since = Instant::now();
        ops::product(Product::new(side, side, side), &a, &b, &mut c)?;
        best = best.min(since.elapsed().as_secs_f64());
    }
    Ok(2.0 * (side as f64).powi(3) / best / 1e9)
}

fn lines(report: &Report) -> String {
    let memory = report.peak_memory_mib.map_or("unknown".to_owned(), |mib| format!("{mib:.0} MiB"));
    let summary = format!(
        "{:.1} stimuli/s: {:.1} ms for a step of {} stimuli (median of {}); peak memory {memory}; \
         {:.1} ms of waiting for stimuli in a step; {} threads on {}",
        report.stimuli_per_second,
        report.step_ms,
        report.batch,
        report.steps,
        report.waiting_ms,
        report.threads,
        report.device
    );
    match (&report.profile, report.limit_gflops) {
        (Some(stages), Some(limit)) => {
            format!(
                "{summary}\n\n{}\n\nA large matrix product runs at {limit:.0} GF/s.",
                table(stages, limit)
            )
        }
        _ => summary,
    }
}

/// The table of stages. GF/s count the operations of the plain algorithm, so a kernel with fewer multiplications may
/// exceed the limit.
fn table(stages: &[Stage], limit: f64) -> String {
    let head = ["part", "stage", "ms", "%", "GF/s", "of the limit"].map(str::to_owned);
    let row = |stage: &Stage| {
        let rate = stage.gflops.map_or(String::new(), |rate| format!("{rate:.0}"));
        let share = stage.gflops.map_or(String::new(), |rate| format!("{:.2}", rate / limit));
        let (ms, percent) = (format!("{:.1}", stage.ms), format!("{:.1}", stage.share));
        vec![stage.part.clone(), stage.stage.clone(), ms, percent, rate, share]
    };
    output::table(&head, &stages.iter().map(row).collect::<Vec<_>>())
}

fn median(times: &mut [f64]) -> Option<f64> {
    times.sort_by(f64::total_cmp);
    let (low, high) = (times.get(times.len().checked_sub(1)? / 2)?, times.get(times.len() / 2)?);
    Some((low + high) / 2.0)
}

/// The peak memory of this process on its device.
fn peak_memory_mib(device: &Device) -> Option<f64> {
    device.peak_memory().map(|bytes| bytes as f64 / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_even_and_odd_counts() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&mut []), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn memory_is_known() {
        let device = Device::open().unwrap();
        let held = Buffer::zeros(&device, 1 << 20).unwrap();
        assert!(peak_memory_mib(&device).unwrap() >= 4.0);
        drop(held);
    }
}
