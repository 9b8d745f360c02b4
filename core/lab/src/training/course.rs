//! When each module learns, and at what rate: functions of only the step, so that a resumed run gives the same bits.

use crate::config::Training;
use crate::schedule::Rates;
use std::ops::Range;

/// When each module of a network learns, and the factor on its rate. By default all modules learn in every step,
/// with factor 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Course {
    /// One for each module, first to last; a module without a turn learns in every step.
    modules: Vec<Turn>,
}

/// When one module learns.
#[derive(Clone, Debug, PartialEq)]
struct Turn {
    steps: Range<u64>,
    rates: Option<Rates>,
}

impl Course {
    /// The course of `modules` modules in a training of `total` steps, with epochs of `per_epoch` steps. A schedule
    /// starts with its module's turn and, by default, ends with it.
    pub fn new(training: &Training, modules: usize, per_epoch: u64, total: u64) -> Self {
        let mut start = 0;
        let turn = |module: usize| {
            let steps = match training.turns.as_deref().unwrap_or_default().get(module) {
                Some(length) => start..length.steps(per_epoch).saturating_add(start).min(total),
                None => 0..total,
            };
            start = steps.end;
            let schedule = training.schedule.as_ref().and_then(|schedule| schedule.get(module));
            let length = steps.end - steps.start;
            Turn { rates: schedule.map(|schedule| schedule.rates(per_epoch, length)), steps }
        };
        Self { modules: (0..modules).map(turn).collect() }
    }

    /// The factor on the rate of a module (from 0) in the step after `made` steps; `None` if it is not the module's
    /// turn.
    pub fn factor(&self, module: usize, made: u64) -> Option<f64> {
        let Some(turn) = self.modules.get(module) else { return Some(1.0) };
        let within = turn.steps.contains(&made).then(|| made - turn.steps.start)?;
        Some(turn.rates.as_ref().map_or(1.0, |rates| rates.factor(within)))
    }

    /// Whether each of the first `made` steps has the same factors as in `other`, a course of the same modules.
    pub fn agrees(&self, other: &Self, made: u64) -> bool {
        let same = |module| (0..made).all(|step| self.factor(module, step) == other.factor(module, step));
        self == other || (0..self.modules.len()).all(same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factors(more: &str, modules: usize, total: u64) -> Vec<Vec<Option<f64>>> {
        let training: Training = toml::from_str(&format!("epochs = 9\n{more}")).unwrap();
        let course = Course::new(&training, modules, 2, total);
        (0..modules).map(|module| (0..total).map(|made| course.factor(module, made)).collect()).collect()
    }

    #[test]
    fn all_learn_in_every_step_where_nothing_is_said() {
        assert_eq!(Course::default().factor(3, 7), Some(1.0));
        assert_eq!(factors("", 2, 3), [[Some(1.0); 3], [Some(1.0); 3]]);
        let one = "schedule = { decay = { type = \"linear\" } }";
        assert_eq!(factors(one, 2, 2), [[Some(1.0), Some(0.5)], [Some(1.0), Some(0.5)]]);
        let each = "schedule = [{}, { decay = { type = \"linear\" } }]";
        assert_eq!(factors(each, 2, 2), [[Some(1.0), Some(1.0)], [Some(1.0), Some(0.5)]]);
    }

    #[test]
    fn modules_take_turns_and_each_schedule_begins_with_its_turn() {
        let turns = "turns = [{ epochs = 1 }, { steps = 4 }]\nschedule = { decay = { type = \"linear\" } }";
        let [first, second] = factors(turns, 2, 6).try_into().unwrap();
        assert_eq!(first, [Some(1.0), Some(0.5), None, None, None, None]);
        assert_eq!(second, [None, None, Some(1.0), Some(0.75), Some(0.5), Some(0.25)]);
    }

    #[test]
    fn a_longer_training_has_the_same_rates_unless_its_schedule_ends_with_it() {
        let course = |schedule: &str, total| {
            let text = format!("epochs = 9\nschedule = [{{}}, {schedule}]");
            Course::new(&toml::from_str(&text).unwrap(), 2, 2, total)
        };
        let agree = |schedule, made| course(schedule, 8).agrees(&course(schedule, 16), made);
        let linear = "{ decay = { type = \"linear\" } }";
        assert!(!agree(linear, 8) && !agree(linear, 2));
        assert!(agree(linear, 1), "both start with the whole rate");
        for schedule in [
            "{}",
            "{ warm_up = { steps = 4 } }",
            "{ decay = { type = \"linear\" }, over = { steps = 4 } }",
            "{ decay = { type = \"staircase\", every = { steps = 3 } } }",
        ] {
            assert!(agree(schedule, 8), "{schedule}");
        }
    }

    /// A training that ends early has the same turns, but the last one is shorter.
    #[test]
    fn a_training_that_ends_early_ends_within_a_turn() {
        let turns = "turns = [{ steps = 2 }, { steps = 4 }, { steps = 4 }]";
        let made = factors(turns, 3, 3);
        assert_eq!(made, [[Some(1.0), Some(1.0), None], [None, None, Some(1.0)], [None; 3]]);
    }
}
