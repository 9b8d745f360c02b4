//! NumPy's `.npy`: a line of Python that describes an array, then its values.
//!
//! Format: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>, version 2.0. It is
//! written here because the crates for it bring a parser of Python or a matrix library, and the header has
//! one line.

use std::io::{Result, Write};

/// The header is padded to a multiple of this number of bytes.
const ALIGNED: usize = 64;

/// Writes the header of an array of `dtype` (`<f4`) and `shape`.
pub fn header(to: &mut dyn Write, dtype: &str, shape: &[usize]) -> Result<()> {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    let comma = if shape.len() == 1 { "," } else { "" };
    let mut line =
        format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({}{comma}), }}", sizes.join(", "));
    // Magic, version, length, the line and a line break.
    let used = 12 + line.len() + 1;
    line.push_str(&" ".repeat(used.next_multiple_of(ALIGNED) - used));
    line.push('\n');
    to.write_all(b"\x93NUMPY\x02\x00")?;
    to.write_all(&(line.len() as u32).to_le_bytes())?;
    to.write_all(line.as_bytes())
}

/// Writes integers.
pub fn integers(to: &mut dyn Write, values: &[i64], shape: &[usize]) -> Result<()> {
    header(to, "<i8", shape)?;
    values.iter().try_for_each(|value| to.write_all(&value.to_le_bytes()))
}

/// Writes texts in UTF-32, each padded with zeros to the length of the longest.
pub fn texts(to: &mut dyn Write, values: &[String]) -> Result<()> {
    let longest = values.iter().map(|text| text.chars().count()).max().unwrap_or(0).max(1);
    header(to, &format!("<U{longest}"), &[values.len()])?;
    for text in values {
        let padded = text.chars().map(u32::from).chain(std::iter::repeat(0)).take(longest);
        for letter in padded {
            to.write_all(&letter.to_le_bytes())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of `np.lib.format.write_array(f, np.arange(3), version=(2, 0))`, apart from trailing blanks.
    #[test]
    fn the_header_is_numpys() {
        let mut bytes = Vec::new();
        integers(&mut bytes, &[0, 1, 2], &[3]).unwrap();
        assert_eq!(&bytes[..8], b"\x93NUMPY\x02\x00");
        let length = u32::from_le_bytes(bytes[8..12].try_into().unwrap()) as usize;
        assert_eq!((12 + length) % 64, 0);
        let line = std::str::from_utf8(&bytes[12..12 + length]).unwrap();
        assert_eq!(line.trim_end(), "{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }");
        assert!(line.ends_with('\n'));
        assert_eq!(bytes.len(), 12 + length + 24);
    }
}
