//! Functions of single values.

use super::Matrix;

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident = $try:ident;)*) => {
        impl Matrix {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $name(&self) -> Self {
                    self.map(stringify!($name), |x| x.$try())
                }
            )*
        }
    };
}

functions! {
    /// x².
    square = try_square;
    /// √x.
    sqrt = try_sqrt;
    /// eˣ.
    exp = try_exp;
    /// ln x.
    ln = try_ln;
    /// max(0, x); the slope at 0 is 0.
    relu = try_relu;
    /// |x|; the slope at 0 is 0.
    abs = try_abs;
    /// tanh x.
    tanh = try_tanh;
    /// 1 / (1 + e⁻ˣ).
    sigmoid = try_sigmoid;
    /// 1 / x.
    recip = try_recip;
}

impl Matrix {
    /// ln(1 + eˣ), finite for any x, with the slope ½ at 0.
    #[must_use]
    pub fn softplus(&self) -> Self {
        // −ln softmax([x, 0])[1] does not overflow, and has the correct slope at 0. Silent neurons
        // give many values of 0.
        let (rows, columns) = self.shape();
        let beside_zero =
            self.reshape(rows * columns, 1).matmul(&self.constant(1, 2, |_, at| [1.0, 0.0][at]));
        let log = beside_zero.log_softmax();
        log.matmul(&self.constant(2, 1, |at, _| [0.0, -1.0][at])).reshape(rows, columns)
    }
}
