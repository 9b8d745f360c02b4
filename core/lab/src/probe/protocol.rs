//! The kinds of probes: the paper's linear probe, a linear probe on standardised features, and nearest neighbours.

use serde::{Deserialize, Serialize};

/// `probe.protocol`: the linear probes. The two can disagree, even in the sign of a gain. Random features vary little
/// compared with their mean. A probe on raw features learns slowly from such small differences, a probe on standardised
/// features does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// Raw features, as the paper's authors use.
    Paper,
    /// Every feature is scaled to mean 0 and variance 1 over the training stimuli: batch normalisation of fixed
    /// features.
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
    /// Linear, on raw features.
    Raw,
    /// Linear, on standardised features.
    Standardised,
    /// The nearest neighbours by raw features.
    Neighbours,
}

impl ProbeKind {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Standardised => "standardised",
            Self::Neighbours => "neighbours",
        }
    }

    /// The title of its own table.
    pub fn title(self) -> &'static str {
        match self {
            Self::Raw => "raw features",
            Self::Standardised => "standardised features",
            Self::Neighbours => "nearest neighbours",
        }
    }

    /// The default number of stimuli in a step of a linear probe: the paper's 32 on raw features.
    pub fn batch(self) -> usize {
        match self {
            Self::Raw | Self::Neighbours => 32,
            Self::Standardised => 128,
        }
    }

    /// The default number of passes of a linear probe over the training stimuli: on raw features the 300 of the
    /// authors' scripts (the paper's text does not state it for images).
    pub fn epochs(self) -> u64 {
        match self {
            Self::Raw | Self::Neighbours => 300,
            Self::Standardised => 100,
        }
    }
}
