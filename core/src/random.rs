//! Random numbers that depend only on the seed and their purpose.
//!
//! Each use has its own stream, named by its purpose (network, step, module …). So a run that resumes at step *n* has
//! the same draws as a run that was never stopped, and no state needs to be saved.

use rand::{RngExt, SeedableRng};

/// The generator for all random numbers (ChaCha with 8 rounds).
pub type Random = rand_chacha::ChaCha8Rng;

/// The generator for one use: the same `seed` and `purpose` give the same numbers on any machine.
pub fn stream(seed: u64, purpose: &[u64]) -> Random {
    // SplitMix64's finaliser (Steele, Lea & Flood 2014) chains the words of the purpose into one stream number.
    let mut hash = 0x9E37_79B9_7F4A_7C15_u64;
    for &word in purpose {
        hash = mix(hash ^ word.wrapping_add(0x9E37_79B9_7F4A_7C15));
    }
    let mut random = Random::seed_from_u64(seed);
    random.set_stream(hash);
    random
}

/// `count` initial weights, uniform in ±1/√`fan_in`, as in PyTorch's linear layers and convolutions; `fan_in` is the
/// number of inputs of a neuron.
pub fn uniform(random: &mut Random, count: usize, fan_in: usize) -> Vec<f32> {
    let bound = 1.0 / (fan_in.max(1) as f32).sqrt();
    (0..count).map(|_| random.random_range(-bound..bound)).collect()
}

/// A number from N(0, 1) (Box & Muller 1958).
pub fn normal(random: &mut Random) -> f64 {
    let (radius, angle) = (1.0 - random.random::<f64>(), random.random::<f64>());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The first words of purposes, so that no two uses share a stream.
pub mod purpose {
    /// Initial weights of a layer: `[LAYER, index]`.
    pub const LAYER: u64 = 1;
    /// Initial weights of a module's rule: `[RULE, module]`.
    pub const RULE: u64 = 2;
    /// Negatives: `[DRAW, step, module, path, prediction step, what]`; signs and negatives of time-local learning,
    /// the same for the whole network: `[DRAW, step, MAX, what]`.
    pub const DRAW: u64 = 3;
    /// Order of the stimuli: `[ORDER, epoch]`.
    pub const ORDER: u64 = 4;
    /// Augmentation of one stimulus: `[AUGMENT, epoch, index]`.
    pub const AUGMENT: u64 = 5;
    /// Probe: `[PROBE, layer]`.
    pub const PROBE: u64 = 6;
    /// Augmentation of a stimulus that trains the probe: `[PROBE_AUGMENT, pass, index]`.
    pub const PROBE_AUGMENT: u64 = 8;
    /// Built-in stimuli: `[SYNTHETIC, split, index]`.
    pub const SYNTHETIC: u64 = 7;
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn fresh_weights_fill_their_range() {
        let weights = uniform(&mut stream(1, &[]), 1000, 4);
        assert!(weights.iter().all(|weight| weight.abs() <= 0.5));
        for part in [-0.45..-0.4, 0.4..0.45] {
            assert!(weights.iter().any(|weight| part.contains(weight)), "{part:?}");
        }
    }

    #[test]
    fn streams_repeat_and_differ() {
        let draw = |seed, purpose: &[u64]| stream(seed, purpose).next_u64();
        assert_eq!(draw(1, &[3, 4]), draw(1, &[3, 4]));
        let all = [draw(1, &[3, 4]), draw(1, &[4, 3]), draw(2, &[3, 4]), draw(1, &[3]), draw(1, &[3, 4, 0])];
        for (i, a) in all.iter().enumerate() {
            assert!(all.iter().skip(i + 1).all(|b| a != b));
        }
    }
}
