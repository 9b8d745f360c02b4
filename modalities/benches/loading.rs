//! Images per second of one thread: decoding, crop, augmentation, drawing of scenes.
//!
//! `cargo bench -p plasticity-modalities --bench loading [FOLDER]`; with a folder of class folders its images
//! are taken as well. The best batch of 32 stands beside the mean: the one figure that other programs on the
//! machine disturb little.

use plasticity_core::random::stream;
use plasticity_core::stimulus::{Sample, Split, StimulusSpec};
use plasticity_modalities as _;
use std::error::Error;
use std::time::Instant;

/// Samples that one figure is the mean of.
const SAMPLES: usize = 4000;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let mut sources = vec![("synthetic", "\"synthetic\"".to_owned())];
    if let Some(path) = &folder {
        sources.push(("folder", format!("{{ type = \"folder\", path = \"{path}\" }}")));
    }
    println!(
        "| source | view | images/s | ms/image (best batch) | (mean) |\n| --- | --- | --- | --- | --- |"
    );
    for (name, source) in &sources {
        for (view, keys) in [
            ("grey crop of 64", "crop = 64"),
            ("grey patches, 16 by 8", "crop = 64\npatch = { size = 16, stride = 8 }"),
            ("two colour views of 64", "crop = 64\ngrey = false\nviews = 2"),
        ] {
            let spec: Box<dyn StimulusSpec> =
                toml::from_str(&format!("type = \"images\"\nsource = {source}\n{keys}"))?;
            let stimulus = spec.open(Split::Learn, 1)?;
            let (mut sum, mut best) = (0.0, f64::INFINITY);
            for batch in 0..SAMPLES / 32 {
                let start = Instant::now();
                let samples = (32 * batch..32 * batch + 32)
                    .map(|i| stimulus.sample(i % stimulus.len(), Some(&mut stream(1, &[i as u64]))))
                    .collect::<Result<Vec<Sample>, _>>()?;
                std::hint::black_box(stimulus.assemble(&samples)?);
                let seconds = start.elapsed().as_secs_f64() / 32.0;
                sum += seconds;
                best = best.min(seconds);
            }
            let mean = sum / (SAMPLES / 32) as f64;
            println!("| {name} | {view} | {:.0} | {:.3} | {:.3} |", 1.0 / best, 1e3 * best, 1e3 * mean);
        }
    }
    Ok(())
}
