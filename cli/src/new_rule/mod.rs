//! `plasticity new-rule NAME`: writes a crate with an example rule that builds, passes its tests and trains.

use plasticity_core::{Error, Result};
use std::path::{Path, PathBuf};

/// The files of the crate, with placeholders `{name}`, `{crate_name}`, `{Type}` and the dependencies.
const FILES: [(&str, &str); 6] = [
    ("Cargo.toml", include_str!("template/Cargo.toml.template")),
    ("config.toml", include_str!("template/config.toml")),
    ("src/lib.rs", include_str!("template/src/lib.rs")),
    ("src/main.rs", include_str!("template/src/main.rs")),
    ("tests/suite.rs", include_str!("template/tests/suite.rs")),
    (".gitignore", "target/\nruns/\n"),
];

/// Writes the crate into `folder`/`name` and returns where it is.
///
/// # Errors
/// If the name is not a crate name, a registered rule has it, or the folder already exists.
pub fn write(name: &str, folder: &Path) -> Result<PathBuf> {
    let fits = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-');
    let reserved = RESERVED.split_whitespace().any(|word| word == name.replace('-', "_"));
    if !fits || reserved || name.starts_with("plasticity") {
        let message = "cannot be the name of a crate and a rule: start with a lower-case letter, use only \
                       lower-case letters, digits, `_` and `-`, and no word reserved by Rust, cargo or this \
                       toolkit";
        return Err(Error::config(format!("`{name}`"), message));
    }
    let taken = plasticity_core::registry::plugins(plasticity_core::registry::Family::Rule);
    if let Some(plugin) = taken.iter().find(|plugin| plugin.name == name) {
        return Err(Error::config(
            format!("`{name}`"),
            format!("crate `{}` has a rule of this name", plugin.package),
        ));
    }
    let crate_folder = folder.join(name);
    if crate_folder.exists() {
        return Err(Error::file(crate_folder, "already exists: choose another name, or remove it"));
    }
    for (file, text) in FILES {
        let path = crate_folder.join(file);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| Error::file(parent, error))?;
        }
        std::fs::write(&path, fill(text, name)).map_err(|error| Error::file(&path, error))?;
    }
    Ok(crate_folder)
}

/// Words that cannot be the name of a package or crate, and words whose type would hide a type that the template uses.
const RESERVED: &str = "
    as async await become box break const continue crate do dyn else enum extern false final fn for gen if impl in let
    loop macro match mod move mut override priv pub ref return self static struct super trait true try type typeof
    unsafe unsized use virtual where while yield abstract
    alloc build core deps examples incremental proc_macro registry std test aux con nul prn
    serde typetag
    clone debug default deserialize draws err error learner loss_rule ok option parameter plasticity_rule random result
    rule_spec scalar serialize side site string taped vec
";

fn fill(text: &str, name: &str) -> String {
    let type_name: String = name
        .split(['_', '-'])
        .map(|word| {
            let mut letters = word.chars();
            letters
                .next()
                .map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
                .unwrap_or_default()
        })
        .collect();
    text.replace("{name}", name)
        .replace("{crate_name}", &name.replace('-', "_"))
        .replace("{Type}", &type_name)
        .replace("{plasticity}", &dependency(env!("CARGO_MANIFEST_DIR")))
        .replace("{plasticity-core}", &dependency(concat!(env!("CARGO_MANIFEST_DIR"), "/../core")))
        .replace("{plasticity-suite}", &dependency(concat!(env!("CARGO_MANIFEST_DIR"), "/../core/suite")))
}

/// The sources from which this program was built, if they are still on this machine; else the released version.
fn dependency(source: &str) -> String {
    let source = Path::new(source);
    match source.canonicalize() {
        Ok(path) if path.join("Cargo.toml").is_file() => format!("path = {:?}", path.display().to_string()),
        _ => format!("version = {:?}", env!("CARGO_PKG_VERSION")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_is_written_once_and_bad_names_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let made = write("my_rule-2", folder.path()).unwrap();
        let main = std::fs::read_to_string(made.join("src/main.rs")).unwrap();
        assert!(main.starts_with("use my_rule_2 as _;"));
        let rule = std::fs::read_to_string(made.join("src/lib.rs")).unwrap();
        assert!(rule.contains("pub struct MyRule2 {") && rule.contains("Rule \"my_rule-2\""));
        assert!(write("my_rule-2", folder.path()).unwrap_err().to_string().contains("already exists"));
        for bad in [
            "",
            "2x",
            "A",
            "a b",
            "../x",
            "core",
            "match",
            "self",
            "registry",
            "result",
            "rule-spec",
            "plasticity-core",
        ] {
            assert!(write(bad, folder.path()).is_err(), "{bad}");
        }
    }
}
