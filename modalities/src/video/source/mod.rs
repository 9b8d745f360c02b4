//! Sources of clips.

pub mod avi;
pub mod class_folders;
pub mod division;
pub mod ffmpeg;
pub mod frames;
pub mod lists;
pub mod motions;
mod order;
pub mod ucf101;

use plasticity_core::Result;
use plasticity_core::stimulus::Split;
use std::path::PathBuf;

/// A frame as it is stored: 8-bit RGB, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The number of pixels in a row.
    pub width: usize,
    /// The number of rows.
    pub height: usize,
    /// The values, of shape `[height, width, 3]`.
    pub rgb: Vec<u8>,
}

/// The frames of a clip to read: `first`, `first + every`, …, `count` in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picks {
    /// The first frame, from 0.
    pub first: usize,
    /// The step from one pick to the next, in frames.
    pub every: usize,
    /// The number of picks.
    pub count: usize,
}

impl Picks {
    /// The number of stored frames from the first to the last of `count` picks with step `every`.
    pub fn reach(every: usize, count: usize) -> usize {
        if count == 0 { 0 } else { (count - 1) * every + 1 }
    }
}

/// A function that returns the part of a frame to keep.
pub type Cut<'a> = dyn FnMut(Frame) -> Result<Frame> + 'a;

/// An opened split of a source: clips whose frames can be read one by one.
pub trait ClipSource: Send + Sync {
    /// The number of clips.
    fn len(&self) -> usize;

    /// Whether there are no clips.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The names of the classes.
    fn classes(&self) -> &[String];

    /// The class of clip `index`, as an index into [`classes`](Self::classes).
    fn class(&self, index: usize) -> u32;

    /// The files of clip `index`, with which learning and test clips are compared.
    fn files(&self, _index: usize) -> Vec<PathBuf> {
        Vec::new()
    }

    /// The number of frames of clip `index`.
    fn frame_count(&self, index: usize) -> usize;

    /// The recording that clip `index` is a part of, as a number. By default, each clip is a recording of its own.
    fn recording(&self, index: usize) -> u64 {
        index as u64
    }

    /// The file or folder of clip `index`, for messages.
    fn place(&self, index: usize) -> String;

    /// Reads the picked frames of clip `index`, all of one size. Each frame passes through `cut` as soon as
    /// it is read, and only the result is kept, because a whole clip at full size could use all memory. A
    /// frame may be read and cut more than once.
    ///
    /// # Errors
    /// If a file cannot be read; the error names the file and the reason. Also the first error of `cut`.
    fn read(&self, index: usize, picks: Picks, cut: &mut Cut<'_>) -> Result<Vec<Frame>>;
}

/// The config of a source of clips. To add a source, implement this and [`ClipSource`], and register it
/// with `plasticity_core::plugin! { Source "name": … }`.
#[typetag::serde(tag = "type")]
pub trait ClipSourceSpec: Send + Sync + std::fmt::Debug {
    /// Opens one split. `seed` is the run's seed, from which built-in clips are made.
    ///
    /// # Errors
    /// If files or folders are missing or cannot be used; the error names them and the remedy.
    fn open(&self, split: Split, seed: u64) -> Result<Box<dyn ClipSource>>;
}
