//! Small archives, good and bad.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;

/// A `.tar.gz` of files.
pub fn tar_gz(files: &[(&str, &[u8])]) -> Vec<u8> {
    packed(|archive| {
        for (path, content) in files {
            let mut header = header(content.len(), tar::EntryType::Regular);
            archive.append_data(&mut header, path, *content).unwrap();
        }
    })
}

/// A `.tar.gz` with an entry of any path, even one that the packer itself would refuse.
pub fn escaping(path: &str) -> Vec<u8> {
    packed(|archive| {
        let mut header = header(3, tar::EntryType::Regular);
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        archive.append(&header, &b"out"[..]).unwrap();
    })
}

/// A `.tar.gz` with a symbolic link.
pub fn link(path: &str, to: &str) -> Vec<u8> {
    packed(|archive| archive.append_link(&mut header(0, tar::EntryType::Symlink), path, to).unwrap())
}

/// A `.tar.gz` with the file `a` and the link `b` to it.
pub fn linked(kind: tar::EntryType) -> Vec<u8> {
    packed(|archive| {
        archive.append_data(&mut header(3, tar::EntryType::Regular), "a", &b"one"[..]).unwrap();
        archive.append_link(&mut header(0, kind), "b", "a").unwrap();
    })
}

fn header(size: usize, kind: tar::EntryType) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size as u64);
    header.set_mode(0o644);
    header.set_entry_type(kind);
    header.set_cksum();
    header
}

fn packed(fill: impl FnOnce(&mut tar::Builder<GzEncoder<Vec<u8>>>)) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    fill(&mut archive);
    archive.into_inner().unwrap().finish().unwrap()
}

/// A `.zip` of files.
pub fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in files {
        archive.start_file(*path, SimpleFileOptions::default()).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}
