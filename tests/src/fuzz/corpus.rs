//! Small files of every format, right ones, to begin from.

use crate::root;
use flacenc::bitsink::ByteSink;
use flacenc::component::BitRepr;
use flacenc::error::Verify;
use image::codecs::jpeg::JpegEncoder;
use image::{ImageFormat, RgbImage};
use plasticity_lab::checkpoint::Checkpoint;
use plasticity_lab::network::{Saved, State};
use std::collections::BTreeMap;
use std::io::Cursor;

/// Files of a format.
pub fn corpus(target: &str) -> Vec<Vec<u8>> {
    match target {
        "config" => [
            "configs/vision/tiny.toml",
            "configs/audio/synthetic_clapp_s.toml",
            "configs/published/lpl_cifar10.toml",
        ]
        .iter()
        .filter_map(|name| std::fs::read(root().join(name)).ok())
        .collect(),
        "case" => {
            let entries = std::fs::read_dir(root().join("tests/cases")).into_iter().flatten().flatten();
            let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
            paths.retain(|path| path.extension().is_some_and(|ending| ending == "safetensors"));
            paths.sort();
            paths.iter().filter_map(|path| std::fs::read(path).ok()).collect()
        }
        "checkpoint" => checkpoint().into_iter().collect(),
        "phn" => vec![b"0 800 h#\n800 1600 iy\n1600 4000 s\n".to_vec(), b"0 4000 h#".to_vec()],
        "textgrid" => {
            vec![textgrid("File type = \"ooTextFile\"\n"), textgrid("\u{feff}File type = \"ooTextFile\"\n")]
        }
        "labels" => {
            vec![b"1-1-0001 3 3 3 4 4 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5\n2-2-0002 1 2\n".to_vec()]
        }
        "stl10" => vec![vec![3; 2 * 96 * 96 * 3]],
        "cifar10" => vec![vec![3; 2 * 3073]],
        "lists" => vec![
            b"Wave/v_Wave_g01_c01.avi 1\nJump/v_Jump_g01_c02.avi 2\n".to_vec(),
            "\u{feff}Wave/v_Wave_g03_c01.avi 1\r\n".as_bytes().to_vec(),
        ],
        "wav" => vec![wav(16_000, b"data"), wav(8_000, b"LIST")],
        "flac" => flac().into_iter().collect(),
        "jpeg" => {
            let mut bytes = Vec::new();
            let made = JpegEncoder::new_with_quality(&mut bytes, 60).encode_image(&picture());
            made.map(|()| bytes).into_iter().collect()
        }
        "png" => {
            let mut bytes = Cursor::new(Vec::new());
            let made = picture().write_to(&mut bytes, ImageFormat::Png);
            made.map(|()| bytes.into_inner()).into_iter().collect()
        }
        _ => vec![avi()],
    }
}

fn picture() -> RgbImage {
    RgbImage::from_fn(9, 7, |x, y| image::Rgb([(x * 20) as u8, (y * 30) as u8, (x * y) as u8]))
}

fn checkpoint() -> Option<Vec<u8>> {
    let folder = tempfile::tempdir().ok()?;
    let path = folder.path().join("step-7.safetensors");
    let saved = Saved { shape: vec![2, 2], values: vec![1.0, -2.5, f32::MIN_POSITIVE, 3e7] };
    let state =
        State { tensors: BTreeMap::from([("layer.0.weight".to_owned(), saved)]), optimiser_steps: vec![7] };
    let fingerprint = "00ff".to_owned();
    let config = Some("seed = 3\n".to_owned());
    Checkpoint { state, step: 7, seed: 3, fingerprint, config, provenance: None }.save(&path).ok()?;
    std::fs::read(path).ok()
}

/// A quarter of a second of 16-bit samples; with a chunk before them unless `first` is `data`.
fn wav(rate: u32, first: &[u8; 4]) -> Vec<u8> {
    let samples: Vec<u8> =
        (0..rate / 4).flat_map(|n| (((n * 37) % 2000) as i16 - 1000).to_le_bytes()).collect();
    let extra =
        if first == b"data" { Vec::new() } else { [first, &5u32.to_le_bytes()[..], b"INFOx\0"].concat() };
    let head = [&1u16.to_le_bytes()[..], &1u16.to_le_bytes(), &rate.to_le_bytes(), &(2 * rate).to_le_bytes()];
    let format = [&head.concat()[..], &2u16.to_le_bytes(), &16u16.to_le_bytes()].concat();
    let size = 4 + 8 + format.len() + extra.len() + 8 + samples.len();
    [
        b"RIFF",
        &(size as u32).to_le_bytes()[..],
        b"WAVEfmt ",
        &16u32.to_le_bytes(),
        &format,
        &extra,
        b"data",
        &(samples.len() as u32).to_le_bytes(),
        &samples,
    ]
    .concat()
}

fn flac() -> Option<Vec<u8>> {
    let samples: Vec<i32> = (0..4_000).map(|n| (n * 37) % 2000 - 1000).collect();
    let config = flacenc::config::Encoder::default().into_verified().ok()?;
    let source = flacenc::source::MemSource::from_samples(&samples, 1, 16, 16_000);
    let stream = flacenc::encode_with_fixed_block_size(&config, source, config.block_size).ok()?;
    let mut sink = ByteSink::new();
    stream.write(&mut sink).ok()?;
    // RFC 9639: the smallest block is told without the last one; flacenc counts that in.
    let mut bytes = sink.as_slice().to_vec();
    bytes.copy_within(10..12, 8);
    Some(bytes)
}

fn textgrid(head: &str) -> Vec<u8> {
    format!(
        "{head}Object class = \"TextGrid\"\n\nxmin = 0\nxmax = 0.25\ntiers? <exists>\nsize = 1\nitem []:\n    item [1]:\n        \
         class = \"IntervalTier\"\n        name = \"phones\"\n        xmin = 0\n        xmax = 0.25\n        intervals: size = \
         2\n        intervals [1]:\n            xmin = 0\n            xmax = 0.1\n            text = \"AA1\"\n        intervals \
         [2]:\n            xmin = 0.1\n            xmax = 0.25\n            text = \"S\"\n"
    )
    .into_bytes()
}

/// Headers of a clip of five frames, without frames.
fn avi() -> Vec<u8> {
    let mut stream = b"vidsMJPG".to_vec();
    stream.extend([0; 24]);
    stream.extend(5u32.to_le_bytes());
    stream.extend([0; 20]);
    let strl = [b"strlstrh", &(stream.len() as u32).to_le_bytes()[..], &stream].concat();
    let hdrl = [b"hdrlLIST", &(strl.len() as u32).to_le_bytes()[..], &strl].concat();
    let body = [b"AVI LIST", &(hdrl.len() as u32).to_le_bytes()[..], &hdrl].concat();
    [b"RIFF", &(body.len() as u32).to_le_bytes()[..], &body].concat()
}
