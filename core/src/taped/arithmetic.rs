//! + − × / of matrices, scalars and numbers. One row, one column or one value is broadcast to a whole matrix.

use super::{Matrix, Plain, Recorded, Scalar};
use dfdx::shapes::{Axes2, Axis};
use dfdx::tensor::{AutoDevice, SplitTape, Tensor};
use dfdx::tensor_ops::{BroadcastTo, ReshapeTo, TryAdd, TryDiv, TryMul, TrySub};
use std::ops::{Add, Div, Mul, Neg, Sub};

type Refusal = <AutoDevice as dfdx::tensor::HasErr>::Err;

impl Matrix {
    fn with(&self, other: &Self, what: &str, op: fn(Recorded, Plain) -> Result<Recorded, Refusal>) -> Self {
        let ((rows, columns), (their_rows, their_columns)) = (self.shape(), other.shape());
        let one = |a: usize, b: usize| if a == 1 { Some(b) } else { (b == 1 || a == b).then_some(a) };
        let shape = match (one(rows, their_rows), one(columns, their_columns)) {
            (Some(rows), Some(columns)) if self.tape.is(&other.tape) => (rows, columns),
            (Some(_), Some(_)) => {
                return self.tape.refused(what, "the matrices belong to two tapes".to_owned(), self.shape());
            }
            _ => {
                let message = format!(
                    "a matrix of {rows} × {columns} does not fit one of {their_rows} × {their_columns}: expected \
                     the same shape, one row, or one column"
                );
                return self.tape.refused(what, message, self.shape());
            }
        };
        // dfdx stores the gradients of two operands in two places, but one tensor has only one place.
        let other = if self.id == other.id { &other.copied() } else { other };
        let (left, right) = (self.spread(shape), other.spread(shape));
        self.tape.record(what, shape, op(left.recorded(), right.value))
    }

    /// A row, column or value, repeated to fill `shape`.
    fn spread(&self, shape: (usize, usize)) -> Self {
        let own = self.shape();
        if own == shape {
            return self.clone();
        }
        let x = self.recorded();
        let made = match own {
            (1, 1) => x.try_reshape_like(&()).and_then(|x| x.try_broadcast_like::<_, Axes2<0, 1>>(&shape)),
            (1, columns) => {
                x.try_reshape_like(&(columns,)).and_then(|x| x.try_broadcast_like::<_, Axis<0>>(&shape))
            }
            (rows, _) => {
                x.try_reshape_like(&(rows,)).and_then(|x| x.try_broadcast_like::<_, Axis<1>>(&shape))
            }
        };
        match made {
            Ok(made) => {
                let (value, tape): (Tensor<(usize, usize), f32, AutoDevice>, _) = made.split_tape();
                self.tape.merge(tape);
                Self { value, id: self.id, tape: self.tape.clone() }
            }
            Err(error) => self.tape.refused("repeat", format!("dfdx: {error:?}"), shape),
        }
    }
}

/// An operator of two matrices, of two scalars, and of either with a number.
macro_rules! operator {
    ($trait:ident, $method:ident, $try:ident, $what:literal, $left:expr) => {
        impl $trait<&Matrix> for &Matrix {
            type Output = Matrix;

            fn $method(self, other: &Matrix) -> Matrix {
                self.with(other, $what, |a, b| a.$try(b))
            }
        }

        impl $trait<f32> for &Matrix {
            type Output = Matrix;

            fn $method(self, number: f32) -> Matrix {
                self.map($what, |x| x.$try(number))
            }
        }

        impl $trait<&Matrix> for f32 {
            type Output = Matrix;

            fn $method(self, x: &Matrix) -> Matrix {
                let left: fn(f32, &Matrix) -> Matrix = $left;
                left(self, x)
            }
        }

        impl $trait<&Scalar> for &Scalar {
            type Output = Scalar;

            fn $method(self, other: &Scalar) -> Scalar {
                Scalar((&self.0).$method(&other.0))
            }
        }

        impl $trait<f32> for &Scalar {
            type Output = Scalar;

            fn $method(self, number: f32) -> Scalar {
                Scalar((&self.0).$method(number))
            }
        }

        impl $trait<&Scalar> for f32 {
            type Output = Scalar;

            fn $method(self, x: &Scalar) -> Scalar {
                Scalar(self.$method(&x.0))
            }
        }

        owned!($trait, $method, Matrix);
        owned!($trait, $method, Scalar);
    };
}

/// The same operator for operands that are moved.
macro_rules! owned {
    ($trait:ident, $method:ident, $type:ty) => {
        impl $trait<$type> for $type {
            type Output = $type;

            fn $method(self, other: $type) -> $type {
                (&self).$method(&other)
            }
        }

        impl $trait<&$type> for $type {
            type Output = $type;

            fn $method(self, other: &$type) -> $type {
                (&self).$method(other)
            }
        }

        impl $trait<$type> for &$type {
            type Output = $type;

            fn $method(self, other: $type) -> $type {
                self.$method(&other)
            }
        }

        impl $trait<f32> for $type {
            type Output = $type;

            fn $method(self, number: f32) -> $type {
                (&self).$method(number)
            }
        }

        impl $trait<$type> for f32 {
            type Output = $type;

            fn $method(self, x: $type) -> $type {
                self.$method(&x)
            }
        }
    };
}

operator!(Add, add, try_add, "+", |number, x| x + number);
operator!(Sub, sub, try_sub, "-", |number, x| -x + number);
operator!(Mul, mul, try_mul, "*", |number, x| x * number);
operator!(Div, div, try_div, "/", |number, x| x.recip() * number);

impl Neg for &Matrix {
    type Output = Matrix;

    fn neg(self) -> Matrix {
        self.map("-", |x| x.try_negate())
    }
}

impl Neg for Matrix {
    type Output = Self;

    fn neg(self) -> Self {
        -&self
    }
}

impl Neg for &Scalar {
    type Output = Scalar;

    fn neg(self) -> Scalar {
        Scalar(-&self.0)
    }
}

impl Neg for Scalar {
    type Output = Self;

    fn neg(self) -> Self {
        -&self
    }
}
