//! The page on dfdx for those who come from PyTorch, compiled.

// ANCHOR: matrix
use dfdx::prelude::*;

type Matrix = Tensor<(usize, usize), f32, Cpu>;
// ANCHOR_END: matrix

#[test]
fn shapes_and_ranks() {
    // ANCHOR: make
    let device = Cpu::default();
    // torch.arange(6.).reshape(2, 3)
    let x: Matrix = device.tensor_from_vec(vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0], (2, 3));
    assert_eq!(*x.shape(), (2, 3));
    // x.flatten().tolist()
    assert_eq!(x.as_vec(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    // ANCHOR_END: make

    // ANCHOR: consume
    // Operations take their input; a clone shares storage and costs nothing until one of the two is changed.
    let doubled = x.clone() * 2.0;
    let both = x.clone() + doubled;
    assert_eq!(both.as_vec()[5], 15.0);
    // ANCHOR_END: consume

    // ANCHOR: reduce
    // x.sum(dim=1): the axis is a type, and so is the number of axes that are left.
    let rows: Tensor<(usize,), f32, _> = x.clone().sum::<_, Axis<1>>();
    assert_eq!(rows.as_vec(), [3.0, 12.0]);
    // x - x.mean(dim=0): nothing broadcasts by itself, except numbers.
    let mean = x.clone().mean::<(usize,), Axis<0>>();
    let centred = x.clone() - mean.broadcast_like::<_, Axis<0>>(&(2, 3));
    assert_eq!(centred.as_vec(), [-1.5, -1.5, -1.5, 1.5, 1.5, 1.5]);
    // ANCHOR_END: reduce

    // ANCHOR: product
    // x @ x.T: of `permute` the type that comes out says what is meant.
    let transposed: Matrix = x.clone().permute();
    let product: Matrix = x.clone().matmul(transposed);
    assert_eq!(product.as_vec(), [5.0, 14.0, 14.0, 50.0]);
    // ANCHOR_END: product

    // ANCHOR: slice
    // x[1:, :]: a slice's shape is `(usize, usize)` in type only once it is realised.
    let last: Matrix = x.clone().slice((1.., ..)).realize();
    assert_eq!(last.as_vec(), [3.0, 4.0, 5.0]);
    // torch.gather along rows, with an index per row.
    let index: Tensor<(usize, usize), usize, Cpu> = device.tensor_from_vec(vec![2, 0], (2, 1));
    let picked: Matrix = x.gather(index);
    assert_eq!(picked.as_vec(), [2.0, 3.0]);
    // ANCHOR_END: slice
}

#[test]
fn gradients() {
    // ANCHOR: backward
    let device = Cpu::default();
    let w: Matrix = device.tensor_from_vec(vec![1.0, -2.0], (1, 2));
    // w.requires_grad_(): a tape is made where history begins, and is moved along with the result.
    let loss = w.leaky_trace().relu().square().sum();
    let loss: Tensor<(), f32, _, _> = loss;
    assert_eq!(loss.array(), 1.0);
    // loss.backward(): gradients come back as a value, and are asked for by tensor.
    let gradients = loss.backward();
    assert_eq!(gradients.get(&w).as_vec(), [2.0, 0.0]);
    // ANCHOR_END: backward

    // ANCHOR: detach
    // w.detach(): the same values with no tape.
    let taped = w.leaky_trace().square();
    let (value, _tape) = taped.split_tape();
    assert_eq!(value.as_vec(), [1.0, 4.0]);
    // To use one tensor twice in a loss, give each use a tape of its own; they merge where they meet.
    let twice = w.retaped::<OwnedTape<f32, Cpu>>().square() * w.retaped::<OwnedTape<f32, Cpu>>();
    let sum: Tensor<(), f32, _, _> = twice.sum();
    assert_eq!(sum.backward().get(&w).as_vec(), [3.0, 12.0]);
    // ANCHOR_END: detach
}
