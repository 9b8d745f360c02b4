//! `[stimulus] type = "images"`.

mod records;

use super::Orientation;
use super::augment::Augment;
use super::normalise::{Normalise, PerChannel};
use super::patches::{Grid, Patches};
use super::source::{Files, ImageSource, ImageSourceSpec};
use super::stimulus::ImageStimulus;
use crate::common::apart;
use crate::common::choice::choice;
use crate::common::limit;
use plasticity_core::map::MapShape;
use plasticity_core::stimulus::{Outline, Split, Stimulus, StimulusSpec};
use plasticity_core::{Error, Result};
use records::Shared;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use std::path::{Path, PathBuf};
use toml::Value;

/// Images from a source, cropped, flipped, normalised and cut into patches.
///
/// In learning, crops are random and half of them are flipped, or views are made by [`Augment`]. A probe sees
/// one view, a central crop without a flip; versions of its training stimuli are made as in learning.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Images {
    /// The source of images.
    #[serde(deserialize_with = "choice")]
    pub source: Box<dyn ImageSourceSpec>,
    /// Labelled images for the probe, if the source has none or others are wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labelled: Option<Labelled>,
    /// Whether images are grey (luma of ITU-R BT.601) or have three colours.
    #[serde(default = "yes")]
    pub grey: bool,
    /// The side of the crop, in pixels.
    #[serde(default = "crop")]
    pub crop: usize,
    /// Whether half of the images are flipped left to right in learning.
    #[serde(default = "yes")]
    pub flip: bool,
    /// The mean that is subtracted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<PerChannel>,
    /// The standard deviation by which values are divided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub std: Option<PerChannel>,
    /// Whether images are cut into patches, and how.
    #[serde(default)]
    pub patch: Patches,
    /// The number of views of each image in learning, 1 or 2.
    #[serde(default = "one")]
    pub views: usize,
    /// How random views are made. If absent, two views use the defaults and one view is a plain crop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augment: Option<Augment>,
    /// The orientation of photographs.
    #[serde(default, skip_serializing_if = "Orientation::is_upright")]
    pub orientation: Orientation,
}

/// Folders of labelled images, each with a folder for each class.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labelled {
    /// The images that train the probe.
    #[serde(deserialize_with = "folder")]
    pub train: PathBuf,
    /// The images that test the probe.
    #[serde(deserialize_with = "folder")]
    pub test: PathBuf,
}

/// Reads a path, and refuses a source.
fn folder<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(path) => Ok(path.into()),
        other => Err(D::Error::custom(format!(
            "stimulus.labelled: expected the paths of two folders, as in labelled = {{ train = \"photos/train\", test = \
             \"photos/test\" }}, got a {} in place of a path",
            other.type_str()
        ))),
    }
}

fn yes() -> bool {
    true
}

fn one() -> usize {
    1
}

fn crop() -> usize {
    64
}

impl Labelled {
    fn open(&self, split: Split) -> Result<Files> {
        let train = Files::labelled(&self.train)?;
        if split == Split::ProbeTrain {
            return Ok(train);
        }
        let test = Files::labelled(&self.test)?;
        if test.classes() != train.classes() {
            let list = |files: &Files| files.classes().unwrap_or_default().join(", ");
            let message = format!(
                "its classes ({}) differ from those of {} ({})",
                list(&test),
                self.train.display(),
                list(&train)
            );
            return Err(Error::file(&self.test, message));
        }
        Ok(test)
    }

    /// Refuses test images from which the probe learns, or from which a rule learns through the folder
    /// `source`.
    fn check_apart(&self, source: Option<PathBuf>) -> Result<()> {
        let learned_from =
            [("labelled.train", "probe", Some(self.train.clone())), ("source", "network", source)];
        for (key, learner, folder) in learned_from {
            let Some(folder) = folder.filter(|folder| share_images(folder, &self.test)) else { continue };
            let message = format!(
                "`{key}` ({}) and `labelled.test` ({}) share images, so the {learner} would learn from test \
                 images: give two folders, neither inside the other",
                folder.display(),
                self.test.display()
            );
            return Err(Error::config("labelled", message));
        }
        Ok(())
    }
}

/// Whether two folders are the same, or one is inside the other. `false` if one is missing; opening it
/// reports the error.
fn share_images(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one.starts_with(&other) || other.starts_with(&one),
        _ => false,
    }
}

plasticity_core::plugin! {
    Stimulus "images": "Images or patches of images, cropped, flipped and normalised",
    equation: "(x − mean) / std, x ∈ [0, 1]",
    citation: "Illing et al. 2021; Löwe et al. 2019; two views: Chen et al. 2020",
    keys: [
        source = "", "a source", "source of the images: a name, or { type = …, … }";
        labelled = "", "{ train = folder, test = folder }", "labelled images for the probe, with a folder for \
            each class. `test` may not share a folder with `train` or with the images for learning. Left out: \
            the source's own";
        grey = "true", "true | false", "luma (BT.601), or red, green and blue";
        crop = "64", "1.. pixels", "side of the square cut from an image: at a random place for learning, in the \
                                    centre for the probe";
        flip = "true", "true | false", "flips half of the images left to right in learning";
        mean = "", "number | list of number", "mean to subtract, one number or one for each channel; left out: \
                                               0.4120, for colour [0.4313, 0.4156, 0.3663]";
        std = "", "> 0 | list of > 0", "standard deviation to divide by, one number or one for each channel; \
                                        left out: 0.2570, for colour [0.2683, 0.2610, 0.2687]";
        patch = "false", "false | { size = 1.. pixels, stride = 1.. pixels }", "cuts images into a grid of \
            patches: rows are steps in time, columns are locations; the paper has size 16 and stride 8";
        views = "1", "1 | 2", "views of each image in learning; with two, the batch has all first views and then \
                               all second views";
        orientation = "\"upright\"", "upright | stored", "rotates photographs as their EXIF data say, or takes \
                                                          the pixels as stored";
        augment = "", "{ scale = 2 of (0, 1], ratio = 2 of > 0, jitter = 4 of ≥ 0, jitter_probability = [0, 1], grey_probability = [0, 1], blur_probability = [0, 1], blur_sigma = 2 of > 0, blur_kernel = [0, 1] }", "random \
            resized crop, colour jitter (brightness, contrast, saturation, hue of at most 0.5), grey and blur \
            as in SimCLR. Left out: none with one view. With two views, and for keys that are left out: { \
            scale = [0.08, 1.0], ratio = [0.75, 1.3333], jitter = [0.8, 0.8, 0.8, 0.2], \
            jitter_probability = 0.8, grey_probability = 0.2, blur_probability = 0.5, blur_sigma = [0.1, 2.0], \
            blur_kernel = 0.1 }. `blur_kernel` is a share of the side of the view";
    ],
    example: "type = \"images\"\nsource = \"synthetic\"\ncrop = 32\npatch = { size = 16, stride = 8 }",
    impl StimulusSpec for Images {
        fn open(&self, split: Split, seed: u64) -> Result<Box<dyn Stimulus>> {
            let grid = self.grid()?;
            let normalise = Normalise::new(self.grey, self.mean.as_ref(), self.std.as_ref())?;
            self.check_size(grid, normalise.channels())?;
            if let Some(labelled) = &self.labelled {
                labelled.check_apart(self.source.learns_from())?;
            }
            self.check_files(seed)?;
            if split != Split::ProbeTrain {
                self.check_records(split, seed)?;
            }
            let mut source = self.source(split, seed)?;
            if self.orientation == Orientation::Stored {
                source.keep_stored();
            }
            let (views, augment) = self.views(split)?;
            let (crop, flip) = (self.crop, self.flip);
            let stimulus = ImageStimulus { source, crop, flip, normalise, views, augment, grid };
            // A crop that is larger than the images is reported now and not from a loader thread.
            if !stimulus.is_empty() {
                stimulus.sample(0, None)?;
            }
            Ok(Box::new(stimulus))
        }

        fn outline(&self) -> Result<Option<Outline>> {
            let Grid { side, size, .. } = self.grid()?;
            let channels = Normalise::new(self.grey, self.mean.as_ref(), self.std.as_ref())?.channels();
            let (batch, _) = self.views(Split::Learn)?;
            let one = MapShape { time: side, location: side, batch, extent: [1, size, size], channels };
            Ok(Some(Outline { one, frames: None }))
        }
    }
}

impl Images {
    /// How the crop is cut into patches.
    fn grid(&self) -> Result<Grid> {
        if self.crop == 0 {
            return Err(Error::config("crop", "must be at least 1 pixel, got 0"));
        }
        self.patch.grid(self.crop)
    }

    fn source(&self, split: Split, seed: u64) -> Result<Box<dyn ImageSource>> {
        match &self.labelled {
            Some(labelled) if split != Split::Learn => Ok(Box::new(labelled.open(split)?)),
            _ => self.source.open(split, seed).map_err(|error| error.under("source")),
        }
    }

    /// Refuses test files from which rules or the probe learn, at any path. A split that cannot be opened is
    /// skipped here; opening it reports the error.
    fn check_files(&self, seed: u64) -> Result<()> {
        let files = |split| -> Vec<apart::Item> {
            let files = self.source(split, seed).map_or_else(|_| Vec::new(), |source| source.files());
            files.into_iter().map(|file| vec![file]).collect()
        };
        let test = files(Split::ProbeTest);
        if test.is_empty() {
            return Ok(());
        }
        let (place, train) =
            if self.labelled.is_some() { ("labelled", "labelled.train") } else { ("source", "source") };
        for (key, split, learner) in
            [(train, Split::ProbeTrain, "probe"), ("source", Split::Learn, "network")]
        {
            let Some((learned, tested)) = apart::shared(&files(split), &test)? else { continue };
            let message = format!(
                "`{key}` and the test images share images ({}), so the {learner} would learn from test images: \
                 remove them from one of the two",
                apart::why(&learned, &tested)
            );
            return Err(Error::config(place, message));
        }
        Ok(())
    }

    /// The same check for images in files with many images. Only `source` has such files.
    fn check_records(&self, split: Split, seed: u64) -> Result<()> {
        let Ok(test) = self.source(Split::ProbeTest, seed) else { return Ok(()) };
        let Some(digests) = records::digests(test.as_ref())? else { return Ok(()) };
        let mut said = false;
        for (other, learner) in [(Split::ProbeTrain, "probe"), (Split::Learn, "network")] {
            let Ok(source) = self.source(other, seed) else { continue };
            match records::shared(source.as_ref(), test.as_ref(), &digests)? {
                Some(Shared { message, few: false }) => {
                    let message =
                        format!("{message}, so the {learner} would learn from test images: correct `source`");
                    return Err(Error::config("source", message));
                }
                Some(Shared { message, few: true }) if split == Split::Learn && !said => {
                    tracing::warn!("{message}");
                    said = true;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Refuses images, and patches of one image, that are too large.
    fn check_size(&self, Grid { side, size, .. }: Grid, channels: usize) -> Result<()> {
        limit::check("crop", &[self.crop, self.crop, channels])?;
        limit::check("patch", &[side, side, size, size, channels])
    }

    /// The number of views of a split, and how random ones are made.
    fn views(&self, split: Split) -> Result<(usize, Option<Augment>)> {
        if !(1..=2).contains(&self.views) {
            return Err(Error::config("views", format!("must be 1 or 2, got {}", self.views)));
        }
        let augment = self.augment.clone().or_else(|| (self.views == 2).then(Augment::default));
        augment.iter().try_for_each(Augment::check)?;
        Ok(match split {
            Split::Learn => (self.views, augment),
            Split::ProbeTrain => (1, augment),
            Split::ProbeTest => (1, None),
        })
    }
}

#[cfg(test)]
mod tests;
