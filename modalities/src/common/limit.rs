//! Limits the size of a stimulus, so that a config cannot use all memory.

use plasticity_core::{Error, Result};

/// The most values of a stimulus: 1 GiB of 32-bit numbers. A clip of the paper's video has 3,538,944.
const VALUES: f64 = (1_u32 << 28) as f64;

/// Checks the sides of a stimulus. `keys` are the config keys that set them.
///
/// # Errors
/// If the product of the sides is too large; the error names the keys, the sides and the product.
pub fn check(keys: &str, sides: &[usize]) -> Result<()> {
    let values: f64 = sides.iter().map(|&side| side as f64).product();
    if values <= VALUES {
        return Ok(());
    }
    let sides: Vec<_> = sides.iter().map(ToString::to_string).collect();
    let message = format!(
        "one stimulus would have {} = {values:.3e} values, but at most {VALUES:.3e} are allowed: lower one of \
         these numbers",
        sides.join(" × ")
    );
    Err(Error::config(keys, message))
}

/// An empty vector with room for this many values.
///
/// # Errors
/// If there is not enough memory.
pub fn room(place: &str, values: usize) -> Result<Vec<f32>> {
    let mut room = Vec::new();
    match room.try_reserve_exact(values) {
        Ok(()) => Ok(room),
        Err(_) => {
            let message =
                format!("no memory for {values} values: lower `training.batch` or the size of a stimulus");
            Err(Error::stimulus(place, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_is_an_error_and_no_abort() {
        check("a, b", &[1 << 14, 1 << 14]).unwrap();
        for sides in [&[1 << 14, 1 << 14, 2][..], &[usize::MAX; 5]] {
            let error = check("a, b", sides).unwrap_err().to_string();
            assert!(error.starts_with("a, b: ") && error.contains("2.684e8"), "{error}");
        }
        assert!(room("batch", 3).unwrap().capacity() >= 3);
        let error = room("batch", usize::MAX / 8).unwrap_err().to_string();
        assert!(error.contains("training.batch"), "{error}");
    }
}
