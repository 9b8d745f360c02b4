//! Tiles of maps: which rows of operands are neighbours on a map.

use std::ops::Range;

/// The tiles on maps of `frames × height × width` positions.
pub(super) struct Grid {
    pub(super) frames: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    /// Lines of tiles on a frame, and tiles in a line.
    pub(super) tiles: [usize; 2],
    /// Output positions of a tile along an axis: the distance between tiles.
    pub(super) outputs: usize,
    /// How many positions before its first output a tile reads.
    pub(super) before: usize,
}

/// Tiles side by side on a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Position of the frame's first row among all samples' maps.
    pub(super) frame: usize,
    /// Row and column of the first tile's first output.
    pub(super) y: usize,
    pub(super) x: usize,
    /// How many tiles.
    pub(super) tiles: usize,
    /// The first tile's row, counted from the start of the range.
    pub(super) row: usize,
}

impl Grid {
    /// Tiles in a line across a map.
    pub(super) fn along(&self) -> usize {
        self.tiles[1]
    }

    /// Tiles of a sample.
    pub(super) fn tiles(&self) -> usize {
        self.frames * self.tiles[0] * self.along()
    }

    /// The tiles `rows`, counted through samples, frames and lines, in stretches.
    pub(super) fn stretches(&self, rows: Range<usize>) -> impl Iterator<Item = Stretch> {
        let [lines, along] = self.tiles;
        let start = rows.start;
        let mut next = start;
        std::iter::from_fn(move || {
            if next >= rows.end {
                return None;
            }
            let (line, first) = (next / along, next % along);
            let tiles = (along - first).min(rows.end - next);
            let stretch = Stretch {
                frame: line / lines * self.height * self.width,
                y: line % lines * self.outputs,
                x: first * self.outputs,
                tiles,
                row: next - start,
            };
            next += tiles;
            Some(stretch)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_end_with_lines_and_with_the_range() {
        let grid = Grid { frames: 1, height: 5, width: 9, tiles: [2, 3], outputs: 4, before: 1 };
        assert_eq!((grid.along(), grid.tiles()), (3, 6));
        let stretches: Vec<_> = grid.stretches(1..8).collect();
        let expected = [(0, 0, 4, 2, 0), (0, 4, 0, 3, 2), (45, 0, 0, 2, 5)]
            .map(|(frame, y, x, tiles, row)| Stretch { frame, y, x, tiles, row });
        assert_eq!(stretches, expected);
    }
}
