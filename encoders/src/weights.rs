//! How many weights a layer may have.

use plasticity_core::{Error, Result};

/// The most weights of one matrix: CUDA kernels count them in 31 bits.
const MOST: usize = i32::MAX as usize;

/// Checks that there can be weights of such sizes, to be asked before any is drawn.
///
/// # Errors
/// Where there would be more than 2³¹ − 1.
pub(crate) fn check(layer: &str, sizes: &[usize]) -> Result<()> {
    let count = sizes.iter().try_fold(1, |count: usize, &size| count.checked_mul(size));
    if count.is_some_and(|count| count <= MOST) {
        return Ok(());
    }
    let sizes: Vec<_> = sizes.iter().map(ToString::to_string).collect();
    let message = format!(
        "too many weights: {} is more than {MOST}; use fewer neurons, smaller kernels or smaller maps",
        sizes.join(" × ")
    );
    Err(Error::shape(layer, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_weights_as_can_be_counted() {
        check("t", &[1 << 15, (1 << 16) - 1]).unwrap();
        for sizes in [&[1 << 15, 1 << 16][..], &[usize::MAX, 2]] {
            let error = check("t", sizes).unwrap_err().to_string();
            assert!(error.starts_with("t: too many weights"), "{error}");
        }
    }
}
