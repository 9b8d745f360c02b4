//! `[stimulus] type = "images"`.

use super::folder::Files;
use super::normalise::{Normalise, PerChannel};
use super::patches::Patches;
use super::source::{ImageSource, SourceChoice};
use super::stimulus::ImageStimulus;
use plasticity_core::stimulus::{Split, Stimulus, StimulusSpec};
use plasticity_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Images: from a source, cropped, flipped, normalised and cut into patches.
///
/// To learn from, crops are random and half of them are flipped; for the read-out crops are central and none
/// is flipped.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Images {
    /// Where images come from.
    pub source: SourceChoice,
    /// Labelled images for the read-out, where the source has none or others are wanted.
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
}

/// Folders of labelled images, each with a folder for each class.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labelled {
    /// What the read-out learns from.
    pub train: PathBuf,
    /// What it is tested on.
    pub test: PathBuf,
}

fn yes() -> bool {
    true
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
                "its classes ({}) are not those of {} ({})",
                list(&test),
                self.train.display(),
                list(&train)
            );
            return Err(Error::file(&self.test, message));
        }
        Ok(test)
    }
}

plasticity_core::plugin! {
    Stimulus "images": "Images or patches of images, cropped, flipped and normalised",
    equation: "(x − mean) / std, x ∈ [0, 1]",
    citation: "Illing et al. 2021; Löwe et al. 2019",
    keys: [
        source = "", "a source", "where images come from: a name, or { type = …, … }";
        labelled = "", "{ train = folder, test = folder }", "labelled images for the read-out, a folder a class; where absent the source's own";
        grey = "true", "true or false", "luma (BT.601), or red, green and blue";
        crop = "64", ">= 1 pixels", "side of the square that is cut out: at random to learn from, central for the read-out";
        flip = "true", "true or false", "flips half of the images left to right to learn from";
        mean = "0.4120", "a number, or one a channel", "is taken away; in colour the default is [0.4313, 0.4156, 0.3663]";
        std = "0.2570", "> 0, a number, or one a channel", "is divided by; in colour the default is [0.2683, 0.2610, 0.2687]";
        patch = "false", "false or { size = 1 to crop, stride >= 1 }", "cuts images into a grid of patches; rows are time, columns locations; the paper's are of size 16 and stride 8";
    ],
    example: "type = \"images\"\nsource = \"synthetic\"\ncrop = 32\npatch = { size = 16, stride = 8 }",
    impl StimulusSpec for Images {
        fn open(&self, split: Split, seed: u64) -> Result<Box<dyn Stimulus>> {
            if self.crop == 0 {
                return Err(Error::config("stimulus.crop", "must be at least 1 pixel, got 0"));
            }
            let grid = self.patch.grid(self.crop)?;
            let normalise = Normalise::new(self.grey, self.mean.as_ref(), self.std.as_ref())?;
            let source: Box<dyn ImageSource> = match &self.labelled {
                Some(labelled) if split != Split::Learn => Box::new(labelled.open(split)?),
                _ => self.source.0.open(split, seed)?,
            };
            let stimulus = ImageStimulus { source, crop: self.crop, flip: self.flip, normalise, grid };
            // A crop that no image has room for shows now and not on a loader thread.
            if !stimulus.is_empty() {
                stimulus.sample(0, None)?;
            }
            Ok(Box::new(stimulus))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vision::testing;
    use plasticity_core::random::stream;
    use plasticity_core::stimulus::Label;
    use std::path::Path;

    fn parse(text: &str) -> Result<Box<dyn StimulusSpec>, toml::de::Error> {
        toml::from_str(text)
    }

    fn open(keys: &str, split: Split) -> Result<Box<dyn Stimulus>> {
        parse(&format!("type = \"images\"\n{keys}")).unwrap().open(split, 0)
    }

    fn folder(path: &Path, keys: &str) -> String {
        let path = path.display();
        format!("source = {{ type = \"folder\", path = \"{path}\" }}\n{keys}")
    }

    #[test]
    fn the_example_works() {
        let example = plasticity_core::registry::find(
            plasticity_core::registry::Family::Stimulus,
            "images",
            "stimulus",
        );
        let spec = parse(example.unwrap().example).unwrap();
        for split in [Split::Learn, Split::ReadoutTrain, Split::ReadoutTest] {
            let stimulus = spec.open(split, 1).unwrap();
            let shape = stimulus.shape(2);
            assert_eq!((shape.time, shape.location, shape.extent, shape.channels), (3, 3, [1, 16, 16], 1));
            let samples =
                [stimulus.sample(0, None).unwrap(), stimulus.sample(1, Some(&mut stream(1, &[]))).unwrap()];
            assert_eq!(stimulus.assemble(&samples).unwrap().len(), shape.len());
        }
    }

    #[test]
    fn a_spec_survives_the_resolved_config() {
        let text =
            "type = \"images\"\nsource = \"synthetic\"\ngrey = false\nmean = [0.1, 0.2, 0.3]\nstd = 0.5";
        let spec = parse(text).unwrap();
        let again = parse(&toml::to_string(&spec).unwrap()).unwrap();
        assert_eq!(format!("{spec:?}"), format!("{again:?}"));
    }

    #[test]
    fn crops_are_central_or_random_and_half_are_flipped() {
        let temporary = tempfile::tempdir().unwrap();
        let picture = testing::gradient(12, 10);
        testing::write(temporary.path().join("a.png"), &testing::png(&picture));
        let keys = folder(temporary.path(), "crop = 8\ngrey = false\nmean = 0.0\nstd = 1.0");
        let stimulus = open(&keys, Split::Learn).unwrap();
        let crop = |top: usize, left: usize, flip: bool| -> Vec<f32> {
            (0..8)
                .flat_map(|y| {
                    let mut row = picture.row(top + y, left, 8).to_vec();
                    if flip {
                        row.reverse();
                    }
                    row.into_iter().flatten().map(|x| f32::from(x) / 255.0).collect::<Vec<_>>()
                })
                .collect()
        };
        assert_eq!(stimulus.sample(0, None).unwrap().values, crop(2, 1, false));
        let mut seen = std::collections::BTreeSet::new();
        for i in 0..400 {
            let values = stimulus.sample(0, Some(&mut stream(0, &[i]))).unwrap().values;
            let all = (0..5).flat_map(|t| (0..3).flat_map(move |l| [(t, l, false), (t, l, true)]));
            let found: Vec<_> = all.filter(|&(t, l, f)| crop(t, l, f) == values).collect();
            assert_eq!(found.len(), 1);
            seen.extend(found);
        }
        assert_eq!(seen.len(), 30, "every place, flipped and not");
        // The whole image: the crop is the identity.
        let keys = folder(temporary.path(), "crop = 10\ngrey = false\nmean = 0.0\nstd = 1.0\nflip = false");
        testing::write(temporary.path().join("a.png"), &testing::png(&testing::gradient(10, 10)));
        let stimulus = open(&keys, Split::Learn).unwrap();
        let random = stimulus.sample(0, Some(&mut stream(0, &[1]))).unwrap();
        assert_eq!(random.values, stimulus.sample(0, None).unwrap().values);
    }

    #[test]
    fn patches_are_laid_out_by_time_location_and_batch() {
        let keys = "source = \"synthetic\"\ncrop = 32\npatch = { size = 16, stride = 8 }";
        let stimulus = open(keys, Split::Learn).unwrap();
        let samples: Vec<_> = (0..3).map(|i| stimulus.sample(i, None).unwrap()).collect();
        let values = stimulus.assemble(&samples).unwrap();
        for (t, l, b, y, x) in [(0, 0, 0, 0, 0), (2, 1, 2, 5, 7), (1, 2, 1, 15, 15)] {
            let at = (((t * 3 + l) * 3 + b) * 16 + y) * 16 + x;
            assert_eq!(values[at], samples[b].values[(t * 8 + y) * 32 + l * 8 + x]);
        }
    }

    #[test]
    fn labelled_folders_serve_the_read_out() {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path();
        for part in ["train", "test", "unlabelled"] {
            testing::class_folders(&root.join(part), 2);
        }
        let labelled =
            format!("labelled = {{ train = \"{0}/train\", test = \"{0}/test\" }}\ncrop = 24", root.display());
        let keys = folder(&root.join("unlabelled"), &labelled);
        let stimulus = open(&keys, Split::ReadoutTest).unwrap();
        assert_eq!(stimulus.classes().unwrap(), ["bird", "cat"]);
        assert_eq!(stimulus.sample(7, None).unwrap().label, Label::Class(1));
        testing::write(root.join("test/dog/a.png"), &testing::png(&testing::gradient(24, 24)));
        let error = open(&keys, Split::ReadoutTest).err().unwrap().to_string();
        assert!(error.contains("bird, cat, dog") && error.contains("test: "), "{error}");
    }

    #[test]
    fn every_wrong_value_is_named() {
        let temporary = tempfile::tempdir().unwrap();
        testing::write(temporary.path().join("small.png"), &testing::png(&testing::gradient(12, 40)));
        let error = open(&folder(temporary.path(), "crop = 16"), Split::Learn).err().unwrap().to_string();
        assert!(error.contains("small.png") && error.contains("12×40") && error.contains("crop"), "{error}");
        for (keys, key) in [
            ("crop = 0", "stimulus.crop"),
            ("patch = { size = 99, stride = 8 }", "stimulus.patch"),
            ("std = 0.0", "stimulus.std"),
            ("mean = [0.1, 0.2]", "stimulus.mean"),
        ] {
            let error = open(&format!("source = \"synthetic\"\n{keys}"), Split::Learn).err().unwrap();
            assert!(error.to_string().contains(key), "{error}");
        }
        for (keys, part) in [("crp = 3", "`crp`"), ("patch = 16", "size = …"), ("mean = \"x\"", "a number")]
        {
            let text = format!("type = \"images\"\nsource = \"synthetic\"\n{keys}");
            let error = parse(&text).err().unwrap().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn real_photographs_load() {
        let Some(path) = testing::shared("images64") else { return };
        let labelled = format!("labelled = {{ train = \"{0}/train\", test = \"{0}/test\" }}", path.display());
        let keys = folder(&path.join("unlabelled"), &labelled);
        let stimulus = open(&keys, Split::Learn).unwrap();
        assert_eq!((stimulus.len(), stimulus.classes().unwrap().len()), (20_000, 200));
        let test = open(&keys, Split::ReadoutTest).unwrap();
        assert_eq!((test.len(), test.classes().unwrap().len()), (800, 8));
        let mut sum = 0.0;
        for i in 0..100 {
            let sample = test.sample(8 * i, None).unwrap();
            assert_eq!(sample.values.len(), 64 * 64);
            sum += sample.values.iter().sum::<f32>() / (64.0 * 64.0);
        }
        assert!((sum / 100.0).abs() < 0.5, "normalised photographs have a mean near 0");
    }
}
