//! Unpacks RAR archives with an installed program: there is no free packer for the format, and few readers.

use super::unpack::outside;
use plasticity_core::{Error, Result};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};

/// Programs that read RAR, with their arguments; FILE and DIR stand for the archive and the folder.
const PROGRAMS: [&[&str]; 5] = [
    &["unrar", "x", "-y", "-idq", "FILE", "DIR/"],
    &["unar", "-quiet", "-force-overwrite", "-no-directory", "-output-directory", "DIR", "FILE"],
    &["bsdtar", "-x", "-f", "FILE", "-C", "DIR"],
    &["7zz", "x", "-y", "-bd", "-oDIR", "FILE"],
    &["7z", "x", "-y", "-bd", "-oDIR", "FILE"],
];

/// Unpacks by the first program that is installed and can.
pub fn unpack(archive: &Path, to: &Path) -> Result<()> {
    unpack_by(&PROGRAMS, archive, to)
}

/// Unpacks by the first of these programs that is installed and can, into a folder that is emptied for each. The programs
/// differ in what they make of links, so these are refused after unpacking.
pub fn unpack_by(programs: &[&[&str]], archive: &Path, to: &Path) -> Result<()> {
    let mut failed = Vec::new();
    for program in programs {
        // A link that one program left must not lead another out of the folder.
        let emptied = if to.exists() { fs::remove_dir_all(to) } else { Ok(()) };
        emptied.and_then(|()| fs::create_dir_all(to)).map_err(|error| Error::file(to, error))?;
        match run(program, archive, to) {
            Ok(()) => return refuse_links(archive, to, to),
            Err(Some(message)) => failed.push(message),
            Err(None) => {}
        }
    }
    let message = if failed.is_empty() {
        "cannot be unpacked without a program that reads RAR: install unrar, unar, bsdtar or 7z (Debian and \
         Ubuntu: apt install unar; macOS: brew install unar) and give the same command again"
            .to_owned()
    } else {
        format!("cannot be unpacked: {}; try another of unrar, unar, bsdtar, 7z", failed.join("; "))
    };
    Err(Error::file(archive, message))
}

/// An error without a message means that the program is not installed.
fn run(program: &[&str], archive: &Path, to: &Path) -> Result<(), Option<String>> {
    let [name, arguments @ ..] = program else { return Err(None) };
    let (file, folder) = (archive.to_string_lossy(), to.to_string_lossy());
    let arguments = arguments.iter().map(|argument| match *argument {
        "FILE" => file.to_string(),
        other => other.replace("DIR", &folder),
    });
    let output = Command::new(name).args(arguments).stdin(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let said = [output.stderr, output.stdout].concat();
            let said = String::from_utf8_lossy(&said);
            let last = said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("no word");
            Err(Some(format!("{name} ended with {}: {last}", output.status)))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Err(None),
        Err(error) => Err(Some(format!("{name}: {error}"))),
    }
}

/// Refuses links, and whatever else is neither a file with one name nor a folder.
fn refuse_links(archive: &Path, unpacked: &Path, folder: &Path) -> Result<()> {
    let broken = |error| Error::file(folder, error);
    for entry in fs::read_dir(folder).map_err(broken)? {
        let path = entry.map_err(broken)?.path();
        let metadata = fs::symlink_metadata(&path).map_err(broken)?;
        if metadata.is_dir() {
            refuse_links(archive, unpacked, &path)?;
        } else if !metadata.is_file() || names(&metadata) > 1 {
            return Err(outside(archive, path.strip_prefix(unpacked).unwrap_or(&path)));
        }
    }
    Ok(())
}

/// How many names a file has.
#[cfg(unix)]
fn names(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(metadata)
}

/// How many names a file has: not told here.
#[cfg(not(unix))]
fn names(_: &fs::Metadata) -> u64 {
    1
}
