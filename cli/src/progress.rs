//! How far training and read-outs are: a bar on a terminal, a line now and then elsewhere.

use crate::output;
use indicatif::{ProgressBar, ProgressStyle};
use plasticity_core::Result;
use plasticity_core::observer::{Moment, Observer};
use plasticity_lab::training::Trainer;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Time from one line to the next, where there is no terminal.
pub const EVERY: Duration = Duration::from_secs(10);

/// Shows the progress of a training.
pub struct TrainingProgress {
    bar: Option<ProgressBar>,
    started: Option<(Instant, u64)>,
    said: Instant,
    loss: String,
}

impl TrainingProgress {
    pub fn new() -> Self {
        let bar = bar("{bar:30} {pos}/{len} steps  {msg}");
        Self { bar, started: None, said: Instant::now(), loss: String::new() }
    }

    /// Shows one step.
    fn show(&mut self, progress: &Moment<Trainer>) {
        let now = Instant::now();
        let (since, first) = *self.started.get_or_insert((now, progress.step));
        if !progress.losses.is_empty() {
            let losses: Vec<_> = progress.losses.iter().map(|loss| format!("{loss:.3}")).collect();
            self.loss = format!("  loss {}", losses.join(" "));
        }
        let (made, seconds) = (progress.step - first, now.duration_since(since).as_secs_f64());
        let rate = if seconds > 0.0 { made as f64 / seconds } else { 0.0 };
        let left =
            if rate > 0.0 { (progress.total.saturating_sub(progress.step)) as f64 / rate } else { 0.0 };
        let message =
            format!("{:.1} stimuli/s  {} left{}", rate * progress.batch as f64, clock(left), self.loss);
        match &self.bar {
            Some(bar) => {
                bar.set_length(progress.total);
                bar.set_position(progress.step);
                if made > 0 {
                    bar.set_message(message);
                }
                if progress.step >= progress.total {
                    bar.finish_and_clear();
                }
            }
            None if made > 0
                && (now.duration_since(self.said) >= EVERY || progress.step == progress.total) =>
            {
                self.said = now;
                output::note(&format!("step {}/{}  {message}", progress.step, progress.total));
            }
            None => {}
        }
    }
}

impl Observer<Trainer> for TrainingProgress {
    fn begin(&mut self, moment: &Moment<Trainer>) -> Result<()> {
        self.show(moment);
        Ok(())
    }

    fn after(&mut self, moment: &Moment<Trainer>) -> Result<()> {
        self.show(moment);
        Ok(())
    }
}

/// Shows the progress of a read-out.
pub struct ReadoutProgress {
    bar: Option<ProgressBar>,
    said: Instant,
}

impl ReadoutProgress {
    pub fn new() -> Self {
        Self { bar: bar("{bar:30} {pos} %  reading out: {msg}"), said: Instant::now() }
    }

    /// Shows what is being done, and the share of it that is done.
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
                output::note(&format!("reading out: {what}, {percent} %"));
            }
            None => {}
        }
    }
}

impl Drop for ReadoutProgress {
    fn drop(&mut self) {
        self.bar.iter().for_each(ProgressBar::finish_and_clear);
    }
}

/// A bar, where there is a terminal.
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
