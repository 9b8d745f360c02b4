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

/// Images: from a source, cropped, flipped, normalised and cut into patches.
///
/// To learn from, crops are random and half of them are flipped, or views are those of [`Augment`]; for the
/// probe there is one view, a central crop that is not flipped.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Images {
    /// Where images come from.
    #[serde(deserialize_with = "choice")]
    pub source: Box<dyn ImageSourceSpec>,
    /// Labelled images for the probe, where the source has none or others are wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labelled: Option<Labelled>,
    /// Grey (luma of ITU-R BT.601) or three colours.
    #[serde(default = "yes")]
    pub grey: bool,
    /// Side of the crop, in pixels.
    #[serde(default = "crop")]
    pub crop: usize,
    /// Whether half of the images are flipped left to right.
    #[serde(default = "yes")]
    pub flip: bool,
    /// Mean that is taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<PerChannel>,
    /// Standard deviation that is divided by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub std: Option<PerChannel>,
    /// Whether and how images are cut.
    #[serde(default)]
    pub patch: Patches,
    /// Views of each image to learn from, 1 or 2.
    #[serde(default = "one")]
    pub views: usize,
    /// How views are made at random; where absent, two views take the defaults and one view is a plain crop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augment: Option<Augment>,
    /// Which way up photographs are.
    #[serde(default, skip_serializing_if = "Orientation::is_upright")]
    pub orientation: Orientation,
}

/// Folders of labelled images, each with a folder for each class.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labelled {
    /// What the probe learns from.
    #[serde(deserialize_with = "folder")]
    pub train: PathBuf,
    /// What it is tested on.
    #[serde(deserialize_with = "folder")]
    pub test: PathBuf,
}

/// A path, and no source.
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
        if split == Split::ReadoutTrain {
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

    /// Refuses test images that the probe, or a rule on images of the folder `source`, learns from.
    fn check_apart(&self, source: Option<PathBuf>) -> Result<()> {
        let learned_from = [("labelled.train", Some(self.train.clone())), ("source", source)];
        for (key, folder) in learned_from {
            let Some(folder) = folder.filter(|folder| share_images(folder, &self.test)) else { continue };
            let message = format!(
                "`{key}` ({}) and `labelled.test` ({}) share images, so the network would learn from test \
                 images: give two folders, neither inside the other",
                folder.display(),
                self.test.display()
            );
            return Err(Error::config("labelled", message));
        }
        Ok(())
    }
}

/// Whether two folders are one, or one lies inside the other. Of one that is not there, opening it tells.
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
            as in SimCLR; default { scale = [0.08, 1.0], ratio = [0.75, 1.3333], jitter = [0.8, 0.8, 0.8, \
            0.2], jitter_probability = 0.8, grey_probability = 0.2, blur_probability = 0.5, blur_sigma = [0.1, \
            2.0], blur_kernel = 0.1 }; always on with two views";
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
            if split != Split::ReadoutTrain {
                self.check_records(split, seed)?;
            }
            let mut source = self.source(split, seed)?;
            if self.orientation == Orientation::Stored {
                source.keep_stored();
            }
            let (views, augment) = self.views(split)?;
            let (crop, flip) = (self.crop, self.flip);
            let stimulus = ImageStimulus { source, crop, flip, normalise, views, augment, grid };
            // A crop that no image has room for shows now and not on a loader thread.
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

    /// Refuses files of the test that rules or the probe learn from, wherever they lie. Of a split that cannot be opened,
    /// opening it tells.
    fn check_files(&self, seed: u64) -> Result<()> {
        let files = |split| -> Vec<apart::Item> {
            let files = self.source(split, seed).map_or_else(|_| Vec::new(), |source| source.files());
            files.into_iter().map(|file| vec![file]).collect()
        };
        let test = files(Split::ReadoutTest);
        if test.is_empty() {
            return Ok(());
        }
        for (key, split) in [("labelled.train", Split::ReadoutTrain), ("source", Split::Learn)] {
            let Some((learned, tested)) = apart::shared(&files(split), &test)? else { continue };
            let message = format!(
                "`{key}` and the test images share images ({}), so the network would learn from test images: \
                 remove them from one of the two",
                apart::why(&learned, &tested)
            );
            return Err(Error::config("labelled", message));
        }
        Ok(())
    }

    /// The same of images in files that hold many.
    fn check_records(&self, split: Split, seed: u64) -> Result<()> {
        let Ok(test) = self.source(Split::ReadoutTest, seed) else { return Ok(()) };
        let Some(digests) = records::digests(test.as_ref())? else { return Ok(()) };
        for (key, other) in [("labelled.train", Split::ReadoutTrain), ("source", Split::Learn)] {
            let Ok(source) = self.source(other, seed) else { continue };
            match records::shared(source.as_ref(), test.as_ref(), &digests)? {
                Some(Shared { message, few: false }) => {
                    let message =
                        format!("{message}, so the network would learn from test images: correct `{key}`");
                    return Err(Error::config("labelled", message));
                }
                Some(Shared { message, few: true }) if split == Split::Learn => {
                    tracing::warn!("{message}");
                    return Ok(());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Refuses images, and patches of one image, too large to be made.
    fn check_size(&self, Grid { side, size, .. }: Grid, channels: usize) -> Result<()> {
        limit::check("crop", &[self.crop, self.crop, channels])?;
        limit::check("patch", &[side, side, size, size, channels])
    }

    /// How many views a split has, and how they are made.
    fn views(&self, split: Split) -> Result<(usize, Option<Augment>)> {
        if !(1..=2).contains(&self.views) {
            return Err(Error::config("views", format!("must be 1 or 2, got {}", self.views)));
        }
        let augment = self.augment.clone().or_else(|| (self.views == 2).then(Augment::default));
        augment.iter().try_for_each(Augment::check)?;
        Ok(if split == Split::Learn { (self.views, augment) } else { (1, None) })
    }
}

#[cfg(test)]
mod tests;
