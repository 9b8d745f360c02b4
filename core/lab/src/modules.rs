//! Which layers share a module: converts a config's names and lists to ranges of layers.

use plasticity_core::plasticity::Modules;
use plasticity_core::registry::unknown;
use plasticity_core::{Error, Result};
use std::ops::Range;

/// The named divisions of the paper for six layers (layers counted from 1): 1 all; 2 (1–3)(4–6); 3
/// (1,2)(3,4)(5,6); `4_upper` (1–3)(4)(5)(6); `4_lower` (1)(2)(3)(4–6); 6 layer-wise.
const SIX: [(&str, &[usize]); 6] = [
    ("1", &[6]),
    ("2", &[3, 3]),
    ("3", &[2, 2, 2]),
    ("4_upper", &[3, 1, 1, 1]),
    ("4_lower", &[1, 1, 1, 3]),
    ("6", &[1, 1, 1, 1, 1, 1]),
];

/// The names that a config can give for `modules`.
pub fn names() -> Vec<&'static str> {
    ["layerwise", "end_to_end"].into_iter().chain(SIX.iter().map(|(name, _)| *name)).collect()
}

/// The layers (from 0) of every module.
///
/// # Errors
/// If a name is unknown or for another number of layers, or if lists skip or repeat a layer; the error names it.
pub fn resolve(modules: &Modules, layers: usize) -> Result<Vec<Range<usize>>> {
    let sizes = match modules {
        Modules::Named(name) => named(name, layers)?,
        Modules::Lists(lists) => listed(lists, layers)?,
    };
    let mut start = 0;
    Ok(sizes
        .into_iter()
        .map(|size| {
            start += size;
            start - size..start
        })
        .collect())
}

/// The number of layers of each module, for a name.
fn named(name: &str, layers: usize) -> Result<Vec<usize>> {
    match name {
        "layerwise" => return Ok(vec![1; layers]),
        "end_to_end" => return Ok(vec![layers]),
        _ => {}
    }
    let Some((_, sizes)) = SIX.iter().find(|(known, _)| *known == name) else {
        return refuse(unknown("modules", name, &names()));
    };
    if layers != 6 {
        return refuse(format!(
            "\"{name}\" is for six layers, but the encoder has {layers}: use \"layerwise\", \"end_to_end\" or \
             lists of layers"
        ));
    }
    Ok(sizes.to_vec())
}

/// The number of layers of each module, for lists with every layer from 1 on, once and in order.
fn listed(lists: &[Vec<usize>], layers: usize) -> Result<Vec<usize>> {
    let mut expected = 1;
    for (index, list) in lists.iter().enumerate() {
        if list.is_empty() {
            return refuse(format!("list {} is empty: remove it", index + 1));
        }
        for &layer in list {
            if layer == 0 || layer > layers {
                return refuse(format!("there is no layer {layer}: layers are counted from 1 to {layers}"));
            }
            if layer < expected {
                return refuse(format!("layer {layer} is repeated: name each layer once, in order"));
            }
            if layer > expected {
                return refuse(format!(
                    "layer {expected} is skipped (layer {layer} is in its place): name each layer once, in order"
                ));
            }
            expected += 1;
        }
    }
    if expected <= layers {
        return refuse(format!("layer {expected} is in no module: name every layer from 1 to {layers}"));
    }
    Ok(lists.iter().map(Vec::len).collect())
}

fn refuse<T>(message: String) -> Result<T> {
    Err(Error::config("encoder.modules", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(lists: &[&[usize]]) -> Modules {
        Modules::Lists(lists.iter().map(|list| list.to_vec()).collect())
    }

    fn name(name: &str) -> Modules {
        Modules::Named(name.to_owned())
    }

    #[test]
    fn names_and_lists_become_ranges() {
        assert_eq!(resolve(&name("layerwise"), 3).unwrap(), [0..1, 1..2, 2..3]);
        assert_eq!(resolve(&name("end_to_end"), 3).unwrap(), [0..3; 1]);
        assert_eq!(resolve(&name("4_upper"), 6).unwrap(), [0..3, 3..4, 4..5, 5..6]);
        assert_eq!(resolve(&name("4_lower"), 6).unwrap(), [0..1, 1..2, 2..3, 3..6]);
        assert_eq!(resolve(&lists(&[&[1, 2, 3], &[4]]), 4).unwrap(), [0..3, 3..4]);
        for (known, _) in SIX {
            assert_eq!(resolve(&name(known), 6).unwrap().last().unwrap().end, 6);
        }
    }

    #[test]
    fn every_wrong_division_names_the_layer() {
        let message = |modules: Modules| resolve(&modules, 6).unwrap_err().to_string();
        assert_eq!(
            message(lists(&[&[1, 2], &[4, 5, 6]])),
            "encoder.modules: layer 3 is skipped (layer 4 is in its place): name each layer once, in order"
        );
        assert!(message(lists(&[&[1, 2, 2], &[3, 4, 5, 6]])).contains("layer 2 is repeated"));
        assert!(message(lists(&[&[1, 2], &[3, 4, 5]])).contains("layer 6 is in no module"));
        assert!(message(lists(&[&[0, 1]])).contains("no layer 0"));
        assert!(message(lists(&[&[1, 2, 3, 4, 5, 6, 7]])).contains("no layer 7"));
        assert!(message(lists(&[&[], &[1, 2, 3, 4, 5, 6]])).contains("list 1 is empty"));
        assert!(message(name("layerwize")).contains("did you mean `layerwise`?"));
        assert!(resolve(&name("2"), 5).unwrap_err().to_string().contains("the encoder has 5"));
    }
}
