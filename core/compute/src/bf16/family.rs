//! The family of kernels that multiplies bfloat16 operands in this process.

use super::Kernel;
#[cfg(target_arch = "x86_64")]
use super::guard;
use crate::error::{Error, Result};
use std::sync::OnceLock;

/// The environment variable that names a family, for tests and comparisons: `amx`, `avx512`, `plain` or `rounded`.
const VARIABLE: &str = "PLASTICITY_BF16";

/// A family of kernels for bfloat16 operands. Families sum in different orders, so they round differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Tiles of Intel's Advanced Matrix Extensions (since Sapphire Rapids).
    Amx,
    /// `vdpbf16ps` of AVX-512 BF16 (AMD since Zen 4, Intel Cooper Lake and since Sapphire Rapids). On Intel processors
    /// it is slower than `f32`, so there it must be named.
    Avx512,
    /// Products in plain Rust: slow; tests compare the other families with it. For some layers it takes another
    /// algorithm than they, with other roundings.
    Plain,
    /// Operands are rounded and multiplied by the kernels for `f32`: any processor.
    Rounded,
}

impl Family {
    /// All families.
    const ALL: [Self; 4] = [Self::Amx, Self::Avx512, Self::Plain, Self::Rounded];

    /// The family of this process: the one that the environment variable `PLASTICITY_BF16` names, or else the
    /// fastest one that works here. It is selected once.
    ///
    /// # Errors
    /// If the variable names an unknown family, or one that does not work here.
    pub fn found() -> Result<Self> {
        let (family, _) = choice().as_ref().map_err(|message| Error::setting(VARIABLE, message))?;
        Ok(*family)
    }

    /// As [`found`](Self::found), after it has succeeded.
    pub(crate) fn here() -> Self {
        choice().as_ref().map_or(Self::Rounded, |(family, _)| *family)
    }

    /// The kernel of the process's family; none for rounded operands.
    pub(crate) fn kernel(self) -> Option<Kernel> {
        choice().as_ref().ok().filter(|(family, _)| *family == self).and_then(|(_, kernel)| *kernel)
    }

    /// Its name in [`VARIABLE`].
    fn word(self) -> &'static str {
        match self {
            Self::Amx => "amx",
            Self::Avx512 => "avx512",
            Self::Plain => "plain",
            Self::Rounded => "rounded",
        }
    }

    /// Its kernel, if it has one.
    ///
    /// # Errors
    /// If it does not run here; the error gives the reason.
    pub(crate) fn try_here(self) -> Result<Option<Kernel>, Refusal> {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Amx => guard::amx().map(Some),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => guard::avx512().map(Some),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Amx | Self::Avx512 => Err(Refusal::Absent),
            Self::Plain => Ok(Some(Kernel::plain())),
            Self::Rounded => Ok(None),
        }
    }
}

impl std::fmt::Display for Family {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Amx => "AMX tiles",
            Self::Avx512 => "AVX-512 BF16",
            Self::Plain => "plain sums",
            Self::Rounded => "rounded operands, f32 kernels",
        })
    }
}

/// Why a family does not run here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The processor does not have its instructions, or the system does not know them.
    Absent,
    /// The processor reports the instructions, but they do not work or could not be tested.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "nothing is promised there"))]
    Broken(String),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Absent => "this processor or system does not have it",
            Self::Broken(why) => why,
        })
    }
}

/// The family of this process and its kernel, or why there is none.
fn choice() -> &'static Result<(Family, Option<Kernel>), String> {
    static CHOICE: OnceLock<Result<(Family, Option<Kernel>), String>> = OnceLock::new();
    CHOICE.get_or_init(|| match std::env::var(VARIABLE) {
        Ok(word) => named(&word),
        Err(_) => Ok(fastest()),
    })
}

/// The family with this name, and its kernel.
fn named(word: &str) -> Result<(Family, Option<Kernel>), String> {
    let words = Family::ALL.map(Family::word).join(", ");
    let family = Family::ALL.into_iter().find(|family| family.word() == word);
    let family = family.ok_or_else(|| format!("expected one of {words}, got {word:?}"))?;
    let kernel = family.try_here().map_err(|why| format!("{family} is not to be had: {why}"))?;
    Ok((family, kernel))
}

/// The fastest family that works. Prints a warning if the processor reports one that does not work.
fn fastest() -> (Family, Option<Kernel>) {
    for family in [Family::Amx, Family::Avx512] {
        if family == Family::Avx512 && !gains() {
            continue;
        }
        match family.try_here() {
            Ok(kernel) => return (family, kernel),
            Err(Refusal::Absent) => {}
            Err(why) => tracing::warn!("{family} is not used: {why}"),
        }
    }
    (Family::Rounded, None)
}

/// Whether AVX-512 BF16 is faster than `f32` on this processor.
fn gains() -> bool {
    #[cfg(target_arch = "x86_64")]
    return guard::gains(guard::vendor());
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn avx512_is_chosen_only_where_it_is_faster() {
        let (family, kernel) = fastest();
        assert_eq!(family.try_here(), Ok(kernel));
        assert!(family != Family::Avx512 || gains());
        assert!(family != Family::Rounded || !gains() || Family::Avx512.try_here().is_err());
    }

    #[test]
    fn a_name_gives_its_family_or_says_what_there_is() {
        assert_eq!(named("rounded"), Ok((Family::Rounded, None)));
        assert_eq!(named("plain"), Ok((Family::Plain, Some(Kernel::plain()))));
        let unknown = named("vnni").unwrap_err();
        assert_eq!(unknown, "expected one of amx, avx512, plain, rounded, got \"vnni\"");
        for family in [Family::Amx, Family::Avx512] {
            match family.try_here() {
                Ok(kernel) => assert_eq!(named(family.word()), Ok((family, kernel))),
                Err(why) => {
                    let refused = named(family.word()).unwrap_err();
                    assert_eq!(refused, format!("{family} is not to be had: {why}"));
                }
            }
        }
    }
}
