//! The source `frames`: folders of extracted frames.

use super::class_folders::{self, Folders, Store};
use super::division::Division;
use super::order::order;
use super::{ClipSource, ClipSourceSpec, Cut, Frame, Picks};
use crate::common::folders::Walk;
use crate::vision::{IMAGES, Orientation, Picture};
use plasticity_core::stimulus::Split;
use plasticity_core::{Error, Result, plugin};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Config of the source `frames`: `path/Class/v_Class_gNN_cNN/image_00001.jpg`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FramesSpec {
    path: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    lists: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    split: Option<u32>,
    #[serde(default)]
    train_groups: Vec<u32>,
    #[serde(default)]
    test_groups: Vec<u32>,
    #[serde(default, skip_serializing_if = "Orientation::is_upright")]
    orientation: Orientation,
}

const EXPECTED: &str = "Class/v_Class_g01_c01/image_00001.jpg";

plugin! {
    Source "frames": "Folders of extracted frames, Class/v_Class_g01_c01/image_00001.jpg (JPEG, PNG and others, \
                      ordered by number)",
    equation: "",
    citation: "Soomro, Zamir & Shah 2012 (names of clips and groups)",
    keys: [
        path = "", "folder", "the folder with the class folders";
        lists = "", "folder", "optional: UCF-101's official lists: trainlist01.txt, testlist01.txt, classInd.txt";
        split = "1", "1 | 2 | 3", "number of the official split";
        train_groups = "[]", "list of 0..", "without lists: groups for learning and for training the probe \
                                             (g01 is 1)";
        test_groups = "[]", "list of 0..", "without lists: groups for testing the probe; none may be in \
                                            train_groups";
        orientation = "\"upright\"", "upright | stored", "rotates frames as their EXIF data say, or takes the \
                                                          pixels as stored";
    ],
    example: "type = \"frames\"\npath = \"actions64\"\ntrain_groups = [1, 2, 3]\ntest_groups = [4, 5]\n",
    impl ClipSourceSpec for FramesSpec {
        fn open(&self, split: Split, _seed: u64) -> Result<Box<dyn ClipSource>> {
            let division =
                Division::new(self.lists.as_deref(), self.split, &self.train_groups, &self.test_groups)?;
            let (classes, found) = class_folders::clips(&self.path, &division, Path::is_dir, EXPECTED, IMAGES)?;
            let mut walk = Walk::default();
            found.iter().try_for_each(|clip| walk.files(&clip.path, IMAGES, 0).map(drop))?;
            walk.warn(&self.path, IMAGES);
            let clips = division.pick(&self.path, found, split)?;
            Ok(Box::new(Folders::open(classes, clips, Images { orientation: self.orientation })?))
        }
    }
}

/// Clips that are folders of images.
struct Images {
    orientation: Orientation,
}

impl Store for Images {
    fn frame_count(&self, folder: &Path) -> Result<usize> {
        Ok(images(folder)?.len())
    }

    fn files(&self, folder: &Path) -> Vec<PathBuf> {
        images(folder).unwrap_or_default()
    }

    fn read(&self, folder: &Path, frames: usize, picks: Picks, cut: &mut Cut<'_>) -> Result<Vec<Frame>> {
        let images = images(folder)?;
        let picked: Vec<_> = images.iter().skip(picks.first).step_by(picks.every).take(picks.count).collect();
        if picked.len() < picks.count {
            let message = format!("had {frames} frames and now has {}", images.len());
            return Err(Error::file(folder, message));
        }
        picked.into_iter().map(|path| cut(decode(path, self.orientation)?)).collect()
    }
}

/// The images of a clip's folder, in the order of their numbers.
fn images(folder: &Path) -> Result<Vec<PathBuf>> {
    order(folder, Walk::default().files(folder, IMAGES, 0)?)
}

fn decode(path: &Path, orientation: Orientation) -> Result<Frame> {
    let picture = Picture::read(path, orientation)?;
    Ok(Frame { width: picture.width(), height: picture.height(), rgb: picture.into_rgb() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vision::testing;

    fn spec(path: &Path) -> FramesSpec {
        FramesSpec {
            path: path.to_owned(),
            lists: None,
            split: None,
            train_groups: vec![1, 2, 3],
            test_groups: vec![4, 5],
            orientation: Orientation::Upright,
        }
    }

    fn write_frame(folder: &Path, number: usize, side: u32) {
        std::fs::create_dir_all(folder).unwrap();
        let image = image::RgbImage::from_pixel(side, side, image::Rgb([number as u8; 3]));
        image.save(folder.join(format!("image_{number:05}.png"))).unwrap();
    }

    #[test]
    fn frames_come_in_order_and_groups_stay_apart() {
        let root = tempfile::tempdir().unwrap();
        for (group, class) in [(1, "Bend"), (4, "Bend"), (2, "Wave"), (5, "Wave")] {
            let folder = root.path().join(class).join(format!("v_{class}_g{group:02}_c01"));
            (1..=12).for_each(|number| write_frame(&folder, number, 4 + group));
        }
        let clips = spec(root.path()).open(Split::Learn, 0).unwrap();
        assert_eq!((clips.len(), clips.classes().len(), clips.class(1)), (2, 2, 1));
        let frames = clips.read(1, Picks { first: 2, every: 4, count: 3 }, &mut Ok).unwrap();
        assert_eq!(frames.iter().map(|frame| frame.rgb[0]).collect::<Vec<_>>(), [3, 7, 11]);
        assert_eq!(frames[0].width, 6);
        let test = spec(root.path()).open(Split::ProbeTest, 0).unwrap();
        assert_eq!(test.read(0, Picks { first: 0, every: 1, count: 1 }, &mut Ok).unwrap()[0].width, 8);
    }

    #[test]
    fn class_folders_are_one_class_in_either_unicode_form() {
        let root = tempfile::tempdir().unwrap();
        for (class, clip) in
            [("R\u{e4}d", "v_Rad_g01_c01"), ("Ra\u{308}d", "v_Rad_g02_c01"), ("Rz", "v_Rz_g01_c01")]
        {
            write_frame(&root.path().join(class).join(clip), 1, 4);
        }
        let clips = spec(root.path()).open(Split::Learn, 0).unwrap();
        assert_eq!(clips.classes(), ["Rz", "R\u{e4}d"]);
        assert_eq!([0, 1, 2].map(|clip| clips.class(clip)), [0, 1, 1]);
        assert_eq!(
            [0, 1, 2].map(|clip| clips.recording(clip)),
            [1, 2, 1],
            "clips of a group belong together"
        );
    }

    #[test]
    fn numbers_need_no_leading_zeros() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("Bend/v_Bend_g01_c01");
        (1..=12).for_each(|number| write_frame(&folder, number, 4));
        for number in 1..=12 {
            let long = folder.join(format!("image_{number:05}.png"));
            std::fs::rename(long, folder.join(format!("{number}.png"))).unwrap();
        }
        let clips = spec(root.path()).open(Split::Learn, 0).unwrap();
        let frames = clips.read(0, Picks { first: 0, every: 1, count: 12 }, &mut Ok).unwrap();
        assert!(frames.iter().map(|frame| frame.rgb[0]).eq(1..=12));
    }

    #[test]
    fn a_class_folder_without_clips_is_named() {
        let root = tempfile::tempdir().unwrap();
        let empty = spec(root.path()).open(Split::Learn, 0).err().unwrap().to_string();
        assert!(empty.contains("no class folder"), "{empty}");
        write_frame(&root.path().join("Bend/v_Bend_g01_c01"), 1, 4);
        std::fs::create_dir(root.path().join("Wave")).unwrap();
        let error = spec(root.path()).open(Split::Learn, 0).err().unwrap().to_string();
        assert!(error.contains("Wave") && error.contains("without clips"), "{error}");
        std::fs::write(root.path().join("loose.png"), b"").unwrap();
        let error = spec(root.path()).open(Split::Learn, 0).err().unwrap().to_string();
        assert!(error.contains("loose.png: lies beside the class folders"), "{error}");
    }

    #[test]
    fn a_broken_frame_is_named() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("Bend/v_Bend_g01_c01");
        write_frame(&folder, 1, 4);
        std::fs::write(folder.join("image_00002.png"), b"not an image").unwrap();
        let clips = spec(root.path()).open(Split::Learn, 0).unwrap();
        let error = clips.read(0, Picks { first: 0, every: 1, count: 2 }, &mut Ok).unwrap_err().to_string();
        assert!(error.contains("image_00002.png"), "{error}");
    }

    #[test]
    fn a_truncated_jpeg_is_an_error_and_its_format_is_told_by_its_bytes() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("Bend/v_Bend_g01_c01");
        let picture = testing::gradient(40, 48);
        let jpeg = testing::jpeg(&picture);
        testing::write(folder.join("image_00001.jpg"), &testing::png(&picture));
        testing::write(folder.join("image_00002.jpg"), &jpeg[..jpeg.len() / 2]);
        let clips = spec(root.path()).open(Split::Learn, 0).unwrap();
        let frames = clips.read(0, Picks { first: 0, every: 1, count: 1 }, &mut Ok).unwrap();
        assert_eq!((frames[0].height, frames[0].width), (40, 48));
        assert_eq!(frames[0].rgb, picture.pixels().as_flattened());
        let error = clips.read(0, Picks { first: 1, every: 1, count: 1 }, &mut Ok).unwrap_err().to_string();
        assert!(error.contains("image_00002.jpg") && error.contains("incomplete"), "{error}");
    }

    #[test]
    #[ignore = "needs ../shared"]
    fn the_actions_of_development_open() {
        let path = crate::common::testing::shared("actions64");
        let learn = spec(&path).open(Split::Learn, 0).unwrap();
        let test = spec(&path).open(Split::ProbeTest, 0).unwrap();
        assert_eq!((learn.len(), test.len(), learn.classes().len()), (12, 8, 4));
        assert_eq!(learn.frame_count(0), 61);
        assert_eq!(learn.read(0, Picks { first: 0, every: 3, count: 20 }, &mut Ok).unwrap()[19].height, 64);
    }
}
