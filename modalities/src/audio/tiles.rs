//! How utterances are cut into windows.

use super::HOP;
use plasticity_core::stimulus::Split;

/// The place of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tile {
    pub utterance: usize,
    /// The first sample.
    pub start: usize,
    /// The first frame that the previous window does not hold.
    pub fresh: usize,
    /// The number of samples of the utterance, from its header.
    pub samples: usize,
}

/// The windows of a split, by number. They are computed from the lengths of utterances, so a header with too
/// large a length takes no memory.
///
/// In learning, each utterance has one window, in its middle. In a probe, windows tile each utterance, and
/// the last one ends with the utterance. Frames that the last one shares with the previous one count once.
pub(super) struct Tiles {
    split: Split,
    window: usize,
    utterances: Vec<Long>,
    len: usize,
}

/// An utterance that is at least as long as a window.
struct Long {
    utterance: usize,
    samples: usize,
    /// The number of windows of the utterances before it.
    before: usize,
}

impl Tiles {
    /// No windows yet. A window has `window` samples, which must not be 0.
    pub fn new(split: Split, window: usize) -> Self {
        Self { split, window, utterances: Vec::new(), len: 0 }
    }

    /// Adds the windows of an utterance. Returns whether it is long enough for one.
    pub fn push(&mut self, utterance: usize, samples: usize) -> bool {
        if samples < self.window {
            return false;
        }
        self.utterances.push(Long { utterance, samples, before: self.len });
        let whole = samples / self.window;
        let rest = self.last(samples) >= (whole - 1) * self.window + HOP;
        self.len += if self.split == Split::Learn { 1 } else { whole + usize::from(rest) };
        true
    }

    /// The number of windows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Window `number`, if it exists.
    pub fn get(&self, number: usize) -> Option<Tile> {
        if number >= self.len {
            return None;
        }
        let above = self.utterances.partition_point(|long| long.before <= number);
        let &Long { utterance, samples, before } = self.utterances.get(above.checked_sub(1)?)?;
        let (tile, whole) = (number - before, samples / self.window);
        let (start, fresh) = if self.split == Split::Learn {
            ((samples - self.window) / 2 / HOP * HOP, 0)
        } else if tile < whole {
            (tile * self.window, 0)
        } else {
            let last = self.last(samples);
            (last, (whole * self.window - last) / HOP)
        };
        Some(Tile { utterance, start, fresh, samples })
    }

    /// The first sample of the last window; it begins at a whole frame.
    fn last(&self, samples: usize) -> usize {
        (samples - self.window) / HOP * HOP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_tile_utterances_and_a_last_one_holds_the_rest() {
        let mut tiles = Tiles::new(Split::ProbeTest, 4 * HOP);
        let long = [(0, 9 * HOP + 7), (1, 4 * HOP - 1), (2, 8 * HOP), (3, 4 * HOP + 3)];
        assert_eq!(
            long.map(|(utterance, samples)| tiles.push(utterance, samples)),
            [true, false, true, true]
        );
        let all: Vec<_> = (0..).map_while(|number| tiles.get(number)).collect();
        let tile = |utterance: usize, frame: usize, fresh| Tile {
            utterance,
            start: frame * HOP,
            fresh,
            samples: long[utterance].1,
        };
        let expected =
            [tile(0, 0, 0), tile(0, 4, 0), tile(0, 5, 3), tile(2, 0, 0), tile(2, 4, 0), tile(3, 0, 0)];
        assert_eq!((tiles.len(), all), (6, expected.to_vec()));
    }

    #[test]
    fn learning_has_one_window_an_utterance() {
        let mut tiles = Tiles::new(Split::Learn, 4 * HOP);
        tiles.push(0, 4 * HOP);
        tiles.push(5, 11 * HOP);
        assert_eq!(tiles.get(1), Some(Tile { utterance: 5, start: 3 * HOP, fresh: 0, samples: 11 * HOP }));
        assert_eq!((tiles.len(), tiles.get(2)), (2, None));
    }

    #[test]
    fn a_header_that_promises_too_much_takes_no_memory() {
        let mut tiles = Tiles::new(Split::ProbeTrain, HOP);
        tiles.push(0, 1 << 36);
        assert_eq!((tiles.len(), tiles.utterances.len()), ((1 << 36) / HOP, 1));
        let last = tiles.get(tiles.len() - 1);
        assert_eq!(
            last,
            Some(Tile { utterance: 0, start: (1 << 36) / HOP * HOP - HOP, fresh: 0, samples: 1 << 36 })
        );
    }
}
