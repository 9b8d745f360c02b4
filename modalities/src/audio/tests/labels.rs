//! Labels and lists in the forms that recorders, aligners and editors write.

use super::*;

#[test]
fn a_recording_beside_the_speakers_folders_is_named_before_learning() {
    let root = tempfile::tempdir().unwrap();
    for (hertz, path) in [(300.0, "train/eve/1.wav"), (310.0, "train/noise.wav"), (320.0, "test/eve/1.wav")] {
        write_wav(&root.path().join(path), 16_000, 1, &tone(16_000, hertz, 3_200));
    }
    let mut spec = speech(synthetic(0, 1, 1), 3_200);
    let [train, test] = ["train", "test"].map(|part| folder(&root.path().join(part), Beside::None));
    (spec.labelled, spec.label) =
        (Some(crate::audio::Labelled { train, test }), crate::audio::LabelKind::Speaker);
    let error = message(spec.open(Split::Learn, 0));
    assert!(error.contains("train/noise.wav") && error.contains("folder of its speaker"), "{error}");
    std::fs::remove_file(root.path().join("train/noise.wav")).unwrap();
    assert_eq!(message(spec.open(Split::Learn, 0)), "");
}

#[test]
fn sample_numbers_of_phn_files_are_those_of_the_recording() {
    let root = tempfile::tempdir().unwrap();
    let labels = |rate: u32| {
        let path = root.path().join(format!("{rate}.wav"));
        write_wav(&path, rate, 1, &tone(rate, 300.0, rate as usize));
        let at = |seconds: f64| (seconds * f64::from(rate)).round() as u32;
        let text = format!("0 {0} h#\n{0} {1} s\n{1} {2} iy\n", at(0.25), at(0.6), at(1.0));
        std::fs::write(path.with_extension("phn"), text).unwrap();
        let corpus = folder(root.path(), Beside::Phn).open(0).unwrap();
        let frames = corpus.frames(0, 100).unwrap();
        std::fs::remove_file(path).unwrap();
        frames
    };
    let expected = labels(16_000);
    assert!(expected[24] != expected[25] && expected[59] != expected[60] && expected[99].is_some());
    for rate in [8_000, 11_025, 22_050, 44_100, 48_000] {
        assert_eq!(labels(rate), expected, "{rate} Hz");
    }
}

#[test]
fn test_labels_may_use_fewer_classes_than_training_labels() {
    let root = tempfile::tempdir().unwrap();
    let side = |speaker: &str, hertz: f64, last: usize| -> Box<dyn SpeechSourceSpec> {
        let file = root.path().join(format!("{speaker}/7/{speaker}-7-1.flac"));
        write_flac(&file, &tone(16_000, hertz, 4_800));
        let phones = root.path().join(format!("{speaker}.txt"));
        std::fs::write(&phones, format!("{speaker}-7-1{} {last}\n", " 0".repeat(28))).unwrap();
        let (path, speakers) = (root.path().to_owned(), Some(vec![speaker.to_owned()]));
        Box::new(Librispeech { path, list: None, speakers, phones: Some(phones) })
    };
    let mut spec = speech(synthetic(0, 1, 1), 3_200);
    let (train, test) = (side("19", 300.0, 4), side("26", 310.0, 2));
    spec.labelled = Some(crate::audio::Labelled { train, test });
    for split in [Split::ProbeTrain, Split::ProbeTest] {
        let classes = spec.open(split, 0).unwrap().classes().unwrap();
        assert_eq!(classes, ["0", "1", "2", "3", "4"], "{split:?}");
    }
}

#[test]
fn wrong_labels_of_any_recording_of_a_probe_are_found_when_it_opens() {
    let root = tempfile::tempdir().unwrap();
    for (hertz, path) in [(300.0, "train/eve/1.wav"), (310.0, "train/eve/2.wav"), (320.0, "test/adam/1.wav")]
    {
        let path = root.path().join(path);
        write_wav(&path, 16_000, 1, &tone(16_000, hertz, 3_200));
        std::fs::write(path.with_extension("phn"), "0 3200 ix\n").unwrap();
    }
    let mut spec = speech(synthetic(0, 1, 1), 3_200);
    let [train, test] = ["train", "test"].map(|part| folder(&root.path().join(part), Beside::Phn));
    spec.labelled = Some(crate::audio::Labelled { train, test });
    assert_eq!(message(spec.open(Split::ProbeTrain, 0)), "");
    std::fs::write(root.path().join("train/eve/2.phn"), "0 3200 xx\n").unwrap();
    let error = message(spec.open(Split::ProbeTrain, 0));
    assert!(error.contains("eve/2.phn") && error.contains("61 phones"), "{error}");
    assert_eq!(message(spec.open(Split::ProbeTest, 0)), "");
}

#[test]
fn lists_and_labels_may_begin_with_a_byte_order_mark() {
    let root = tempfile::tempdir().unwrap();
    write_flac(&root.path().join("19/7/19-7-1.flac"), &tone(16_000, 300.0, 4_800));
    let (list, phones) = (root.path().join("list.txt"), root.path().join("phones.txt"));
    std::fs::write(&list, "\u{FEFF}19-7-1\r\n").unwrap();
    std::fs::write(&phones, format!("\u{FEFF}19-7-1{}\r\n", " 1".repeat(30))).unwrap();
    let source =
        Librispeech { path: root.path().to_owned(), list: Some(list), speakers: None, phones: Some(phones) };
    let corpus = source.open(0).unwrap();
    assert_eq!((corpus.utterances().len(), corpus.frames(0, 30).unwrap()), (1, vec![Some(1); 30]));
}
