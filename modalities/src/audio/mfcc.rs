//! Mel-frequency cepstral coefficients, a baseline without learning.

use super::time::{HOP, RATE, middle};
use rustfft::{FftPlanner, num_complex::Complex};
use std::f32::consts::PI;

/// The number of coefficients of a frame, without derivatives.
pub const COEFFICIENTS: usize = 13;
/// The number of values of a frame: the coefficients, their first and their second derivatives.
pub const WIDTH: usize = 3 * COEFFICIENTS;

const FRAME: usize = 400;
const FFT: usize = 512;
const FILTERS: usize = 26;
const PRE_EMPHASIS: f32 = 0.97;
const FLOOR: f32 = 1e-10;

/// Features of 16 kHz samples, of shape `[len / 160, 39]`: 13 MFCC, their first and their second derivatives.
///
/// Frame t is the 25 ms around the middle of samples 160 t … 160 t + 159, the frame that a phone label
/// belongs to. Samples outside the recording are 0. The steps are: pre-emphasis 0.97; a Hamming window; the
/// power of a 512-point FFT; 26 triangular filters of equal width on the mel scale m = 2595 log₁₀(1 + f/700),
/// from 0 to 8 kHz; the natural logarithm with a floor of 1e-10; an orthonormal DCT-II. A derivative is a
/// regression over ±2 frames, d_t = Σ_k k (c_{t+k} − c_{t−k}) / 10, with the first and last frame repeated.
///
/// Source: Davis & Mermelstein (1980); derivatives: Furui (1986); parameters as in HTK (Young et al. 2006).
pub fn mfcc(samples: &[f32]) -> Vec<f32> {
    let frames = samples.len() / HOP;
    let statics = cepstra(samples, frames);
    let first = derivative(&statics);
    let second = derivative(&first);
    (0..frames).flat_map(|frame| [&statics, &first, &second].map(|part| part[frame]).concat()).collect()
}

type Cepstrum = [f32; COEFFICIENTS];

fn cepstra(samples: &[f32], frames: usize) -> Vec<Cepstrum> {
    let basis = basis();
    let cepstrum = |logs: &Vec<f32>| {
        basis.each_ref().map(|row| row.iter().zip(logs).map(|(weight, log)| weight * log).sum())
    };
    bands(samples, frames).iter().map(cepstrum).collect()
}

/// The log-mel spectrum of 16 kHz samples, of shape `[len / 160][26]`. [`mfcc`] is computed from it by a
/// DCT-II.
pub fn log_mel(samples: &[f32]) -> Vec<Vec<f32>> {
    bands(samples, samples.len() / HOP)
}

fn bands(samples: &[f32], frames: usize) -> Vec<Vec<f32>> {
    let fft = FftPlanner::new().plan_fft_forward(FFT);
    let window: Vec<f32> =
        (0..FRAME).map(|i| 0.54 - 0.46 * (2.0 * PI * i as f32 / (FRAME - 1) as f32).cos()).collect();
    let filters = filters();
    let at = |index: isize| {
        usize::try_from(index).ok().and_then(|index| samples.get(index)).copied().unwrap_or(0.0)
    };
    let frame = |frame: usize| {
        let start = middle(frame) as isize - (FRAME / 2) as isize;
        let mut bins = vec![Complex::new(0.0, 0.0); FFT];
        for (i, (bin, weight)) in bins.iter_mut().zip(&window).enumerate() {
            let index = start + i as isize;
            bin.re = weight * (at(index) - PRE_EMPHASIS * at(index - 1));
        }
        fft.process(&mut bins);
        filters
            .iter()
            .map(|filter| {
                let energy: f32 = filter.iter().zip(&bins).map(|(weight, bin)| weight * bin.norm_sqr()).sum();
                (energy / FFT as f32).max(FLOOR).ln()
            })
            .collect()
    };
    (0..frames).map(frame).collect()
}

/// The weights of each filter for the bins 0 … FFT/2.
fn filters() -> Vec<Vec<f32>> {
    let mel = |f: f32| 2595.0 * (1.0 + f / 700.0).log10();
    let hertz = |m: f32| 700.0 * (10.0_f32.powf(m / 2595.0) - 1.0);
    let top = mel(RATE as f32 / 2.0);
    let edge = |i: usize| hertz(top * i as f32 / (FILTERS + 1) as f32);
    (0..FILTERS)
        .map(|filter| {
            let (low, centre, high) = (edge(filter), edge(filter + 1), edge(filter + 2));
            let weight = |bin: usize| {
                let f = bin as f32 * RATE as f32 / FFT as f32;
                ((f - low) / (centre - low)).min((high - f) / (high - centre)).max(0.0)
            };
            (0..=FFT / 2).map(weight).collect()
        })
        .collect()
}

/// The first 13 rows of the orthonormal DCT-II.
fn basis() -> [[f32; FILTERS]; COEFFICIENTS] {
    std::array::from_fn(|k| {
        let scale = (if k == 0 { 1.0 / FILTERS as f32 } else { 2.0 / FILTERS as f32 }).sqrt();
        std::array::from_fn(|i| scale * (PI * k as f32 * (i as f32 + 0.5) / FILTERS as f32).cos())
    })
}

fn derivative(rows: &[Cepstrum]) -> Vec<Cepstrum> {
    let last = rows.len().saturating_sub(1);
    let at = |frame: usize, offset: isize| &rows[frame.saturating_add_signed(offset).min(last)];
    (0..rows.len())
        .map(|t| {
            std::array::from_fn(|i| {
                (1..=2_isize).map(|k| k as f32 * (at(t, k)[i] - at(t, -k)[i])).sum::<f32>() / 10.0
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    /// The input is a tone and a chirp. The expected values come from this numpy script in float64, which was
    /// written independently of the code above:
    ///
    /// ```python
    /// n = np.arange(1600)
    /// x = 0.5*np.sin(2*np.pi*440*n/16000) + 0.25*np.sin(2*np.pi*(1800 + 0.5*n)*n/16000)
    /// x = x.astype(np.float32).astype(np.float64)
    /// pad = np.concatenate([np.zeros(200), np.append(x[0], x[1:] - 0.97*x[:-1]), np.zeros(400)])
    /// pad[1800] = -0.97*x[-1]
    /// fr = np.stack([pad[160*t + 80:160*t + 480] for t in range(10)])*np.hamming(400)
    /// P = np.abs(np.fft.rfft(fr, 512))**2/512
    /// hz = 700*(10**(np.linspace(0, 2595*np.log10(1 + 8000/700), 28)/2595) - 1)
    /// W = np.array([np.interp(np.arange(257)*16000/512, hz[i:i+3], [0, 1, 0], 0, 0) for i in range(26)])
    /// L = np.log(np.maximum(P @ W.T, 1e-10))
    /// D = np.sqrt(2/26)*np.cos(np.pi*np.outer(np.arange(26), np.arange(26) + .5)/26); D[0] /= np.sqrt(2)
    /// c = (L @ D.T)[:, :13]
    /// def d(c):
    ///     p = np.pad(c, ((2, 2), (0, 0)), mode='edge'); t = len(c)
    ///     return sum(k*(p[2+k:2+k+t] - p[2-k:2-k+t]) for k in (1, 2))/10
    /// m = np.hstack([c, d(c), d(d(c))]); print(m[4, :13], m[1, 13:26], m[8, 26:])
    /// ```
    #[test]
    fn features_are_those_of_an_independent_script() {
        let samples: Vec<f32> = (0..1600)
            .map(|n| {
                let (n, turn) = (f64::from(n), 2.0 * std::f64::consts::PI / 16_000.0);
                (0.5 * (turn * 440.0 * n).sin() + 0.25 * (turn * (1800.0 + 0.5 * n) * n).sin()) as f32
            })
            .collect();
        let features = mfcc(&samples);
        assert_eq!(features.len(), 10 * WIDTH);
        let expected: [(usize, [f32; 13]); 3] = [
            (
                4 * WIDTH,
                [
                    -47.64465, 5.41531, -8.4649, 7.21415, -3.49885, -13.11052, -3.13328, 0.12056, -5.72848,
                    0.90627, 6.77219, 1.74251, 1.11398,
                ],
            ),
            (
                WIDTH + 13,
                [
                    -3.96644, 0.69431, -0.94413, 0.96822, -0.74237, -1.863, 0.78379, 0.68074, -1.98479,
                    -0.52836, 2.07285, 0.73176, -0.55866,
                ],
            ),
            (
                8 * WIDTH + 26,
                [
                    0.78115, 0.38347, -0.02389, -0.10495, 0.56051, 0.11271, -0.16239, 0.72932, -0.10466,
                    -0.47418, 0.42887, -0.14551, -0.54366,
                ],
            ),
        ];
        for (start, expected) in expected {
            for (ours, expected) in features[start..].iter().zip(expected) {
                assert_abs_diff_eq!(*ours, expected, epsilon = 2e-2);
            }
        }
    }

    #[test]
    fn too_short_gives_nothing_and_silence_is_finite() {
        assert!(mfcc(&[0.0; 159]).is_empty());
        assert!(mfcc(&[0.0; 1600]).iter().all(|value| value.is_finite()));
    }
}
