//! The data sets that can be fetched: the addresses of their archives, their contents and their checksums.

use plasticity_core::{Error, Result};

/// A data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum DataSet {
    /// Images of ten classes, and 100,000 images without labels (download: 2.6 GB)
    Stl10,
    /// Read speech (download: 6.4 GB for `train-clean-100`, which the configs need)
    Librispeech,
    /// Videos of 101 actions, and the lists for training and testing (download: 6.9 GB)
    Ucf101,
}

/// An archive of a data set.
#[derive(Clone, Copy, Debug)]
pub struct Archive<'a> {
    /// Its name on the command line.
    pub part: &'a str,
    /// The folder on the official host.
    pub host: &'a str,
    /// The file's name, on the host and here.
    pub file: &'a str,
    /// Its MD5, if one is published.
    pub md5: Option<&'a str>,
    /// The folder that it unpacks to.
    pub holds: &'a str,
    /// Whether the configs need it.
    pub needed: bool,
}

const STANFORD: &str = "http://ai.stanford.edu/~acoates/stl10";
const OPENSLR: &str = "https://www.openslr.org/resources/12";
const CRCV: &str = "https://www.crcv.ucf.edu/data/UCF101";

/// The page of STL-10 gives no checksum; this is the one that torchvision's `STL10` checks.
const STL10: [Archive<'_>; 1] = [Archive {
    part: "all",
    host: STANFORD,
    file: "stl10_binary.tar.gz",
    md5: Some("91f7769df0f17e558f3565bffb0c7dfb"),
    holds: "stl10_binary",
    needed: true,
}];

/// The checksums come from `md5sum.txt` in the folder of the archives.
const LIBRISPEECH: [Archive<'_>; 3] = [
    Archive {
        part: "train-clean-100",
        host: OPENSLR,
        file: "train-clean-100.tar.gz",
        md5: Some("2a93770f6d5c6c964bc36631d331a522"),
        holds: "LibriSpeech/train-clean-100",
        needed: true,
    },
    Archive {
        part: "dev-clean",
        host: OPENSLR,
        file: "dev-clean.tar.gz",
        md5: Some("42e2234ba48799c1f50f24a7926300a1"),
        holds: "LibriSpeech/dev-clean",
        needed: false,
    },
    Archive {
        part: "test-clean",
        host: OPENSLR,
        file: "test-clean.tar.gz",
        md5: Some("32fa31d27d2e1cad72775fee3f4849a9"),
        holds: "LibriSpeech/test-clean",
        needed: false,
    },
];

/// No checksum is published. Both archive formats contain a checksum of each file, which unpacking checks.
const UCF101: [Archive<'_>; 2] = [
    Archive {
        part: "lists",
        host: CRCV,
        file: "UCF101TrainTestSplits-RecognitionTask.zip",
        md5: None,
        holds: "ucfTrainTestlist",
        needed: true,
    },
    Archive { part: "videos", host: CRCV, file: "UCF101.rar", md5: None, holds: "UCF-101", needed: true },
];

impl DataSet {
    /// Its archives: those that the configs need, or the parts that are named.
    pub fn archives(self, parts: &[String]) -> Result<Vec<&'static Archive<'static>>> {
        let all: &'static [Archive<'static>] = match self {
            Self::Stl10 => &STL10,
            Self::Librispeech => &LIBRISPEECH,
            Self::Ucf101 => &UCF101,
        };
        if parts.is_empty() {
            return Ok(all.iter().filter(|archive| archive.needed).collect());
        }
        let find = |part: &String| {
            all.iter().find(|archive| archive.part == part).ok_or_else(|| {
                let known: Vec<&str> = all.iter().map(|archive| archive.part).collect();
                Error::config(
                    "--part",
                    format!("there is no part {part}; the parts are: {}", known.join(", ")),
                )
            })
        };
        parts.iter().map(find).collect()
    }
}
