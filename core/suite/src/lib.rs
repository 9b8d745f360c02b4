//! The tests that every plugin must pass. They find plugins in the registry.
//!
//! A crate of plugins calls it in one line:
//!
//! ```no_run
//! plasticity_suite::suite().unwrap();
//! ```
//!
//! The suite checks every linked plugin: its config has the documented keys; wrong values give errors;
//! its results agree with automatic differentiation, finite differences or an identity. For a source,
//! the suite checks only the entry in the catalogue; the stimuli that read it test the source itself.

mod broadcasts;
mod compare;
mod layers;
mod observers;
mod resume;
mod rules;
mod scores;
mod specs;
mod stimuli;

use plasticity_core::Result;
use plasticity_core::broadcast::BroadcastSpec;
use plasticity_core::device::{Device, Precision};
use plasticity_core::layer::{EncoderPreset, LayerSpec};
use plasticity_core::observer::ObserverSpec;
use plasticity_core::parameter::Parameter;
use plasticity_core::plasticity::RuleSpec;
use plasticity_core::registry::{self, Family, Plugin};
use plasticity_core::score::ScoreSpec;
use plasticity_core::stimulus::StimulusSpec;
use std::collections::BTreeSet;

/// One fault of a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its family and name.
    pub plugin: String,
    /// What was found.
    pub message: String,
}

/// All faults of plugins. `unwrap` shows them in full.
#[derive(Clone, PartialEq, Eq)]
pub struct Failures(pub Vec<Failure>);

impl std::fmt::Display for Failures {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        writeln!(f, "{} checks failed:", self.0.len())?;
        self.0.iter().try_for_each(|failure| writeln!(f, "- {}: {}", failure.plugin, failure.message))
    }
}

impl std::fmt::Debug for Failures {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl std::error::Error for Failures {}

/// Checks every linked plugin; returns their number.
///
/// # Errors
/// If plugins have faults; the error has all of them, by plugin.
pub fn suite() -> Result<usize, Failures> {
    let mut failures = Vec::new();
    if let Err(error) = registry::check() {
        failures.push(Failure { plugin: "registry".to_owned(), message: error.to_string() });
    }
    let mut checked = 0;
    for family in Family::ALL {
        for plugin in registry::plugins(family) {
            checked += 1;
            failures.extend(failures_of(plugin));
        }
    }
    if failures.is_empty() { Ok(checked) } else { Err(Failures(failures)) }
}

/// Checks the plugins of one family; returns their number.
///
/// # Errors
/// If plugins have faults; the error has all of them, by plugin.
pub fn family(family: Family) -> Result<usize, Failures> {
    let plugins = registry::plugins(family);
    let failures: Vec<_> = plugins.iter().flat_map(|plugin| failures_of(plugin)).collect();
    if failures.is_empty() { Ok(plugins.len()) } else { Err(Failures(failures)) }
}

/// Checks one plugin.
///
/// # Errors
/// If the plugin has faults; the error has all of them.
pub fn plugin(plugin: &Plugin) -> Result<(), Failures> {
    let failures = failures_of(plugin);
    if failures.is_empty() { Ok(()) } else { Err(Failures(failures)) }
}

fn failures_of(plugin: &Plugin) -> Vec<Failure> {
    let mut found = Found::default();
    // Rounding to TF32 would give larger errors than the tolerance.
    found.run("the device", |_| Ok(Device::open()?.set_precision(Precision::F32)?));
    match plugin.family {
        Family::Rule => specs::check::<Box<dyn RuleSpec>>(plugin, &rules::build, &rules::check, &mut found),
        Family::Score => {
            specs::check::<Box<dyn ScoreSpec>>(plugin, &scores::build, &scores::check, &mut found);
        }
        Family::Broadcast => specs::check::<Box<dyn BroadcastSpec>>(
            plugin,
            &|spec| spec.build().map(drop),
            &broadcasts::check,
            &mut found,
        ),
        Family::Layer => {
            specs::check::<Box<dyn LayerSpec>>(plugin, &layers::build, &layers::check, &mut found);
        }
        Family::Preset => specs::check::<Box<dyn EncoderPreset>>(
            plugin,
            &|spec| spec.layers()?.first().map_or(Ok(()), layers::build),
            &|spec, found| match spec.layers() {
                Ok(layers) if layers.is_empty() => found.add("has no layers"),
                Ok(_) => {}
                Err(error) => found.add(format!("the example gives no layers: {error}")),
            },
            &mut found,
        ),
        Family::Stimulus => {
            specs::check::<Box<dyn StimulusSpec>>(plugin, &stimuli::build, &stimuli::check, &mut found);
        }
        Family::Observer => specs::check::<Box<dyn ObserverSpec>>(
            plugin,
            &|spec| spec.build().map(drop),
            &observers::check,
            &mut found,
        ),
        Family::Source => specs::documents(plugin, &mut found),
    }
    let name = format!("{} `{}`", plugin.family.name(), plugin.name);
    found.0.into_iter().map(|message| Failure { plugin: name.clone(), message }).collect()
}

/// The faults of one plugin.
#[derive(Default)]
struct Found(Vec<String>);

impl Found {
    fn add(&mut self, message: impl Into<String>) {
        self.0.push(message.into());
    }

    /// Checks that parameters on a sizing handle have the same names and shapes as real ones, and that no two have the
    /// same name.
    fn same_sizes(&mut self, real: Vec<&mut Parameter>, sized: Vec<&mut Parameter>) {
        let of = |all: Vec<&mut Parameter>| -> Vec<_> {
            all.iter().map(|one| (one.name().to_owned(), one.shape().to_vec(), one.learns())).collect()
        };
        let (real, sized) = (of(real), of(sized));
        let mut names = BTreeSet::new();
        for (name, ..) in real.iter().filter(|(name, ..)| !names.insert(name)) {
            self.add(format!("has two parameters `{name}`, and a checkpoint keeps one of each name"));
        }
        if real != sized {
            self.add(format!(
                "has the parameters {sized:?} before weights are drawn, but {real:?} when it learns"
            ));
        }
    }

    /// Runs `check` and records an error or a panic.
    fn run(&mut self, what: &str, check: impl FnOnce(&mut Self) -> Result<()>) {
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(self)));
        match caught {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.add(format!("{what}: {error}")),
            Err(_) => self.add(format!("{what}: panics")),
        }
    }

    /// Runs `try_it`, which may refuse but must not panic; returns whether it refused.
    fn refuses(&mut self, what: &str, try_it: impl FnOnce() -> Result<()>) -> bool {
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(try_it)) {
            Ok(result) => result.is_err(),
            Err(_) => {
                self.add(format!("{what}: panics instead of returning an error"));
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plasticity_core::broadcast::{BroadcastSignal, Modulation, autodiff};
    use plasticity_core::ops;
    use plasticity_core::pairs::{Pairs, Scores};
    use plasticity_core::registry::Key;
    use plasticity_core::taped::{Matrix, Scalar};

    /// Accepts any key, documents a wrong default, panics at 0, and has a γ of the wrong sign.
    #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
    #[serde(default)]
    struct Faulty {
        rate: i64,
        hidden: bool,
    }

    impl Default for Faulty {
        fn default() -> Self {
            Self { rate: 1, hidden: false }
        }
    }

    #[typetag::serde(name = "faulty")]
    impl BroadcastSpec for Faulty {
        fn build(&self) -> Result<Box<dyn BroadcastSignal>> {
            assert_ne!(self.rate, 0);
            Ok(Box::new(self.clone()))
        }
    }

    impl BroadcastSignal for Faulty {
        fn loss(&self, scores: &Matrix, _: &Pairs) -> Result<Scalar> {
            Ok(scores.sum())
        }

        fn modulation(&mut self, scores: &Scores, pairs: &Pairs) -> Result<Modulation> {
            let mut made = autodiff::modulation(self, scores, pairs)?;
            ops::scale(&mut made.gamma.values, -1.0)?;
            Ok(made)
        }
    }

    #[test]
    fn two_parameters_of_one_name_are_found() {
        let device = Device::open().unwrap();
        let [mut a, mut b] = [(); 2].map(|()| Parameter::plain(&device, "w", &[1], &[0.0]).unwrap());
        let [mut c, mut d] = [(); 2].map(|()| Parameter::plain(&device, "w", &[1], &[0.0]).unwrap());
        let mut found = Found::default();
        found.same_sizes(vec![&mut a], vec![&mut c]);
        assert!(found.0.is_empty(), "{:?}", found.0);
        found.same_sizes(vec![&mut a, &mut b], vec![&mut c, &mut d]);
        assert_eq!(found.0, ["has two parameters `w`, and a checkpoint keeps one of each name"]);
    }

    #[test]
    fn every_fault_of_a_plugin_is_found() {
        let faulty = Plugin {
            family: Family::Broadcast,
            name: "faulty",
            summary: "s",
            equation: r"\gamma",
            citation: "",
            keys: &[Key { name: "rate", default: "2", range: "0..", meaning: "m" }],
            example: "type = \"faulty\"",
            package: "p",
            version: "0",
        };
        let message = plugin(&faulty).unwrap_err().to_string();
        for fault in [
            "has no citation",
            "its equation has a backslash",
            "`hidden` is not documented",
            "`rate`: the documented default differs from the default of the code",
            "accepts an unknown key without an error",
            "`rate` = 0: panics",
            "all pairs, scores up to 2: γ: differs from automatic differentiation by 2.0e0",
        ] {
            assert!(message.contains(fault), "`{fault}` is missing from {message}");
        }
    }
}
