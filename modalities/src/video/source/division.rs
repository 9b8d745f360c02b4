//! Divides clips into learning and test clips, by groups (people) or by UCF-101's official lists.

use super::lists::{self, Listed};
use plasticity_core::stimulus::Split;
use plasticity_core::{Error, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A clip that a source has found: `path/Class/v_Class_gNN_cNN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The file or folder of the clip.
    pub path: PathBuf,
    /// The index of its class.
    pub class: u32,
    /// The name of its class.
    pub class_name: String,
    /// Its name without ending: `v_Class_gNN_cNN`.
    pub name: String,
}

/// How clips are divided into those that train networks and probes, and those that test probes.
#[derive(Clone, Debug)]
pub enum Division {
    /// By the groups (people) in them.
    Groups {
        /// The groups for learning.
        train: BTreeSet<u32>,
        /// The groups for tests.
        test: BTreeSet<u32>,
    },
    /// By `trainlistNN.txt`, `testlistNN.txt` and `classInd.txt` in a folder.
    Lists(lists::Lists),
}

impl Division {
    /// The division of a config's keys: `lists` and `split`, or `train_groups` and `test_groups`.
    ///
    /// # Errors
    /// If both or neither are given, if a group is on both sides, or if a list cannot be used.
    pub fn new(
        list_folder: Option<&Path>,
        split: Option<u32>,
        train_groups: &[u32],
        test_groups: &[u32],
    ) -> Result<Self> {
        let place = "";
        match (list_folder, split, train_groups, test_groups) {
            (Some(folder), split, [], []) => Ok(Self::Lists(lists::read(folder, split.unwrap_or(1))?)),
            (None, None, train, test) if !train.is_empty() && !test.is_empty() => {
                let train: BTreeSet<_> = train.iter().copied().collect();
                let test: BTreeSet<_> = test.iter().copied().collect();
                if let Some(both) = train.intersection(&test).next() {
                    let message = format!(
                        "group {both} is in `train_groups` and in `test_groups`; clips of one group are very \
                         similar, so each group must be on one side only"
                    );
                    return Err(Error::config(place, message));
                }
                Ok(Self::Groups { train, test })
            }
            _ => Err(Error::config(
                place,
                "divide the clips into training and test: give `lists` (the folder with trainlist01.txt, \
                 testlist01.txt and classInd.txt; `split` selects 01, 02 or 03), or both `train_groups` and \
                 `test_groups`, such as [1, 2, 3] and [4, 5]",
            )),
        }
    }

    /// The names of the classes: those in the lists, or the names of all class folders.
    pub fn classes(&self, folders: &[String]) -> Vec<String> {
        match self {
            Self::Groups { .. } => folders.to_vec(),
            Self::Lists(lists) => lists.classes.clone(),
        }
    }

    /// The clips on the side of `split`.
    ///
    /// # Errors
    /// If the name of a clip has no group, if a listed clip is missing, or if no clip is left.
    pub fn pick(&self, place: &Path, found: Vec<Found>, split: Split) -> Result<Vec<Found>> {
        let test_side = split == Split::ProbeTest;
        let picked = match self {
            Self::Groups { train, test } => {
                let wanted = if test_side { test } else { train };
                let mut picked = Vec::new();
                for clip in found {
                    let group = group(&clip.name).ok_or_else(|| {
                        Error::file(&clip.path, "names no group: expected a name such as v_Class_g01_c01")
                    })?;
                    if wanted.contains(&group) {
                        picked.push(clip);
                    }
                }
                if picked.is_empty() {
                    return Err(Error::file(place, format!("has no clip of the groups {wanted:?}")));
                }
                picked
            }
            Self::Lists(lists) => {
                let wanted = if test_side { &lists.test } else { &lists.train };
                listed(place, found, wanted)?
            }
        };
        Ok(picked)
    }
}

/// The clips in a list, in its order.
fn listed(place: &Path, found: Vec<Found>, wanted: &[Listed]) -> Result<Vec<Found>> {
    let mut by_name: BTreeMap<(String, String), Found> =
        found.into_iter().map(|clip| ((clip.class_name.clone(), clip.name.clone()), clip)).collect();
    let mut picked = Vec::with_capacity(wanted.len());
    let mut missing = Vec::new();
    for entry in wanted {
        match by_name.remove(&(entry.class.clone(), entry.name.clone())) {
            Some(clip) => picked.push(Found { class: entry.label, ..clip }),
            None => missing.push(entry),
        }
    }
    if let Some(first) = missing.first() {
        let message = format!(
            "{} of the {} clips in the list are missing, first {}/{}: unpack the data set, or divide it with \
             `train_groups` and `test_groups`",
            missing.len(),
            wanted.len(),
            first.class,
            first.name
        );
        return Err(Error::file(place, message));
    }
    Ok(picked)
}

/// The group in a name like `v_Class_g07_c02`.
pub fn group(name: &str) -> Option<u32> {
    let (_, rest) = name.rsplit_once("_g")?;
    let (digits, _) = rest.split_once("_c")?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str) -> Found {
        Found { path: name.into(), class: 0, class_name: "Bend".to_owned(), name: name.to_owned() }
    }

    #[test]
    fn groups_are_read_from_names() {
        assert_eq!(group("v_Bend_g07_c02"), Some(7));
        assert_eq!(group("v_big_gun_g12_c01"), Some(12));
        assert_eq!(group("v_Bend_01"), None);
    }

    #[test]
    fn a_group_on_both_sides_is_refused() {
        let error = Division::new(None, None, &[1, 2], &[2, 3]).unwrap_err().to_string();
        assert!(error.contains("group 2"), "{error}");
    }

    #[test]
    fn one_division_has_to_be_said() {
        for (train, test) in [(&[][..], &[][..]), (&[1][..], &[][..])] {
            let error = Division::new(None, None, train, test).unwrap_err().to_string();
            assert!(error.contains("train_groups") && error.contains("lists"), "{error}");
        }
        assert!(Division::new(Some(Path::new("x")), None, &[1], &[2]).is_err());
    }

    #[test]
    fn each_side_has_its_groups_and_a_name_without_one_is_an_error() {
        let division = Division::new(None, None, &[1, 2], &[3]).unwrap();
        let clips = || vec![found("v_Bend_g01_c01"), found("v_Bend_g03_c01"), found("v_Bend_g02_c01")];
        let names = |split| {
            let picked = division.pick(Path::new("x"), clips(), split).unwrap();
            picked.into_iter().map(|clip| clip.name).collect::<Vec<_>>()
        };
        assert_eq!(names(Split::Learn), ["v_Bend_g01_c01", "v_Bend_g02_c01"]);
        assert_eq!(names(Split::ProbeTrain), names(Split::Learn));
        assert_eq!(names(Split::ProbeTest), ["v_Bend_g03_c01"]);
        let error = division.pick(Path::new("x"), vec![found("clip")], Split::Learn).unwrap_err().to_string();
        assert!(error.contains("v_Class_g01_c01"), "{error}");
    }
}
