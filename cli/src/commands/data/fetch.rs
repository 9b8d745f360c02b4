//! One archive, from its host to its folder.

use super::catalogue::Archive;
use super::{checksum, download, unpack};
use crate::output;
use plasticity_core::{Error, Result};
use std::path::{Path, PathBuf};

/// Downloads an archive of `host` into the folder `to`, checks it and unpacks it. It uses what is
/// already there: the archive's folder, an archive that was put there by hand, or a downloaded part
/// of it.
///
/// Returns the archive's folder.
pub fn fetch(archive: &Archive<'_>, host: &str, to: &Path, retries: u32) -> Result<PathBuf> {
    let (file, folder) = (to.join(archive.file), to.join(archive.holds));
    if folder.exists() {
        output::note(&format!("{} already exists", folder.display()));
        return Ok(folder);
    }
    std::fs::create_dir_all(to).map_err(|error| Error::file(to, error))?;
    if !file.exists() {
        let url = format!("{}/{}", host.trim_end_matches('/'), archive.file);
        download::download(&url, &file, retries).map_err(|message| {
            let file = file.display();
            let message = format!(
                "{message}; give the same command again to resume. Or download the file by hand (curl -L -C - -o \
                 {file} {url}, or a browser) and give the same command again to check and unpack it"
            );
            Error::file(&url, message)
        })?;
    }
    let md5 = checksum::md5(&file)?;
    match archive.md5 {
        Some(published) if published != md5 => {
            let message = format!(
                "its MD5 is {md5}, expected {published}: it is damaged or another file; delete it and give the \
                 same command again"
            );
            return Err(Error::file(file, message));
        }
        Some(_) => output::note(&format!("{}: the MD5 is correct", file.display())),
        None => {
            output::note(&format!("{}: MD5 {md5}; there is no published MD5 to compare with", file.display()))
        }
    }
    unpack::unpack(&file, to, archive.holds)?;
    output::note(&format!("{} is unpacked; you may delete it", file.display()));
    Ok(folder)
}
