//! Tells the program which commit it is built from, where it is built from one.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=PLASTICITY_COMMIT");
    let own = std::env::var("PLASTICITY_COMMIT").ok().filter(|commit| !commit.is_empty());
    let commit = own.or_else(packaged).or_else(checked_out);
    println!("cargo:rustc-env=PLASTICITY_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
}

fn root() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default())
}

/// The commit that a published crate was made from, as `cargo package` writes it down.
fn packaged() -> Option<String> {
    println!("cargo:rerun-if-changed=build.rs");
    let text = std::fs::read_to_string(root().join(".cargo_vcs_info.json")).ok()?;
    let after = text.split_once("\"sha1\"")?.1;
    let commit = after.split('"').nth(1)?;
    (!commit.is_empty() && commit.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| commit.to_owned())
}

/// The commit of the checkout that this crate lies in, and not of another repository around it.
fn checked_out() -> Option<String> {
    let workspace = root().parent()?.canonicalize().ok()?;
    let git = |arguments: &[&str]| -> Option<String> {
        let output = Command::new("git").args(arguments).current_dir(&workspace).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    if Path::new(&git(&["rev-parse", "--show-toplevel"])?).canonicalize().ok()? != workspace {
        return None;
    }
    // Sources, and what moves with every commit.
    for path in ["core", "rules", "encoders", "modalities", "cli/src", "Cargo.lock"] {
        println!("cargo:rerun-if-changed={}", workspace.join(path).display());
    }
    for name in ["HEAD", "logs/HEAD"] {
        let path = workspace.join(git(&["rev-parse", "--git-path", name])?);
        if path.exists() {
            println!("cargo:rerun-if-changed={}", path.display());
        }
    }
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changed.is_empty() { commit } else { format!("{commit}+changes") })
}
