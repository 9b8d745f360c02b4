//! CIFAR-10's binary files.

use super::records::Records;
use super::{ImageSource, ImageSourceSpec, LabelledPicture};
use crate::vision::Picture;
use plasticity_core::stimulus::Split;
use plasticity_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The number of rows, and of columns, of an image.
const SIZE: usize = 32;
/// The bytes of a record: a label and three planes, row by row.
const RECORD: usize = 1 + 3 * SIZE * SIZE;
/// The classes, in the order of their labels 0 to 9.
const CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// The folder `cifar-10-batches-bin` as it is published (Krizhevsky 2009). The labelled images of
/// `data_batch_1.bin` to `data_batch_5.bin` are for learning, those of `test_batch.bin` for tests.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cifar10 {
    /// The folder.
    pub path: PathBuf,
}

struct Opened(Vec<Records>);

plasticity_core::plugin! {
    Source "cifar10": "CIFAR-10's binary files: 60,000 images of 32×32 in ten classes",
    equation: "",
    citation: "Krizhevsky 2009",
    keys: [path = "", "folder", "the folder with data_batch_1.bin to data_batch_5.bin and test_batch.bin"],
    example: "type = \"cifar10\"\npath = \"data/cifar-10-batches-bin\"",
    impl ImageSourceSpec for Cifar10 {
        fn open(&self, split: Split, _seed: u64) -> Result<Box<dyn ImageSource>> {
            let names = match split {
                Split::Learn | Split::ProbeTrain => (1..=5).map(|i| format!("data_batch_{i}.bin")).collect(),
                Split::ProbeTest => vec!["test_batch.bin".to_owned()],
            };
            let open = |name: String| Records::open(self.path.join(name), RECORD, "label and image of 32×32");
            Ok(Box::new(Opened(names.into_iter().map(open).collect::<Result<_>>()?)))
        }
    }
}

impl Opened {
    /// The file of image `index`, and its record in that file.
    fn find(&self, mut index: usize) -> Option<(&Records, usize)> {
        for records in &self.0 {
            if index < records.count() {
                return Some((records, index));
            }
            index -= records.count();
        }
        None
    }
}

impl ImageSource for Opened {
    fn len(&self) -> usize {
        self.0.iter().map(Records::count).sum()
    }

    fn image(&self, index: usize) -> Result<LabelledPicture> {
        let (records, at) = self.find(index).ok_or_else(|| {
            Error::stimulus("cifar10", format!("there is no image {index} of {}", self.len()))
        })?;
        let record = records.read(at)?;
        match record.split_first() {
            Some((&label, planes)) if usize::from(label) < CLASSES.len() => Ok(LabelledPicture {
                picture: Picture::from_planes(SIZE, planes, |y, x| y * SIZE + x),
                class: Some(u32::from(label)),
            }),
            label => {
                let label = label.map_or(0, |(label, _)| *label);
                let message = format!("record {at} has label {label}; labels are 0 to 9");
                Err(Error::file(records.path(), message))
            }
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        self.0.iter().map(|records| records.path().to_owned()).collect()
    }

    fn digests(&self) -> Result<Option<Vec<Option<u64>>>> {
        let each = self.0.iter().map(|records| records.digests(1)).collect::<Result<Vec<_>>>()?;
        Ok(Some(each.concat()))
    }

    fn place(&self, index: usize) -> String {
        let found = self.find(index);
        found.map_or_else(String::new, |(file, at)| format!("{}, record {at}", file.path().display()))
    }

    fn classes(&self) -> Option<Vec<String>> {
        Some(CLASSES.map(str::to_owned).to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vision::testing;

    #[test]
    fn records_hold_a_label_and_planes_row_by_row() {
        let folder = tempfile::tempdir().unwrap();
        let open = |split| Cifar10 { path: folder.path().to_owned() }.open(split, 0);
        for batch in 1..=5_u8 {
            let mut bytes = vec![0; 2 * RECORD];
            bytes[RECORD] = batch;
            bytes[RECORD + 1 + 2 * SIZE * SIZE + 3 * SIZE + 7] = 10 * batch; // blue, row 3, column 7
            testing::write(folder.path().join(format!("data_batch_{batch}.bin")), &bytes);
        }
        let source = open(Split::Learn).unwrap();
        assert_eq!(source.len(), 10);
        let image = source.image(7).unwrap(); // the second of the fourth file
        assert_eq!((image.class, image.picture.row(3, 7, 1)), (Some(4), &[[0, 0, 40]][..]));
        assert!(source.place(7).contains("data_batch_4.bin, record 1"));
        assert!(source.image(10).is_err());

        assert!(open(Split::ProbeTest).err().unwrap().to_string().contains("test_batch.bin"));
        testing::write(folder.path().join("test_batch.bin"), &[77; RECORD]);
        let error = open(Split::ProbeTest).unwrap().image(0).unwrap_err().to_string();
        assert!(error.contains("test_batch.bin") && error.contains("label 77"), "{error}");
        testing::write(folder.path().join("test_batch.bin"), &[7; RECORD - 1]);
        assert!(open(Split::ProbeTest).err().unwrap().to_string().contains("3073"));
    }
}
