//! Converts names of tensors of other programs to names in this one.

use plasticity_core::{Error, Result};
use std::collections::BTreeMap;

/// A tensor's place in a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The parameter's full name.
    pub name: String,
    /// Whether its two axes are exchanged in the file.
    pub turned: bool,
}

/// A pair of `--map THEIRS=OURS`; if nothing follows `=`, the tensor is left out.
///
/// # Errors
/// If there is no `=`.
pub fn parse_pair(text: &str) -> std::result::Result<(String, String), String> {
    let (theirs, ours) =
        text.rsplit_once('=').ok_or("expected THEIRS=OURS, such as conv1.weight=layer.0.weight")?;
    Ok((theirs.to_owned(), ours.to_owned()))
}

/// The place of each tensor of a file, by its name, without the tensors that are left out.
///
/// A name is looked up in `map`, then among the network's own (`own`, and `module.*` of any rule), then in the layout of
/// the encoders of Illing et al. 2021 (github.com/EPFL-LCN/pub-illing2021-neurips): the file of module M has `model.J.weight` and
/// `model.J.bias` of its convolutions, and `loss.W_k.K.weight` of prediction step K + 1,
/// `[context, target, 1, 1]`, which is W_predᵀ. With separate weights for each direction it also
/// has `loss_mirror.W_k.K.weight`, W_retro. If one file has all modules, these names start with
/// `encoder.M.`.
///
/// # Errors
/// If a tensor has no place, or the tensor of a pair is missing or has another pair; the error names it.
pub fn places(names: &[&str], own: &[String], map: &[(String, String)]) -> Result<BTreeMap<String, Place>> {
    if let Some((theirs, _)) = map.iter().find(|(theirs, _)| !names.contains(&theirs.as_str())) {
        return Err(Error::config("--map", format!("there is no tensor `{theirs}` in the file")));
    }
    let before = |at: usize, theirs: &String| map[..at].iter().any(|(other, _)| other == theirs);
    if let Some((_, (theirs, _))) = map.iter().enumerate().find(|(at, (theirs, _))| before(*at, theirs)) {
        return Err(Error::config("--map", format!("`{theirs}` is mapped twice: keep one of the pairs")));
    }
    let convolutions = convolutions(names);
    let mut places = BTreeMap::new();
    for &theirs in names {
        let place = match map.iter().find(|(mapped, _)| mapped == theirs) {
            Some((_, ours)) if ours.is_empty() => continue,
            Some((_, ours)) => Place { name: ours.clone(), turned: false },
            None if own.iter().any(|own| own == theirs) || theirs.starts_with("module.") => {
                Place { name: theirs.to_owned(), turned: false }
            }
            None => published(theirs, &convolutions).ok_or_else(|| {
                let message = format!(
                    "`{theirs}` has no place in the network: say --map {theirs}=NAME, with a name such as layer.0.weight, or \
                     --map {theirs}= to leave it out"
                );
                Error::config("--map", message)
            })?,
        };
        places.insert(theirs.to_owned(), place);
    }
    Ok(places)
}

/// Module and number of every convolution in the published layout, in the order of layers.
fn convolutions(names: &[&str]) -> Vec<(usize, usize)> {
    let number = |name: &&str| {
        let (module, rest) = of_module(name)?;
        Some((module, rest.strip_prefix("model.")?.strip_suffix(".weight")?.parse().ok()?))
    };
    let mut found: Vec<_> = names.iter().filter_map(number).collect();
    found.sort_unstable();
    found
}

/// The module of a name in the published layout, and the rest of the name.
fn of_module(name: &str) -> Option<(usize, &str)> {
    let (module, rest) = name.strip_prefix("encoder.")?.split_once('.')?;
    Some((module.parse().ok()?, rest))
}

/// The place of a tensor of the published layout.
fn published(theirs: &str, convolutions: &[(usize, usize)]) -> Option<Place> {
    let (module, rest) = of_module(theirs)?;
    if let Some(rest) = rest.strip_prefix("model.") {
        let (number, kind) = rest.split_once('.')?;
        let at = (module, number.parse().ok()?);
        let layer = convolutions.iter().position(|convolution| *convolution == at)?;
        return Some(Place { name: format!("layer.{layer}.{kind}"), turned: false });
    }
    let (direction, step) = rest.strip_suffix(".weight")?.split_once(".W_k.")?;
    let step = step.parse::<usize>().ok()? + 1;
    match direction {
        "loss" => Some(Place { name: format!("module.{module}.predict.{step}"), turned: true }),
        "loss_mirror" => Some(Place { name: format!("module.{module}.retrodict.{step}"), turned: false }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&str], map: &[(&str, &str)]) -> Result<Vec<(String, bool)>> {
        let map: Vec<_> =
            map.iter().map(|(theirs, ours)| ((*theirs).to_owned(), (*ours).to_owned())).collect();
        let places = places(names, &["layer.0.weight".to_owned()], &map)?;
        Ok(names.iter().filter_map(|name| places.get(*name)).map(|at| (at.name.clone(), at.turned)).collect())
    }

    #[test]
    fn layers_of_the_published_layout_are_counted_over_modules() {
        let names = [
            "encoder.10.model.0.bias",
            "encoder.10.model.0.weight",
            "encoder.2.model.0.weight",
            "encoder.2.model.2.weight",
            "encoder.2.loss.W_k.4.weight",
            "encoder.2.loss_mirror.W_k.0.weight",
        ];
        let expected = [
            ("layer.2.bias", false),
            ("layer.2.weight", false),
            ("layer.0.weight", false),
            ("layer.1.weight", false),
            ("module.2.predict.5", true),
            ("module.2.retrodict.1", false),
        ];
        let expected: Vec<_> = expected.map(|(name, turned)| (name.to_owned(), turned)).into();
        assert_eq!(found(&names, &[]).unwrap(), expected);
    }

    #[test]
    fn what_has_no_place_is_named_until_it_is_mapped_or_left_out() {
        let names = ["fc.weight", "layer.0.weight"];
        let error = found(&names, &[]).unwrap_err().to_string();
        assert!(error.contains("--map fc.weight=NAME"), "{error}");
        let mapped = found(&names, &[("fc.weight", "layer.1.weight")]).unwrap();
        assert_eq!(mapped[0].0, "layer.1.weight");
        assert_eq!(found(&names, &[("fc.weight", "")]).unwrap().len(), 1);
        let error = found(&names, &[("other", "layer.1.weight")]).unwrap_err().to_string();
        assert!(error.contains("no tensor `other`"), "{error}");
        let twice = [("fc.weight", ""), ("fc.weight", "layer.1.weight")];
        let error = found(&names, &twice).unwrap_err().to_string();
        assert!(error.contains("`fc.weight` is mapped twice"), "{error}");
        assert!(parse_pair("fc.weight").is_err());
        assert_eq!(parse_pair("a=b=c").unwrap(), ("a=b".to_owned(), "c".to_owned()));
    }
}
