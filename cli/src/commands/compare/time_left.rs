//! The remaining time of a comparison.

use crate::progress::clock;
use std::collections::VecDeque;
use std::time::Instant;

/// Counts the steps of cells, and the time of finished steps, including probes.
#[derive(Default)]
pub struct TimeLeft {
    /// Steps of the cells that have not started, in order.
    ahead: VecDeque<u64>,
    /// The number of the first of them.
    first: usize,
    /// The number of ranks that share the cells.
    ranks: usize,
    now: Option<(Instant, u64)>,
    steps: u64,
    seconds: f64,
}

impl TimeLeft {
    /// A counter for cells that this many ranks share.
    pub fn shared_by(ranks: usize) -> Self {
        Self { ranks, ..Self::default() }
    }

    /// Moves to the cell with this number: other ranks have taken the ones before it.
    pub fn come_to(&mut self, number: usize) {
        while self.first < number {
            self.ahead.pop_front();
            self.first += 1;
        }
    }

    /// Adds a cell after the others, which still needs this many steps.
    pub fn expect(&mut self, steps: u64) {
        self.ahead.push_back(steps);
    }

    /// The next cell starts.
    pub fn begin(&mut self) {
        self.first += 1;
        self.now = self.ahead.pop_front().map(|steps| (Instant::now(), steps));
    }

    /// The present cell ends.
    pub fn end(&mut self) {
        if let Some((since, steps)) = self.now.take() {
            self.made(steps, since.elapsed().as_secs_f64());
        }
    }

    fn made(&mut self, steps: u64, seconds: f64) {
        if steps > 0 {
            self.steps += steps;
            self.seconds += seconds;
        }
    }

    /// The text before a cell starts; empty before the first cell has ended.
    pub fn said(&self) -> String {
        let ahead: u64 = self.ahead.iter().sum();
        if self.steps == 0 || ahead == 0 {
            return String::new();
        }
        format!(
            "; about {} left in total",
            clock(self.seconds / self.steps as f64 * ahead as f64 / self.ranks.max(1) as f64)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_is_that_of_the_steps_left() {
        let mut left = TimeLeft::default();
        [100, 0, 300].into_iter().for_each(|steps| left.expect(steps));
        assert_eq!(left.said(), "");
        left.begin();
        left.made(100, 20.0);
        assert_eq!(left.said(), "; about 1:00 left in total");
        left.begin();
        left.made(0, 5.0);
        assert_eq!(left.said(), "; about 1:00 left in total");
        left.begin();
        assert_eq!(left.said(), "");
    }

    #[test]
    fn ranks_share_what_is_left() {
        let mut left = TimeLeft::shared_by(2);
        [100, 100, 100, 100].into_iter().for_each(|steps| left.expect(steps));
        left.come_to(0);
        left.begin();
        left.made(100, 30.0);
        left.come_to(2);
        assert_eq!(left.said(), "; about 0:30 left in total");
        left.begin();
        left.come_to(3);
        assert_eq!(left.said(), "; about 0:15 left in total");
    }
}
