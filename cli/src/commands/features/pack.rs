//! Writes gathered features as NumPy files.

use super::gather::{Array, Gathered};
use super::npy;
use plasticity_core::{Error, Result};
use serde_json::json;
use std::io::{BufWriter, Seek, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// The path of the file with the labels and names of a `.npy` file.
pub fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".json");
    name.into()
}

/// Writes a complete file or none. It never replaces an existing file.
pub fn write_new(path: &Path, write: impl FnOnce(&mut BufWriter<NamedTempFile>) -> Result<()>) -> Result<()> {
    let refused = |error: std::io::Error| Error::file(path, format!("cannot be written: {error}"));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // Only the owner can read a temporary file. This file gets the permissions that the system gives new
    // files.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = BufWriter::new(builder.tempfile_in(folder).map_err(refused)?);
    write(&mut file)?;
    let file = file.into_inner().map_err(|error| refused(error.into_error()))?;
    file.persist_noclobber(path).map_err(|error| refused(error.error))?;
    Ok(())
}

/// Writes one array, and beside it a JSON file with labels, names and axes.
pub fn npy(path: &Path, gathered: Gathered) -> Result<()> {
    let refused = |error: std::io::Error| Error::file(path, format!("cannot be written: {error}"));
    let Gathered { layers, labels, label_shape, stimuli, names, classes, axes, step } = gathered;
    for mut array in layers {
        write_new(path, |file| layer(&mut array, file).map_err(refused))?;
        let text = json!({
            "axes": axes, "shape": array.shape, "layer": array.layer, "step": step, "classes": classes,
            "labels": labels, "label_shape": label_shape, "stimulus": stimuli, "names": names,
        });
        let beside = beside(path);
        write_new(&beside, |file| write!(file, "{text}").map_err(|error| Error::file(&beside, error)))?;
    }
    Ok(())
}

/// Writes all arrays into a ZIP: `layerN`, `input` (for whole maps), `labels`, `stimulus`, `names`,
/// `classes`, `axes` and `step`.
pub fn npz(path: &Path, gathered: Gathered) -> Result<()> {
    let refused = |error: std::io::Error| Error::file(path, format!("cannot be written: {error}"));
    write_new(path, |file| {
        let mut zip = ZipWriter::new(file);
        let options =
            SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored).large_file(true);
        let mut entry = |name: &str, write: &mut dyn FnMut(&mut dyn Write) -> std::io::Result<()>| {
            zip.start_file(format!("{name}.npy"), options)?;
            write(&mut zip)
        };
        let Gathered { mut layers, labels, label_shape, stimuli, names, classes, axes, step } = gathered;
        let mut all = || -> std::io::Result<()> {
            for array in &mut layers {
                entry(&array.name(), &mut |to| layer(array, to))?;
            }
            entry("labels", &mut |to| npy::integers(to, &labels, &label_shape))?;
            entry("stimulus", &mut |to| npy::integers(to, &stimuli, &[stimuli.len()]))?;
            entry("names", &mut |to| npy::texts(to, &names))?;
            entry("classes", &mut |to| npy::texts(to, &classes))?;
            entry("axes", &mut |to| npy::texts(to, &[axes.to_owned()]))?;
            entry("step", &mut |to| npy::integers(to, &[step.cast_signed()], &[1]))
        };
        all().map_err(refused)?;
        zip.finish().map_err(|error| Error::file(path, format!("cannot be written: {error}")))?;
        Ok(())
    })
}

fn layer(array: &mut Array, to: &mut dyn Write) -> std::io::Result<()> {
    npy::header(to, "<f4", &array.shape)?;
    array.values.rewind()?;
    std::io::copy(&mut array.values, to).map(drop)
}
