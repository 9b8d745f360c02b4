//! Removes parts of PNG files that are not pixels.

/// The file without colour profiles and texts. They do not change the pixels, and 100 KB of them can unpack
/// to gigabytes.
pub fn without_texts(bytes: &[u8]) -> Vec<u8> {
    let mut kept = bytes.get(..8).unwrap_or(bytes).to_vec();
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some(&[a, b, c, d, ref name @ ..]) = rest.first_chunk::<8>() {
        // A chunk has a length, a name, a body and a checksum.
        let whole = (u32::from_be_bytes([a, b, c, d]) as usize).saturating_add(12).min(rest.len());
        let (chunk, more) = rest.split_at(whole);
        if !matches!(name, b"iCCP" | b"zTXt" | b"iTXt" | b"tEXt") {
            kept.extend(chunk);
        }
        rest = more;
    }
    kept.extend(rest);
    kept
}
