//! Where clips come from.

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

/// One frame as it is stored: 8-bit RGB, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `[height, width, 3]`.
    pub rgb: Vec<u8>,
}

/// Which frames of a clip: `first`, `first + every`, … (`count` of them).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picks {
    /// The first frame, from 0.
    pub first: usize,
    /// Frames from one pick to the next.
    pub every: usize,
    /// How many picks.
    pub count: usize,
}

impl Picks {
    /// Stored frames that `count` picks of every `every`-th reach over.
    pub fn reach(every: usize, count: usize) -> usize {
        if count == 0 { 0 } else { (count - 1) * every + 1 }
    }
}

/// What is kept of a frame.
pub type Cut<'a> = dyn FnMut(Frame) -> Result<Frame> + 'a;

/// One split of a source, opened: clips that can be read frame by frame.
pub trait Clips: Send + Sync {
    /// How many clips.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Names of the classes.
    fn classes(&self) -> &[String];

    /// The class of a clip, as an index into [`classes`](Self::classes).
    fn class(&self, index: usize) -> u32;

    /// The files of a clip, to check that learning and test clips are separate.
    fn files(&self, _index: usize) -> Vec<PathBuf> {
        Vec::new()
    }

    /// How many frames a clip has.
    fn frame_count(&self, index: usize) -> usize;

    /// The file or folder of a clip, for messages.
    fn place(&self, index: usize) -> String;

    /// Reads frames of a clip, all of one size, and keeps of each what `cut` makes of it as soon as it is read: a whole
    /// clip at full size could take all memory. A frame may be read, and cut, more than once.
    ///
    /// # Errors
    /// Names the file that cannot be read, and what is wrong with it; and the first of `cut`.
    fn read(&self, index: usize, picks: Picks, cut: &mut Cut<'_>) -> Result<Vec<Frame>>;
}

/// What a config says of a source of clips.
#[typetag::serde(tag = "type")]
pub trait ClipSource: Send + Sync + std::fmt::Debug {
    /// Opens one split.
    ///
    /// # Errors
    /// If files or folders are missing or unusable: names them, and the remedy.
    fn open(&self, split: Split, seed: u64) -> Result<Box<dyn Clips>>;
}
