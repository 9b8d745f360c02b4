//! A disk that loses what is not synchronised when the power goes.
//!
//! `fsync` and `fdatasync` bring a file's bytes to the disk, and `fsync` of a folder its entries; a file's bytes do not bring
//! its name. All else may be there or not.

use super::recording::Call;
use plasticity_core::random::Random;
use rand::RngExt;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// What is lost of that which is not synchronised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    All,
    /// The bytes of each file as chance has it, and the last changes of each folder, as with a journal.
    Ordered,
    /// The same, and any changes of each folder; of a renaming also one half.
    Unordered,
}

/// What lies on a disk: files with their bytes, and folders.
pub type Tree = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// As it is, and as it is on the disk.
enum Node {
    File { now: Vec<u8>, disk: Vec<u8> },
    Folder { now: Entries, disk: Entries, pending: Vec<Vec<Change>> },
}

type Entries = BTreeMap<String, usize>;

#[derive(Clone)]
enum Change {
    Add(String, usize),
    Remove(String),
}

/// A disk after some calls. The first node is the folder above the run.
pub struct Disk {
    nodes: Vec<Node>,
    files: HashMap<i64, usize>,
}

impl Disk {
    pub fn after(calls: &[Call]) -> Self {
        let mut disk = Self { nodes: vec![folder()], files: HashMap::new() };
        calls.iter().for_each(|call| disk.call(call));
        disk
    }

    /// What is left where the power goes now.
    pub fn survivor(&self, loss: Loss, random: &mut Random) -> Tree {
        let mut tree = Tree::new();
        self.collect(0, Path::new(""), loss, random, &mut tree);
        tree
    }

    fn collect(&self, node: usize, path: &Path, loss: Loss, random: &mut Random, tree: &mut Tree) {
        match &self.nodes[node] {
            Node::File { now, disk } => {
                tree.insert(path.to_owned(), Some(survived(now, disk, loss, random)));
            }
            Node::Folder { disk, pending, .. } => {
                tree.insert(path.to_owned(), None);
                let kept = match loss {
                    Loss::All => 0,
                    Loss::Ordered => random.random_range(0..=pending.len()),
                    Loss::Unordered => pending.len(),
                };
                let changes = pending[..kept].iter().flatten();
                let mut entries = disk.clone();
                changes
                    .filter(|_| loss != Loss::Unordered || random.random())
                    .for_each(|change| apply(change, &mut entries));
                for (name, node) in &entries {
                    self.collect(*node, &path.join(name), loss, random, tree);
                }
            }
        }
    }

    fn call(&mut self, call: &Call) {
        match call {
            Call::Open { path, file, make, empty } => {
                if *make && self.node(path).is_none() {
                    self.add(path, Node::File { now: Vec::new(), disk: Vec::new() });
                }
                let node = self.node(path).expect("what is opened is there");
                if *empty && let Node::File { now, .. } = &mut self.nodes[node] {
                    now.clear();
                }
                self.files.insert(*file, node);
            }
            // The program writes at the end of a file and nowhere else.
            Call::Write { file, bytes } => self.opened(*file).extend(bytes),
            Call::Truncate { file, length } => self.opened(*file).resize(*length, 0),
            Call::Synchronise { file } => match &mut self.nodes[self.files[file]] {
                Node::File { now, disk } => disk.clone_from(now),
                Node::Folder { now, disk, pending } => {
                    disk.clone_from(now);
                    pending.clear();
                }
            },
            Call::Close { file } => drop(self.files.remove(file)),
            Call::MakeFolder { path } => self.add(path, folder()),
            Call::Rename { from, to } => {
                assert_eq!(
                    from.parent(),
                    to.parent(),
                    "renaming into another folder is not part of the model"
                );
                let node = self.node(from).expect("what is renamed is there");
                self.change(to, vec![Change::Add(name(to), node), Change::Remove(name(from))]);
            }
            Call::Remove { path } => self.change(path, vec![Change::Remove(name(path))]),
            Call::End => self.files.clear(),
        }
    }

    fn node(&self, path: &Path) -> Option<usize> {
        path.iter().try_fold(0, |node, name| match &self.nodes[node] {
            Node::Folder { now, .. } => now.get(name.to_str()?).copied(),
            Node::File { .. } => None,
        })
    }

    fn opened(&mut self, file: i64) -> &mut Vec<u8> {
        match &mut self.nodes[self.files[&file]] {
            Node::File { now, .. } => now,
            Node::Folder { .. } => panic!("a folder is written to"),
        }
    }

    fn add(&mut self, path: &Path, node: Node) {
        self.nodes.push(node);
        self.change(path, vec![Change::Add(name(path), self.nodes.len() - 1)]);
    }

    /// Changes the folder of a path, until it is synchronised only now.
    fn change(&mut self, path: &Path, changes: Vec<Change>) {
        let above = self.node(path.parent().expect("a path in the folder")).expect("its folder is there");
        if let Node::Folder { now, pending, .. } = &mut self.nodes[above] {
            changes.iter().for_each(|change| apply(change, now));
            pending.push(changes);
        }
    }
}

fn folder() -> Node {
    Node::Folder { now: Entries::new(), disk: Entries::new(), pending: Vec::new() }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

fn apply(change: &Change, entries: &mut Entries) {
    match change {
        Change::Add(name, node) => drop(entries.insert(name.clone(), *node)),
        Change::Remove(name) => drop(entries.remove(name)),
    }
}

/// The bytes of a file of which `disk` is synchronised: those, all, the first of them, or zeros in the place of the others.
fn survived(now: &[u8], disk: &[u8], loss: Loss, random: &mut Random) -> Vec<u8> {
    let same = now.iter().zip(disk).take_while(|(one, other)| one == other).count();
    match if loss == Loss::All { 0 } else { random.random_range(0..4) } {
        0 => disk.to_vec(),
        1 => now.to_vec(),
        2 => now[..random.random_range(same..=now.len())].to_vec(),
        _ => [&now[..same], &vec![0; now.len() - same][..]].concat(),
    }
}

#[test]
fn only_what_is_synchronised_is_sure() {
    use plasticity_core::random::stream;
    let open = |path: &str, make| Call::Open { path: path.into(), file: 3, make, empty: false };
    let write = Call::Write { file: 3, bytes: b"ab".to_vec() };
    let calls = [
        Call::MakeFolder { path: "r".into() },
        open("", false),
        Call::Synchronise { file: 3 },
        open("r/.a", true),
        write.clone(),
        Call::Synchronise { file: 3 },
        write,
        Call::Rename { from: "r/.a".into(), to: "r/a".into() },
        open("r", false),
        Call::Synchronise { file: 3 },
    ];
    let left = |calls: &[Call], loss, seed| Disk::after(calls).survivor(loss, &mut stream(seed, &[]));
    let tree = |entries: &[(&str, Option<&[u8]>)]| -> Tree {
        entries.iter().map(|(path, bytes)| (path.into(), bytes.map(<[u8]>::to_vec))).collect()
    };
    assert_eq!(left(&calls[..2], Loss::All, 1), tree(&[("", None)]));
    assert_eq!(left(&calls[..8], Loss::All, 1), tree(&[("", None), ("r", None)]));
    assert_eq!(left(&calls, Loss::All, 1), tree(&[("", None), ("r", None), ("r/a", Some(b"ab"))]));
    let any = |calls: &[Call], loss| -> std::collections::BTreeSet<Tree> {
        (0..200).map(|seed| left(calls, loss, seed)).collect()
    };
    // ab, aba, abab, ab and two zeros.
    assert_eq!(any(&calls, Loss::Ordered).len(), 4);
    let names = |loss| -> std::collections::BTreeSet<Vec<PathBuf>> {
        any(&calls[..8], loss).into_iter().map(|tree| tree.into_keys().skip(2).collect()).collect()
    };
    let paths = |names: &[&str]| -> Vec<PathBuf> { names.iter().map(PathBuf::from).collect() };
    let ordered = [paths(&[]), paths(&["r/.a"]), paths(&["r/a"])];
    assert_eq!(names(Loss::Ordered), ordered.clone().into());
    assert_eq!(
        names(Loss::Unordered),
        [&ordered[..], &[paths(&["r/.a", "r/a"])]].concat().into_iter().collect()
    );
}
