//! The source `ucf101`: class folders of AVI files, decoded by FFmpeg.

use super::class_folders::{self, Folders, Store};
use super::division::Division;
use super::{ClipSource, ClipSourceSpec, Cut, Frame, Picks};
use super::{avi, ffmpeg};
use crate::common::folders::has_ending;
use plasticity_core::stimulus::Split;
use plasticity_core::{Error, Result, plugin};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Config of the source `ucf101`: `path/Class/v_Class_gNN_cNN.avi`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ucf101Spec {
    path: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    lists: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    split: Option<u32>,
    #[serde(default)]
    train_groups: Vec<u32>,
    #[serde(default)]
    test_groups: Vec<u32>,
    #[serde(default = "program")]
    ffmpeg: String,
}

fn program() -> String {
    "ffmpeg".to_owned()
}

/// The endings of clips.
const AVI: &[&str] = &["avi"];

const EXPECTED: &str = "Class/v_Class_g01_c01.avi";

plugin! {
    Source "ucf101": "UCF-101 as published: class folders of AVI files (decoded by FFmpeg) and official split lists",
    equation: "",
    citation: "Soomro, Zamir & Shah 2012",
    keys: [
        path = "", "folder", "the folder with the class folders";
        lists = "", "folder", "optional: the official lists: trainlist01.txt, testlist01.txt, classInd.txt";
        split = "1", "1 | 2 | 3", "number of the official split";
        train_groups = "[]", "list of 0..", "without lists: groups for learning and for training the probe \
                                             (g01 is 1)";
        test_groups = "[]", "list of 0..", "without lists: groups for testing the probe; none may be in \
                                            train_groups";
        ffmpeg = "\"ffmpeg\"", "text", "the FFmpeg program: a name on PATH, or a path";
    ],
    example: "type = \"ucf101\"\npath = \"UCF-101\"\nlists = \"ucfTrainTestlist\"\nsplit = 1\n",
    impl ClipSourceSpec for Ucf101Spec {
        fn open(&self, split: Split, _seed: u64) -> Result<Box<dyn ClipSource>> {
            let division =
                Division::new(self.lists.as_deref(), self.split, &self.train_groups, &self.test_groups)?;
            let (classes, found) = class_folders::clips(&self.path, &division, |path| has_ending(path, AVI), EXPECTED, AVI)?;
            ffmpeg::check(&self.ffmpeg)?;
            let clips = division.pick(&self.path, found, split)?;
            Ok(Box::new(Folders::open(classes, clips, Avi { program: self.ffmpeg.clone() })?))
        }
    }
}

/// Clips that are AVI files.
struct Avi {
    program: String,
}

impl Store for Avi {
    fn frame_count(&self, path: &Path) -> Result<usize> {
        avi::frame_count(path)
    }

    fn files(&self, path: &Path) -> Vec<PathBuf> {
        vec![path.to_owned()]
    }

    /// Headers of XviD files can give a frame or two more than can be decoded. The picks then move to the
    /// front by the number of missing frames.
    fn read(&self, path: &Path, promised: usize, picks: Picks, cut: &mut Cut<'_>) -> Result<Vec<Frame>> {
        let frames = self.decode(path, picks, cut)?;
        if frames.len() == picks.count {
            return Ok(frames);
        }
        let mut all = 0;
        let every = Picks { first: 0, every: 1, count: promised };
        ffmpeg::read(&self.program, path, every, &mut |_| {
            all += 1;
            Ok(())
        })?;
        let reach = Picks::reach(picks.every, picks.count);
        if all < reach {
            let message = format!(
                "broken AVI: its header says {promised} frames, but only {all} can be decoded and {reach} are \
                 needed: remove the file"
            );
            return Err(Error::file(path, message));
        }
        let frames = self.decode(path, Picks { first: picks.first.min(all - reach), ..picks }, cut)?;
        if frames.len() < picks.count {
            return Err(Error::file(
                path,
                "broken AVI: it decodes to fewer frames each time: remove the file",
            ));
        }
        Ok(frames)
    }
}

impl Avi {
    fn decode(&self, path: &Path, picks: Picks, cut: &mut Cut<'_>) -> Result<Vec<Frame>> {
        let mut frames = Vec::new();
        ffmpeg::read(&self.program, path, picks, &mut |frame| {
            frames.push(cut(frame)?);
            Ok(())
        })?;
        Ok(frames)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn real_clip() -> PathBuf {
        crate::common::testing::shared("ucf101/v_ApplyEyeMakeup_g01_c01.avi")
    }

    fn spec(path: &Path) -> Ucf101Spec {
        let (train_groups, test_groups) = (vec![1], vec![2]);
        Ucf101Spec {
            path: path.to_owned(),
            lists: None,
            split: None,
            train_groups,
            test_groups,
            ffmpeg: program(),
        }
    }

    fn folder_with(bytes: &[u8]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("Makeup")).unwrap();
        std::fs::write(root.path().join("Makeup/v_Makeup_g01_c01.avi"), bytes).unwrap();
        root
    }

    #[test]
    #[ignore = "needs ../shared and FFmpeg"]
    fn the_real_clip_decodes_to_the_frames_that_ffprobe_counts() {
        let path = real_clip();
        let output = Command::new("ffprobe")
            .args(["-v", "error", "-count_frames", "-select_streams", "v:0"])
            .args(["-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"])
            .arg(&path)
            .output()
            .unwrap();
        let expected: usize = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap();
        let avi = Avi { program: program() };
        let all = avi.decode(&path, Picks { first: 0, every: 1, count: 10_000 }, &mut Ok).unwrap();
        assert_eq!(all.len(), expected);
        assert_eq!(avi::frame_count(&path).unwrap(), expected);
        assert_eq!((all[0].width, all[0].height), (320, 240));

        let root = folder_with(&std::fs::read(&path).unwrap());
        let clips = spec(root.path()).open(Split::Learn, 0).unwrap();
        let picked = clips.read(0, Picks { first: 2, every: 3, count: 54 }, &mut Ok).unwrap();
        let expected: Vec<_> = all.iter().skip(2).step_by(3).take(54).collect();
        assert!(picked.iter().eq(expected));
        let late = clips.read(0, Picks { first: 160, every: 3, count: 4 }, &mut Ok).unwrap();
        assert!(late.iter().eq(all[154..].iter().step_by(3)), "picks past the end move to the front");
    }

    #[test]
    fn a_broken_file_is_named() {
        let root = folder_with(b"not a video");
        // Headers are read without FFmpeg: any program that starts does for it.
        let ffmpeg = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
        let spec = Ucf101Spec { ffmpeg, ..spec(root.path()) };
        let error = spec.open(Split::Learn, 0).err().unwrap().to_string();
        assert!(error.contains("v_Makeup_g01_c01.avi") && error.contains("broken AVI"), "{error}");
    }

    #[test]
    #[ignore = "needs ../shared and FFmpeg"]
    fn a_cut_or_hollow_real_clip_is_named() {
        let path = real_clip();
        let whole = std::fs::read(&path).unwrap();
        let cut = folder_with(&whole[..whole.len() / 2]);
        let error = spec(cut.path()).open(Split::Learn, 0).err().unwrap().to_string();
        assert!(error.contains("incomplete"), "{error}");
        let mut hollow = whole;
        hollow[10_000..].fill(0);
        let hollow = folder_with(&hollow);
        let clips = spec(hollow.path()).open(Split::Learn, 0).unwrap();
        let error = clips.read(0, Picks { first: 0, every: 3, count: 54 }, &mut Ok).unwrap_err().to_string();
        assert!(error.contains("v_Makeup_g01_c01.avi") && error.contains("broken"), "{error}");
    }

    #[test]
    fn without_the_program_the_message_says_what_to_install() {
        let root = folder_with(b"");
        let spec = Ucf101Spec { ffmpeg: "no-such-ffmpeg".to_owned(), ..spec(root.path()) };
        let error = spec.open(Split::Learn, 0).err().unwrap().to_string();
        assert!(error.contains("install"), "{error}");
    }

    #[test]
    fn a_class_folder_without_clips_is_named() {
        let root = folder_with(b"");
        std::fs::create_dir(root.path().join("Wave")).unwrap();
        let error = spec(root.path()).open(Split::Learn, 0).err().unwrap().to_string();
        assert!(error.contains("Wave") && error.contains("without clips"), "{error}");
    }
}
