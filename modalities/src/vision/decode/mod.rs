//! Decodes image files.
//!
//! The crate `image` decodes all files but one kind: from a JPEG with several baseline scans its decoder
//! makes noise without an error. `jpeg-decoder` decodes these.

use super::jpeg::{self, Coding};
use super::{Orientation, Picture, png};
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage, metadata};
use std::io::Cursor;

/// The endings of the files that are read.
pub const IMAGES: &[&str] = &["jpg", "jpeg", "jpe", "jfif", "png", "webp", "bmp", "tif", "tiff", "gif"];

/// The most bytes of pixels that one image may have.
const MOST: u64 = 1 << 29;

/// Decodes the bytes of a file. From a GIF, the first picture is taken. An error says what is wrong with the
/// bytes.
pub fn decode(bytes: &[u8], orientation: Orientation) -> Result<Picture, String> {
    let (format, kind) = match image::guess_format(bytes) {
        Ok(format @ ImageFormat::Jpeg) => (format, "JPEG"),
        Ok(format @ ImageFormat::Png) => (format, "PNG"),
        Ok(format @ ImageFormat::WebP) => (format, "WebP"),
        Ok(format @ ImageFormat::Bmp) => (format, "BMP"),
        Ok(format @ ImageFormat::Tiff) => (format, "TIFF"),
        Ok(format @ ImageFormat::Gif) => (format, "GIF"),
        _ => {
            let message =
                "is not a JPEG, PNG, WebP, BMP, TIFF or GIF file: convert it, or remove it from the folder";
            return Err(message.to_owned());
        }
    };
    let damaged = |error: &dyn std::fmt::Display| {
        format!("is a damaged {kind} ({error}): replace it, or remove it from the folder")
    };
    let wrong = |error: ImageError| match error {
        ImageError::Unsupported(error) => {
            format!("is a {kind} that is not supported ({error}): convert it, or remove it from the folder")
        }
        ImageError::Limits(_) => format!(
            "is a {kind} that takes more than {} MiB decoded, which is not supported: scale it down, or remove it from the \
             folder",
            MOST >> 20
        ),
        error => damaged(&error),
    };
    let (mut image, turn) = match format {
        ImageFormat::Jpeg => jpeg(bytes, &damaged, &wrong)?,
        ImageFormat::Png => usual(&png::without_texts(bytes), format, &wrong)?,
        _ => usual(bytes, format, &wrong)?,
    };
    if orientation.is_upright() {
        image.apply_orientation(turn);
    }
    let rgb = image.into_rgb8();
    let (width, height) = (rgb.width() as usize, rgb.height() as usize);
    let pixels = rgb.pixels().map(|pixel| pixel.0).collect();
    Picture::new(height, width, pixels).map_err(|_| format!("is a {kind} without pixels"))
}

type Damaged<'a> = dyn Fn(&dyn std::fmt::Display) -> String + 'a;
type Wrong<'a> = dyn Fn(ImageError) -> String + 'a;
type Turned = (DynamicImage, metadata::Orientation);

fn jpeg(bytes: &[u8], damaged: &Damaged<'_>, wrong: &Wrong<'_>) -> Result<Turned, String> {
    if !jpeg::is_complete(bytes) {
        return Err("is an incomplete JPEG: replace it, or remove it from the folder".to_owned());
    }
    match jpeg::coding(bytes) {
        Coding::Usual => usual(bytes, ImageFormat::Jpeg, wrong),
        Coding::Apart => apart(bytes, damaged),
        Coding::Other(coding) => Err(format!(
            "is a JPEG with {coding} coding, which is not supported: convert it (`djpeg FILE | cjpeg > \
             new.jpg`), or remove it from the folder"
        )),
    }
}

fn usual(bytes: &[u8], format: ImageFormat, wrong: &Wrong<'_>) -> Result<Turned, String> {
    let mut reader = ImageReader::new(Cursor::new(bytes));
    reader.set_format(format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(wrong)?;
    let (width, height) = decoder.dimensions();
    let in_colour = (u64::from(width) * u64::from(height)).saturating_mul(3);
    limits.reserve(decoder.total_bytes().max(in_colour)).map_err(wrong)?;
    decoder.set_limits(limits).map_err(wrong)?;
    // Wrong EXIF data are ignored, as in image viewers.
    let turn = decoder.orientation().unwrap_or(metadata::Orientation::NoTransforms);
    Ok((DynamicImage::from_decoder(decoder).map_err(wrong)?, turn))
}

/// Decodes a JPEG whose components are in separate scans.
fn apart(bytes: &[u8], damaged: &Damaged<'_>) -> Result<Turned, String> {
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    decoder.set_max_decoding_buffer_size(MOST as usize);
    let pixels = decoder.decode().map_err(|e| damaged(&e))?;
    let info = decoder.info().ok_or_else(|| damaged(&"no header"))?;
    if info.pixel_format != jpeg_decoder::PixelFormat::RGB24 {
        return Err(
            "is a JPEG with separate scans and not three colours, which is not supported: convert it"
                .to_owned(),
        );
    }
    let image = RgbImage::from_raw(info.width.into(), info.height.into(), pixels);
    let turn = decoder.exif_data().and_then(metadata::Orientation::from_exif_chunk);
    let image = DynamicImage::ImageRgb8(image.ok_or_else(|| damaged(&"too few pixels"))?);
    Ok((image, turn.unwrap_or(metadata::Orientation::NoTransforms)))
}

#[cfg(test)]
mod tests;
