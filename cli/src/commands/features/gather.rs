//! Gathers features batch by batch into temporary files, so that whole maps need no memory.

use crate::loaded::Loaded;
use crate::progress::ProbeProgress;
use plasticity_core::device::Device;
use plasticity_core::stimulus::{Label, Split};
use plasticity_core::{Error, Result};
use plasticity_lab::analysis::{map_axes, maps, rows};
use plasticity_lab::loader::{Loader, Pass};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

/// The contents of a file of features.
pub struct Gathered {
    /// One array for each layer.
    pub layers: Vec<Array>,
    /// The class of every row. For whole maps with labelled frames: the class of every frame, −1 for a frame
    /// without a label.
    pub labels: Vec<i64>,
    /// The shape of the labels.
    pub label_shape: Vec<usize>,
    /// The stimulus of every row.
    pub stimuli: Vec<i64>,
    /// The name of every stimulus in its source.
    pub names: Vec<String>,
    /// The names of the classes.
    pub classes: Vec<String>,
    /// The names of the axes of a layer's array, in order.
    pub axes: &'static str,
    /// The number of training steps.
    pub step: u64,
}

/// The features of one layer, as little-endian float32 in an unnamed temporary file.
pub struct Array {
    /// The number of the layer, from 1; 0 is the network's input.
    pub layer: usize,
    /// The shape.
    pub shape: Vec<usize>,
    /// The values.
    pub values: File,
}

impl Array {
    /// The name of the array in a file with several arrays.
    pub fn name(&self) -> String {
        if self.layer == 0 { "input".to_owned() } else { format!("layer{}", self.layer) }
    }
}

/// Passes a split through the trained network. `layers` are counted from 1. The input, 0, is allowed only
/// with whole maps.
pub fn gather(
    mut loaded: Loaded,
    split: Split,
    layers: &[usize],
    whole: bool,
    folder: &Path,
    device: &Device,
) -> Result<Gathered> {
    let (stimulus, classes) = loaded.labelled(split)?;
    let (batch, threads) = (loaded.config().training.batch, loaded.config().training.threads);
    let loader = Loader::new(Arc::clone(&stimulus), Pass::Evaluate, batch, threads)?;
    let of = loader.steps_per_epoch().max(1) as f64;
    let views = stimulus.shape(1).batch.max(1);
    let mut shapes = vec![stimulus.shape(1)];
    shapes.extend(loaded.trained.shapes(stimulus.shape(1))?);
    let pooling = loaded.config().probe.pooling;
    let wanted: Vec<usize> = layers.iter().filter_map(|layer| layer.checked_sub(1)).collect();
    let refused = |error: std::io::Error| Error::file(folder, format!("cannot be written to: {error}"));
    let spool = |_: &usize| tempfile::tempfile_in(folder).map(BufWriter::new).map_err(refused);
    let mut spools = layers.iter().map(spool).collect::<Result<Vec<_>>>()?;
    let mut widths = vec![0; layers.len()];
    let (mut labels, mut stimuli) = (Vec::new(), Vec::new());
    let (mut count, mut frames) = (0, None);
    let mut shown = ProbeProgress::new();
    for (done, host) in loader.enumerate() {
        shown.show("features", done as f64 / of);
        let locate = |error| loaded.experiment.config().locate(error);
        let host = host.map_err(locate)?;
        let (values, found) = if whole {
            maps(&mut loaded.trained, host, views, device)?
        } else {
            let made = rows(&mut loaded.trained, host, views, device, (&wanted, pooling));
            let (features, found) = made.map_err(locate)?;
            for (width, &layer) in widths.iter_mut().zip(layers) {
                *width = features.layer(layer - 1)?.channels;
            }
            let values = |layer: usize| features.layer(layer).map(|layer| layer.values.to_vec());
            let layers = (0..features.layers()).map(values);
            (std::iter::once(Ok(Vec::new())).chain(layers).collect::<Result<_>>()?, found)
        };
        for (&layer, spool) in layers.iter().zip(&mut spools) {
            for value in values.get(layer).into_iter().flatten() {
                spool.write_all(&value.to_le_bytes()).map_err(refused)?;
            }
        }
        for label in &found {
            let before = labels.len();
            match label {
                Label::Class(class) => labels.push(i64::from(*class)),
                Label::Frames(of) if whole => {
                    labels.extend(of.iter().map(|class| class.map_or(-1, i64::from)));
                    frames = Some(of.len());
                }
                Label::Frames(of) => labels.extend(of.iter().flatten().copied().map(i64::from)),
                Label::None if whole => labels.push(-1),
                Label::None => {}
            }
            let rows = if whole { 1 } else { labels.len() - before };
            stimuli.extend(std::iter::repeat_n(count, rows));
            count += 1;
        }
    }
    let rows = stimuli.len();
    let array = |((spool, &layer), width): ((BufWriter<File>, &usize), usize)| -> Result<Array> {
        let values = spool.into_inner().map_err(|error| refused(error.into_error()))?;
        let shape = match (whole, shapes.get(layer)) {
            (true, Some(shape)) => std::iter::once(rows).chain(map_axes(*shape)).collect(),
            _ => vec![rows, width],
        };
        Ok(Array { layer, shape, values })
    };
    let arrays = spools.into_iter().zip(layers).zip(widths).map(array).collect::<Result<_>>()?;
    let name = |index: usize| stimulus.name(index).unwrap_or_default();
    Ok(Gathered {
        layers: arrays,
        label_shape: frames.map_or(vec![rows], |frames| vec![rows, frames]),
        labels,
        stimuli,
        names: (0..stimulus.len()).map(name).collect(),
        classes,
        axes: if whole { WHOLE } else { ROWS },
        step: loaded.step(),
    })
}

/// The axes of pooled features.
const ROWS: &str = "row, feature";
/// The axes of whole maps.
const WHOLE: &str = "stimulus, time, t, location, y, x, channel";
