//! The same three stages, computed naively in `f64`. Tests compare every path with them.

mod cases;

use super::{Geometry, Pool, Post};

/// `length` values in (−1, 1) that follow from `seed`.
pub(super) fn noise(length: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..length).map(|_| next()).collect()
}

/// Root mean square and largest of the differences, in units of the expected root mean square.
pub(super) fn errors(values: &[f32], expected: &[f64]) -> (f64, f64) {
    assert_eq!(values.len(), expected.len());
    assert!(values.iter().all(|value| value.is_finite()), "a value is not finite");
    let count = expected.len().max(1) as f64;
    let mean_square = |sum: f64| (sum / count).sqrt();
    let scale = mean_square(expected.iter().map(|value| value * value).sum()).max(1e-30);
    let differences = || values.iter().zip(expected).map(|(a, b)| (f64::from(*a) - b).abs());
    let typical = mean_square(differences().map(|one| one * one).sum());
    (typical / scale, differences().fold(0.0, f64::max) / scale)
}

/// Fails if the typical error is above `tolerance`, or the largest error above ten times `tolerance`.
#[track_caller]
pub(super) fn assert_close(values: &[f32], expected: &[f64], tolerance: f64) {
    let (typical, worst) = errors(values, expected);
    assert!(typical < tolerance, "relative error {typical:e}, above {tolerance:e}");
    assert!(worst < 10.0 * tolerance, "largest relative error {worst:e}, above {tolerance:e} · 10");
}

/// Visits every multiplication: input position, tap and output position, as offsets without channels.
fn visit(g: &Geometry, mut multiply: impl FnMut(usize, usize, usize)) {
    let each = |size: [usize; 3]| {
        (0..size.iter().product::<usize>())
            .map(move |i| [i / (size[1] * size[2]), i / size[2] % size[1], i % size[2]])
    };
    let output = g.output();
    let (positions, inputs) = (output.iter().product::<usize>(), g.input.iter().product::<usize>());
    for sample in 0..g.samples {
        for (o, out) in each(output).enumerate() {
            for (k, tap) in each(g.kernel).enumerate() {
                let at: [usize; 3] = std::array::from_fn(|a| out[a] * g.stride[a] + tap[a]);
                if (0..3).all(|a| at[a] >= g.padding[a] && at[a] - g.padding[a] < g.input[a]) {
                    let [t, y, x]: [usize; 3] = std::array::from_fn(|a| at[a] - g.padding[a]);
                    let i = (t * g.input[1] + y) * g.input[2] + x;
                    multiply(sample * inputs + i, k, sample * positions + o);
                }
            }
        }
    }
}

/// `w ∗ x + b`, then ReLU; before the pool.
pub(super) fn convolve(g: &Geometry, relu: bool, x: &[f32], w: &[f32], b: &[f32]) -> Vec<f64> {
    let (ni, no) = (g.in_channels, g.out_channels);
    let mut z: Vec<f64> = (0..g.samples * g.output_len()).map(|i| f64::from(b[i % no])).collect();
    visit(g, |i, k, o| {
        for c in 0..ni {
            let x = f64::from(x[i * ni + c]);
            let w = &w[(k * ni + c) * no..][..no];
            for (z, w) in z[o * no..][..no].iter_mut().zip(w) {
                *z += x * f64::from(*w);
            }
        }
    });
    if relu {
        z.iter_mut().for_each(|z| *z = z.max(0.0));
    }
    z
}

/// `ΔW` of a factor at the convolution's output.
pub(super) fn outer(g: &Geometry, x: &[f32], dense: &[f32]) -> Vec<f64> {
    let (ni, no) = (g.in_channels, g.out_channels);
    let mut d_weight = vec![0.0; g.weights()];
    visit(g, |i, k, o| {
        for c in 0..ni {
            let x = f64::from(x[i * ni + c]);
            let row = &mut d_weight[(k * ni + c) * no..][..no];
            for (sum, post) in row.iter_mut().zip(&dense[o * no..]) {
                *sum += x * f64::from(*post);
            }
        }
    });
    d_weight
}

/// `d_input` of a factor at the convolution's output.
pub(super) fn feedback(g: &Geometry, w: &[f32], dense: &[f32]) -> Vec<f64> {
    let (ni, no) = (g.in_channels, g.out_channels);
    let mut d_input = vec![0.0; g.samples * g.input_len()];
    visit(g, |i, k, o| {
        for c in 0..ni {
            let w = &w[(k * ni + c) * no..][..no];
            let products = w.iter().zip(&dense[o * no..]);
            d_input[i * ni + c] += products.map(|(w, post)| f64::from(*w) * f64::from(*post)).sum::<f64>();
        }
    });
    d_input
}

/// Max pool of `map` and, for every pooled value, the index of its first maximum.
pub(super) fn pool(g: &Geometry, pool: Option<&Pool>, map: &[f32]) -> (Vec<f32>, Vec<usize>) {
    let Some(pool) = pool else {
        return (map.to_vec(), (0..map.len()).collect());
    };
    let (before, after, no) = (g.output(), pool.output(g.output()), g.out_channels);
    let (mut values, mut winners) = (Vec::new(), Vec::new());
    for s in 0..g.samples {
        for i in 0..after.iter().product::<usize>() {
            let at = [i / (after[1] * after[2]), i / after[2] % after[1], i % after[2]];
            for c in 0..no {
                let index = |j: usize| {
                    let size = pool.size;
                    let inner = [j / (size[1] * size[2]), j / size[2] % size[1], j % size[2]];
                    let [t, y, x]: [usize; 3] = std::array::from_fn(|a| at[a] * pool.stride[a] + inner[a]);
                    s * g.output_len() + ((t * before[1] + y) * before[2] + x) * no + c
                };
                let mut winner = index(0);
                for index in (1..pool.size.iter().product()).map(index) {
                    if map[index] > map[winner] {
                        winner = index;
                    }
                }
                winners.push(winner);
                values.push(map[winner]);
            }
        }
    }
    (values, winners)
}

/// The post factor at the convolution's output: at the `winners`, where `map` is positive.
pub(super) fn unroute(g: &Geometry, relu: bool, map: &[f32], winners: &[usize], post: Post<'_>) -> Vec<f32> {
    let no = g.out_channels;
    let per_sample = winners.len() / g.samples;
    let mut dense = vec![0.0; map.len()];
    for (i, &winner) in winners.iter().enumerate() {
        let value = match post {
            Post::PerPosition(post) => post[i],
            Post::PerSample(post) => post[i / per_sample * no + i % no] / (per_sample / no) as f32,
        };
        if !relu || map[winner] > 0.0 {
            dense[winner] += value;
        }
    }
    dense
}
