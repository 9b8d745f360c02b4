//! A full disk: runs on a file system in memory that is too small, then on the same with room.

use super::bench::{Bench, Count};
use std::process::Command;

/// Mounts a file system with the options `$1`, runs the program there, gives the file system room, and runs the program on what is
/// left. The mount is seen by this script alone and ends with it, so the run is copied to the folder `full`.
const SCRIPT: &str = r#"
mkdir -p disk && mount -t tmpfs -o "$1" none disk || exit 77
"$0" train config.toml --out disk/run 2>first.said; echo $? >first.status
mount -o remount,size=4m,nr_inodes=999 disk || exit 77
if [ -f disk/run/config.toml ]; then set -- --resume disk/run; else rm -rf disk/run; set -- config.toml --out disk/run; fi
"$0" train "$@"; status=$?
cp -r disk/run full
exit $status
"#;

/// Starts a program that may mount.
const UNSHARED: [&str; 2] = ["unshare", "-rm"];

/// Whether this process may mount a file system for its own.
pub fn can_mount(bench: &Bench) -> bool {
    let mount = "mkdir -p disk && mount -t tmpfs -o size=4k none disk";
    let mut command = Command::new(UNSHARED[0]);
    let mounted = command.args([UNSHARED[1], "sh", "-c", mount]).current_dir(bench.path("")).output();
    mounted.is_ok_and(|output| output.status.success())
}

/// Runs on file systems with these options of mounting. Met is what ended with an error.
pub fn disks(bench: &Bench, options: &[String]) -> Count {
    let mut count = Count::default();
    for option in options {
        let starter = [&UNSHARED[..], &["sh", "-c", SCRIPT]].concat();
        let output = bench.under(&starter, &[option]).output().unwrap();
        let read = |name: &str| std::fs::read_to_string(bench.path(name)).unwrap();
        let (status, said) = (read("first.status"), read("first.said"));
        let full =
            status.trim() == "1" && said.contains("error: ") && said.contains("No space left on device");
        let clear = (full || status.trim() == "0") && !said.contains("panicked");
        if !clear {
            println!("on a disk of {option}: status {}: {said}", status.trim());
        }
        count.tried += 1;
        count.met += u64::from(full);
        count.lost += u64::from(!clear) + u64::from(!bench.is_whole("full", &output));
        std::fs::remove_dir_all(bench.path("full")).unwrap();
    }
    count
}
