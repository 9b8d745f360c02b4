//! How features are probed: the paper's linear probe, one on standardised features, and nearest neighbours.

use serde::{Deserialize, Serialize};

/// `probe.protocol`: which probes there are. The two can disagree, even in sign: random features vary little beside their
/// mean, which hides what they tell from the plain probe and not from the standardised one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// Features as they are, as the paper's authors probe them.
    Paper,
    /// Every feature is brought to mean 0 and variance 1 over the training stimuli: batch normalisation of features that
    /// do not change.
    Standardised,
    /// Both, side by side.
    #[default]
    Both,
}

impl Protocol {
    /// The single probes of it.
    pub fn probes(self) -> &'static [ProbeKind] {
        match self {
            Self::Paper => &[ProbeKind::Raw],
            Self::Standardised => &[ProbeKind::Standardised],
            Self::Both => &[ProbeKind::Raw, ProbeKind::Standardised],
        }
    }
}

/// One probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeKind {
    /// Linear, on features as they are.
    Raw,
    /// Linear, on standardised features.
    Standardised,
    /// The nearest neighbours of features as they are.
    Neighbours,
}

impl ProbeKind {
    /// What tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Standardised => "standardised",
            Self::Neighbours => "neighbours",
        }
    }

    /// What stands above a table of its own.
    pub fn title(self) -> &'static str {
        match self {
            Self::Raw => "raw features",
            Self::Standardised => "standardised features",
            Self::Neighbours => "nearest neighbours",
        }
    }

    /// Stimuli in a step of a linear probe where the config does not say: the paper's 32 on raw features.
    pub fn batch(self) -> usize {
        match self {
            Self::Raw | Self::Neighbours => 32,
            Self::Standardised => 128,
        }
    }

    /// Passes of a linear probe over the training stimuli where the config does not say: on raw features the 300 of the
    /// authors' scripts (the paper's text gives none for images).
    pub fn epochs(self) -> u64 {
        match self {
            Self::Raw | Self::Neighbours => 300,
            Self::Standardised => 100,
        }
    }
}
