//! Full names of parameters.

/// Full names of parameters: `layer.I.NAME` and `module.M.NAME`, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A layer.
    Layer(usize),
    /// The rule of a module.
    Module(usize),
}

impl Owner {
    /// The owner in a full name, and the parameter's own name.
    pub fn of(name: &str) -> Option<(Self, &str)> {
        let (word, rest) = name.split_once('.')?;
        let (index, own) = rest.split_once('.')?;
        let index = index.parse().ok()?;
        match word {
            "layer" => Some((Self::Layer(index), own)),
            "module" => Some((Self::Module(index), own)),
            _ => None,
        }
    }

    /// The full name of a parameter with this own name.
    pub fn full(self, own: &str) -> String {
        match self {
            Self::Layer(index) => format!("layer.{index}.{own}"),
            Self::Module(index) => format!("module.{index}.{own}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_name_has_an_owner_and_an_own_name() {
        for (name, owner, own) in [
            ("layer.3.weight", Owner::Layer(3), "weight"),
            ("module.0.predict.2", Owner::Module(0), "predict.2"),
        ] {
            assert_eq!(Owner::of(name), Some((owner, own)));
            assert_eq!(owner.full(own), name);
        }
        for name in ["layer.3", "layer.one.weight", "optimiser.0.layer.3.weight.1", "weight", ""] {
            assert_eq!(Owner::of(name), None, "{name}");
        }
    }
}
