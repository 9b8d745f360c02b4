//! Takes machine code of the CUDA kernels into the build, where `PLASTICITY_KERNELS` names a folder of it
//! (`scripts/gpu-kernels --out`). Without it, kernels are compiled at run time.

use std::env::{var, var_os};
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=PLASTICITY_KERNELS");
    if var_os("CARGO_FEATURE_CUDA").is_none() {
        return Ok(());
    }
    let images = match var_os("PLASTICITY_KERNELS") {
        Some(folder) => images(Path::new(&folder))?,
        None => String::new(),
    };
    let table = PathBuf::from(var("OUT_DIR")?).join("kernels.rs");
    Ok(fs::write(table, format!("&[\n{images}]\n"))?)
}

/// A line of Rust for every file `NAME.FINGERPRINT.sm_ARCH.cubin` of the folder.
fn images(folder: &Path) -> Result<String, Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut lines = String::new();
    for entry in fs::read_dir(folder)? {
        let path = fs::canonicalize(entry?.path())?;
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let parts: Vec<&str> = file.split('.').collect();
        let &[name, fingerprint, arch, "cubin"] = &parts[..] else { continue };
        let arch: u32 = arch.trim_start_matches("sm_").parse()?;
        writeln!(
            lines,
            "Image {{ name: {name:?}, source: 0x{fingerprint}, arch: {arch}, code: include_bytes!({path:?}) }},"
        )?;
    }
    Ok(lines)
}
