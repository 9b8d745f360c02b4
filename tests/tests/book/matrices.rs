//! The code of the page on matrices for people from PyTorch.

// ANCHOR: matrix
use plasticity_core::device::{Buffer, Device};
use plasticity_core::taped::{Matrix, Scalar, Tape};
// ANCHOR_END: matrix

fn values(x: &Matrix) -> Vec<f32> {
    x.values().unwrap().to_vec().unwrap()
}

#[test]
fn shapes_and_operations() -> plasticity_core::Result<()> {
    // ANCHOR: make
    let tape = Tape::new(&Device::open()?);
    // torch.arange(6.).reshape(2, 3)
    let x = tape.constant(2, 3, |row, column| (row * 3 + column) as f32);
    assert_eq!(x.shape(), (2, 3));
    // x.flatten().tolist()
    assert_eq!(x.values()?.to_vec()?, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    // ANCHOR_END: make

    // ANCHOR: again
    // (x + 2 * x) / 3: x is used twice.
    let same = (&x + 2.0 * &x) / 3.0;
    assert_eq!(values(&same), values(&x));
    // ANCHOR_END: again

    // ANCHOR: reduce
    // x.sum(dim=1, keepdim=True)
    assert_eq!(values(&x.row_sums()), [3.0, 12.0]);
    // x - x.mean(dim=0, keepdim=True)
    let centred = &x - x.column_means();
    assert_eq!(values(&centred), [-1.5, -1.5, -1.5, 1.5, 1.5, 1.5]);
    // ANCHOR_END: reduce

    // ANCHOR: product
    // x @ x.T
    assert_eq!(values(&x.matmul(&x.transpose())), [5.0, 14.0, 14.0, 50.0]);
    // ANCHOR_END: product

    // ANCHOR: parts
    // x[1:, :], x[:, :2]
    assert_eq!(values(&x.rows(1..2)), [3.0, 4.0, 5.0]);
    assert_eq!(values(&x.columns(0..2)), [0.0, 1.0, 3.0, 4.0]);
    // x[[1, 0, 1]]
    assert_eq!(x.take(&[1, 0, 1]).shape(), (3, 3));
    // x.gather(1, torch.tensor([[2], [0]]))
    assert_eq!(values(&x.pick(&[2, 0], 1)), [2.0, 3.0]);
    // ANCHOR_END: parts
    Ok(())
}

#[test]
fn gradients() -> plasticity_core::Result<()> {
    // ANCHOR: backward
    let device = Device::open()?;
    let tape = Tape::new(&device);
    let w = tape.leaf(&Buffer::from_vec(&device, vec![1.0, -2.0])?, 0, 1, 2)?;
    let loss: Scalar = w.relu().square().sum();
    assert_eq!(loss.value()?, 1.0);
    // loss.backward(); w.grad
    assert_eq!(loss.backward()?.of(&w)?.to_vec()?, [2.0, 0.0]);
    // ANCHOR_END: backward

    // ANCHOR: detach
    // The gradient is half that of w².sum().
    let loss = (w.detach() * &w).sum();
    assert_eq!(loss.backward()?.of(&w)?.to_vec()?, [1.0, -2.0]);
    // ANCHOR_END: detach

    // ANCHOR: overlap
    // Parts that overlap, and the whole beside them: gradients add up.
    let loss = (w.columns(0..1) * w.columns(0..2)).sum() + w.square().sum();
    assert_eq!(loss.backward()?.of(&w)?.to_vec()?, [2.0 - 2.0 + 2.0, 1.0 - 4.0]);
    // ANCHOR_END: overlap
    Ok(())
}

#[test]
fn what_does_not_fit_is_one_error_at_the_end() -> plasticity_core::Result<()> {
    // ANCHOR: error
    let x = Tape::new(&Device::open()?).constant(2, 3, |_, _| 1.0);
    let loss = x.matmul(&x).exp().sum();
    let error = loss.backward().err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.starts_with("matmul: expected a matrix of 3 rows"), "{error}");
    // ANCHOR_END: error
    Ok(())
}
