//! The configs of a paper are one base and differences: each comes to what it was when it stood alone.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use plasticity_lab::config::Document;
use plasticity_tests as _;

/// FNV-1a of a config's keys as they are written, without the defaults of this program.
fn hash(document: &Document) -> String {
    let text = serde_json::to_string(document.table()).unwrap();
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[test]
fn configs_that_extend_a_base_have_the_values_that_they_had_alone() {
    let root = plasticity_tests::root();
    let before = std::fs::read_to_string(root.join("tests/data/configs.txt")).unwrap();
    let lines = before.lines().map(|line| line.split_once(' ').unwrap());
    let other: Vec<String> = lines
        .filter_map(|(expected, path)| {
            let found = hash(&Document::read(&root.join(path)).unwrap());
            (found != expected).then(|| format!("{found} {path}"))
        })
        .collect();
    assert!(
        other.is_empty(),
        "configs have other values than before; if that is meant, their lines in tests/data/configs.txt are\n{}",
        other.join("\n")
    );
    assert!(before.lines().count() > 90);
}
