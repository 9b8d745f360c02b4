//! The arithmetic on the CPU, over rows of channels. Sums run over blocks that depend only on the shape and are added
//! in order, so the bits do not depend on the number of threads.

use rayon::prelude::*;

/// Rows that are summed in single precision before they join the total.
const BLOCK: usize = 256;

/// Mean and variance (biased: divided by the number of rows) of every channel.
///
/// # Shapes
/// `rows` is `[rows, channels]`; both results are `[channels]`.
pub fn moments(rows: &[f32], channels: usize) -> (Vec<f32>, Vec<f32>) {
    let count = (rows.len() / channels.max(1)).max(1) as f64;
    let [sum] = sums(rows, rows, channels, |value, _, _| [value]);
    let mean: Vec<f32> = sum.iter().map(|sum| (sum / count) as f32).collect();
    let [square] = sums(rows, rows, channels, |value, _, channel| [(value - mean[channel]).powi(2)]);
    (mean, square.iter().map(|square| (square / count) as f32).collect())
}

/// y = weight · (x − mean) / √(variance + epsilon) + bias.
///
/// # Shapes
/// `rows` and the result are `[rows, channels]`, all others `[channels]`.
pub fn apply(
    rows: &[f32],
    mean: &[f32],
    variance: &[f32],
    weight: &[f32],
    bias: &[f32],
    epsilon: f32,
) -> Vec<f32> {
    let channels = mean.len().max(1);
    let scale: Vec<f32> = weight.iter().zip(variance).map(|(w, v)| w / (v + epsilon).sqrt()).collect();
    let mut out = vec![0.0; rows.len()];
    out.par_chunks_mut(BLOCK * channels).zip(rows.par_chunks(BLOCK * channels)).for_each(|(out, rows)| {
        for (out, row) in out.chunks_exact_mut(channels).zip(rows.chunks_exact(channels)) {
            for ((out, value), ((mean, scale), bias)) in
                out.iter_mut().zip(row).zip(mean.iter().zip(&scale).zip(bias))
            {
                *out = (value - mean) * scale + bias;
            }
        }
    });
    out
}

/// The result of [`backward`].
#[derive(Clone, Debug)]
pub struct Gradients {
    /// `[rows, channels]`: of the input.
    pub input: Vec<f32>,
    /// `[channels]`: of the weight.
    pub weight: Vec<f32>,
    /// `[channels]`: of the bias.
    pub bias: Vec<f32>,
}

/// The derivatives of batch normalisation with batch statistics: with n rows and x̂ = (x − μ) / √(σ² + ε),
///
/// db = Σ dy, dw = Σ dy · x̂, dx = w / √(σ² + ε) · (dy − db / n − x̂ · dw / n).
///
/// Linear in `d_out`: post factors (−∂L/∂y) give updates.
///
/// # Shapes
/// `rows` and `d_out` are `[rows, channels]`; `mean`, `variance` and `weight` `[channels]`.
pub fn backward(
    rows: &[f32],
    mean: &[f32],
    variance: &[f32],
    weight: &[f32],
    d_out: &[f32],
    epsilon: f32,
) -> Gradients {
    let channels = mean.len().max(1);
    let inverse: Vec<f32> = variance.iter().map(|v| 1.0 / (v + epsilon).sqrt()).collect();
    let [bias, weight_sum] =
        sums(d_out, rows, channels, |d, value, channel| [d, d * (value - mean[channel]) * inverse[channel]]);
    let count = (rows.len() / channels).max(1) as f64;
    let per_row = |sums: &[f64]| -> Vec<f32> { sums.iter().map(|sum| (sum / count) as f32).collect() };
    let (bias_share, weight_share) = (per_row(&bias), per_row(&weight_sum));
    let mut input = vec![0.0; rows.len()];
    let blocks = input.par_chunks_mut(BLOCK * channels).zip(rows.par_chunks(BLOCK * channels));
    blocks.zip(d_out.par_chunks(BLOCK * channels)).for_each(|((input, rows), d_out)| {
        let rows = rows.chunks_exact(channels).zip(d_out.chunks_exact(channels));
        for (input, (row, d_out)) in input.chunks_exact_mut(channels).zip(rows) {
            for (channel, (input, (value, d))) in input.iter_mut().zip(row.iter().zip(d_out)).enumerate() {
                let normed = (value - mean[channel]) * inverse[channel];
                let centred = d - bias_share[channel] - normed * weight_share[channel];
                *input = weight[channel] * inverse[channel] * centred;
            }
        }
    });
    let single = |sums: Vec<f64>| sums.into_iter().map(|sum| sum as f32).collect();
    Gradients { input, weight: single(weight_sum), bias: single(bias) }
}

/// Sums of `N` terms over the rows of `a` and `b`, for every channel: single precision inside a block of rows, double
/// across blocks.
fn sums<const N: usize>(
    a: &[f32],
    b: &[f32],
    channels: usize,
    term: impl Fn(f32, f32, usize) -> [f32; N] + Sync,
) -> [Vec<f64>; N] {
    let channels = channels.max(1);
    let size = BLOCK * channels;
    let blocks: Vec<[Vec<f32>; N]> = a
        .par_chunks(size)
        .zip(b.par_chunks(size))
        .map(|(a, b)| {
            let mut sums = [(); N].map(|()| vec![0.0_f32; channels]);
            for (a, b) in a.chunks_exact(channels).zip(b.chunks_exact(channels)) {
                for (channel, (&a, &b)) in a.iter().zip(b).enumerate() {
                    for (sum, term) in sums.iter_mut().zip(term(a, b, channel)) {
                        sum[channel] += term;
                    }
                }
            }
            sums
        })
        .collect();
    let mut totals = [(); N].map(|()| vec![0.0_f64; channels]);
    for block in &blocks {
        for (total, sums) in totals.iter_mut().zip(block) {
            for (total, sum) in total.iter_mut().zip(sums) {
                *total += f64::from(*sum);
            }
        }
    }
    totals
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::norm::EPSILON;
    use approx::assert_relative_eq;

    const ROWS: usize = 11;
    const CHANNELS: usize = 3;

    fn values(len: usize, what: u64) -> Vec<f32> {
        (0..len as u64).map(|i| ((i * 7919 + what * 977) % 3001) as f32 / 1000.0 - 1.0).collect()
    }

    /// Σ d · y in double precision, written down again from the definition.
    fn objective(rows: &[f64], weight: &[f64], bias: &[f64], d_out: &[f32]) -> f64 {
        let mut sum = 0.0;
        for channel in 0..CHANNELS {
            let column: Vec<f64> = rows.iter().skip(channel).step_by(CHANNELS).copied().collect();
            let mean = column.iter().sum::<f64>() / ROWS as f64;
            let variance = column.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / ROWS as f64;
            for (row, value) in column.iter().enumerate() {
                let y = weight[channel] * (value - mean) / (variance + 1e-5).sqrt() + bias[channel];
                sum += y * f64::from(d_out[row * CHANNELS + channel]);
            }
        }
        sum
    }

    #[test]
    fn backward_follows_finite_differences() {
        let (rows, d_out) = (values(ROWS * CHANNELS, 0), values(ROWS * CHANNELS, 1));
        let (weight, bias) = (values(CHANNELS, 2), values(CHANNELS, 3));
        let (mean, variance) = moments(&rows, CHANNELS);
        let found = backward(&rows, &mean, &variance, &weight, &d_out, EPSILON);
        let double = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
        let start = [double(&rows), double(&weight), double(&bias)];
        for (which, found) in [&found.input, &found.weight, &found.bias].into_iter().enumerate() {
            for (index, &found) in found.iter().enumerate() {
                let at = |step: f64| {
                    let mut point = start.clone();
                    point[which][index] += step;
                    objective(&point[0], &point[1], &point[2], &d_out)
                };
                let expected = (at(1e-4) - at(-1e-4)) / 2e-4;
                assert_relative_eq!(f64::from(found), expected, epsilon = 2e-5, max_relative = 2e-5);
            }
        }
    }

    #[test]
    fn forward_has_the_weights_moments() {
        let rows = values(1000 * CHANNELS, 4);
        let (mean, variance) = moments(&rows, CHANNELS);
        let (weight, bias) = (vec![2.0, 0.5, 1.0], vec![0.0, -1.0, 3.0]);
        let out = apply(&rows, &mean, &variance, &weight, &bias, EPSILON);
        let (mean, variance) = moments(&out, CHANNELS);
        for channel in 0..CHANNELS {
            assert_relative_eq!(mean[channel], bias[channel], epsilon = 1e-5);
            assert_relative_eq!(variance[channel], weight[channel].powi(2), max_relative = 1e-4);
        }
    }

    #[test]
    fn a_large_mean_does_not_swallow_the_variance() {
        let rows: Vec<f32> = (0..4000).map(|i| 1000.0 + (i % 2) as f32).collect();
        let (mean, variance) = moments(&rows, 1);
        assert_relative_eq!(mean[0], 1000.5, max_relative = 1e-6);
        assert_relative_eq!(variance[0], 0.25, max_relative = 1e-3);
    }

    #[test]
    fn the_bits_do_not_depend_on_the_number_of_threads() {
        let rows = values(5000 * CHANNELS, 5);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let (mean, variance) = moments(&rows, CHANNELS);
                backward(&rows, &mean, &variance, &[1.0; CHANNELS], &rows, EPSILON).input
            })
        };
        assert_eq!(run(1), run(3));
    }
}
