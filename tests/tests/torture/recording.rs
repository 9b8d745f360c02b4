//! The system calls with which a run writes, as `strace` records them.

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

/// A system call that succeeded, on a path in the run or on a file opened there. Paths are relative to the folder above it.
#[derive(Clone, Debug)]
pub enum Call {
    Open {
        path: PathBuf,
        file: i64,
        make: bool,
        empty: bool,
    },
    Write {
        file: i64,
        bytes: Vec<u8>,
    },
    Truncate {
        file: i64,
        length: usize,
    },
    Synchronise {
        file: i64,
    },
    Close {
        file: i64,
    },
    MakeFolder {
        path: PathBuf,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Remove {
        path: PathBuf,
    },
    /// The process is no more, and its files are closed.
    End,
}

/// What `strace` traces: calls that [`calls`] understands, and others that write, which it refuses.
pub const TRACED: &str = "trace=open,openat,creat,write,writev,pwrite64,pwritev,ftruncate,truncate,fallocate,copy_file_range,\
    sendfile,fsync,fdatasync,close,dup,dup2,dup3,rename,renameat,renameat2,mkdir,mkdirat,unlink,unlinkat,rmdir,link,linkat,\
    symlink,symlinkat";

/// The calls in a recording of one process by `strace -f -xx` that touch the folder `run`.
pub fn calls(recording: &str, run: &str) -> Vec<Call> {
    let (mut begun, mut found, mut opened) = (HashMap::new(), Vec::new(), HashSet::new());
    for line in recording.lines() {
        let (thread, text) = line.split_once(' ').expect("a line begins with the thread");
        let text = text.trim_start();
        if let Some(text) = text.strip_suffix("<unfinished ...>") {
            begun.insert(thread, text);
            continue;
        }
        let whole = match text.split_once(" resumed>") {
            Some((_, end)) => {
                begun.remove(thread).expect("a call is begun before it is resumed").to_owned() + end
            }
            None => text.to_owned(),
        };
        // A signal has no result.
        let Some((call, result)) = whole.rsplit_once(" = ") else { continue };
        let result: i64 = result.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(-1);
        if result >= 0 {
            let (name, arguments) = call.split_once('(').expect("a call has arguments");
            let arguments: Vec<&str> =
                arguments.trim_end().trim_end_matches(')').split(", ").map(str::trim).collect();
            found.extend(understood(name, &arguments, result, run, &mut opened));
        }
    }
    found.push(Call::End);
    found
}

fn understood(
    name: &str,
    arguments: &[&str],
    result: i64,
    run: &str,
    opened: &mut HashSet<i64>,
) -> Option<Call> {
    let path = |index: usize| Some(inside(&text(arguments.get(index)?)?, run)).flatten();
    let file = arguments.first().and_then(|word| word.parse::<i64>().ok());
    let file_here = || file.filter(|file| opened.contains(file));
    match name {
        "openat" => {
            opened.remove(&result);
            let path = path(1)?;
            opened.insert(result);
            let has = |flag: &str| arguments[2].split('|').any(|word| word == flag);
            Some(Call::Open { path, file: result, make: has("O_CREAT"), empty: has("O_TRUNC") })
        }
        "write" => {
            let bytes = text(arguments.get(1)?)?;
            Some(Call::Write { file: file_here()?, bytes: bytes[..result as usize].to_vec() })
        }
        "ftruncate" => Some(Call::Truncate { file: file_here()?, length: arguments[1].parse().unwrap() }),
        "fsync" | "fdatasync" => Some(Call::Synchronise { file: file_here()? }),
        "close" => {
            let file = file_here()?;
            opened.remove(&file);
            Some(Call::Close { file })
        }
        "mkdir" => Some(Call::MakeFolder { path: path(0)? }),
        "rename" => Some(Call::Rename { from: path(0)?, to: path(1)? }),
        "unlink" | "rmdir" => Some(Call::Remove { path: path(0)? }),
        _ => {
            let touches = file_here().is_some() || (0..arguments.len()).any(|index| path(index).is_some());
            assert!(!touches, "{name} is not part of the model of a disk");
            None
        }
    }
}

/// The bytes of a string, each written as `\x2f`.
fn text(word: &str) -> Option<Vec<u8>> {
    let inner = word.trim().strip_prefix('"')?.strip_suffix('"').expect("the whole string is recorded");
    Some(inner.split("\\x").skip(1).map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect())
}

/// The path without `.`, where it is the run, in it, or the folder above it.
fn inside(bytes: &[u8], run: &str) -> Option<PathBuf> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let path = Path::new(&text);
    let plain: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
    (plain.starts_with(run) || plain.as_os_str().is_empty()).then_some(plain)
}

#[test]
fn a_call_in_two_parts_is_one_and_others_are_left_out() {
    let recording = concat!(
        "7 openat(AT_FDCWD, \"\\x72\\x2f\\x61\", O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0666) = 4\n",
        "7 write(4, \"\\x68\\x69\", 2 <unfinished ...>\n",
        "8 write(2, \"\\x6f\", 1) = 1\n",
        "7 <... write resumed>) = 2\n",
        "7 mkdir(\"\\x72\\x2f\\x62\", 0777) = -1 EEXIST (File exists)\n",
        "7 fsync(4 <unfinished ...>\n7 <... fsync resumed>) = 0\n",
        "7 close(4) = 0\n7 --- SIGTERM {si_signo=SIGTERM} ---\n",
    );
    let found = format!("{:?}", calls(recording, "r"));
    let expected = "[Open { path: \"r/a\", file: 4, make: true, empty: true }, Write { file: 4, bytes: [104, 105] }, \
                    Synchronise { file: 4 }, Close { file: 4 }, End]";
    assert_eq!(found, expected);
}
