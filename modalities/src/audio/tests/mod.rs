//! Speech from valid and broken files that the tests write.

mod files;
mod labels;
mod wav;

use super::source::{Beside, Librispeech, Recordings, SpeechSourceSpec, SyntheticSpeech, Timit};
use super::{SpeechSpec, decode, mfcc};
use crate::common::testing::shared;
use plasticity_core::random::stream;
use plasticity_core::registry::{Family, plugins};
use plasticity_core::stimulus::{Label, Split, StimulusSpec};
use std::path::Path;

fn tone(rate: u32, hertz: f64, samples: usize) -> Vec<f32> {
    let turn = 2.0 * std::f64::consts::PI * hertz / f64::from(rate);
    (0..samples).map(|n| (0.4 * (turn * n as f64).sin()) as f32).collect()
}

fn write_wav(path: &Path, rate: u32, channels: u16, samples: &[f32]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let spec = hound::WavSpec {
        channels,
        sample_rate: rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for sample in samples {
        for _ in 0..channels {
            writer.write_sample((sample * 32_767.0) as i16).unwrap();
        }
    }
    writer.finalize().unwrap();
}

fn write_flac(path: &Path, samples: &[f32]) {
    use flacenc::component::BitRepr;
    use flacenc::error::Verify;
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let samples: Vec<i32> = samples.iter().map(|sample| (sample * 32_767.0) as i32).collect();
    let config = flacenc::config::Encoder::default().into_verified().unwrap();
    let source = flacenc::source::MemSource::from_samples(&samples, 1, 16, 16_000);
    let stream = flacenc::encode_with_fixed_block_size(&config, source, config.block_size).unwrap();
    let mut sink = flacenc::bitsink::ByteSink::new();
    stream.write(&mut sink).unwrap();
    // RFC 9639 excludes the last block from the smallest block size, but flacenc includes it.
    let mut bytes = sink.as_slice().to_vec();
    bytes.copy_within(10..12, 8);
    std::fs::write(path, bytes).unwrap();
}

fn folder(path: &Path, labels: Beside) -> Box<dyn SpeechSourceSpec> {
    Box::new(Recordings { path: path.to_owned(), speakers: None, labels })
}

fn speech(learn: Box<dyn SpeechSourceSpec>, window: usize) -> SpeechSpec {
    SpeechSpec {
        learn,
        labelled: None,
        window,
        normalise: super::Normalise::default(),
        label: super::LabelKind::Phones,
        shared_speakers: false,
    }
}

fn message<T>(result: plasticity_core::Result<T>) -> String {
    result.err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn utterances_shorter_than_a_window_are_left_out() {
    let root = tempfile::tempdir().unwrap();
    write_wav(&root.path().join("a/long.wav"), 16_000, 1, &tone(16_000, 300.0, 5_000));
    write_wav(&root.path().join("a/short.wav"), 16_000, 1, &tone(16_000, 300.0, 2_000));
    let opened = speech(folder(root.path(), Beside::None), 3_200).open(Split::Learn, 0).unwrap();
    assert_eq!(opened.len(), 1);
    let sample = opened.sample(0, Some(&mut stream(1, &[]))).unwrap();
    assert_eq!(sample.values.len(), 3_200);
    let mean = sample.values.iter().sum::<f32>() / 3_200.0;
    let power = sample.values.iter().map(|v| v * v).sum::<f32>() / 3_200.0;
    assert!(mean.abs() < 0.1 && (power - 1.0).abs() < 0.1, "{mean} {power}");
    assert!(opened.sample(1, None).is_err());
    let error = message(speech(folder(root.path(), Beside::None), 8_000).open(Split::Learn, 0));
    assert!(error.contains("shorter than a window") && error.contains("lower `window`"), "{error}");
    let error = message(speech(folder(root.path(), Beside::None), 1_000).open(Split::Learn, 0));
    assert!(error.contains("multiple of 160"), "{error}");
}

#[test]
fn what_macos_puts_beside_recordings_is_passed_over() {
    let root = tempfile::tempdir().unwrap();
    write_wav(&root.path().join("a/1.wav"), 16_000, 1, &tone(16_000, 300.0, 5_000));
    std::fs::write(root.path().join("a/._1.wav"), b"no sound").unwrap();
    let opened = speech(folder(root.path(), Beside::None), 3_200).open(Split::Learn, 0).unwrap();
    assert_eq!(opened.len(), 1);
}

#[test]
fn librispeech_with_a_list_and_aligned_phones() {
    let root = tempfile::tempdir().unwrap();
    for (speaker, utterance) in [("19", "19-198-0001"), ("26", "26-495-0001"), ("26", "26-495-0002")] {
        write_flac(
            &root.path().join(speaker).join("7").join(format!("{utterance}.flac")),
            &tone(16_000, 300.0, 4_800),
        );
    }
    let list = root.path().join("split.txt");
    std::fs::write(&list, "26-495-0001\n26-495-0002\n99-1-1\n").unwrap();
    let phones = root.path().join("phones.txt");
    let labels: Vec<String> = (0..29).map(|frame| (frame / 10).to_string()).collect();
    std::fs::write(&phones, format!("26-495-0001 {}\n26-495-0002 1 1 1\n", labels.join(" "))).unwrap();
    let source = Librispeech {
        path: root.path().to_owned(),
        list: Some(list.clone()),
        speakers: None,
        phones: Some(phones.clone()),
    };
    let corpus = source.open(0).unwrap();
    assert_eq!(corpus.utterances().len(), 2);
    assert_eq!(corpus.utterances()[0].speaker.as_deref(), Some("26"));
    assert_eq!(corpus.phones().unwrap().len(), 3);
    let frames = corpus.frames(0, 30).unwrap();
    assert_eq!((frames[0], frames[1], frames[29]), (None, Some(0), Some(2)), "labels end with the frames");
    let error = message(corpus.frames(1, 30));
    assert!(error.contains("3 labels but 30 frames"), "{error}");

    let of = |speakers: &[&str]| Librispeech {
        speakers: Some(speakers.iter().map(|s| (*s).to_owned()).collect()),
        list: None,
        phones: None,
        path: root.path().to_owned(),
    };
    assert_eq!(of(&["19"]).open(0).unwrap().utterances().len(), 1);
    assert!(message(of(&["20"]).open(0)).contains("no speaker `20`; there are 19, 26"));
    std::fs::write(&phones, "26-495-0001 1 x\n").unwrap();
    assert!(message(source.open(0)).contains("line 1"));
    std::fs::write(&list, "1-1-1\n").unwrap();
    assert!(message(source.open(0)).contains("none of its 1 IDs"));
    assert!(Librispeech { path: root.path().join("nowhere"), ..of(&["19"]) }.open(0).is_err());
}

#[test]
fn timit_labels_fall_short_or_do_not_fit() {
    let root = tempfile::tempdir().unwrap();
    let audio = root.path().join("dr1/fabc0/sx1.wav");
    write_wav(&audio, 16_000, 1, &tone(16_000, 300.0, 3_200));
    write_wav(&root.path().join("dr1/fabc0/sa1.wav"), 16_000, 1, &tone(16_000, 300.0, 3_200));
    let phn = audio.with_extension("phn");
    let source = Timit { path: root.path().to_owned(), speakers: None, dialect_sentences: false };
    let corpus = source.open(0).unwrap();
    assert_eq!(corpus.utterances().len(), 1);
    let missing = message(corpus.frames(0, 20));
    assert!(missing.contains("sx1.phn") && missing.contains("no labels"), "{missing}");
    std::fs::write(&phn, "0 800 h#\n800 1600 q\n1600 2900 ix\n").unwrap();
    let frames = corpus.frames(0, 20).unwrap();
    let names = corpus.phones().unwrap();
    let name = |frame: usize| frames[frame].map(|class| names[class as usize].clone());
    assert_eq!(
        (name(0).as_deref(), name(6), name(10).as_deref(), name(19)),
        (Some("sil"), None, Some("ih"), None)
    );
    for (labels, expected) in [
        ("0 800 h#\n800 9000 ix\n", "belong to another recording"),
        ("0 800 h#\n", "belong to another recording"),
        ("0 1800 h#\n800 3000 ix\n", "overlap"),
        ("0 1800 h#\n1800 3000 xx\n", "61 phones"),
        ("0 1800\n", "line 1"),
        ("", "belong to another recording"),
    ] {
        std::fs::write(&phn, labels).unwrap();
        let error = message(corpus.frames(0, 20));
        assert!(error.contains(expected), "{labels:?}: {error}");
    }
}

fn synthetic(first_speaker: usize, speakers: usize, utterances: usize) -> Box<dyn SpeechSourceSpec> {
    Box::new(SyntheticSpeech { speakers, first_speaker, utterances, first_utterance: 0, seconds: 1.5 })
}

#[test]
fn probe_windows_hold_every_whole_frame_once() {
    let mut spec = speech(synthetic(0, 1, 1), 6_400);
    spec.labelled = Some(super::Labelled { train: synthetic(1, 1, 2), test: synthetic(2, 1, 1) });
    let corpus = synthetic(1, 1, 2).open(5).unwrap();
    let opened = spec.open(Split::ProbeTrain, 5).unwrap();
    // 24,000 samples are 150 frames: three windows of 40 frames, and one that shares 10 frames with the
    // third.
    assert_eq!(opened.len(), 8);
    assert_eq!((0..8).map(|window| opened.recording(window)).collect::<Vec<_>>(), [0, 0, 0, 0, 1, 1, 1, 1]);
    let mut labelled = Vec::new();
    for window in 0..4 {
        let Label::Frames(frames) = opened.sample(window, None).unwrap().label else { panic!("no frames") };
        assert_eq!(frames.len(), 40);
        labelled.extend(frames.into_iter().flatten());
    }
    let expected: Vec<u32> = corpus.frames(0, 150).unwrap().into_iter().flatten().collect();
    assert_eq!(labelled, expected);
}

#[test]
fn no_speaker_or_utterance_is_in_both_sides_of_a_probe() {
    let spec = |train, test| {
        let mut spec = speech(synthetic(0, 1, 1), 3_200);
        spec.labelled = Some(super::Labelled { train, test });
        spec
    };
    let overlap = message(spec(synthetic(0, 3, 2), synthetic(2, 2, 2)).open(Split::ProbeTrain, 0));
    assert!(overlap.contains("utterance `synthetic-2-0` is in both"), "{overlap}");
    let others =
        || Box::new(SyntheticSpeech { first_utterance: 9, utterances: 1, ..SyntheticSpeech::default() });
    let overlap = message(spec(synthetic(0, 3, 2), others()).open(Split::ProbeTest, 0));
    assert!(overlap.contains("speaker `synthetic-0` is in both"), "{overlap}");
    let mut shared = spec(synthetic(0, 8, 2), others());
    shared.shared_speakers = true;
    assert!(shared.open(Split::ProbeTest, 0).is_ok());
    let mut who = spec(synthetic(0, 8, 2), others());
    who.label = super::LabelKind::Speaker;
    let opened = who.open(Split::ProbeTest, 0).unwrap();
    assert_eq!(opened.classes().unwrap().len(), 8);
    let last = opened.len() - 1;
    assert_eq!(opened.sample(last, None).unwrap().label, Label::Class(7));
    let mut strangers = spec(synthetic(0, 2, 2), others());
    strangers.label = super::LabelKind::Speaker;
    assert!(message(strangers.open(Split::ProbeTest, 0)).contains("only in `test`"));
    let unlabelled = message(speech(synthetic(0, 1, 1), 3_200).open(Split::ProbeTest, 0));
    assert!(unlabelled.contains("labelled"), "{unlabelled}");
}

#[test]
fn recordings_are_told_apart_by_their_files_and_not_by_their_names() {
    let root = tempfile::tempdir().unwrap();
    for (hertz, path) in [
        (300.0, "train/1.wav"),
        (310.0, "train/eve/1.wav"),
        (320.0, "train/eve/old/2.wav"),
        (330.0, "test/1.wav"),
    ] {
        let path = root.path().join(path);
        write_wav(&path, 16_000, 1, &tone(16_000, hertz, 3_200));
        std::fs::write(path.with_extension("phn"), "0 3200 ix\n").unwrap();
    }
    let open = |train: &str, test: &str| {
        let mut spec = speech(synthetic(0, 1, 1), 3_200);
        let [train, test] = [train, test].map(|part| folder(&root.path().join(part), Beside::Phn));
        spec.labelled = Some(super::Labelled { train, test });
        message(spec.open(Split::ProbeTest, 0))
    };
    let learn = |path: &str| {
        let mut spec = speech(folder(&root.path().join(path), Beside::Phn), 3_200);
        let [train, test] = ["train", "test"].map(|part| folder(&root.path().join(part), Beside::Phn));
        spec.labelled = Some(super::Labelled { train, test });
        message(spec.open(Split::Learn, 0))
    };
    assert_eq!(learn("train"), "");
    assert!(learn("").contains("is also in `labelled.test`"), "{}", learn(""));
    assert_eq!(open("train", "test"), "", "both hold a file 1.wav");
    for (train, test) in [("train", "train/eve"), ("train/eve/old", "train"), ("test", "train/../test")] {
        let error = open(train, test);
        assert!(error.contains("is in both `train` and `test`"), "{train}, {test}: {error}");
    }
    std::fs::copy(root.path().join("train/eve/1.wav"), root.path().join("test/other.wav")).unwrap();
    std::fs::write(root.path().join("test/other.phn"), "0 3200 ix\n").unwrap();
    let error = open("train", "test");
    assert!(
        error.contains("`other`") && error.contains("eve/1.wav") && error.contains("same bytes"),
        "{error}"
    );
}

#[test]
fn utterances_of_all_speakers_together_are_bounded() {
    for (speakers, utterances, key) in [
        (0, 1, "speakers"),
        (1_000_001, 1, "speakers"),
        (1_000_000, 1_000_000, "utterances"),
        (1_001, 1_000, "utterances"),
    ] {
        let error = message(synthetic(0, speakers, utterances).open(0));
        assert!(error.contains(&format!("{key}: ")) && error.contains("1000000"), "{error}");
    }
}

#[test]
fn synthetic_speech_repeats_and_its_labels_hold_across_speakers() {
    let sides = [synthetic(0, 6, 6).open(3).unwrap(), synthetic(6, 2, 6).open(3).unwrap()];
    assert_eq!(sides[0].samples(1).unwrap(), synthetic(0, 6, 6).open(3).unwrap().samples(1).unwrap());
    assert_ne!(sides[0].samples(1).unwrap(), sides[0].samples(7).unwrap());
    let [train, test] = sides.map(|corpus| {
        (0..corpus.utterances().len())
            .flat_map(|index| {
                let samples = corpus.samples(index).unwrap();
                let peak = samples.iter().fold(0.0_f32, |peak, v| peak.max(v.abs()));
                assert!((0.05..2.0).contains(&peak), "{peak}");
                let features = mfcc::mfcc(&samples);
                let rows: Vec<Vec<f32>> =
                    features.chunks_exact(mfcc::WIDTH).map(|row| row[1..13].to_vec()).collect();
                let labels = corpus.frames(index, rows.len()).unwrap();
                assert!(labels.iter().all(Option::is_some));
                labels.into_iter().flatten().zip(rows)
            })
            .collect::<Vec<_>>()
    });
    // Classifies by the nearest class mean of 12 cepstral coefficients, with other speakers. Chance is 1 in
    // 18.
    let classes = super::source::synthetic::formant::PHONES.len();
    let means: Vec<Vec<f32>> = (0..classes as u32)
        .map(|class| {
            let rows: Vec<_> =
                train.iter().filter(|(label, _)| *label == class).map(|(_, row)| row).collect();
            (0..12).map(|i| rows.iter().map(|row| row[i]).sum::<f32>() / rows.len() as f32).collect()
        })
        .collect();
    let distance = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
    let right = test
        .iter()
        .filter(|(label, row)| {
            let nearest =
                (0..classes).min_by(|a, b| distance(&means[*a], row).total_cmp(&distance(&means[*b], row)));
            nearest == Some(*label as usize)
        })
        .count();
    let accuracy = right as f32 / test.len() as f32;
    assert!(accuracy > 0.5, "{accuracy}");
}

#[test]
fn configs_are_read_strictly() {
    for plugin in plugins(Family::Source).iter().filter(|p| p.package == env!("CARGO_PKG_NAME")) {
        if ["librispeech", "timit", "recordings", "synthetic_speech"].contains(&plugin.name) {
            let parsed: Result<Box<dyn SpeechSourceSpec>, _> = toml::from_str(plugin.example);
            assert!(parsed.is_ok(), "{}: {parsed:?}", plugin.name);
            let wrong = format!("{}\nno_such_key = 1\n", plugin.example);
            assert!(toml::from_str::<Box<dyn SpeechSourceSpec>>(&wrong).is_err(), "{}", plugin.name);
        }
    }
    let example = plugins(Family::Stimulus).into_iter().find(|p| p.name == "speech").unwrap().example;
    let spec: Box<dyn StimulusSpec> = toml::from_str(example).unwrap();
    for split in [Split::Learn, Split::ProbeTrain, Split::ProbeTest] {
        let opened = spec.open(split, 1).unwrap();
        assert!(!opened.is_empty());
        let batch = [opened.sample(0, None).unwrap()];
        assert_eq!(opened.assemble(&batch).unwrap().len(), opened.shape(1).len());
    }
    let bad = SyntheticSpeech { seconds: f32::NAN, ..SyntheticSpeech::default() };
    assert!(message(bad.open(0)).contains("seconds: "));
}

#[test]
#[ignore = "needs ../shared"]
fn real_recordings_are_read_with_all_their_labels() {
    let (librispeech, timit) = (shared("librispeech"), shared("timit-sample"));
    let corpus = Librispeech { path: librispeech, list: None, speakers: None, phones: None }.open(0).unwrap();
    let (samples, rate) = corpus.length(0).unwrap();
    assert_eq!((corpus.samples(0).unwrap().len(), rate), (samples, 16_000));
    let corpus = Timit { path: timit, speakers: None, dialect_sentences: true }.open(0).unwrap();
    assert_eq!(corpus.utterances().len(), 80);
    let mut without = 0;
    for index in 0..80 {
        let (samples, _) = corpus.length(index).unwrap();
        without += corpus.frames(index, samples / super::HOP).unwrap().iter().filter(|l| l.is_none()).count();
    }
    assert!(without > 0 && without < 700, "{without} frames have no label");
    assert_eq!(corpus.samples(3).unwrap().len(), corpus.length(3).unwrap().0);
}
