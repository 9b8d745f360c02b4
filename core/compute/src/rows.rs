//! Parts of buffers, row by row.

use crate::device::Buffer;

/// Rows of a representation: a part of a buffer, `rows` × `channels`.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// The buffer that holds them.
    pub data: &'a Buffer,
    /// First row.
    pub first: usize,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub channels: usize,
}
