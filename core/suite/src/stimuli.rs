//! Checks of every stimulus: samples have the stated size and repeat.

use super::Found;
use super::compare::random;
use plasticity_core::device::Device;
use plasticity_core::stimulus::{Label, Split, Stimulus, StimulusSpec, batch};
use plasticity_core::{Error, Result};

const SPLITS: [Split; 3] = [Split::Learn, Split::ProbeTrain, Split::ProbeTest];

/// Opens the stimulus.
#[allow(clippy::borrowed_box, reason = "the type of specs")]
pub fn build(spec: &Box<dyn StimulusSpec>) -> Result<()> {
    spec.open(Split::Learn, 1)?.sample(0, None).map(drop)
}

/// Checks the splits that can be opened. The files of an example may be missing here, and its config may have no
/// stimuli for the probe.
#[allow(clippy::borrowed_box, reason = "the type of specs")]
pub fn check(spec: &Box<dyn StimulusSpec>, found: &mut Found) {
    let (mut opened, mut refused) = (false, None);
    for split in SPLITS {
        found.run(&format!("{split:?}"), |found| match spec.open(split, 1) {
            Ok(stimulus) => {
                opened = true;
                one(stimulus.as_ref(), split, found)
            }
            Err(error @ (Error::File { .. } | Error::Stimulus { .. })) => {
                refused.get_or_insert(error);
                Ok(())
            }
            Err(Error::Config { .. }) if split != Split::Learn => Ok(()),
            Err(error) => Err(error),
        });
    }
    let config = toml::to_string(spec).unwrap_or_default();
    let has_files = config.contains("path") || config.contains('/');
    if let (false, false, Some(error)) = (opened, has_files, refused) {
        found.add(format!("its example names no files, but cannot be opened: {error}"));
    }
}

fn one(stimulus: &dyn Stimulus, split: Split, found: &mut Found) -> Result<()> {
    if stimulus.is_empty() {
        found.add(format!("{split:?}: is empty"));
        return Ok(());
    }
    let indices = [0, stimulus.len() - 1];
    for augmented in [false, true] {
        let draw = || -> Result<Vec<_>> {
            let sample = |index: &usize| {
                let mut random = random(14 + *index as u64);
                stimulus.sample(*index, augmented.then_some(&mut random))
            };
            indices.iter().map(sample).collect()
        };
        let (samples, again) = (draw()?, draw()?);
        if samples.iter().zip(&again).any(|(a, b)| a.values != b.values || a.label != b.label) {
            found.add(format!("{split:?}: a sample differs when it is read again"));
        }
        if samples.iter().any(|sample| sample.values.iter().any(|value| !value.is_finite())) {
            found.add(format!("{split:?}: has values that are not finite"));
        }
        let batch = batch(stimulus, &samples, &Device::open()?)?;
        if batch.labels.len() != batch.input.shape().batch {
            let (labels, inputs) = (batch.labels.len(), batch.input.shape().batch);
            found.add(format!("{split:?}: {labels} labels for {inputs} inputs"));
        }
        let classes = stimulus.classes().map_or(0, |classes| classes.len());
        let fits = |class: &u32| (*class as usize) < classes;
        let labelled = |label: &Label| match label {
            Label::None => true,
            Label::Class(class) => fits(class),
            Label::Frames(frames) => frames.iter().flatten().all(fits),
        };
        if !batch.labels.iter().all(labelled) {
            found.add(format!("{split:?}: a label is not one of the {classes} classes"));
        }
    }
    found.refuses(&format!("{split:?}: a sample past the end"), || {
        stimulus.sample(stimulus.len(), None).map(drop)
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cannot be opened.
    #[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
    struct Closed {
        /// The files that are missing.
        path: Option<String>,
        /// The key that is wrong.
        wrong: Option<String>,
    }

    #[typetag::serde(name = "closed_for_the_suite")]
    impl StimulusSpec for Closed {
        fn open(&self, _: Split, _: u64) -> Result<Box<dyn Stimulus>> {
            Err(match &self.wrong {
                Some(key) => Error::config(key, "is wrong"),
                None => Error::stimulus("closed", "has no stimuli"),
            })
        }
    }

    #[test]
    fn only_missing_files_are_a_reason_not_to_open() {
        let files = Closed { path: Some("data".to_owned()), ..Closed::default() };
        let wrong = Closed { wrong: Some("size".to_owned()), ..files.clone() };
        for (spec, expected) in [
            (files, ""),
            (Closed::default(), "its example names no files, but cannot be opened: closed: has no stimuli"),
            (wrong, "Learn: size: is wrong"),
        ] {
            let spec: Box<dyn StimulusSpec> = Box::new(spec);
            let mut found = Found::default();
            check(&spec, &mut found);
            assert_eq!(found.0.join("; "), expected);
        }
    }
}
