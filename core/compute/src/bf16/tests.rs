//! Compares kernels with plain Rust, and plain Rust with `f64`, over random sizes.

use super::plain::round;
use super::*;

/// Whole numbers from −8 to 8: no sum of them is rounded here.
fn whole(length: usize, seed: usize) -> Vec<f32> {
    (0..length).map(|i| ((i * 7919 + seed * 104_729) % 9973 % 17) as f32 - 8.0).collect()
}

/// Values in (−1, 1) that are not exact in bfloat16.
fn noise(length: usize, seed: usize) -> Vec<f32> {
    (0..length).map(|i| ((i * 7919 + seed * 104_729) % 9973) as f32 / 4986.5 - 1.0).collect()
}

/// The kernels that run here; prints which do not.
pub(crate) fn kernels() -> Vec<Kernel> {
    let tried = [Family::Plain, Family::Avx512, Family::Amx].map(|family| (family, family.try_here()));
    let here = tried.into_iter().filter_map(|(family, kernel)| {
        kernel.inspect_err(|why| println!("{family} is not tested: {why}")).ok().flatten()
    });
    here.collect()
}

/// Sizes in no order: one value, odd ones, less and more than a vector, a tile and a block.
pub(crate) fn sizes() -> impl Iterator<Item = [usize; 3]> {
    let fixed = [[1, 1, 16], [33, 255, 48], [48, 64, 64], [7, 400, 32], [17, 33, 80]];
    fixed.into_iter().chain((1..24).map(|i| [i * 37 % 71 + 1, i * 53 % 301 + 1, i % 4 * 16 + 16]))
}

/// `C = A · B`, and twice that by adding it once more, by `kernel`: A is `[rows, depth]`, given by rows or by columns.
fn product(
    kernel: Kernel,
    a: &[f32],
    b: &[f32],
    [rows, depth, width]: [usize; 3],
    columns: bool,
) -> Vec<f32> {
    let (stride, padded) = (kernel.stride(depth), kernel.depth(depth));
    let (mut left, mut panel) = (vec![round(f32::NAN); rows * stride], vec![round(f32::NAN); padded * width]);
    if columns {
        // In two parts, like blocks of samples.
        let part = (depth / 2).next_multiple_of(32).min(depth);
        let (head, tail) = a.split_at(part * rows);
        kernel.pack_columns(Rows::adjacent(head, rows), &mut left, stride, 0);
        if !tail.is_empty() {
            kernel.pack_columns(Rows::adjacent(tail, rows), &mut left, stride, part);
        }
    } else {
        kernel.pack_rows(Rows::adjacent(a, depth), &mut left, stride);
    }
    kernel.pack_panel(Rows::adjacent(b, width), width, &mut panel);
    let left = Left { values: &left, stride, depth: padded };
    let mut c = vec![f32::NAN; rows * width];
    kernel.multiply(left, &panel, &mut c, width, false);
    kernel.multiply(left, &panel, &mut c, width, true);
    c
}

/// `a` `[rows, columns]` as `[columns, rows]`.
fn transposed(a: &[f32], columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|column| a.iter().skip(column).step_by(columns).copied()).collect()
}

#[test]
fn sums_that_are_not_rounded_are_those_of_f64() {
    for kernel in kernels() {
        for size @ [rows, depth, width] in sizes() {
            let (a, b) = (whole(rows * depth, 1), whole(depth * width, 2));
            let exact = |i: usize| {
                let products = (0..depth)
                    .map(|k| f64::from(a[i / width * depth + k]) * f64::from(b[k * width + i % width]));
                (2.0 * products.sum::<f64>()) as f32
            };
            let expected: Vec<f32> = (0..rows * width).map(exact).collect();
            assert_eq!(product(kernel, &a, &b, size, false), expected, "{kernel:?} {size:?}");
            let a = transposed(&a, depth);
            assert_eq!(product(kernel, &a, &b, size, true), expected, "{kernel:?} {size:?} by columns");
        }
    }
}

#[test]
fn operands_are_rounded_alike_and_sums_nearly() {
    for kernel in kernels() {
        for size @ [rows, depth, width] in sizes() {
            let (a, b) = (noise(rows * depth, 1), noise(depth * width, 2));
            let found = product(kernel, &a, &b, size, false);
            let scale = 2e-6 * depth as f32;
            for (found, plain) in found.iter().zip(product(Kernel::plain(), &a, &b, size, false)) {
                assert!((found - plain).abs() <= scale, "{kernel:?} {size:?}: {found}, not {plain}");
            }
        }
    }
}

#[test]
fn nan_and_infinity_stay_in_their_rows_and_columns() {
    for kernel in kernels() {
        for size @ [rows, depth, width] in sizes().filter(|size| size[0] > 2) {
            let (mut a, mut b) = (vec![1.0; rows * depth], vec![1.0; depth * width]);
            a[depth..2 * depth][depth - 1] = f32::NAN;
            a[2 * depth..][0] = f32::INFINITY;
            b[(depth - 1) * width + 3] = f32::NEG_INFINITY;
            for (i, value) in product(kernel, &a, &b, size, false).into_iter().enumerate() {
                let right = match (i / width, i % width) {
                    (1, _) => value.is_nan(),
                    (2, 3) => value.is_nan() || (depth == 1 && value == f32::NEG_INFINITY),
                    (2, _) => value == f32::INFINITY,
                    (_, 3) => value == f32::NEG_INFINITY,
                    _ => value == 2.0 * depth as f32,
                };
                assert!(right, "{kernel:?} {size:?}: {value} at {} {}", i / width, i % width);
            }
        }
    }
}

#[test]
fn operands_of_every_kernel_are_the_same_values() {
    for kernel in kernels() {
        for (rows, columns) in [(1, 1), (2, 40), (33, 17), (70, 64), (64, 300)] {
            let values = noise(rows * columns, 3);
            let stride = kernel.stride(rows);
            let packed = |packer: Kernel| {
                let mut left = vec![0; columns * stride];
                packer.pack_columns(Rows::adjacent(&values, columns), &mut left, stride, 0);
                let width = columns / 16 * 16;
                let mut panel = vec![0; kernel.depth(rows) * width];
                if width > 0 {
                    packer.pack_panel(Rows::adjacent(&values[..rows * width], width), width, &mut panel);
                }
                (left, panel)
            };
            assert!(packed(kernel) == packed(Kernel::plain()), "{kernel:?} {rows} {columns}");
        }
    }
}

#[test]
fn panels_of_columns_are_panels_of_the_transposed_rows() {
    for kernel in kernels() {
        for (count, length, depth, width) in
            [(1, 1, 2, 16), (16, 32, 32, 16), (17, 40, 64, 32), (32, 33, 34, 32)]
        {
            let values = noise(count * length, 5);
            let [mut found, mut expected] = [7, 9].map(|value| vec![value; depth * width]);
            let turned = transposed(&values, length);
            kernel.pack_panel_columns(Rows::adjacent(&values, length), width, &mut found);
            Kernel::plain().pack_panel(Rows::adjacent(&turned, count), width, &mut expected);
            assert!(found == expected, "{kernel:?} {count} {length}");
        }
    }
}

#[test]
fn rows_apart_are_packed_as_adjacent_ones() {
    let (count, length, pitch) = (21, 19, 30);
    let values = noise(count * pitch, 6);
    let apart = Rows { values: &values, pitch, count, length };
    let near: Vec<f32> = values.chunks(pitch).flat_map(|row| row[..length].to_vec()).collect();
    let near = Rows::adjacent(&near, length);
    for kernel in kernels() {
        let packed = |from: Rows<'_>| {
            let mut to = vec![3; 4 * 64 * 32];
            let mut parts = to.chunks_exact_mut(64 * 32);
            let mut part = || parts.next().unwrap();
            kernel.pack_rows(from, part(), 64);
            kernel.pack_columns(from, part(), 64, 0);
            kernel.pack_panel(from, 32, part());
            kernel.pack_panel_columns(from, 32, part());
            to
        };
        assert!(packed(apart) == packed(near), "{kernel:?}");
    }
}

#[test]
fn sums_over_segments_are_sums_of_products() {
    for kernel in kernels() {
        for (depth, width, count) in [(32, 16, 1), (64, 32, 5), (160, 32, 3), (32, 32, 0)] {
            let (stride, panel) = (depth + 64, depth * width);
            let (a, b) = (whole(36 * stride, 1), whole(count.max(1) * panel, 2));
            let mut left = vec![0; 36 * stride];
            let mut panels = vec![0; b.len()];
            kernel.pack_rows(Rows::adjacent(&a, stride), &mut left, stride);
            for (b, to) in b.chunks(panel).zip(panels.chunks_mut(panel)) {
                kernel.pack_panel(Rows::adjacent(b, width), width, to);
            }
            let segments: Vec<Segment> = (0..count).map(|i| [i % 4 * stride + i * 8, i * panel]).collect();
            let mut c = vec![f32::NAN; 32 * width];
            kernel.sums().block(Left { values: &left, stride, depth }, &panels, &segments, &mut c, width);
            for (i, found) in c.iter().enumerate() {
                let product = |&[at, panel]: &Segment, k: usize| {
                    a[at + i / width * stride + k] * b[panel + k * width + i % width]
                };
                let sum: f32 = segments.iter().flat_map(|s| (0..depth).map(|k| product(s, k))).sum();
                assert_eq!(*found, sum, "{kernel:?} {depth} {width} {count}");
            }
        }
    }
}
