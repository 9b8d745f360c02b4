//! Folders of image files.

use super::{ImageSource, ImageSourceSpec, LabelledPicture};
use crate::common::folders::{Walk, entries, has_ending, name, none_beside_classes};
use crate::vision::{IMAGES, Orientation, Picture};
use plasticity_core::stimulus::Split;
use plasticity_core::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A folder of JPEG, PNG, WebP, BMP, TIFF and GIF files, at any depth. If no image is directly in it, each
/// folder in it is a class, in the order of names. Names that begin with a dot are skipped. Files of other
/// types are skipped too, and a warning counts them. Links are followed, and no folder is entered twice.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Folder {
    /// The folder, relative to the working folder.
    pub path: PathBuf,
}

/// Images of a folder.
#[derive(Debug)]
pub struct Files {
    files: Vec<(PathBuf, Option<u32>)>,
    classes: Option<Vec<String>>,
    orientation: Orientation,
}

plasticity_core::plugin! {
    Source "folder": "A folder of JPEG, PNG, WebP, BMP, TIFF and GIF files; if no image is directly in \
             it, each folder in it is a class",
    equation: "",
    citation: "",
    keys: [path = "", "folder", "the folder with images, at any depth; relative to the working folder"],
    example: "type = \"folder\"\npath = \"data/unlabelled\"",
    impl ImageSourceSpec for Folder {
        fn open(&self, split: Split, _seed: u64) -> Result<Box<dyn ImageSource>> {
            if split == Split::Learn {
                return Ok(Box::new(Files::to_learn_from(&self.path)?));
            }
            let path = self.path.display();
            let (train, test) = (self.path.join("train"), self.path.join("test"));
            let remedy = if train.is_dir() && test.is_dir() {
                let (train, test) = (train.display(), test.display());
                format!("its folders `train` and `test` seem to be labelled images: set labelled = {{ train = \
                         \"{train}\", test = \"{test}\" }} in [stimulus], and learn from \"{train}\" or \
                         another folder without the images of `test`")
            } else {
                "add labelled = { train = \"…\", test = \"…\" } to [stimulus], each a folder with a folder \
                 for each class".to_owned()
            };
            Err(Error::config("", format!("the folder {path} has no labelled images for a \
                                                            probe; {remedy}")))
        }

        fn learns_from(&self) -> Option<PathBuf> {
            Some(self.path.clone())
        }
    }
}

impl Files {
    /// These files, with their class numbers.
    pub fn new(files: Vec<(PathBuf, Option<u32>)>, classes: Option<Vec<String>>) -> Self {
        Self { files, classes, orientation: Orientation::Upright }
    }

    /// All images of a folder. They have classes if no image is directly in the folder.
    ///
    /// # Errors
    /// If there is no such folder, or if it has no images.
    pub fn to_learn_from(path: &Path) -> Result<Self> {
        let entries = entries(path)?;
        let found = if entries.iter().any(|entry| has_ending(entry, IMAGES)) {
            let mut walk = Walk::default();
            let files = walk.files(path, IMAGES, usize::MAX)?;
            walk.warn(path, IMAGES);
            Self::new(files.into_iter().map(|file| (file, None)).collect(), None)
        } else {
            Self::by_class(path, entries)?
        };
        if found.files.is_empty() {
            return Err(Error::file(
                path,
                "has no JPEG, PNG, WebP, BMP, TIFF or GIF files, also not in its folders",
            ));
        }
        Ok(found)
    }

    /// The images of a folder with a folder for each class.
    ///
    /// # Errors
    /// If there is no such folder, if it has no class folders, if a class folder has no images, or if an
    /// image is beside the class folders.
    pub fn labelled(path: &Path) -> Result<Self> {
        let entries = entries(path)?;
        if !entries.iter().any(|entry| entry.is_dir()) {
            let message = "has no class folders: expected a folder with images for each class";
            return Err(Error::file(path, message));
        }
        none_beside_classes(&entries, IMAGES)?;
        let found = Self::by_class(path, entries)?;
        let classes = found.classes.as_deref().unwrap_or_default();
        for (class, name) in classes.iter().enumerate() {
            if !found.files.iter().any(|(_, other)| *other == Some(class as u32)) {
                let message = "is a class folder without images: add some, or remove it";
                return Err(Error::file(path.join(name), message));
            }
        }
        Ok(found)
    }

    fn by_class(path: &Path, entries: Vec<PathBuf>) -> Result<Self> {
        let (mut files, mut classes) = (Vec::new(), Vec::<String>::new());
        let mut walk = Walk::default();
        walk.enter(path)?;
        for folder in entries.into_iter().filter(|entry| entry.is_dir()) {
            // Two folders whose names differ only in their Unicode form are one class.
            if classes.last() != Some(&name(&folder)) {
                classes.push(name(&folder));
            }
            let class = Some(classes.len() as u32 - 1);
            let found = walk.files(&folder, IMAGES, usize::MAX)?;
            files.extend(found.into_iter().map(|file| (file, class)));
        }
        walk.warn(path, IMAGES);
        Ok(Self::new(files, Some(classes)))
    }
}

impl ImageSource for Files {
    fn len(&self) -> usize {
        self.files.len()
    }

    fn image(&self, index: usize) -> Result<LabelledPicture> {
        let Some((path, class)) = self.files.get(index) else {
            return Err(Error::stimulus("folder", format!("there is no image {index} of {}", self.len())));
        };
        Ok(LabelledPicture { picture: Picture::read(path, self.orientation)?, class: *class })
    }

    fn files(&self) -> Vec<PathBuf> {
        self.files.iter().map(|(path, _)| path.clone()).collect()
    }

    fn keep_stored(&mut self) {
        self.orientation = Orientation::Stored;
    }

    fn place(&self, index: usize) -> String {
        self.files.get(index).map_or_else(String::new, |(path, _)| path.display().to_string())
    }

    fn classes(&self) -> Option<Vec<String>> {
        self.classes.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vision::testing;

    fn message<T>(result: Result<T>) -> String {
        result.err().unwrap().to_string()
    }

    #[test]
    fn class_folders_are_sorted_and_nested_ones_belong_to_their_class() {
        let folder = tempfile::tempdir().unwrap();
        testing::class_folders(folder.path(), 2);
        let png = testing::png(&testing::gradient(24, 24));
        testing::write(folder.path().join("bird/deeper/z.PNG"), &png);
        testing::write(folder.path().join("bird/notes.txt"), b"no image");
        testing::write(folder.path().join(".cache/x.png"), b"hidden");
        for files in [Files::labelled(folder.path()).unwrap(), Files::to_learn_from(folder.path()).unwrap()] {
            assert_eq!(files.classes().unwrap(), ["bird", "cat"]);
            let classes: Vec<_> = (0..files.len()).map(|i| files.image(i).unwrap().class.unwrap()).collect();
            assert_eq!(classes, [0, 0, 0, 0, 0, 1, 1, 1, 1]);
            assert!(files.place(4).ends_with("z.PNG"));
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_back_to_the_folder_do_not_bring_images_of_other_classes() {
        let folder = tempfile::tempdir().unwrap();
        testing::class_folders(folder.path(), 2);
        for link in ["bird/up", "cat/up"] {
            std::os::unix::fs::symlink(folder.path(), folder.path().join(link)).unwrap();
        }
        for files in [Files::labelled(folder.path()).unwrap(), Files::to_learn_from(folder.path()).unwrap()] {
            let classes: Vec<_> = files.files.iter().map(|(_, class)| class.unwrap()).collect();
            assert_eq!(classes, [0, 0, 0, 0, 1, 1, 1, 1]);
        }
    }

    #[test]
    fn images_beside_each_other_have_no_class() {
        let folder = tempfile::tempdir().unwrap();
        let png = testing::png(&testing::gradient(24, 24));
        testing::write(folder.path().join("a.png"), &png);
        testing::write(folder.path().join("more/b.png"), &png);
        let files = Files::to_learn_from(folder.path()).unwrap();
        assert_eq!((files.len(), files.classes()), (2, None));
        assert_eq!(files.image(1).unwrap().class, None);
    }

    #[test]
    fn every_error_names_the_folder_or_file() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        assert!(message(Files::labelled(&root.join("absent"))).contains("absent: no such folder"));
        assert!(
            message(Files::to_learn_from(Path::new("no/where"))).contains("relative to the working folder")
        );
        std::fs::create_dir_all(root.join("data/dog")).unwrap();
        assert!(message(Files::to_learn_from(&root.join("data"))).contains("data: has no JPEG"));
        assert!(message(Files::labelled(&root.join("data"))).contains("dog: is a class folder without"));
        assert!(message(Files::labelled(&root.join("data/dog"))).contains("dog: has no class folders"));

        let jpeg = testing::jpeg(&testing::gradient(40, 40));
        testing::write(root.join("data/dog/half.jpg"), &jpeg[..jpeg.len() / 2]);
        testing::write(root.join("data/loose.jpg"), &jpeg);
        assert!(
            message(Files::labelled(&root.join("data"))).contains("loose.jpg: lies beside the class folders")
        );
        std::fs::remove_file(root.join("data/loose.jpg")).unwrap();
        let files = Files::labelled(&root.join("data")).unwrap();
        let error = message(files.image(0));
        assert!(error.contains("half.jpg") && error.contains("incomplete"), "{error}");
        testing::write(root.join("data/dog/half.jpg"), b"some text");
        assert!(message(files.image(0)).contains("not a JPEG, PNG"));
        assert!(message(Files::labelled(&root.join("data/dog/half.jpg"))).contains("half.jpg: is no folder"));
    }

    #[test]
    fn a_probe_without_labelled_folders_is_told_what_to_add() {
        let folder = tempfile::tempdir().unwrap();
        let spec = Folder { path: folder.path().to_owned() };
        let error = message(spec.open(Split::ProbeTrain, 0));
        assert!(error.contains("add labelled = { train"), "{error}");
        testing::class_folders(&folder.path().join("train"), 1);
        testing::class_folders(&folder.path().join("test"), 1);
        let error = message(spec.open(Split::ProbeTest, 0));
        assert!(error.contains("seem to be labelled images") && error.contains("/test\""), "{error}");
    }
}
