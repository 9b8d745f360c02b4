//! Audio files: formats, rates, and broken files.

use super::*;
use plasticity_core::stimulus::Stimulus;

#[test]
fn wav_flac_and_stereo_give_the_same_samples() {
    let folder = tempfile::tempdir().unwrap();
    let samples = tone(16_000, 440.0, 8_000);
    let (wav, stereo, flac) =
        (folder.path().join("a.wav"), folder.path().join("b.wav"), folder.path().join("c.flac"));
    write_wav(&wav, 16_000, 1, &samples);
    write_wav(&stereo, 16_000, 2, &samples);
    write_flac(&flac, &samples);
    for path in [wav, stereo, flac] {
        let decoded = decode::read(&path).unwrap();
        assert_eq!(decoded.len(), samples.len());
        assert!(decoded.iter().zip(&samples).all(|(a, b)| (a - b).abs() < 1e-4), "{path:?}");
        assert_eq!(decode::length(&path).unwrap(), (8_000, 16_000));
    }
}

#[test]
fn sphere_files_are_read_by_their_first_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sx1.wav");
    let bytes = sphere(&[0.0, 0.5, -0.5, 0.25]);
    std::fs::write(&path, &bytes).unwrap();
    let read = decode::read(&path).unwrap();
    assert!(read.iter().zip([0.0, 0.5, -0.5, 0.25]).all(|(a, b)| (a - b).abs() < 1e-4), "{read:?}");
    std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    assert!(message(decode::read(&path)).contains("ends after 2 of the 4 samples"));
    std::fs::write(&path, b"NIST_1A\n   1024\nend_head").unwrap();
    assert!(message(decode::read(&path)).contains("sample_n_bytes"));
}

#[test]
fn a_cut_file_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let (flac, wav) = (folder.path().join("a.flac"), folder.path().join("a.wav"));
    write_flac(&flac, &tone(16_000, 440.0, 40_000));
    write_wav(&wav, 16_000, 1, &tone(16_000, 440.0, 40_000));
    for path in [&flac, &wav] {
        let bytes = std::fs::read(path).unwrap();
        std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        let message = message(decode::read(path));
        assert!(message.contains("again") && message.contains("a."), "{message}");
        std::fs::write(path, &bytes[..3]).unwrap();
        assert!(decode::read(path).is_err());
    }
    std::fs::write(&flac, vec![7; 5_000]).unwrap();
    assert!(message(decode::read(&flac)).contains("expected FLAC, WAV or NIST SPHERE"));
}

#[test]
fn a_header_that_promises_more_than_the_file_can_hold_is_an_error_that_names_it() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("eve/1.flac");
    write_flac(&path, &tone(16_000, 440.0, 8_000));
    let mut bytes = std::fs::read(&path).unwrap();
    // The number of samples has 36 bits in STREAMINFO (RFC 9639, section 8.2).
    bytes[21] |= 0x0F;
    bytes[22..26].fill(0xFF);
    std::fs::write(&path, bytes).unwrap();
    let error = message(speech(folder(root.path(), Beside::None), 160).open(Split::Learn, 0));
    assert!(error.contains("1.flac: broken") && error.contains("68719476735"), "{error}");
}

#[test]
fn samples_that_are_no_numbers_are_errors_that_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.wav");
    for rate in [16_000, 44_100] {
        for damage in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e38] {
            let mut samples = tone(rate, 440.0, 8_000);
            samples.push(damage);
            write_floats(&path, rate, &samples);
            let message = message(decode::read(&path));
            assert!(message.contains("damaged.wav: broken") && message.contains("again"), "{message}");
        }
    }
}

#[test]
fn tags_around_a_flac_and_a_length_that_is_not_told_lose_no_block() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.flac");
    for samples in [24_000, 11_200, 4_096, 100] {
        write_flac(&path, &tone(16_000, 440.0, samples));
        let whole = std::fs::read(&path).unwrap();
        let expected = decode::read(&path).unwrap();
        assert_eq!(expected.len(), samples);
        let id3 = [&b"TAG"[..], &[b' '; 125]].concat();
        let ape = [&b"APETAGEX"[..], &2000_u32.to_le_bytes(), &32_u32.to_le_bytes(), &[0; 16]].concat();
        let mut untold = whole.clone();
        untold[21] &= 0xF0;
        untold[22..26].fill(0);
        // The first tag has 200 bytes. The second has 3 bytes and a footer.
        let before = [
            &b"ID3\x04\0\0\0\0\x01\x48"[..],
            &[1; 200],
            b"ID3\x04\0\x10\0\0\0\x03abc3DI\x04\0\x10\0\0\0\x03",
        ]
        .concat();
        for (name, bytes) in [
            ("ID3v2", [&before, &whole[..]].concat()),
            ("ID3v2 and ID3v1", [&before, &whole[..], &id3].concat()),
            ("ID3v2, ID3v1 and no length", [&before, &untold[..], &id3].concat()),
            ("ID3v1", [&whole[..], &id3].concat()),
            ("APEv2 and ID3v1", [&whole[..], &ape, &id3].concat()),
            ("no length", untold.clone()),
            ("no length and ID3v1", [&untold[..], &id3].concat()),
        ] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(decode::length(&path).unwrap(), (samples as u64, 16_000), "{name}");
            assert!(decode::read(&path).unwrap() == expected, "{name}");
        }
    }
}

#[test]
fn a_block_missing_from_a_flac_is_an_error_also_where_no_length_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.flac");
    write_flac(&path, &tone(16_000, 440.0, 24_000));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[21] &= 0xF0;
    bytes[22..26].fill(0);
    let whole = bytes.clone();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 200].fill(0);
    std::fs::write(&path, bytes).unwrap();
    for error in [message(decode::read(&path)), message(decode::length(&path))] {
        assert!(error.contains("a.flac: broken after") && error.contains("next block begins"), "{error}");
    }
    let other = [&whole[..], b"something else"].concat();
    for bytes in [&whole[..whole.len() - 100], &other] {
        std::fs::write(&path, bytes).unwrap();
        for error in [message(decode::read(&path)), message(decode::length(&path))] {
            assert!(error.contains("bytes that are no whole block"), "{error}");
        }
    }
}

#[test]
fn other_rates_are_resampled_in_place() {
    let folder = tempfile::tempdir().unwrap();
    for rate in [44_100, 48_000, 8_000] {
        let path = folder.path().join(format!("{rate}.wav"));
        write_wav(&path, rate, 1, &tone(rate, 1_000.0, rate as usize));
        let resampled = decode::read(&path).unwrap();
        let expected = tone(16_000, 1_000.0, 16_000);
        assert_eq!(resampled.len(), expected.len());
        let worst = (1_000..15_000).map(|n| (resampled[n] - expected[n]).abs()).fold(0.0, f32::max);
        assert!(worst < 5e-3, "{rate} Hz: {worst}");
    }
}

#[test]
fn a_window_is_the_same_as_of_the_whole_and_what_lies_before_it_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let noise: Vec<f32> =
        (0..200_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 16) as f32 / 65_536.0 - 0.5).collect();
    let (flac, wav) = (folder.path().join("a.flac"), folder.path().join("b.wav"));
    write_flac(&flac, &noise);
    write_wav(&wav, 16_000, 2, &noise);
    for path in [&flac, &wav] {
        let whole = decode::read(path).unwrap();
        for start in [0, 1, 4_095, 4_096, 100_000, 199_680] {
            let window = decode::window(path, start, 320).unwrap().unwrap();
            assert_eq!(window, whole[start..][..320], "{path:?} {start}");
        }
        assert_eq!(decode::window(path, 199_681, 320).unwrap(), None, "it ends before");
        let mut pieces = Vec::new();
        decode::each(path, &mut |piece| pieces.extend_from_slice(piece)).unwrap();
        assert_eq!(pieces, whole);
    }
    let right = decode::window(&flac, 150_000, 320).unwrap().unwrap();
    let mut bytes = std::fs::read(&flac).unwrap();
    bytes[1_000..2_000].fill(0);
    std::fs::write(&flac, bytes).unwrap();
    assert!(decode::read(&flac).is_err());
    assert_eq!(decode::window(&flac, 150_000, 320).unwrap().unwrap(), right);
}

/// The samples of the first second are damaged, so only a reader that seeks can read the window.
#[test]
fn a_window_that_is_resampled_or_of_sphere_is_the_same_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    let noise: Vec<f32> =
        (0..150_001_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 16) as f32 / 65_536.0 - 0.5).collect();
    for rate in [8_000, 11_025, 22_050, 44_100, 48_000] {
        write_floats(&path, rate, &noise);
        let whole = decode::read(&path).unwrap();
        let mut pieces = Vec::new();
        decode::each(&path, &mut |piece| pieces.extend_from_slice(piece)).unwrap();
        assert!(pieces == whole, "{rate}");
        let starts = [0, 1, 1_023, 1_024, 20_000, whole.len() - 320];
        for start in starts {
            let window = decode::window(&path, start, 320).unwrap().unwrap();
            assert_eq!(window, whole[start..][..320], "{rate} Hz from {start}");
        }
        assert_eq!(decode::window(&path, whole.len() - 319, 320).unwrap(), None, "it ends before");
        let mut damaged = noise.clone();
        damaged[..rate as usize].fill(f32::NAN);
        write_floats(&path, rate, &damaged);
        assert!(decode::read(&path).is_err());
        assert_eq!(decode::window(&path, 20_000, 320).unwrap().unwrap(), whole[20_000..][..320]);
    }
    std::fs::write(&path, sphere(&noise)).unwrap();
    let whole = decode::read(&path).unwrap();
    assert_eq!(decode::window(&path, 100_000, 320).unwrap().unwrap(), whole[100_000..][..320]);
}

fn write_floats(path: &Path, rate: u32, samples: &[f32]) {
    let sample_format = hound::SampleFormat::Float;
    let spec = hound::WavSpec { channels: 1, sample_rate: rate, bits_per_sample: 32, sample_format };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    samples.iter().for_each(|sample| writer.write_sample(*sample).unwrap());
    writer.finalize().unwrap();
}

/// A SPHERE file at 16 kHz.
fn sphere(samples: &[f32]) -> Vec<u8> {
    let mut bytes = format!(
        "NIST_1A\n   1024\nchannel_count -i 1\nsample_count -i {}\nsample_rate -i 16000\nsample_n_bytes -i 2\n\
         sample_byte_format -s2 01\nend_head\n",
        samples.len()
    )
    .into_bytes();
    bytes.resize(1024, b' ');
    bytes.extend(samples.iter().flat_map(|sample| ((sample * 32_767.0) as i16).to_le_bytes()));
    bytes
}

#[test]
fn windows_to_learn_from_are_those_of_whole_utterances() {
    let folder = tempfile::tempdir().unwrap();
    let samples = tone(16_000, 300.0, 50_000);
    let (told, untold) = (folder.path().join("told/a/1.flac"), folder.path().join("untold/a/1.flac"));
    write_flac(&told, &samples);
    write_flac(&untold, &samples);
    // A FLAC without a length in its header is read whole.
    let mut bytes = std::fs::read(&untold).unwrap();
    bytes[21] &= 0xF0;
    bytes[22..26].fill(0);
    std::fs::write(&untold, bytes).unwrap();
    let open = |name: &str| {
        let source = super::folder(&folder.path().join(name), Beside::None);
        speech(source, 3_200).open(Split::Learn, 0).unwrap()
    };
    let (seeking, whole) = (open("told"), open("untold"));
    for draw in 0..8 {
        let sample =
            |stimulus: &dyn Stimulus| stimulus.sample(0, Some(&mut stream(5, &[draw]))).unwrap().values;
        assert_eq!(sample(seeking.as_ref()), sample(whole.as_ref()));
    }
    assert_eq!(seeking.sample(0, None).unwrap().values, whole.sample(0, None).unwrap().values);
}
