//! STL-10's binary files.

use super::records::Records;
use super::{ImageSource, ImageSourceSpec, LabelledPicture};
use crate::common::files;
use crate::vision::Picture;
use plasticity_core::stimulus::Split;
use plasticity_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The number of rows, and of columns, of an image.
const SIZE: usize = 96;
/// The bytes of an image: three planes.
const IMAGE: usize = 3 * SIZE * SIZE;
/// The classes, in the order of their labels 1 to 10.
const CLASSES: [&str; 10] =
    ["airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"];

/// The folder `stl10_binary` as it is published (Coates, Lee & Ng 2011). `unlabeled_X.bin` is for learning.
/// `train_X.bin` and `train_y.bin` train the probe, `test_X.bin` and `test_y.bin` test it. Images are uint8,
/// channel by channel and column by column. Labels count from 1.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stl10 {
    /// The folder.
    pub path: PathBuf,
    /// The images for learning. Supervised rules need labelled images.
    #[serde(default)]
    pub learn: Part,
}

/// A part of the images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The 100,000 images without labels.
    #[default]
    Unlabelled,
    /// The 5,000 images that train the probe.
    Train,
}

struct Opened {
    images: Records,
    labels: Option<Vec<u8>>,
}

plasticity_core::plugin! {
    Source "stl10": "STL-10's binary files: 100,000 unlabelled images of 96×96 and 13,000 of ten classes",
    equation: "",
    citation: "Coates, Lee & Ng 2011",
    keys: [
        path = "", "folder", "the folder with unlabeled_X.bin, train_X.bin, train_y.bin, test_X.bin and test_y.bin";
        learn = "\"unlabelled\"", "unlabelled | train", "images for learning; supervised rules need train";
    ],
    example: "type = \"stl10\"\npath = \"data/stl10_binary\"\nlearn = \"unlabelled\"",
    impl ImageSourceSpec for Stl10 {
        fn open(&self, split: Split, _seed: u64) -> Result<Box<dyn ImageSource>> {
            let (name, labelled) = match split {
                Split::Learn if self.learn == Part::Unlabelled => ("unlabeled", false),
                Split::Learn | Split::ProbeTrain => ("train", true),
                Split::ProbeTest => ("test", true),
            };
            let images = Records::open(self.path.join(format!("{name}_X.bin")), IMAGE, "image of 96×96")?;
            let labels = if labelled {
                Some(read_labels(self.path.join(format!("{name}_y.bin")), images.count())?)
            } else {
                None
            };
            Ok(Box::new(Opened { images, labels }))
        }
    }
}

fn read_labels(path: PathBuf, images: usize) -> Result<Vec<u8>> {
    let labels = files::read(&path).map_err(|e| Error::file(&path, format!("cannot be read: {e}")))?;
    if labels.len() != images {
        let message = format!("expected {images} labels, one for each image, got {}", labels.len());
        return Err(Error::file(path, message));
    }
    if let Some((index, label)) = labels.iter().enumerate().find(|(_, label)| !(1..=10).contains(*label)) {
        return Err(Error::file(path, format!("label {index} is {label}; labels are 1 to 10")));
    }
    Ok(labels)
}

impl ImageSource for Opened {
    fn len(&self) -> usize {
        self.images.count()
    }

    fn image(&self, index: usize) -> Result<LabelledPicture> {
        let planes = self.images.read(index)?;
        let picture = Picture::from_planes(SIZE, &planes, |y, x| x * SIZE + y);
        let class =
            self.labels.as_ref().and_then(|labels| labels.get(index)).map(|&label| u32::from(label) - 1);
        Ok(LabelledPicture { picture, class })
    }

    fn files(&self) -> Vec<PathBuf> {
        vec![self.images.path().to_owned()]
    }

    fn digests(&self) -> Result<Option<Vec<Option<u64>>>> {
        self.images.digests(0).map(Some)
    }

    fn place(&self, index: usize) -> String {
        format!("{}, image {index}", self.images.path().display())
    }

    fn classes(&self) -> Option<Vec<String>> {
        self.labels.as_ref().map(|_| CLASSES.map(str::to_owned).to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vision::testing;
    use approx::assert_abs_diff_eq;

    fn open(path: &std::path::Path, split: Split) -> Result<Box<dyn ImageSource>> {
        Stl10 { path: path.to_owned(), learn: Part::Unlabelled }.open(split, 0)
    }

    #[test]
    fn planes_are_read_column_by_column_and_labels_count_from_one() {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = vec![0; 2 * IMAGE];
        bytes[IMAGE + SIZE * SIZE + 7 * SIZE + 5] = 200; // image 1, green, column 7, row 5
        testing::write(folder.path().join("train_X.bin"), &bytes);
        testing::write(folder.path().join("train_y.bin"), &[1, 10]);
        let source = open(folder.path(), Split::ProbeTrain).unwrap();
        assert_eq!(source.len(), 2);
        let image = source.image(1).unwrap();
        assert_eq!(image.class, Some(9));
        assert_eq!(image.picture.row(5, 7, 1), [[0, 200, 0]]);
        assert_eq!(source.classes().unwrap()[9], "truck");

        testing::write(folder.path().join("train_y.bin"), &[0, 10]);
        let error = open(folder.path(), Split::ProbeTrain).err().unwrap().to_string();
        assert!(error.contains("train_y.bin") && error.contains("label 0 is 0"), "{error}");
        testing::write(folder.path().join("train_y.bin"), &[1]);
        assert!(open(folder.path(), Split::ProbeTrain).err().unwrap().to_string().contains("expected 2"));
        testing::write(folder.path().join("train_X.bin"), &bytes[1..]);
        let error = open(folder.path(), Split::ProbeTrain).err().unwrap().to_string();
        assert!(error.contains("train_X.bin") && error.contains("27648"), "{error}");
        assert!(open(folder.path(), Split::Learn).err().unwrap().to_string().contains("unlabeled_X.bin"));
    }

    #[test]
    #[ignore = "needs ../shared"]
    fn real_images_are_smooth_in_both_directions() {
        let path = crate::common::testing::shared("stl10_binary");
        let source = open(&path, Split::Learn).unwrap();
        assert_eq!(source.len(), 123);
        // Neighbouring pixels in a photograph are similar. Read with the wrong layout, they are not.
        let (mut down, mut across) = (0, 0);
        for index in 0..20 {
            let picture = source.image(index).unwrap().picture;
            for y in 0..SIZE - 1 {
                let (row, below) = (picture.row(y, 0, SIZE), picture.row(y + 1, 0, SIZE));
                down += row.iter().zip(below).map(|(a, b)| u64::from(a[1].abs_diff(b[1]))).sum::<u64>();
                across += row.windows(2).map(|w| u64::from(w[0][1].abs_diff(w[1][1]))).sum::<u64>();
            }
        }
        let mean = |sum: u64| sum as f64 / (20 * SIZE * (SIZE - 1)) as f64;
        assert!(mean(down) < 16.0 && mean(across) < 16.0, "{} {}", mean(down), mean(across));
        assert_abs_diff_eq!(mean(down) / mean(across), 1.0, epsilon = 0.3);
    }
}
