//! Imports weights that another program trained.

mod names;

pub use names::parse_pair;

use names::{Place, places};
use plasticity_core::{Error, Result};
use plasticity_lab::checkpoint::Checkpoint;
use plasticity_lab::network::Network;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The result of an import.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Parameters that have the file's values.
    pub taken: Vec<String>,
    /// Weights of another rule in the file.
    pub left_out: Vec<String>,
    /// Weights of the network's rule that are not taken from the file; they keep their initial values.
    pub fresh: Vec<String>,
}

/// Gives a new network the tensors of a safetensors file. `map` has pairs of a name in the file and a name in the
/// network. Other tensors are assigned by their own names. All parameters of layers must be in the file; a rule's
/// parameters may be missing. Averages of an optimiser (`optimiser.*`) are not imported. If the file is a checkpoint of
/// another rule than `rule`, that rule's weights (`module.*`) are imported only by `map`.
///
/// # Errors
/// If the file cannot be read, a tensor has no place, another shape or another type than float32, or a parameter
/// is missing; the error names it. Then the network may have changed in part.
pub fn import(network: &mut Network, rule: &str, file: &Path, map: &[(String, String)]) -> Result<Imported> {
    let refuse = |message: String| Error::file(file, message);
    // A file of another program names no rule.
    let made_by = Checkpoint::read(file).ok().and_then(|checkpoint| checkpoint.rule());
    let bytes =
        plasticity_core::files::read(file).map_err(|error| refuse(format!("cannot be read: {error}")))?;
    let tensors = SafeTensors::deserialize(&bytes)
        .map_err(|error| refuse(format!("is no safetensors file: {error}")))?;
    let own: Vec<String> = network.parameters().into_iter().map(|(name, _)| name).collect();
    let mapped = |name: &str| map.iter().any(|(theirs, _)| theirs == name);
    let mut names = tensors.names();
    names.retain(|name| mapped(name) || !name.starts_with("optimiser."));
    let mut imported = Imported::default();
    if made_by.is_some_and(|made_by| made_by != rule) {
        let others = |name: &&str| name.starts_with("module.") && !mapped(name);
        imported.left_out = names.iter().filter(|name| others(name)).map(|name| (*name).to_owned()).collect();
        imported.left_out.sort();
        names.retain(|name| !others(name));
    }
    let places = places(&names, &own, map)?;
    let mut sources: BTreeMap<&str, (&str, bool)> = BTreeMap::new();
    for (theirs, Place { name, turned }) in &places {
        if let Some((other, _)) = sources.insert(name, (theirs, *turned)) {
            return Err(refuse(format!("has `{other}` and `{theirs}`, which both are `{name}`")));
        }
    }
    let own: BTreeSet<&str> = own.iter().map(String::as_str).collect();
    for (name, (theirs, _)) in &sources {
        match own.contains(name) {
            true => {}
            false if name.starts_with("module.") && !mapped(theirs) => {
                imported.left_out.push((*name).to_owned())
            }
            false => {
                return Err(refuse(format!(
                    "has `{theirs}`, which is `{name}`, and the network has no such parameter: fit the config \
                     to it, give another name with --map {theirs}=NAME, or leave it out with --map {theirs}="
                )));
            }
        }
    }
    for (name, parameter) in network.parameters() {
        let Some((theirs, turned)) = sources.get(name.as_str()) else {
            if name.starts_with("layer.") {
                return Err(refuse(format!(
                    "has nothing for `{name}`: map one of its tensors to it with --map THEIRS={name}"
                )));
            }
            imported.fresh.push(name);
            continue;
        };
        let view = tensors.tensor(theirs).map_err(|error| refuse(error.to_string()))?;
        let values = values(&view, parameter.shape(), *turned).map_err(|what| {
            refuse(format!(
                "has `{theirs}` {what}, and `{name}` is of float32 and of shape {:?}: fit the config to it",
                parameter.shape()
            ))
        })?;
        parameter.set(&values)?;
        imported.taken.push(name);
    }
    Ok(imported)
}

/// The values of a tensor for a parameter of `shape`, or an error. Final axes of length 1 do not count: a matrix
/// may have the form of a 1×1 convolution. All axes but the first may be one, in the order of PyTorch's `Flatten`:
/// so is the weight of an `nn.Linear` that sees a whole map.
fn values(view: &TensorView, shape: &[usize], turned: bool) -> std::result::Result<Vec<f32>, String> {
    if view.dtype() != Dtype::F32 {
        return Err(format!("of type {:?}", view.dtype()));
    }
    let mut wanted = shape.to_vec();
    if turned {
        wanted.reverse();
    }
    let flat = match wanted.split_first() {
        Some((first, rest)) if !turned => vec![*first, rest.iter().product()],
        _ => wanted.clone(),
    };
    let given = without_ones(view.shape());
    if given != without_ones(&wanted) && given != without_ones(&flat) {
        return Err(format!("of shape {:?}", view.shape()));
    }
    let number = |bytes: &[u8]| bytes.try_into().map_or(0.0, f32::from_le_bytes);
    let values: Vec<f32> = view.data().chunks_exact(4).map(number).collect();
    let (true, [rows, columns]) = (turned, shape) else { return Ok(values) };
    Ok((0..rows * columns).map(|at| values[at % columns * rows + at / columns]).collect())
}

/// A shape without its final axes of length 1.
fn without_ones(shape: &[usize]) -> &[usize] {
    &shape[..shape.iter().rposition(|&size| size != 1).map_or(0, |last| last + 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_layer_fits_a_dense_one() {
        let bytes: Vec<u8> = (1..=6).flat_map(|value| (value as f32).to_le_bytes()).collect();
        let linear = TensorView::new(Dtype::F32, vec![2, 3], &bytes).unwrap();
        for shape in [&[2, 3, 1, 1, 1][..], &[2, 3, 1], &[2, 1, 1, 3, 1], &[2, 1, 1, 1, 3]] {
            assert_eq!(values(&linear, shape, false).unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "{shape:?}");
        }
        for shape in [&[3, 2, 1, 1, 1][..], &[2, 3, 1, 1, 2], &[1, 2, 3], &[6]] {
            assert_eq!(values(&linear, shape, false).unwrap_err(), "of shape [2, 3]", "{shape:?}");
        }
    }

    #[test]
    fn a_matrix_may_come_turned_and_with_axes_of_one() {
        let bytes: Vec<u8> = (1..=6).flat_map(|value| (value as f32).to_le_bytes()).collect();
        let view = |shape: &[usize]| TensorView::new(Dtype::F32, shape.to_vec(), &bytes).unwrap();
        let turned = values(&view(&[3, 2, 1, 1]), &[2, 3], true).unwrap();
        assert_eq!(turned, [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
        assert_eq!(values(&view(&[2, 3]), &[2, 3], false).unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(values(&view(&[2, 3]), &[2, 3], true).unwrap_err(), "of shape [2, 3]");
        assert_eq!(values(&view(&[2, 1, 3]), &[2], false).unwrap_err(), "of shape [2, 1, 3]");
        let halves = TensorView::new(Dtype::F16, vec![12], &bytes).unwrap();
        assert_eq!(values(&halves, &[12], false).unwrap_err(), "of type F16");
    }
}
