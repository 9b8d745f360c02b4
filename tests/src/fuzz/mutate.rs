//! Mutations of a file, as a fuzzer without knowledge of the program makes them.

use plasticity_core::random::Random;
use rand::RngExt;

/// Values at which formats break: ends of ranges, signs, and what is mostly taken for a size.
const EDGES: [u32; 8] = [0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF];
/// Changes at once at most.
const MOST: usize = 8;

/// `bytes` with a few changes; `other` is a file of the same format to splice with.
pub fn mutated(bytes: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..random.random_range(1..=MOST) {
        change(&mut bytes, other, random);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    // Headers stand first, and are what is broken best.
    let below = |random: &mut Random, end: usize| {
        let end = if random.random::<bool>() { end.min(64) } else { end };
        if end == 0 { 0 } else { random.random_range(0..end) }
    };
    let at = below(random, bytes.len());
    match random.random_range(0..7) {
        0 if !bytes.is_empty() => bytes[at] ^= 1 << random.random_range(0..8),
        1 if !bytes.is_empty() => bytes[at] = random.random(),
        2 => bytes.truncate(at),
        3 => {
            let edge = EDGES[random.random_range(0..EDGES.len())];
            let word = if random.random::<bool>() { edge.to_le_bytes() } else { edge.to_be_bytes() };
            let end = (at + 4).min(bytes.len());
            bytes[at..end].copy_from_slice(&word[..end - at]);
        }
        4 => {
            let end = (at + below(random, 32)).min(bytes.len());
            let part = bytes[at..end].to_vec();
            let into = below(random, bytes.len());
            bytes.splice(into..into, part);
        }
        5 => {
            let end = (at + below(random, 32)).min(bytes.len());
            bytes.drain(at..end);
        }
        _ => {
            let from = below(random, other.len());
            let end = (from + below(random, 64)).min(other.len());
            bytes.splice(at..at, other[from..end].iter().copied());
        }
    }
}
