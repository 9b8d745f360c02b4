//! Sums and means, and the softmax of rows.

use super::{Matrix, Scalar};
use dfdx::shapes::{Axes2, Axis};
use dfdx::tensor_ops::{MeanTo, ReshapeTo, SumTo};

impl Matrix {
    /// Σ of all values.
    pub fn sum(&self) -> Scalar {
        Scalar(self.shaped("sum", (1, 1), |x| {
            x.try_sum::<(), Axes2<0, 1>>().and_then(|sum| sum.try_reshape_like(&(1, 1)))
        }))
    }

    /// The mean of all values.
    pub fn mean(&self) -> Scalar {
        Scalar(self.shaped("mean", (1, 1), |x| {
            x.try_mean::<(), Axes2<0, 1>>().and_then(|mean| mean.try_reshape_like(&(1, 1)))
        }))
    }

    /// `[rows, 1]`: the sum of each row.
    #[must_use]
    pub fn row_sums(&self) -> Self {
        let shape = (self.shape().0, 1);
        self.shaped("row_sums", shape, |x| {
            x.try_sum::<(usize,), Axis<1>>().and_then(|sums| sums.try_reshape_like(&shape))
        })
    }

    /// `[1, columns]`: the sum of each column.
    #[must_use]
    pub fn column_sums(&self) -> Self {
        let shape = (1, self.shape().1);
        self.shaped("column_sums", shape, |x| {
            x.try_sum::<(usize,), Axis<0>>().and_then(|sums| sums.try_reshape_like(&shape))
        })
    }

    /// `[rows, 1]`: the mean of each row.
    #[must_use]
    pub fn row_means(&self) -> Self {
        let shape = (self.shape().0, 1);
        self.shaped("row_means", shape, |x| {
            x.try_mean::<(usize,), Axis<1>>().and_then(|means| means.try_reshape_like(&shape))
        })
    }

    /// `[1, columns]`: the mean of each column.
    #[must_use]
    pub fn column_means(&self) -> Self {
        let shape = (1, self.shape().1);
        self.shaped("column_means", shape, |x| {
            x.try_mean::<(usize,), Axis<0>>().and_then(|means| means.try_reshape_like(&shape))
        })
    }

    /// ln softmax of each row.
    #[must_use]
    pub fn log_softmax(&self) -> Self {
        self.map("log_softmax", |x| x.try_log_softmax::<Axis<1>>())
    }

    /// The softmax of each row.
    #[must_use]
    pub fn softmax(&self) -> Self {
        self.log_softmax().exp()
    }
}
