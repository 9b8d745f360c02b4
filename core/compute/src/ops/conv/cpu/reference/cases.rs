//! Compares every path with the naive `f64` computation, over many shapes.

use rayon::{ThreadPoolBuildError, ThreadPoolBuilder};

use super::*;
use crate::bf16::{Arithmetic, tests::kernels};
use crate::ops::conv::cpu::Routing;
use crate::ops::conv::cpu::feedback::feedback;
use crate::ops::conv::cpu::forward::{forward, forward_by};
use crate::ops::conv::cpu::lowering::Activation;
use crate::ops::conv::cpu::outer::{outer, outer_by};
use crate::ops::conv::cpu::plan::{Path, Plan, plan};
use crate::ops::conv::cpu::unroute::Unroute;
use crate::ops::conv::cpu::wide;

/// Typical error allowed, relative to the root mean square of what is expected.
const TOLERANCE: f64 = 2e-6;

fn square(samples: usize, side: [usize; 2], channels: [usize; 2]) -> Geometry {
    Geometry {
        samples,
        input: [1, side[0], side[1]],
        in_channels: channels[0],
        out_channels: channels[1],
        kernel: [1, 3, 3],
        stride: [1, 1, 1],
        padding: [0, 1, 1],
    }
}

fn general(
    samples: usize,
    input: [usize; 3],
    channels: [usize; 2],
    kernel: [usize; 3],
    stride: [usize; 3],
    padding: [usize; 3],
) -> Geometry {
    let [in_channels, out_channels] = channels;
    Geometry { samples, input, in_channels, out_channels, kernel, stride, padding }
}

const HALVE: Pool = Pool { size: [1, 2, 2], stride: [1, 2, 2] };

/// Checks all stages of one layer by one path, with both forms of the post factor: in `f32`, and with every
/// bfloat16 kernel that runs here. The bfloat16 kernels get whole numbers, for which no operand and no sum is
/// rounded. They do not use F(4×4, 3×3).
fn check(path: Path, g: Geometry, pool: Option<Pool>, relu: bool) {
    if path != Path::Direct {
        check_plan(Plan::new(path, Arithmetic::Single), g, pool, relu, noise);
    }
    let whole = |length, seed| noise(length, seed).into_iter().map(|v| (1.5 * v).round()).collect();
    for kernel in kernels().into_iter().filter(|_| path != Path::Winograd4) {
        check_plan(
            Plan { double_biases: true, ..Plan::new(path, Arithmetic::Half(kernel)) },
            g,
            pool,
            relu,
            whole,
        );
    }
}

/// Checks all stages of one layer by one plan, on values that `draw` makes from a length and a seed.
fn check_plan(plan: Plan, g: Geometry, pool: Option<Pool>, relu: bool, draw: fn(usize, u64) -> Vec<f32>) {
    let pool = pool.as_ref();
    let input = draw(g.samples * g.input_len(), 1);
    let weight = draw(g.weights(), 2);
    let bias = draw(g.out_channels, 3);
    let activation = Activation { bias: Some(&bias), relu };

    let mut map = vec![f32::NAN; g.samples * g.output_len()];
    forward_by(plan, &g, None, &input, &weight, activation, &mut map);
    assert_close(&map, &convolve(&g, relu, &input, &weight, &bias), TOLERANCE);

    let (pooled, winners) = super::pool(&g, pool, &map);
    let mut output = vec![f32::NAN; pooled.len()];
    let routing = forward_by(plan, &g, pool, &input, &weight, activation, &mut output);
    assert_eq!(output, pooled);

    let positions = g.pooled(pool).iter().product::<usize>() as f32;
    let per_sample: Vec<f32> = draw(g.samples * g.out_channels, 4).iter().map(|v| v * positions).collect();
    let per_position = draw(output.len(), 5);
    for post in [Post::PerSample(&per_sample), Post::PerPosition(&per_position)] {
        let dense = super::unroute(&g, relu, &map, &winners, post);
        let unroute = Unroute::new(&g, pool, relu, &output, &routing, post, plan.rounded);
        let mut found = vec![f32::NAN; dense.len()];
        for (sample, found) in found.chunks_exact_mut(g.output_len()).enumerate() {
            unroute.sample(sample, found, None);
        }
        assert_close(&found, &dense.iter().map(|&v| f64::from(v)).collect::<Vec<_>>(), 1e-6);

        let mut d_weight = vec![f32::NAN; g.weights()];
        let mut d_bias = vec![f32::NAN; g.out_channels];
        outer_by(plan, &g, &input, &unroute, &mut d_weight, &mut d_bias);
        assert_close(&d_weight, &super::outer(&g, &input, &dense), TOLERANCE);
        let mut sums = vec![0.0; g.out_channels];
        for (i, value) in dense.iter().enumerate() {
            sums[i % g.out_channels] += f64::from(*value);
        }
        assert_close(&d_bias, &sums, 1e-5);

        let mut d_input = vec![f32::NAN; input.len()];
        feedback(plan, &g, &weight, &unroute, &mut d_input);
        assert_close(&d_input, &super::feedback(&g, &weight, &dense), TOLERANCE);
    }
}

#[test]
fn winograd_on_odd_maps_and_channels() {
    for path in [Path::Winograd4, Path::Winograd2] {
        for (samples, side, channels) in [
            (1, [4, 4], [16, 16]),
            (3, [5, 7], [19, 21]),
            (2, [16, 16], [32, 48]),
            (7, [8, 8], [5, 70]),
            (1, [3, 2], [40, 3]),
            (5, [1, 1], [17, 33]),
        ] {
            let g = square(samples, side, channels);
            check(path, g, None, true);
            if side[0] > 1 {
                check(path, g, Some(HALVE), true);
            }
        }
    }
    for (samples, side, channels) in
        [(1, [6, 6], [16, 16]), (3, [7, 9], [19, 21]), (2, [10, 10], [64, 300]), (2, [3, 4], [20, 17])]
    {
        let inside = Geometry { padding: [0; 3], ..square(samples, side, channels) };
        for path in [Path::Winograd4, Path::Winograd2] {
            check(path, inside, None, true);
            check(path, inside, (side[0] > 3).then_some(HALVE), false);
        }
    }
    check(Path::Winograd4, Geometry { input: [3, 6, 5], ..square(2, [1, 1], [16, 16]) }, None, false);
    check(Path::Winograd4, square(1, [64, 64], [16, 16]), Some(HALVE), true);
}

#[test]
fn many_channels() {
    check(Path::Winograd4, square(6, [4, 4], [512, 64]), Some(HALVE), true);
    check(Path::Winograd4, square(2, [8, 8], [64, 512]), None, true);
    check(Path::Pair, square(6, [2, 2], [512, 128]), Some(HALVE), true);
    // More sums than are summed separately, also by patches.
    check(Path::Im2col, general(3, [60, 1, 1], [70, 258], [8, 1, 1], [4, 1, 1], [2, 0, 0]), None, true);
}

#[test]
fn pairs_on_the_smallest_maps() {
    for (samples, channels) in [(1, [16, 16]), (9, [33, 65]), (100, [20, 130])] {
        check(Path::Pair, square(samples, [2, 2], channels), Some(HALVE), true);
        check(Path::Pair, square(samples, [2, 2], channels), None, false);
    }
}

#[test]
fn patches_of_any_kernel() {
    let one = [1, 1, 1];
    for (g, pool) in [
        (square(3, [16, 16], [1, 16]), None),
        (square(5, [9, 8], [3, 128]), Some(HALVE)),
        (square(2, [1, 1], [20, 24]), None),
        (square(1, [2, 2], [16, 16]), Some(HALVE)),
        (general(2, [1, 7, 9], [5, 40], one, one, [0, 0, 0]), None),
        (general(2, [1, 9, 8], [4, 7], one, [1, 2, 2], [0, 0, 0]), None),
        (general(2, [400, 1, 1], [1, 20], [10, 1, 1], [5, 1, 1], [2, 0, 0]), None),
        (general(2, [30, 1, 1], [24, 24], [8, 1, 1], [4, 1, 1], [2, 0, 0]), None),
        (general(2, [31, 1, 1], [16, 33], [4, 1, 1], [2, 1, 1], [2, 0, 0]), None),
        (
            general(1, [5, 17, 16], [3, 10], [5, 7, 7], [1, 2, 2], [2, 3, 3]),
            Some(Pool { size: [1, 3, 3], stride: [1, 2, 2] }),
        ),
        (
            general(2, [4, 6, 5], [6, 10], [3, 3, 3], [2, 2, 1], [1, 1, 1]),
            Some(Pool { size: [2, 2, 2], stride: [1, 2, 3] }),
        ),
        (general(1, [1, 6, 6], [3, 5], [1, 2, 4], [1, 3, 1], [0, 2, 3]), None),
    ] {
        check(Path::Im2col, g, pool, true);
    }
    check(Path::Im2col, square(3, [5, 6], [3, 17]), Some(HALVE), false);
}

#[test]
fn direct_layers_of_any_kernel() {
    let one = [1, 1, 1];
    for (g, pool) in [
        (square(1, [4, 4], [16, 16]), Some(HALVE)),
        (square(33, [5, 7], [19, 21]), None),
        (square(40, [7, 5], [1, 40]), Some(HALVE)),
        (square(3, [4, 6], [3, 16]), None),
        (square(2, [6, 7], [3, 40]), None),
        (square(2, [6, 7], [3, 40]), Some(Pool { size: one, stride: one })),
        (general(33, [31, 1, 1], [2, 18], [10, 1, 1], [5, 1, 1], [2, 0, 0]), None),
        (square(70, [2, 2], [40, 130]), Some(HALVE)),
        (square(65, [3, 2], [96, 65]), None),
        (square(3, [8, 8], [64, 512]), Some(HALVE)),
        (Geometry { padding: [0; 3], ..square(5, [7, 6], [33, 48]) }, Some(HALVE)),
        (general(34, [1, 4, 5], [17, 70], one, one, [0, 0, 0]), None),
        (general(2, [30, 1, 1], [24, 24], [8, 1, 1], [4, 1, 1], [2, 0, 0]), None),
        (
            general(3, [5, 9, 8], [16, 20], [5, 5, 5], [1, 2, 2], [2, 2, 2]),
            Some(Pool { size: [1, 3, 3], stride: [1, 2, 2] }),
        ),
    ] {
        check(Path::Direct, g, pool, true);
        check(Path::Direct, g, pool, false);
    }
    // Few weights, in more groups than there are parts.
    check(Path::Direct, square(530, [2, 2], [16, 17]), None, true);
}

/// Random layers by their plans: kernels of 1, 3 and 5 taps, strides 1 and 2, on one to three axes.
#[test]
fn layers_drawn_at_random() {
    let mut state = 7_u64;
    let mut draw = |choices: &[usize]| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        choices[(state >> 33) as usize % choices.len()]
    };
    for _ in 0..40 {
        let axes = draw(&[1, 2, 2, 3]);
        let used = |axis: usize| match axes {
            1 => axis == 0,
            2 => axis > 0,
            _ => true,
        };
        let kernel = draw(&[1, 3, 3, 5]);
        let kernel = std::array::from_fn(|axis| if used(axis) { kernel } else { 1 });
        let stride = std::array::from_fn(|axis| if used(axis) { draw(&[1, 1, 2]) } else { 1 });
        let padding = std::array::from_fn(|axis| draw(&[0, kernel[axis] / 2]));
        let input =
            std::array::from_fn(|axis| if used(axis) { kernel[axis] + draw(&[0, 1, 2, 3, 6]) } else { 1 });
        let channels = [draw(&[1, 3, 16, 17, 40]), draw(&[1, 5, 16, 33, 70])];
        let g = general(draw(&[1, 2, 5]), input, channels, kernel, stride, padding);
        let pool = Pool { size: [1, 2, 2], stride: [1, 2, draw(&[1, 2])] };
        let pool = g.output()[1..].iter().all(|&side| side > 1).then_some(pool);
        check(plan(Arithmetic::Single, &g).path, g, pool, draw(&[0, 1]) == 1);
    }
}

#[test]
fn planned_stages_do_not_depend_on_the_number_of_threads() -> Result<(), ThreadPoolBuildError> {
    let shapes = [
        square(30, [16, 16], [3, 32]),
        square(30, [8, 8], [32, 80]),
        square(3, [8, 8], [64, 256]),
        square(250, [2, 2], [40, 40]),
        Geometry { padding: [0; 3], ..square(5, [10, 10], [64, 400]) },
        Geometry { padding: [0; 3], ..square(5, [10, 10], [288, 440]) },
        general(9, [600, 1, 1], [1, 24], [10, 1, 1], [5, 1, 1], [2, 0, 0]),
        general(3, [60, 1, 1], [70, 258], [8, 1, 1], [4, 1, 1], [2, 0, 0]),
    ];
    for arithmetic in [Some(Arithmetic::Single), kernels().pop().map(Arithmetic::Half)].into_iter().flatten()
    {
        for g in shapes {
            let pool = (g.input[1] > 1 && g.in_channels < 288).then_some(HALVE);
            let run = |threads: usize| {
                let threads = ThreadPoolBuilder::new().num_threads(threads).build()?;
                Ok(threads.install(|| stages(arithmetic, &g, pool.as_ref(), pool.is_some())))
            };
            let one = run(1)?;
            for threads in [2, 4] {
                for (a, b) in one.iter().zip(run(threads)?) {
                    let same = a.iter().zip(&b).all(|(a, b)| a.to_bits() == b.to_bits());
                    assert!(same, "{arithmetic:?}, {threads} threads, {g:?}");
                }
            }
        }
    }
    Ok(())
}

/// A wide layer on few positions uses groups of channels; the last group is smaller.
#[test]
fn wide_layers_agree_with_the_naive_computation() {
    let g = Geometry { padding: [0; 3], ..square(3, [7, 8], [288, 410]) };
    let arithmetic = Arithmetic::Single;
    assert!(wide::suits(plan(arithmetic, &g), &g));
    let [output, d_weight, d_bias, d_input] = stages(arithmetic, &g, None, false);
    let (input, weight, bias) = (noise(g.samples * g.input_len(), 1), noise(g.weights(), 2), noise(410, 3));
    assert_close(&output, &convolve(&g, false, &input, &weight, &bias), TOLERANCE);
    let factor = noise(output.len(), 4);
    assert_close(&d_weight, &super::outer(&g, &input, &factor), TOLERANCE);
    let mut sums = vec![0.0; 410];
    factor.iter().enumerate().for_each(|(i, value)| sums[i % 410] += f64::from(*value));
    assert_close(&d_bias, &sums, 1e-5);
    assert_close(&d_input, &super::feedback(&g, &weight, &factor), TOLERANCE);
}

/// All results of the public stages, by the planned path.
fn stages(arithmetic: Arithmetic, g: &Geometry, pool: Option<&Pool>, relu: bool) -> [Vec<f32>; 4] {
    let plan = plan(arithmetic, g);
    let input = noise(g.samples * g.input_len(), 1);
    let weight = noise(g.weights(), 2);
    let bias = noise(g.out_channels, 3);
    let positions: usize = g.pooled(pool).iter().product();
    let mut output = vec![0.0; g.samples * positions * g.out_channels];
    let activation = Activation { bias: Some(&bias), relu };
    let routing: Routing = forward(plan, g, pool, &input, &weight, activation, &mut output);
    let factor = noise(output.len(), 4);
    let post = Post::PerPosition(&factor);
    let unroute = Unroute::new(g, pool, relu, &output, &routing, post, plan.rounded);
    let (mut d_weight, mut d_bias) = (vec![0.0; weight.len()], vec![0.0; bias.len()]);
    outer(plan, g, &input, &unroute, &mut d_weight, &mut d_bias);
    let mut d_input = vec![0.0; input.len()];
    feedback(plan, g, &weight, &unroute, &mut d_input);
    [output, d_weight, d_bias, d_input]
}
