//! The progress of training and probes: a bar on a terminal, else a line from time to time.

use crate::output;
use indicatif::{ProgressBar, ProgressStyle};
use plasticity_core::Result;
use plasticity_core::observer::{Measure, Moment, Observer};
use plasticity_lab::training::Trainer;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Time between two lines if there is no terminal.
pub const EVERY: Duration = Duration::from_secs(10);

/// Shows the progress of a training.
pub struct TrainingProgress {
    bar: Option<ProgressBar>,
    started: Option<(Instant, u64)>,
    said: Instant,
    loss: String,
    probe: String,
    /// The last line, if it has not been printed yet.
    line: Option<String>,
}

impl TrainingProgress {
    pub fn new() -> Self {
        let bar = bar("{bar:30} {pos}/{len} steps  {msg}");
        let (loss, probe) = (String::new(), String::new());
        Self { bar, started: None, said: Instant::now(), loss, probe, line: None }
    }

    /// Shows one step.
    fn show(&mut self, progress: &Moment<Trainer>) {
        let now = Instant::now();
        let (since, first) = *self.started.get_or_insert((now, progress.step));
        if !progress.losses.is_empty() {
            let losses: Vec<_> = progress.losses.iter().map(|loss| format!("{loss:.3}")).collect();
            self.loss = format!("  loss {}", losses.join(" "));
        }
        let probe = probed(&progress.measures());
        self.probe = if probe.is_empty() { std::mem::take(&mut self.probe) } else { probe };
        let (made, seconds) = (progress.step - first, now.duration_since(since).as_secs_f64());
        if made == 0 {
            return;
        }
        let rate = if seconds > 0.0 { made as f64 / seconds } else { 0.0 };
        let left =
            if rate > 0.0 { (progress.total.saturating_sub(progress.step)) as f64 / rate } else { 0.0 };
        let (speed, left) = (rate * progress.batch as f64, clock(left));
        let message = format!("{speed:.1} stimuli/s  {left} left{}{}", self.loss, self.probe);
        let line = format!("step {}/{}  {message}", progress.step, progress.total);
        match &self.bar {
            Some(bar) => {
                bar.set_length(progress.total);
                bar.set_position(progress.step);
                bar.set_message(message);
                self.line = Some(line);
            }
            None if now.duration_since(self.said) >= EVERY => {
                self.said = now;
                self.line = None;
                output::note(&line);
            }
            None => self.line = Some(line),
        }
    }
}

impl Observer<Trainer> for TrainingProgress {
    fn looks(&self, _: u64) -> bool {
        false
    }

    fn begin(&mut self, moment: &Moment<Trainer>) -> Result<()> {
        self.show(moment);
        Ok(())
    }

    fn after(&mut self, moment: &Moment<Trainer>) -> Result<()> {
        self.show(moment);
        Ok(())
    }

    /// Keeps the line of the last step.
    fn end(&mut self, _: &Moment<Trainer>) -> Result<()> {
        self.bar.iter().for_each(ProgressBar::finish_and_clear);
        self.line.take().iter().for_each(|line| output::note(line));
        Ok(())
    }
}

/// The accuracies from probes during training, probe by probe and layer by layer: `  raw % 31.2 40.6`.
fn probed(measures: &[Measure]) -> String {
    let mut probes: Vec<(&str, String)> = Vec::new();
    for Measure { name, value, .. } in measures {
        let Some((_, kind)) = name.strip_prefix("probe/").and_then(|name| name.split_once('/')) else {
            continue;
        };
        match probes.iter_mut().find(|(other, _)| *other == kind) {
            Some((_, values)) => *values += &format!(" {value:.1}"),
            None => probes.push((kind, format!(" {value:.1}"))),
        }
    }
    probes.into_iter().map(|(kind, values)| format!("  {kind} %{values}")).collect()
}

/// Shows the progress of a probe.
pub struct ProbeProgress {
    bar: Option<ProgressBar>,
    said: Instant,
}

impl ProbeProgress {
    pub fn new() -> Self {
        Self { bar: bar("{bar:30} {pos} %  probing: {msg}"), said: Instant::now() }
    }

    /// Shows the current work and the share of it that is done.
    pub fn show(&mut self, what: &str, share: f64) {
        let percent = (100.0 * share) as u64;
        match &self.bar {
            Some(bar) => {
                bar.set_length(100);
                bar.set_position(percent);
                bar.set_message(what.to_owned());
            }
            None if self.said.elapsed() >= EVERY => {
                self.said = Instant::now();
                output::note(&format!("probing: {what}, {percent} %"));
            }
            None => {}
        }
    }
}

impl Drop for ProbeProgress {
    fn drop(&mut self) {
        self.bar.iter().for_each(ProgressBar::finish_and_clear);
    }
}

/// A bar, if there is a terminal.
fn bar(style: &str) -> Option<ProgressBar> {
    std::io::stderr().is_terminal().then(|| {
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar
    })
}

/// Seconds as 1:02:03 or 2:03.
pub fn clock(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_read_as_on_a_clock() {
        assert_eq!([super::clock(62.6), super::clock(3723.0)], ["1:03", "1:02:03"]);
    }
}
