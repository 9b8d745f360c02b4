//! Measures how well retrodiction weights align with the transpose of prediction weights.

use crate::network::{Owner, State};
use serde::Serialize;
use std::collections::BTreeMap;

/// The alignment of one module.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PredictionAlignment {
    /// The module, counted from 1.
    pub module: usize,
    /// Mean over the prediction steps of cos(W_pred, W_retroᵀ): 1 if the two are equal, about 0 for independent
    /// random weights.
    pub cosine: f64,
}

/// cos = ⟨W_pred, W_retroᵀ⟩ / (‖W_pred‖ ‖W_retro‖) of every module whose rule learns both (transport `retrodiction`,
/// Equations 16 to 19 of Illing et al. 2021), W_pred `[C_z, C_c]` and W_retro `[C_c, C_z]`; empty for other rules.
pub fn prediction_alignment(state: &State) -> Vec<PredictionAlignment> {
    let tensors =
        state.tensors.iter().map(|(name, saved)| (name.as_str(), &saved.shape[..], &saved.values[..]));
    aligned(&tensors.collect::<Vec<_>>())
}

/// The same for tensors given by name, shape and values.
pub(crate) fn aligned(tensors: &[(&str, &[usize], &[f32])]) -> Vec<PredictionAlignment> {
    let mut modules: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for &(name, shape, predict) in tensors {
        let Some((module, step)) = place(name) else { continue };
        let other = Owner::Module(module).full(&format!("retrodict.{step}"));
        let retrodict = tensors.iter().find(|(name, ..)| *name == other);
        let (Some(&(_, back, retrodict)), &[targets, contexts]) = (retrodict, shape) else { continue };
        if back == [contexts, targets] {
            let cosine = cosine_of_transpose(predict, retrodict, targets, contexts);
            modules.entry(module).or_default().push(cosine);
        }
    }
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len().max(1) as f64;
    modules
        .into_iter()
        .map(|(module, of)| PredictionAlignment { module: module + 1, cosine: mean(&of) })
        .collect()
}

/// `module.3.predict.2` as (3, 2).
fn place(name: &str) -> Option<(usize, usize)> {
    let (Owner::Module(module), own) = Owner::of(name)? else { return None };
    Some((module, own.strip_prefix("predict.")?.parse().ok()?))
}

/// The cosine of `a`, `[rows, columns]`, with the transpose of `b`, `[columns, rows]`; 0 if one of them is 0.
fn cosine_of_transpose(a: &[f32], b: &[f32], rows: usize, columns: usize) -> f64 {
    let at = |row: usize, column: usize| (a.get(row * columns + column), b.get(column * rows + row));
    let (mut dot, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
        if let (Some(&a), Some(&b)) = at(row, column) {
            let (a, b) = (f64::from(a), f64::from(b));
            (dot, aa, bb) = (dot + a * b, aa + a * a, bb + b * b);
        }
    }
    if aa * bb > 0.0 { dot / (aa * bb).sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Saved;

    #[test]
    fn the_transpose_is_aligned_and_only_pairs_count() {
        let saved =
            |shape: [usize; 2], values: &[f32]| Saved { shape: shape.to_vec(), values: values.to_vec() };
        let mut state = State::default();
        let mut put = |name: &str, of: Saved| state.tensors.insert(name.to_owned(), of);
        put("module.0.predict.1", saved([2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
        put("module.0.retrodict.1", saved([3, 2], &[2.0, 8.0, 4.0, 10.0, 6.0, 12.0]));
        put("module.0.predict.2", saved([1, 1], &[1.0]));
        put("module.0.retrodict.2", saved([1, 1], &[-1.0]));
        put("module.1.predict.1", saved([1, 1], &[1.0]));
        let found = prediction_alignment(&state);
        assert_eq!(found.len(), 1, "module 2 has no retrodiction: {found:?}");
        assert!(found[0].module == 1 && found[0].cosine.abs() < 1e-12, "1 and −1 have the mean 0: {found:?}");
    }

    #[test]
    fn prediction_steps_have_a_mean() {
        let mut state = State::default();
        for (name, value) in
            [("predict.1", 1.0), ("retrodict.1", 2.0), ("predict.2", 3.0), ("retrodict.2", 5.0)]
        {
            let saved = Saved { shape: vec![1, 1], values: vec![value] };
            state.tensors.insert(format!("module.0.{name}"), saved);
        }
        assert_eq!(prediction_alignment(&state), [PredictionAlignment { module: 1, cosine: 1.0 }]);
    }
}
