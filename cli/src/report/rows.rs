//! The words for the rows of features.

use plasticity_core::Result;
use plasticity_core::stimulus::{Label, Stimulus};
use plasticity_lab::analysis::{Kind, kind};

/// What has a row of features and a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// An image or a clip.
    Stimuli,
    /// A window of speech, whose label may be its speaker.
    Windows,
    /// A frame of speech, whose label is its phone.
    Frames,
}

impl Rows {
    /// The rows of stimuli, by the label of the first one.
    ///
    /// # Errors
    /// If the first stimulus cannot be made.
    pub fn of(stimuli: &dyn Stimulus) -> Result<Self> {
        if kind(stimuli) != Kind::Sound {
            return Ok(Self::Stimuli);
        }
        Ok(match stimuli.sample(0, None)?.label {
            Label::Frames(_) => Self::Frames,
            Label::Class(_) | Label::None => Self::Windows,
        })
    }

    /// Their name in the plural.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stimuli => "stimuli",
            Self::Windows => "windows of speech",
            Self::Frames => "frames of speech",
        }
    }

    /// One of them in a test.
    pub fn tested(self) -> &'static str {
        match self {
            Self::Stimuli => "a test stimulus",
            Self::Windows => "a window of test speech",
            Self::Frames => "10 ms of test speech",
        }
    }

    /// Their classes.
    pub fn classes(self) -> &'static str {
        match self {
            Self::Stimuli | Self::Windows => "classes",
            Self::Frames => "classes of speech sounds",
        }
    }

    /// Their labels.
    pub fn labels(self) -> &'static str {
        if self == Self::Frames { "phones" } else { "labels" }
    }
}
