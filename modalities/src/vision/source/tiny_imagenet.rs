//! Tiny-ImageNet, in its published layout.

use super::folder::Files;
use super::{ImageSource, ImageSourceSpec};
use crate::common::files;
use plasticity_core::stimulus::Split;
use plasticity_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The folder `tiny-imagenet-200`. `train/WNID/images/*.JPEG` has labelled images for learning. `val/images`
/// tests the probe, with classes from `val/val_annotations.txt` (file and wnid, separated by a tab).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TinyImagenet {
    /// The folder.
    pub path: PathBuf,
}

plasticity_core::plugin! {
    Source "tiny_imagenet": "Tiny-ImageNet: 110,000 photographs of 64×64 in 200 classes",
    equation: "",
    citation: "Le & Yang 2015; Deng et al. 2009",
    keys: [path = "", "folder", "the folder with train/WNID/images, val/images and val/val_annotations.txt"],
    example: "type = \"tiny_imagenet\"\npath = \"data/tiny-imagenet-200\"",
    impl ImageSourceSpec for TinyImagenet {
        fn open(&self, split: Split, _seed: u64) -> Result<Box<dyn ImageSource>> {
            let train = Files::labelled(&self.path.join("train"))?;
            match split {
                Split::Learn | Split::ProbeTrain => Ok(Box::new(train)),
                Split::ProbeTest => Ok(Box::new(self.validation(train.classes().unwrap_or_default())?)),
            }
        }

        fn learns_from(&self) -> Option<PathBuf> {
            Some(self.path.join("train"))
        }
    }
}

impl TinyImagenet {
    fn validation(&self, classes: Vec<String>) -> Result<Files> {
        let annotations = self.path.join("val/val_annotations.txt");
        let text = files::text(&annotations).map_err(|e| {
            let message = format!(
                "cannot be read: {e}; for a `val` folder that is already sorted into class folders, use \
                 labelled = {{ train = …, test = … }} in [stimulus]"
            );
            Error::file(&annotations, message)
        })?;
        let mut files = Vec::new();
        for (line, entry) in text.lines().enumerate().filter(|(_, entry)| !entry.trim().is_empty()) {
            let mut fields = entry.split('\t');
            let (Some(name), Some(wnid)) = (fields.next(), fields.next()) else {
                let message = format!("line {}: expected a file and a wnid with a tab between", line + 1);
                return Err(Error::file(&annotations, message));
            };
            let class = classes.binary_search_by(|class| class.as_str().cmp(wnid)).map_err(|_| {
                let message = format!("line {}: there is no class `{wnid}` in train", line + 1);
                Error::file(&annotations, message)
            })?;
            files.push((self.path.join("val/images").join(name), Some(class as u32)));
        }
        if files.is_empty() {
            return Err(Error::file(&annotations, "is empty"));
        }
        Ok(Files::new(files, Some(classes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vision::testing;

    #[test]
    fn validation_images_get_their_class_from_the_annotations() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let jpeg = testing::jpeg(&testing::gradient(64, 64));
        for (wnid, i) in [("n02", 0), ("n01", 0), ("n01", 1)] {
            testing::write(root.join(format!("train/{wnid}/images/{wnid}_{i}.JPEG")), &jpeg);
            testing::write(root.join(format!("train/{wnid}/{wnid}_boxes.txt")), b"n01_0.JPEG\t0\t0\t9\t9\n");
        }
        testing::write(root.join("val/images/val_0.JPEG"), &jpeg);
        let annotate = |text: &str| testing::write(root.join("val/val_annotations.txt"), text.as_bytes());
        annotate("val_0.JPEG\tn02\t0\t0\t9\t9\nval_1.JPEG\tn01\t0\t0\t9\t9\n");
        let open = |split| TinyImagenet { path: root.to_owned() }.open(split, 0);

        let train = open(Split::Learn).unwrap();
        assert_eq!((train.len(), train.classes().unwrap()), (3, vec!["n01".to_owned(), "n02".to_owned()]));
        assert_eq!(train.image(2).unwrap().class, Some(1));
        let test = open(Split::ProbeTest).unwrap();
        assert_eq!((test.len(), test.image(0).unwrap().class), (2, Some(1)));
        assert!(test.image(1).unwrap_err().to_string().contains("val_1.JPEG"));

        let error = |text: &str| {
            annotate(text);
            open(Split::ProbeTest).err().unwrap().to_string()
        };
        assert!(error("val_0.JPEG\tn03\t0\n").contains("line 1: there is no class `n03`"));
        assert!(error("val_0.JPEG\tn01\nval_1.JPEG\n").contains("line 2: expected a file and a wnid"));
        assert!(error("").contains("val_annotations.txt: is empty"));
        std::fs::remove_file(root.join("val/val_annotations.txt")).unwrap();
        assert!(open(Split::ProbeTest).err().unwrap().to_string().contains("labelled = {"));
    }
}
