//! Fetches from a host on this machine, and not from the official hosts.

mod archives;
mod server;

use super::catalogue::{Archive, DataSet};
use super::download::part;
use super::fetch::fetch;
use super::rar::unpack_by;
use archives::{escaping, link, linked, tar_gz, zip};
use md5::{Digest, Md5};
use server::{Answer, Server};
use std::fs;
use std::path::Path;

const GZ: Archive<'_> =
    Archive { part: "all", host: "", file: "set.tar.gz", md5: None, holds: "set/part", needed: true };

/// A program that unpacks what the tests call RAR.
const UNPACKER: &[&str] = &["tar", "-xzf", "FILE", "-C", "DIR/"];

fn sum(content: &[u8]) -> String {
    Md5::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The error message of fetching. Also checks that nothing like the archive's folder is left.
fn fails(archive: Archive<'_>, server: &Server, to: &Path) -> String {
    let message = fetch(&archive, &server.url, to, 1).unwrap_err().to_string();
    assert!(!to.join(archive.holds).exists());
    message
}

#[test]
fn an_archive_is_downloaded_checked_and_unpacked() {
    let content = tar_gz(&[("set/part/a.bin", b"one"), ("set/README", b"two")]);
    let md5 = sum(&content);
    let (server, to) = (Server::new(content, &[Answer::All]), tempfile::tempdir().unwrap());
    let archive = Archive { md5: Some(&md5), ..GZ };
    let folder = fetch(&archive, &server.url, to.path(), 0).unwrap();
    assert_eq!(fs::read(folder.join("a.bin")).unwrap(), b"one");
    assert_eq!(fs::read(to.path().join("set/README")).unwrap(), b"two");
    assert_eq!(server.asked(), ["/folder/set.tar.gz"]);
    let mut left: Vec<_> = fs::read_dir(to.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["set", "set.tar.gz"]);
    // Again: everything is there, and no host is asked.
    fetch(&archive, &server.url, to.path(), 0).unwrap();
    fs::remove_dir_all(to.path().join("set")).unwrap();
    fetch(&archive, &server.url, to.path(), 0).unwrap();
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn a_connection_that_breaks_off_goes_on_where_it_was() {
    let content = tar_gz(&[("set/part/a.bin", &[7; 5000])]);
    let md5 = sum(&content);
    let answers = [Answer::Cut(40), Answer::Status("503 Busy"), Answer::Cut(20), Answer::All];
    let (server, to) = (Server::new(content, &answers), tempfile::tempdir().unwrap());
    fetch(&Archive { md5: Some(&md5), ..GZ }, &server.url, to.path(), 1).unwrap();
    let path = "/folder/set.tar.gz";
    let asked = ["", " from 40", " from 40", " from 60"].map(|from| format!("{path}{from}"));
    assert_eq!(server.asked(), asked);
}

#[test]
fn a_command_that_was_stopped_goes_on_where_it_was() {
    let content = tar_gz(&[("set/part/a.bin", b"one")]);
    let md5 = sum(&content);
    for have in [10, content.len()] {
        let to = tempfile::tempdir().unwrap();
        fs::write(part(&to.path().join(GZ.file)), &content[..have]).unwrap();
        let server = Server::new(content.clone(), &[Answer::All]);
        fetch(&Archive { md5: Some(&md5), ..GZ }, &server.url, to.path(), 0).unwrap();
        assert_eq!(server.asked(), [format!("/folder/set.tar.gz from {have}")]);
    }
}

#[test]
fn a_host_without_ranges_is_asked_for_all_of_it_again_but_not_for_ever() {
    let content = tar_gz(&[("set/part/a.bin", b"one")]);
    let (md5, whole) = (sum(&content), content.len());
    let to = tempfile::tempdir().unwrap();
    let server = Server::new(content.clone(), &[Answer::NoRanges(30), Answer::NoRanges(whole)]);
    fetch(&Archive { md5: Some(&md5), ..GZ }, &server.url, to.path(), 1).unwrap();
    let (server, to) = (Server::new(content, &[Answer::NoRanges(30)]), tempfile::tempdir().unwrap());
    fails(GZ, &server, to.path());
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn errors_say_what_to_do_by_hand() {
    let content = tar_gz(&[("set/part/a.bin", b"one")]);
    let to = tempfile::tempdir().unwrap();
    let file = to.path().join(GZ.file);
    let server = Server::new(content.clone(), &[Answer::Status("404 Not Found")]);
    let message = fails(GZ, &server, to.path());
    assert_eq!(server.asked().len(), 1, "a file that is not there is not asked for again");
    for word in ["404", &format!("curl -L -C - -o {} {}/set.tar.gz", file.display(), server.url)] {
        assert!(message.contains(word), "{message}");
    }
    // Now by hand: the file is checked and unpacked, and the host is not asked.
    fs::write(&file, &content).unwrap();
    fetch(&GZ, &server.url, to.path(), 0).unwrap();
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn a_wrong_checksum_is_an_error() {
    let (content, to) = (tar_gz(&[("set/part/a.bin", b"one")]), tempfile::tempdir().unwrap());
    let other = sum(b"another file");
    let server = Server::new(content.clone(), &[Answer::All]);
    let message = fails(Archive { md5: Some(&other), ..GZ }, &server, to.path());
    assert!(message.contains(&other) && message.contains(&sum(&content)) && message.contains("delete"));
}

#[test]
fn archives_that_lead_out_of_their_folder_or_are_damaged_are_not_unpacked() {
    let whole = tar_gz(&[("set/part/a.bin", &[7; 5000])]);
    let zipped = zip(&[("set/part/a.bin", b"one"), ("../out", b"two")]);
    let gz_cases = [
        (escaping("../out"), "../out"),
        (escaping("/out"), "/out"),
        (link("set/part", "/"), "set/part"),
        (whole[..whole.len() - 20].to_vec(), "damaged"),
        (b"<html>404</html>".to_vec(), "damaged"),
        (tar_gz(&[("other/a", b"one")]), "the folder set/part"),
    ];
    let cases = gz_cases.into_iter().map(|(content, word)| (GZ, content, word));
    let zips = [(Archive { file: "set.zip", ..GZ }, zipped, "../out")];
    for (archive, content, word) in cases.chain(zips) {
        let to = tempfile::tempdir().unwrap();
        let inner = to.path().join("inner");
        let message = fails(archive, &Server::new(content, &[Answer::All]), &inner);
        assert!(message.contains(word) && message.contains(archive.file), "{word}: {message}");
        assert!(!to.path().join("out").exists());
        let left: Vec<_> = fs::read_dir(&inner).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [archive.file], "only the archive is there");
    }
}

#[test]
fn a_zip_is_unpacked_beside_what_is_there() {
    let to = tempfile::tempdir().unwrap();
    fs::create_dir_all(to.path().join("set")).unwrap();
    fs::write(to.path().join("set/README"), b"mine").unwrap();
    let content = zip(&[("set/part/a.bin", b"one"), ("set/README", b"two")]);
    let server = Server::new(content, &[Answer::All]);
    fetch(&Archive { file: "set.zip", ..GZ }, &server.url, to.path(), 0).unwrap();
    assert_eq!(fs::read(to.path().join("set/part/a.bin")).unwrap(), b"one");
    assert_eq!(fs::read(to.path().join("set/README")).unwrap(), b"mine");
}

#[test]
fn a_rar_is_unpacked_by_the_first_program_that_can() {
    let folder = tempfile::tempdir().unwrap();
    let (file, to) = (folder.path().join("DIR.rar"), folder.path().join("to"));
    fs::write(&file, tar_gz(&[("set/part/a.bin", b"one")])).unwrap();
    let absent: &[&str] = &["plasticity-no-such-program", "FILE"];
    let message = unpack_by(&[absent], &file, &to).unwrap_err().to_string();
    assert!(message.contains("install"), "{message}");
    let message = unpack_by(&[absent, &["false"]], &file, &to).unwrap_err().to_string();
    assert!(message.contains("false ended with") && message.contains("DIR.rar"), "{message}");
    unpack_by(&[absent, &["false"], UNPACKER], &file, &to).unwrap();
    assert_eq!(fs::read(to.join("set/part/a.bin")).unwrap(), b"one");
}

#[cfg(unix)]
#[test]
fn links_in_a_rar_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (file, to) = (folder.path().join("set.rar"), folder.path().join("to"));
    for kind in [tar::EntryType::Symlink, tar::EntryType::Link] {
        fs::write(&file, linked(kind)).unwrap();
        let message = unpack_by(&[UNPACKER], &file, &to).unwrap_err().to_string();
        assert!(message.contains("contains b, which is a link"), "{message}");
    }
    // What a program leaves that fails is gone before the next begins.
    let leaves: &[&str] = &["sh", "-c", "ln -s /tmp DIR/left; false"];
    fs::write(&file, tar_gz(&[("set/part/a.bin", b"one")])).unwrap();
    unpack_by(&[leaves, UNPACKER], &file, &to).unwrap();
    assert!(!to.join("left").exists());
}

#[test]
fn the_catalogue_is_one_of_files_and_folders() {
    for set in [DataSet::Stl10, DataSet::Librispeech, DataSet::Ucf101] {
        assert!(!set.archives(&[]).unwrap().is_empty());
        let error = set.archives(&["absent".to_owned()]).unwrap_err().to_string();
        let parts: Vec<String> = error.rsplit(": ").next().unwrap().split(", ").map(str::to_owned).collect();
        for archive in set.archives(&parts).unwrap() {
            assert!(archive.host.starts_with("http") && !archive.host.ends_with('/'));
            assert!(
                archive.md5.is_none_or(|md5| md5.len() == 32 && md5.bytes().all(|b| b.is_ascii_hexdigit()))
            );
            assert!([".tar.gz", ".zip", ".rar"].iter().any(|end| archive.file.ends_with(end)));
        }
    }
}
