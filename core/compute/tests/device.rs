//! What every device must do: one test body for the CPU and for CUDA, against sums in `f64`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use dfdx::shapes::{Axes2, Axis};
use dfdx::tensor_ops::{BroadcastTo, PermuteTo, ReshapeTo};
use plasticity_compute::device::{Buffer, Device, Indices, Matrix, Precision};
use plasticity_compute::map::MapShape;
use plasticity_compute::ops::adam::{AdamStep, AdamTensor};
use plasticity_compute::ops::pooling::{Pooling, RepresentationShape};
use plasticity_compute::ops::{self, Product};

fn device() -> Device {
    let device = Device::open().unwrap();
    device.set_precision(Precision::F32).unwrap();
    device
}

/// `len` values in (−1, 1).
fn noise(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as f32 / 2_147_483_648.0 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

#[track_caller]
fn assert_close(got: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len());
    let norm = expected.iter().map(|e| e * e).sum::<f64>().sqrt().max(1e-30);
    let error = got.iter().zip(expected).map(|(g, e)| (f64::from(*g) - e).powi(2)).sum::<f64>().sqrt() / norm;
    assert!(error <= tolerance, "relative error {error:e}, above {tolerance:e}");
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| f64::from(v)).collect()
}

#[test]
fn values_survive_the_way_to_the_device_and_back() {
    let device = device();
    let values = noise(1003, 1);
    let mut buffer = Buffer::from_vec(&device, values.clone()).unwrap();
    let copy = buffer.clone();
    assert_eq!(buffer.to_vec().unwrap(), values);
    buffer.copy_from_host(&noise(1003, 2)).unwrap();
    ops::scale(&mut buffer, 2.0).unwrap();
    assert_eq!(copy.to_vec().unwrap(), values, "a clone does not change with its source");
    assert_ne!(buffer.to_vec().unwrap(), values);
    assert!(buffer.copy_from_host(&[0.0]).is_err());
    assert_eq!(Buffer::zeros(&device, 5).unwrap().to_vec().unwrap(), [0.0; 5]);
    assert!(Buffer::zeros(&device, 0).unwrap().to_vec().unwrap().is_empty());
    Indices::from_vec(&device, vec![1, 2, 3]).unwrap();
    device.synchronize().unwrap();
}

/// More copies than CUDA has places for on their way, small ones first, so that places are waited for and replaced.
#[test]
fn values_arrive_whatever_is_on_its_way() {
    let device = device();
    let sent: Vec<Vec<f32>> = (0..48).map(|copy| noise(1 + 100 * copy * copy, copy as u32)).collect();
    let buffers: Vec<Buffer> =
        sent.iter().map(|values| Buffer::from_vec(&device, values.clone()).unwrap()).collect();
    for (values, buffer) in sent.iter().zip(&buffers) {
        assert_eq!(&buffer.to_vec().unwrap(), values);
    }
}

#[test]
fn matrices_pass_to_dfdx_and_back() {
    let device = device();
    let values = noise(12 * 7, 3);
    let buffer = Buffer::from_vec(&device, values.clone()).unwrap();
    let whole = buffer.part(0, 12, 7).unwrap();
    assert_eq!(whole.as_vec(), values);
    let part = buffer.part(7 * 3, 4, 7).unwrap();
    assert_eq!(part.as_vec(), values[21..49]);
    assert_eq!(Buffer::from_tensor(&device, &part).unwrap().to_vec().unwrap(), values[21..49]);
    assert!(buffer.part(7 * 3, 10, 7).is_err());
    // Views, whose values do not lie in memory as they are read.
    let back = |matrix: &Matrix| Buffer::from_tensor(&device, matrix).unwrap().to_vec().unwrap();
    let columns: Vec<f32> = (0..28).map(|i| values[21 + i % 4 * 7 + i / 4]).collect();
    assert_eq!(back(&part.permute::<(usize, usize), Axes2<1, 0>>()), columns);
    let row = buffer.part(21, 1, 7).unwrap().reshape_like(&(7,));
    let rows: Matrix = row.broadcast_like::<_, Axis<0>>(&(4, 7));
    assert_eq!(back(&rows), values[21..28].repeat(4));
}

#[test]
fn products_of_parts_agree_with_f64() {
    let device = device();
    let transposes = [(false, false), (false, true), (true, false), (true, true)];
    // A small one, one that is cut by rows, and one by columns.
    let sizes = [(37, 29, 53), (201, 70, 41), (70, 203, 40)];
    let cases = sizes.into_iter().flat_map(|size| transposes.map(|transpose| (size, transpose)));
    for ((m, n, k), (transpose_a, transpose_b)) in cases {
        let (a, b, c) = (noise(11 + m * k, 4), noise(5 + k * n, 5), noise(3 + m * n, 6));
        let product = Product { transpose_a, transpose_b, ..Product::new(m, n, k) }.at(11, 5, 3).accumulate();
        let [da, db] = [&a, &b].map(|v| Buffer::from_vec(&device, v.clone()).unwrap());
        let mut dc = Buffer::from_vec(&device, c.clone()).unwrap();
        ops::product(product, &da, &db, &mut dc).unwrap();
        let mut expected = wide(&c);
        for row in 0..m {
            for column in 0..n {
                for inner in 0..k {
                    let at = if transpose_a { inner * m + row } else { row * k + inner };
                    let bt = if transpose_b { column * k + inner } else { inner * n + column };
                    expected[3 + row * n + column] += f64::from(a[11 + at]) * f64::from(b[5 + bt]);
                }
            }
        }
        assert_close(&dc.to_vec().unwrap(), &expected, 1e-6);
        assert!(ops::product(product.at(12, 5, 3), &da, &db, &mut dc).is_err());
    }
}

#[test]
fn sums_of_columns_agree_with_f64() {
    let device = device();
    for (rows, columns) in [(1, 3), (64, 5), (1000, 130), (70_001, 2), (5, 1), (100_001, 1)] {
        let a = noise(rows * columns, 7);
        let mut expected = vec![0.0; columns];
        for (i, value) in a.iter().enumerate() {
            expected[i % columns] += f64::from(*value);
        }
        let sums = ops::column_sums(&Buffer::from_vec(&device, a).unwrap(), columns).unwrap();
        assert_close(&sums.to_vec().unwrap(), &expected, 2e-4);
    }
    assert!(ops::column_sums(&Buffer::zeros(&device, 7).unwrap(), 2).is_err());
}

#[test]
fn sums_and_optimisers_agree_with_f64() {
    let device = device();
    let (w, g, m, v) = (noise(999, 8), noise(999, 9), noise(999, 10), noise(999, 11));
    let on = |values: &[f32]| Buffer::from_vec(&device, values.to_vec()).unwrap();
    let mut sum = on(&w);
    ops::add(&mut sum, -0.5, &on(&g)).unwrap();
    ops::scale(&mut sum, 3.0).unwrap();
    let expected: Vec<f64> = wide(&w).iter().zip(wide(&g)).map(|(w, g)| 3.0 * (w - 0.5 * g)).collect();
    assert_close(&sum.to_vec().unwrap(), &expected, 1e-6);
    let step =
        AdamStep { rate: 0.01, beta1: 0.9, beta2: 0.99, square_correction: 2.0, epsilon: 1e-3, decay: 0.1 };
    let v: Vec<f32> = v.iter().map(|v| v.abs()).collect();
    // Seventeen tensors, more than one launch takes, the first of one value and the last without any.
    let ends = [0, 1, 2, 65, 129, 200, 300, 301, 302, 303, 400, 500, 600, 700, 800, 900, 999, 999];
    let parts = |values: &[f32]| -> Vec<Buffer> {
        ends.windows(2).map(|part| on(&values[part[0]..part[1]])).collect()
    };
    let (mut values, updates, mut means, mut squares) = (parts(&w), parts(&g), parts(&m), parts(&v));
    let moments = means.iter_mut().zip(&mut squares);
    let tensors = values.iter_mut().zip(&updates).zip(moments);
    let tensors = tensors.map(|((value, update), (mean, square))| AdamTensor { value, update, mean, square });
    ops::adam(step, &mut tensors.collect::<Vec<_>>()).unwrap();
    let value: Vec<f32> = values.iter().flat_map(|part| part.to_vec().unwrap()).collect();
    let expected: Vec<f64> = (0..999)
        .map(|i| {
            let (w, m, v) = (f64::from(w[i]), f64::from(m[i]), f64::from(v[i]));
            let g = f64::from(g[i]) - 0.1 * w;
            w + 0.01 * (0.9 * m + 0.1 * g) / ((0.99 * v + 0.01 * g * g).sqrt() * 2.0 + 1e-3)
        })
        .collect();
    assert_close(&value, &expected, 1e-6);
    let mut short = on(&w[1..]);
    let wrong =
        AdamTensor { value: &mut values[0], update: &updates[0], mean: &mut short, square: &mut means[1] };
    assert!(ops::adam(step, &mut [wrong]).is_err());
    let singles: Vec<Buffer> = w[..40].iter().map(|&single| on(&[single])).collect();
    let mut sum = on(&[2.0]);
    ops::add_singles(&mut sum, 0.5, &singles).unwrap();
    assert_close(&sum.to_vec().unwrap(), &[2.0 + 0.5 * wide(&w[..40]).iter().sum::<f64>()], 1e-5);
    assert!(ops::add_singles(&mut sum, 1.0, &[on(&w)]).is_err());
    let (mut value, mut velocity) = (on(&w), on(&m));
    ops::sgd(0.1, 0.9, 0.01, &mut value, &on(&g), &mut velocity).unwrap();
    let expected: Vec<f64> = (0..999)
        .map(|i| {
            let (w, g, m) = (f64::from(w[i]), f64::from(g[i]), f64::from(m[i]));
            w + 0.1 * (0.9 * m + g - 0.01 * w)
        })
        .collect();
    assert_close(&value.to_vec().unwrap(), &expected, 1e-6);
}

/// `[row, column]` of the representation, and weight, of a map's value.
fn pooled(shape: MapShape, pooling: Pooling, value: usize) -> Option<(usize, usize, f64)> {
    let [t, y, x] = shape.extent;
    let (channel, place) = (value % shape.channels, value / shape.channels);
    let (px, py, pt) = (place % x, place / x % y, place / x / y % t);
    let sample = place / x / y / t;
    let (batch, location) = (sample % shape.batch, sample / shape.batch % shape.location);
    let step = sample / shape.batch / shape.location * t + pt;
    match pooling {
        Pooling::Mean => {
            let row = (step * shape.location + location) * shape.batch + batch;
            Some((row, channel, 1.0 / (y * x) as f64))
        }
        Pooling::Keep => {
            let row = (step * shape.location * y * x + location * y * x + py * x + px) * shape.batch + batch;
            Some((row, channel, 1.0))
        }
        Pooling::Blocks(k) => {
            let (by, bx) = (y / k, x / k);
            let row = (step * shape.location + location) * shape.batch + batch;
            let column = (channel * by + py / k) * bx + px / k;
            (py / k < by && px / k < bx).then_some((row, column, 1.0 / (k * k) as f64))
        }
    }
}

#[test]
fn pooling_and_its_transpose_agree_with_f64() {
    let device = device();
    let shape = MapShape { time: 2, location: 3, batch: 2, extent: [2, 5, 4], channels: 6 };
    for pooling in [Pooling::Mean, Pooling::Keep, Pooling::Blocks(2), Pooling::Blocks(1)] {
        let to = RepresentationShape::of(shape, pooling).unwrap();
        let (map, factor) = (noise(shape.len(), 12), noise(to.len(), 13));
        let (mut expected, mut back) = (vec![0.0; to.len()], vec![0.0; shape.len()]);
        for value in 0..shape.len() {
            if let Some((row, column, weight)) = pooled(shape, pooling, value) {
                expected[row * to.channel + column] += weight * f64::from(map[value]);
                back[value] = weight * f64::from(factor[row * to.channel + column]);
            }
        }
        let pooled = ops::pool(&Buffer::from_vec(&device, map).unwrap(), shape, pooling).unwrap();
        assert_close(&pooled.to_vec().unwrap(), &expected, 1e-6);
        let spread = ops::spread(&Buffer::from_vec(&device, factor).unwrap(), shape, pooling).unwrap();
        assert_close(&spread.to_vec().unwrap(), &back, 1e-6);
    }
}
