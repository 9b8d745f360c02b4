//! Frames of video files through FFmpeg's program.
//!
//! The program, not the libraries: it is one package on every system, needs no headers or matching versions when
//! `plasticity` is built, and a file that makes a decoder crash takes no training run with it. Frames come through
//! a pipe as a row of PPM images, so that each says its own size.

use super::clip::{Frame, Picks};
use plasticity_core::{Error, Result};
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Output};

/// Checks that the program can be run.
///
/// # Errors
/// Where it cannot: says what to install.
pub fn check(program: &str) -> Result<()> {
    run(Command::new(program).arg("-version"), program).map(|_| ())
}

/// Decodes the picked frames of a video, without doubling or dropping frames to keep a frame rate.
/// Gives fewer where the video ends before.
///
/// # Errors
/// Where the program cannot be run or makes no frame of the file.
pub fn read(program: &str, path: &Path, picks: Picks) -> Result<Vec<Frame>> {
    let Picks { first, every, count } = picks;
    // Frame n gets the time n / 30 s and the output 30 frames a second, whatever times the file has.
    let filter = format!(r"select=gte(n\,{first})*not(mod(n-{first}\,{every})),settb=1/30,setpts=N");
    let mut command = Command::new(program);
    command.args(["-v", "error", "-nostdin", "-i"]).arg(path).args(["-map", "0:v:0", "-an", "-vf", &filter]);
    command.args(["-r", "30", "-frames:v", &count.to_string(), "-f", "image2pipe", "-c:v", "ppm", "-"]);
    let output = run(&mut command, program)?;
    let frames = split(&output.stdout).ok_or_else(|| {
        Error::file(path, format!("`{program}` gave something other than a row of PPM images"))
    })?;
    if frames.is_empty() && !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim().lines().last().unwrap_or("nothing").to_owned();
        return Err(Error::file(
            path,
            format!("broken video: FFmpeg decodes no frame of it and says: {said}"),
        ));
    }
    Ok(frames)
}

fn run(command: &mut Command, program: &str) -> Result<Output> {
    command.output().map_err(|error| {
        if error.kind() != ErrorKind::NotFound {
            return Error::file(program, error);
        }
        let message = "FFmpeg's program is needed to decode video files and was not found: install it (Debian, \
                       Ubuntu: `apt-get install ffmpeg`; macOS: `brew install ffmpeg`; Windows: `winget install \
                       ffmpeg`) or give its path as `ffmpeg` of the source; or extract the frames elsewhere and use \
                       the source `frames`, which needs no FFmpeg";
        Error::file(program, message)
    })
}

/// A row of binary PPM images (`P6`, width, height, 255, one white space, pixels), or `None` if it is none.
fn split(mut bytes: &[u8]) -> Option<Vec<Frame>> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let mut words = [0_usize; 3];
        bytes = bytes.strip_prefix(b"P6")?;
        for word in &mut words {
            let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace())?;
            let length = bytes[start..].iter().position(u8::is_ascii_whitespace)?;
            *word = std::str::from_utf8(&bytes[start..start + length]).ok()?.parse().ok()?;
            bytes = &bytes[start + length..];
        }
        let [width, height, most] = words;
        let values = width.checked_mul(height)?.checked_mul(3)?;
        bytes = bytes.get(1..)?;
        if most != 255 || bytes.len() < values {
            return None;
        }
        let (rgb, rest) = bytes.split_at(values);
        frames.push(Frame { width, height, rgb: rgb.to_vec() });
        bytes = rest;
    }
    Some(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_images_is_split_even_where_pixels_look_like_headers() {
        let one: &[u8] = b"P6\n2 1\n255\nP6\n2 1";
        let two: &[u8] = b"P6 1 1 255 \x00\x20\xff";
        let frames = split(&[one, two].concat()).unwrap();
        assert_eq!(frames[0], Frame { width: 2, height: 1, rgb: b"P6\n2 1".to_vec() });
        assert_eq!(frames[1].rgb, [0, 32, 255]);
        assert_eq!(split(b"P6\n2 1\n255\nP6"), None);
        assert_eq!(split(b"P5\n2 1\n255\nP6"), None);
        assert_eq!(split(b"P6\n99999999999999 99999999999999\n255\nP6"), None);
        assert_eq!(split(b""), Some(Vec::new()));
    }

    #[test]
    fn a_missing_program_says_what_to_install() {
        let error = check("no-such-ffmpeg").unwrap_err().to_string();
        assert!(error.contains("apt-get install ffmpeg") && error.contains("source `frames`"), "{error}");
    }
}
