//! Every operation, and every way to use a matrix several times, against finite differences.

use super::{Matrix, Scalar, Tape};
use crate::device::{Buffer, Device};

/// A function from a matrix to a matrix.
type Function = fn(&Matrix) -> Matrix;
/// A loss of two matrices: 4 × 3 and 3 × 4.
type Loss = fn(&Matrix, &Matrix) -> Scalar;

fn values(from: f32) -> Vec<f32> {
    (0..12).map(|at| ((at as f32 + from) * 2.399).sin() * 0.5 + 0.9).collect()
}

fn run(loss: Loss, x: &[f32], y: &[f32]) -> (f64, Vec<f32>, Vec<f32>) {
    let device = Device::open().unwrap();
    let tape = Tape::new(&device);
    let leaf = |values: &[f32], rows, columns| {
        tape.leaf(&Buffer::from_vec(&device, values.to_vec()).unwrap(), 0, rows, columns).unwrap()
    };
    let (x, y) = (leaf(x, 4, 3), leaf(y, 3, 4));
    let made = loss(&x, &y);
    let value = f64::from(made.value().unwrap());
    let mut gradients = made.backward().unwrap();
    (value, gradients.of(&x).unwrap().to_vec().unwrap(), gradients.of(&y).unwrap().to_vec().unwrap())
}

fn differentiates(what: &str, loss: Loss) {
    let (x, y) = (values(0.3), values(5.7));
    let (_, by_x, by_y) = run(loss, &x, &y);
    for (place, said) in by_x.iter().chain(&by_y).enumerate() {
        let side = |by: f32| {
            let (mut x, mut y) = (x.clone(), y.clone());
            if place < 12 {
                x[place] += by
            } else {
                y[place - 12] += by
            }
            run(loss, &x, &y).0
        };
        let measured = (side(5e-3) - side(-5e-3)) / 1e-2;
        let close = (measured - f64::from(*said)).abs() <= 2e-3 * (1.0 + measured.abs());
        assert!(close, "{what}, value {place}: says {said}, finite differences {measured}");
    }
}

/// A sum with a different weight for every place, so that an error in one slope does not cancel in the sum.
fn weighted(x: &Matrix) -> Scalar {
    (x * x.constant(x.shape().0, x.shape().1, |row, column| ((row * 5 + column * 3) as f32).cos())).sum()
}

#[test]
fn arithmetic() {
    differentiates("+", |x, y| weighted(&(x + y.transpose())));
    differentiates("-", |x, y| weighted(&(1.5 - x - y.transpose() * 2.0)));
    differentiates("*", |x, y| weighted(&(x * y.transpose() * x)));
    differentiates("/", |x, y| weighted(&(2.0 / x / (y.transpose() + 1.0))));
    differentiates("-x", |x, y| weighted(&-(x * y.transpose())));
    differentiates("scalars", |x, y| x.sum() * y.mean() / (x.mean() + 2.0) - 3.0 * y.sum() + 1.0);
}

#[test]
fn rows_columns_and_single_values_meet_whole_matrices() {
    differentiates("row", |x, y| weighted(&(x * y.columns(0..1).transpose() + y.rows(0..1).columns(0..3))));
    differentiates("column", |x, y| weighted(&(x.columns(1..2) - y.transpose())));
    differentiates("row and column", |x, y| weighted(&(x.rows(1..2) / y.rows(0..1).transpose())));
    differentiates("value", |x, y| weighted(&(Matrix::from(x.mean()) * y)));
    differentiates("itself", |x, _| weighted(&(x - x.column_means()).square()));
}

#[test]
fn functions() {
    let all: [(&str, Function); 11] = [
        ("square", Matrix::square),
        ("sqrt", Matrix::sqrt),
        ("exp", Matrix::exp),
        ("ln", Matrix::ln),
        ("relu", |x| (x - 0.75).relu()),
        ("abs", |x| (x - 0.75).abs()),
        ("tanh", Matrix::tanh),
        ("sigmoid", Matrix::sigmoid),
        ("recip", Matrix::recip),
        ("softplus", |x| (x * 3.0 - 2.0).softplus()),
        ("softmax", Matrix::softmax),
    ];
    for (what, function) in all {
        let device = Device::open().unwrap();
        let at = |values: &[f32]| {
            let tape = Tape::new(&device);
            let x = tape.leaf(&Buffer::from_vec(&device, values.to_vec()).unwrap(), 0, 4, 3).unwrap();
            let loss = weighted(&function(&x));
            (f64::from(loss.value().unwrap()), loss.backward().unwrap().of(&x).unwrap().to_vec().unwrap())
        };
        let x = values(0.3);
        for (place, said) in at(&x).1.into_iter().enumerate() {
            let side = |by: f32| {
                let mut x = x.clone();
                x[place] += by;
                at(&x).0
            };
            let measured = (side(2e-3) - side(-2e-3)) / 4e-3;
            let close = (measured - f64::from(said)).abs() <= 5e-3 * (1.0 + measured.abs());
            assert!(close, "{what}, value {place}: says {said}, finite differences {measured}");
        }
    }
}

#[test]
fn sums_means_and_products() {
    differentiates("rows", |x, y| weighted(&x.row_sums()) + weighted(&y.row_means()));
    differentiates("columns", |x, y| weighted(&x.column_sums()) + weighted(&y.column_means()));
    differentiates("log softmax", |x, y| weighted(&x.matmul(y).log_softmax()));
    differentiates("by its own transpose", |x, y| weighted(&x.matmul(&x.transpose())) + y.sum());
    differentiates("by itself", |x, y| weighted(&x.matmul(y).matmul(&x.matmul(y))));
    differentiates("a square by itself", |x, y| {
        let square = x.matmul(y);
        weighted(&square.matmul(&square))
    });
    differentiates("reshape", |x, y| weighted(&(x.reshape(3, 4) * y * x.transpose().reshape(3, 4))));
}

#[test]
fn parts_that_overlap_add_up() {
    differentiates("two slices and the whole", |x, y| {
        weighted(&(x.rows(0..3) * x.rows(1..4))) + weighted(&x.square()) + y.sum()
    });
    differentiates("columns", |x, y| weighted(&(x.columns(0..2) * x.columns(1..3))) + weighted(x) * y.mean());
    differentiates("a clone", |x, y| weighted(&(x.clone() * x)) + weighted(&x.clone().rows(2..4)) + y.sum());
    differentiates("views", |x, y| {
        let (one, two) = x.views();
        weighted(&(&one * &two + &one)) + y.sum()
    });
    differentiates("take", |x, y| weighted(&(x.take(&[3, 0, 0, 1]) * x)) + y.sum());
    differentiates("pick", |x, y| weighted(&x.matmul(y).pick(&[0, 3, 3, 1, 2, 2, 1, 0], 2)));
    differentiates("diagonal", |x, y| weighted(&x.matmul(y).diagonal()));
}

#[test]
fn no_gradient_goes_back_through_detach() {
    let (x, y) = (values(0.3), values(5.7));
    let (detached, by_x, by_y) = run(|x, y| weighted(&(x.matmul(y).detach() * x.matmul(y))), &x, &y);
    let (whole, _, _) = run(|x, y| weighted(&x.matmul(y).square()), &x, &y);
    assert_eq!(detached, whole);
    let (_, half_x, half_y) = run(|x, y| weighted(&x.matmul(y).square()) * 0.5, &x, &y);
    for (a, b) in by_x.iter().chain(&by_y).zip(half_x.iter().chain(&half_y)) {
        assert!((a - b).abs() < 1e-5);
    }
    assert!(run(|x, y| weighted(&x.detach()) + y.sum(), &x, &y).1.iter().all(|gradient| *gradient == 0.0));
}

#[test]
fn softplus_is_finite_and_has_its_slope_at_zero() {
    let device = Device::open().unwrap();
    let tape = Tape::new(&device);
    let x = tape.constant(1, 3, |_, at| [-1e4, 0.0, 1e4][at]);
    let made = x.softplus();
    assert_eq!(made.values().unwrap().to_vec().unwrap(), [0.0, 2.0_f32.ln(), 1e4]);
    assert_eq!(made.sum().backward().unwrap().of(&x).unwrap().to_vec().unwrap(), [0.0, 0.5, 1.0]);
}

#[test]
fn what_does_not_fit_is_the_error_of_whoever_asks_for_the_result() {
    let device = Device::open().unwrap();
    let cases: [(Function, &str); 8] = [
        (|x| x + x.transpose(), "a matrix of 4 × 3 does not fit one of 3 × 4"),
        (|x| x.matmul(x), "expected a matrix of 3 rows"),
        (|x| x.rows(2..5), "2..5 is not within 4 rows"),
        (|x| x.columns(3..4), "3..4 is not within 3 columns"),
        (|x| x.take(&[4]), "row 4 is not one of 4"),
        (|x| x.pick(&[0, 1, 2, 3], 1), "expected 1 columns below 3"),
        (|x| x.reshape(5, 2), "do not fit 5 × 2"),
        (|x| x.rows(0..3).views().0, "3 rows cannot be halved"),
    ];
    for (wrong, expected) in cases {
        let tape = Tape::new(&device);
        let loss = wrong(&tape.constant(4, 3, |_, _| 1.0)).exp().sum() * 2.0;
        let error = loss.backward().err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
    // Nor does what is empty fit, and no operation on it panics.
    let empty: [(Function, &str); 8] = [
        (|x| x.rows(2..2), "2..2 is not within 4 rows, or is empty"),
        (|x| x.rows(x.shape().1..1), "3..1 is not within 4 rows"),
        (|x| x.columns(1..1), "1..1 is not within 3 columns, or is empty"),
        (|x| x.take(&[]), "take: is empty"),
        (|x| x.pick(&[], 0), "expected 1 columns below 3 for each of 4 rows, got 0"),
        (|x| x.reshape(0, 3), "do not fit 0 × 3"),
        (|x| x.constant(0, 3, |_, _| 1.0), "0 × 3 is empty"),
        (
            |x| x.tape().leaf(&Buffer::zeros(x.device(), 0).unwrap(), 0, 0, 3).unwrap(),
            "log_softmax: got a matrix without values",
        ),
    ];
    for (wrong, expected) in empty {
        let tape = Tape::new(&device);
        let made = wrong(&tape.constant(4, 3, |_, _| 1.0));
        let loss = made.log_softmax().softplus().mean() + made.row_means().sum();
        let error = loss.backward().err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let (one, two) = (Tape::new(&device), Tape::new(&device));
    let [one, two] = [one, two].map(|tape| tape.constant(2, 2, |_, _| 1.0));
    assert!((one + two).values().unwrap_err().to_string().contains("two tapes"));
}
