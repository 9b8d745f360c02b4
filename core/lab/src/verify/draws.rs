//! Negatives and signs from a reference case.

use super::case::Case;
use plasticity_core::draws::{Draws, SeededDraws, Side};
use plasticity_core::random::Random;
use std::sync::{Arc, Mutex};

/// Draws of one module, read from the file. Missing draws are noted, so that the comparison can report them, and so are
/// draws for which the format has no tensor.
pub struct FileDraws {
    /// The file.
    pub case: Arc<Case>,
    /// The module.
    pub module: usize,
    /// The names of requested but missing draws.
    pub missing: Arc<Mutex<Vec<String>>>,
}

impl FileDraws {
    fn integers(&mut self, name: String, expected: usize, below: i64) -> Vec<i64> {
        let found = self.case.integers.get(&name).filter(|values| values.len() == expected);
        let found = found.filter(|values| values.iter().all(|value| (-1..below).contains(value)));
        found.cloned().unwrap_or_else(|| {
            self.note(format!("`{name}` with {expected} values below {below}"));
            vec![0; expected]
        })
    }

    fn note(&self, draws: String) {
        if let Ok(mut missing) = self.missing.lock() {
            missing.push(draws);
        }
    }

    fn indices(&mut self, name: String, expected: usize, below: usize) -> Vec<u32> {
        self.integers(name, expected, below as i64).into_iter().map(|value| value.max(0) as u32).collect()
    }
}

impl Draws for FileDraws {
    fn negatives(&mut self, side: Side, step: usize, rows: usize, count: usize) -> Vec<u32> {
        self.indices(format!("module.{}.{}.{step}.negatives", self.module, side.name()), rows * count, rows)
    }

    fn others(&mut self, side: Side, step: usize, batch: usize) -> Vec<u32> {
        self.indices(format!("module.{}.{}.{step}.negatives", self.module, side.name()), batch, batch)
    }

    fn others_of_places(&mut self, _: Side, _: usize, batch: usize, places: usize) -> Vec<u32> {
        self.note("the other input of each place, for which reference cases have no tensor".to_owned());
        vec![0; places * batch]
    }

    fn landings(&mut self, _: Side, _: usize, rows: usize, _: usize) -> Vec<u32> {
        self.note("the place of each negative, for which reference cases have no tensor".to_owned());
        vec![0; rows]
    }

    fn other_views(&mut self, _: Side, images: usize) -> Vec<u32> {
        self.indices(format!("module.{}.negatives", self.module), 2 * images, 2 * images)
    }

    fn signs(&mut self, side: Side, batch: usize) -> Vec<i8> {
        let signs = self.integers(format!("module.{}.{}.sign", self.module, side.name()), batch, 2);
        signs.into_iter().map(|sign| if sign > 0 { 1 } else { -1 }).collect()
    }

    fn wrong_labels(&mut self, labels: &[u32], classes: usize) -> Vec<u32> {
        self.indices(format!("module.{}.wrong_labels", self.module), labels.len(), classes)
    }

    fn random(&mut self, what: u64) -> Random {
        SeededDraws { seed: 0, step: 0, module: self.module as u64 }.random(what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::Tensors;
    use std::collections::BTreeMap;

    #[test]
    fn draws_that_a_file_cannot_have_are_noted() {
        let said = serde_json::json!({ "modality": "vision", "rule": {}, "layers": [], "modules": [] });
        let tensors =
            Tensors { path: "case".into(), said, floats: BTreeMap::new(), integers: BTreeMap::new() };
        let missing = Arc::new(Mutex::new(Vec::new()));
        let case = Arc::new(Case::of(tensors).unwrap());
        let mut draws = FileDraws { case, module: 0, missing: Arc::clone(&missing) };
        assert_eq!(draws.landings(Side::Predict, 1, 6, 3).len(), 6);
        assert_eq!(draws.others_of_places(Side::Predict, 1, 2, 3).len(), 6);
        let missing = missing.lock().unwrap();
        assert!(missing[0].contains("place of each negative"), "{missing:?}");
        assert!(missing[1].contains("other input of each place"), "{missing:?}");
    }
}
