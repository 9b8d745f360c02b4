//! A preset has a name, a citation, and the options in which it differs from `predictive`.

/// A rule spec: [`Options`](super::options::Options) with the preset's defaults.
macro_rules! preset {
    (
        $(#[$doc:meta])*
        $type:ident $name:literal: $summary:literal,
        equation: $equation:literal,
        citation: $citation:literal,
        modules: $modules:literal,
        keys: $keys:expr,
        options: { $($option:ident: $value:expr),* $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Debug, serde::Serialize, serde::Deserialize)]
        #[serde(from = "crate::rule::predictive::options::Overrides")]
        pub struct $type(crate::rule::predictive::options::Options);

        impl From<crate::rule::predictive::options::Overrides> for $type {
            fn from(overrides: crate::rule::predictive::options::Overrides) -> Self {
                let preset = crate::rule::predictive::options::Options {
                    $($option: $value,)*
                    ..crate::rule::predictive::options::Options::default()
                };
                Self(overrides.over(preset))
            }
        }

        impl Default for $type {
            fn default() -> Self {
                crate::rule::predictive::options::Overrides::default().into()
            }
        }

        plasticity_core::plugin! {
            Rule $name: $summary,
            equation: $equation,
            citation: $citation,
            keys: = &$keys,
            example: concat!("type = \"", $name, "\"\nprediction_steps = 2"),
            impl RuleSpec for $type {
                fn build(
                    &self,
                    site: &plasticity_core::plasticity::Site,
                    random: &mut plasticity_core::random::Random,
                ) -> plasticity_core::Result<Box<dyn plasticity_core::plasticity::PlasticityRule>> {
                    let rule = crate::rule::predictive::Predictive::new($name, &self.0, site, random)?;
                    Ok(Box::new(rule))
                }

                fn demands(&self) -> plasticity_core::plasticity::Demands {
                    self.0.demands().with_modules($modules)
                }

                fn compared(&self, target: plasticity_core::representation::RepresentationShape) -> u64 {
                    crate::rule::predictive::steps::compared(&self.0.protocol(0), target)
                }
            }
        }
    };
}

pub(crate) use preset;
