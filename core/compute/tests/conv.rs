//! Convolution on whichever device the build has, against a direct convolution in `f64`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use plasticity_compute::device::{Buffer, Device, ON_GPU, Precision};
#[cfg(feature = "cuda")]
use plasticity_compute::ops::conv::backward;
use plasticity_compute::ops::conv::{
    Backward, Factor, Geometry, Pool, feedback, forward, outer, weight_order,
};
use plasticity_core::parameter::Parameter;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The device at `precision`, to one test at a time: the precision is the whole device's.
fn device(precision: Precision) -> (Device, MutexGuard<'static, ()>) {
    static ONE: Mutex<()> = Mutex::new(());
    let guard = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let device = Device::open().unwrap();
    device.set_precision(precision).unwrap();
    (device, guard)
}

/// `len` values in (−1, 1).
fn noise(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

/// −1, 0 and 1 in the place of values in (−1, 1): whole numbers, so that sums below 257 lose nothing in bf16.
fn whole(values: Vec<f32>) -> Vec<f32> {
    values.into_iter().map(|v| (1.5 * v).round()).collect()
}

fn error(got: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(got.len(), expected.len());
    let norm = expected.iter().map(|e| e * e).sum::<f64>().sqrt().max(1e-30);
    got.iter().zip(expected).map(|(g, e)| (f64::from(*g) - e).powi(2)).sum::<f64>().sqrt() / norm
}

fn each(size: [usize; 3]) -> impl Iterator<Item = [usize; 3]> {
    (0..size.iter().product::<usize>())
        .map(move |i| [i / (size[1] * size[2]), i / size[2] % size[1], i % size[2]])
}

fn at(size: [usize; 3], place: [usize; 3]) -> usize {
    (place[0] * size[1] + place[1]) * size[2] + place[2]
}

/// Visits every multiplication: input place, tap and output place, counted over all samples.
fn visit(g: &Geometry, mut multiply: impl FnMut(usize, usize, usize)) {
    let (places, positions) = (g.input.iter().product::<usize>(), g.output().iter().product::<usize>());
    for sample in 0..g.samples {
        for (o, out) in each(g.output()).enumerate() {
            for (k, tap) in each(g.kernel).enumerate() {
                let from: [usize; 3] = std::array::from_fn(|a| out[a] * g.stride[a] + tap[a]);
                if (0..3).all(|a| from[a] >= g.padding[a] && from[a] - g.padding[a] < g.input[a]) {
                    let from = std::array::from_fn(|a| from[a] - g.padding[a]);
                    multiply(sample * places + at(g.input, from), k, sample * positions + o);
                }
            }
        }
    }
}

/// One layer: its shape and values, in the public layout.
struct Case {
    g: Geometry,
    pool: Option<Pool>,
    relu: bool,
    x: Vec<f32>,
    w: Vec<f32>,
    b: Vec<f32>,
}

/// What the three stages should give, in `f64`; weights in the public layout `[out, in, t, y, x]`.
struct Expected {
    output: Vec<f64>,
    weight: Vec<f64>,
    bias: Vec<f64>,
    input: Vec<f64>,
}

impl Case {
    fn new(g: Geometry, pool: Option<Pool>, relu: bool) -> Self {
        let (x, w) = (noise(g.samples * g.input_len(), 1), noise(g.weights(), 2));
        Self { g, pool, relu, x, w, b: noise(g.out_channels, 3) }
    }

    fn weight_at(&self, tap: usize, input: usize, output: usize) -> usize {
        (output * self.g.in_channels + input) * self.g.taps() + tap
    }

    /// `factor` is on the output, one a position.
    fn expected(&self, factor: &[f64]) -> Expected {
        let (g, ni, no) = (&self.g, self.g.in_channels, self.g.out_channels);
        let mut raw: Vec<f64> = (0..g.samples * g.output_len()).map(|i| f64::from(self.b[i % no])).collect();
        visit(g, |i, k, o| {
            for c in 0..no {
                for n in 0..ni {
                    raw[o * no + c] +=
                        f64::from(self.x[i * ni + n]) * f64::from(self.w[self.weight_at(k, n, c)]);
                }
            }
        });
        if self.relu {
            raw.iter_mut().for_each(|z| *z = z.max(0.0));
        }
        let pool = self.pool.unwrap_or(Pool { size: [1; 3], stride: [1; 3] });
        let (before, after) = (g.output(), g.pooled(Some(&pool)));
        let mut output = Vec::new();
        let mut dense = vec![0.0; raw.len()];
        for sample in 0..g.samples {
            for window in each(after) {
                for c in 0..no {
                    let places = each(pool.size).map(|inner| {
                        let place = std::array::from_fn(|a| window[a] * pool.stride[a] + inner[a]);
                        (sample * before.iter().product::<usize>() + at(before, place)) * no + c
                    });
                    let best = places.fold(None, |best: Option<usize>, i| match best {
                        Some(b) if raw[b] >= raw[i] => Some(b),
                        _ => Some(i),
                    });
                    let best = best.unwrap();
                    if !self.relu || raw[best] > 0.0 {
                        dense[best] += factor[output.len()];
                    }
                    output.push(raw[best]);
                }
            }
        }
        let (mut weight, mut input) = (vec![0.0; g.weights()], vec![0.0; self.x.len()]);
        visit(g, |i, k, o| {
            for c in 0..no {
                for n in 0..ni {
                    weight[self.weight_at(k, n, c)] += dense[o * no + c] * f64::from(self.x[i * ni + n]);
                    input[i * ni + n] += dense[o * no + c] * f64::from(self.w[self.weight_at(k, n, c)]);
                }
            }
        });
        let mut bias = vec![0.0; no];
        dense.iter().enumerate().for_each(|(i, d)| bias[i % no] += d);
        Expected { output, weight, bias, input }
    }

    fn weight(&self, device: &Device) -> Parameter {
        let Geometry { out_channels, in_channels, kernel: [t, y, x], .. } = self.g;
        let public = [out_channels, in_channels, t, y, x];
        Parameter::new(device, "weight", &public, &weight_order(5), &self.w).unwrap()
    }

    /// Runs the three stages and gives the largest relative error of forward pass, and of the two ways back.
    fn errors(&self, device: &Device, per_sample: bool) -> [f64; 2] {
        let (g, pool) = (&self.g, self.pool.as_ref());
        let weight = self.weight(device);
        let on = |values: &[f32]| Buffer::from_vec(device, values.to_vec()).unwrap();
        let (input, bias) = (on(&self.x), on(&self.b));
        let (output, routing) = forward(g, pool, self.relu, &input, weight.value(), &bias).unwrap();
        let positions = g.pooled(pool).iter().product::<usize>();
        let len = g.samples * positions * g.out_channels;
        let values = noise(if per_sample { g.samples * g.out_channels } else { len }, 4);
        let factor: Vec<f64> = (0..len)
            .map(|i| {
                let sample = i / (positions * g.out_channels);
                if per_sample {
                    f64::from(values[sample * g.out_channels + i % g.out_channels]) / positions as f64
                } else {
                    f64::from(values[i])
                }
            })
            .collect();
        let expected = self.expected(&factor);
        let values = on(&values);
        let factor = if per_sample { Factor::PerSample(&values) } else { Factor::PerPosition(&values) };
        let call = Backward {
            geometry: g,
            pool,
            relu: self.relu,
            output: &output,
            routing: &routing,
            factor,
            shard: false,
        };
        let (d_weight, d_bias) = outer(&call, &input).unwrap();
        let d_weight = weight.to_public(&d_weight).unwrap();
        let d_input = feedback(&call, weight.value()).unwrap();
        let back = [
            error(&d_weight, &expected.weight),
            error(&d_bias.to_vec().unwrap(), &expected.bias),
            error(&d_input.to_vec().unwrap(), &expected.input),
        ];
        [error(&output.to_vec().unwrap(), &expected.output), back.into_iter().fold(0.0, f64::max)]
    }
}

fn image(samples: usize, side: usize, channels: [usize; 2], kernel: usize) -> Geometry {
    Geometry {
        samples,
        input: [1, side, side],
        in_channels: channels[0],
        out_channels: channels[1],
        kernel: [1, kernel, kernel],
        stride: [1; 3],
        padding: [0, kernel / 2, kernel / 2],
    }
}

fn square(side: usize) -> Option<Pool> {
    Some(Pool { size: [1, side, side], stride: [1, side, side] })
}

/// Every path on CUDA: direct (9, 10 and 27 inputs), cuDNN (channels in eights), patches (the rest).
fn cases() -> Vec<(Geometry, Option<Pool>)> {
    let sound = |channels: [usize; 2], kernel, stride, padding| Geometry {
        samples: 2,
        input: [40, 1, 1],
        in_channels: channels[0],
        out_channels: channels[1],
        kernel: [kernel, 1, 1],
        stride: [stride, 1, 1],
        padding: [padding, 0, 0],
    };
    let video = Geometry {
        samples: 2,
        input: [6, 7, 8],
        in_channels: 8,
        out_channels: 8,
        kernel: [3, 3, 3],
        stride: [3, 1, 1],
        padding: [0, 1, 1],
    };
    vec![
        (image(3, 6, [1, 128], 3), None),
        (image(2, 5, [3, 256], 3), None),
        (image(3, 6, [1, 12], 3), square(2)),
        (image(5, 8, [16, 24], 3), None),
        (image(5, 8, [16, 24], 3), square(2)),
        (image(7, 4, [32, 64], 3), square(2)),
        (image(9, 2, [64, 32], 3), square(2)),
        (
            Geometry { stride: [1, 2, 2], ..image(2, 9, [8, 16], 5) },
            Some(Pool { size: [1, 3, 3], stride: [1, 2, 2] }),
        ),
        (image(2, 5, [5, 7], 3), square(2)),
        (image(4, 3, [6, 10], 1), None),
        (sound([1, 16], 10, 5, 2), None),
        (sound([16, 16], 8, 4, 2), None),
        (video, Some(Pool { size: [1, 3, 3], stride: [1, 2, 2] })),
        (Geometry { kernel: [1, 3, 3], stride: [1, 2, 2], ..video }, None),
    ]
}

/// Runs every case with what `operands` makes of its input, weights and biases. `limits` are those of the forward pass and of the
/// ways back, without and with ReLU or pool.
fn check(precision: Precision, operands: fn(Vec<f32>) -> Vec<f32>, limits: [[f64; 2]; 2]) {
    let (device, _one) = device(precision);
    let mut worst = [[0.0f64; 2]; 2];
    for (g, pool) in cases() {
        for relu in [true, false] {
            for per_sample in [false, true] {
                let mut case = Case::new(g, pool, relu);
                (case.x, case.w, case.b) = (operands(case.x), operands(case.w), operands(case.b));
                let errors = case.errors(&device, per_sample);
                let routed = usize::from(relu || pool.is_some());
                worst[routed] = std::array::from_fn(|i| worst[routed][i].max(errors[i]));
                let limits = limits[routed];
                let label = format!("{precision} {g:?} {pool:?} relu {relu} per sample {per_sample}");
                assert!(
                    errors[0] <= limits[0] && errors[1] <= limits[1],
                    "{label}: {errors:?} above {limits:?}"
                );
            }
        }
    }
    let [plain, routed] = worst;
    println!(
        "errors at {precision}: forward {:.1e}, back {:.1e}; with ReLU or pool {:.1e}, {:.1e}",
        plain[0], plain[1], routed[0], routed[1]
    );
}

#[test]
fn f32_agrees_with_f64() {
    check(Precision::F32, |exact| exact, [[2e-6, 5e-6]; 2]);
}

/// Rounding moves some winners of a pool and some gates of a ReLU, and with each a whole contribution of the ways back: at
/// bf16 so many that behind them the next test compares those.
#[test]
fn rounded_operands_agree_with_f64_as_far_as_they_go() {
    if ON_GPU {
        check(Precision::Tf32, |exact| exact, [[1e-3, 1e-3], [1e-3, 1e-1]]);
    }
    check(Precision::Bf16, |exact| exact, [[1e-2, 1e-2], [1e-2, f64::INFINITY]]);
}

/// Whole numbers lose nothing, neither as operands nor as a map that bf16 keeps before its pool: outputs, winners and gates
/// are those of `f64`, also where values tie. Post factors, and at bf16 what cuDNN gives, are rounded still.
#[test]
fn operands_that_fit_agree_with_f64_whatever_the_precision() {
    if ON_GPU {
        check(Precision::Tf32, whole, [[2e-6, 1e-3]; 2]);
    }
    // On the CPU a sum that is zero may come out as rounding above it, and opens its gate.
    let gates = if ON_GPU { 1e-2 } else { f64::INFINITY };
    check(Precision::Bf16, whole, [[2e-6, 1e-2], [2e-6, gates]]);
}

/// As a feedback is that cuDNN gave: here the output takes its place.
#[cfg(feature = "cuda")]
#[test]
fn a_post_factor_kept_in_bf16_is_read_as_it_is() {
    let (device, _one) = device(Precision::Bf16);
    for (g, pool) in cases() {
        let case = Case::new(g, pool, true);
        let [input, bias] = [&case.x, &case.b].map(|v| Buffer::from_vec(&device, v.clone()).unwrap());
        let weight = case.weight(&device);
        let (output, routing) = forward(&g, pool.as_ref(), true, &input, weight.value(), &bias).unwrap();
        let back = |factor: Buffer| {
            let factor = Factor::PerPosition(&factor);
            let (pool, output, routing) = (pool.as_ref(), &output, &routing);
            let call = Backward { geometry: &g, pool, relu: true, output, routing, factor, shard: false };
            let (d_weight, d_bias, d_input) = backward(&call, &input, Some(weight.value())).unwrap();
            [d_weight, d_bias, d_input.unwrap()].map(|values| values.to_vec().unwrap())
        };
        let kept = back(output.clone());
        let widened = output.clone().to_vec().unwrap();
        assert_eq!(kept, back(Buffer::from_vec(&device, widened).unwrap()), "{g:?} {pool:?}");
    }
}

#[test]
fn the_same_call_gives_the_same_bits() {
    let (device, _one) = device(Precision::F32);
    let g = image(33, 8, [32, 64], 3);
    let case = Case::new(g, square(2), true);
    let input = Buffer::from_vec(&device, case.x.clone()).unwrap();
    let weight = case.weight(&device);
    let bias = Buffer::from_vec(&device, case.b.clone()).unwrap();
    let run = || {
        let (output, routing) = forward(&g, case.pool.as_ref(), true, &input, weight.value(), &bias).unwrap();
        let (pool, output) = (case.pool.as_ref(), &output);
        let call = Backward {
            geometry: &g,
            pool,
            relu: true,
            output,
            routing: &routing,
            factor: Factor::PerPosition(output),
            shard: false,
        };
        outer(&call, &input).unwrap().0.to_vec().unwrap()
    };
    let first = run();
    for _ in 0..5 {
        assert_eq!(run(), first);
    }
}

/// Else a run whose weights are lost would go on with silent neurons and a finite loss.
#[test]
fn a_nan_is_seen_behind_relu_and_pool() {
    let precisions = [Precision::F32, Precision::Bf16];
    for (precision, (g, pool)) in
        precisions.into_iter().flat_map(|p| cases().into_iter().map(move |c| (p, c)))
    {
        let (device, _one) = device(precision);
        let mut case = Case::new(g, pool, true);
        case.w.fill(f32::NAN);
        let [input, bias] = [&case.x, &case.b].map(|v| Buffer::from_vec(&device, v.clone()).unwrap());
        let weight = case.weight(&device);
        let (output, _) = forward(&g, case.pool.as_ref(), true, &input, weight.value(), &bias).unwrap();
        assert!(output.to_vec().unwrap().iter().all(|z| z.is_nan()), "{g:?} {pool:?}");
    }
}
