//! Decodes frames of video files with the FFmpeg program.
//!
//! The program is used and not its libraries. It is one package on every system, and `plasticity` builds
//! without its headers or matching versions. A file that crashes a decoder does not end the training run.
//! Frames arrive through a pipe as a sequence of PPM images, so each has its size. They are taken one by one,
//! so only one is in memory.

use super::{Frame, Picks};
use plasticity_core::{Error, Result};
use std::ffi::OsString;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Checks that the program can be run.
///
/// # Errors
/// If it cannot be run; the error says what to install.
pub fn check(program: &str) -> Result<()> {
    Command::new(program).arg("-version").output().map(drop).map_err(|error| not_run(program, error))
}

/// Decodes the picked frames of a video and passes each to `each` as it arrives. No frame is doubled or
/// dropped to keep a frame rate. There are fewer frames than picked if the video ends earlier.
///
/// # Errors
/// If the program cannot be run, fails without a frame, or writes something other than PPM images. Also the
/// first error of `each`, which ends the program.
pub fn read(
    program: &str,
    path: &Path,
    picks: Picks,
    each: &mut dyn FnMut(Frame) -> Result<()>,
) -> Result<()> {
    let Picks { first, every, count } = picks;
    // Frame n gets the time n / 30 s and the output has 30 frames per second, whatever times the file has.
    let filter = format!(r"select=gte(n\,{first})*not(mod(n-{first}\,{every})),settb=1/30,setpts=N");
    let mut command = Command::new(program);
    // Without `file:`, FFmpeg takes the text before a colon in a path for a protocol.
    let mut url = OsString::from("file:");
    url.push(path);
    command.args(["-v", "error", "-nostdin", "-i"]).arg(url).args(["-map", "0:v:0", "-an", "-vf", &filter]);
    command.args(["-r", "30", "-frames:v", &count.to_string(), "-f", "image2pipe", "-c:v", "ppm", "-"]);
    run(&mut command, path, each)
}

/// Runs a program that writes a sequence of PPM images from the file at `path`.
fn run(command: &mut Command, path: &Path, each: &mut dyn FnMut(Frame) -> Result<()>) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut running = Running(child.map_err(|error| not_run(&program, error))?);
    let (Some(images), Some(errors)) = (running.0.stdout.take(), running.0.stderr.take()) else {
        return Err(Error::file(&program, "gives no output"));
    };
    // A thread reads the errors while the images are read. Otherwise a full pipe would block the program.
    let said = std::thread::spawn(move || last_line(errors));
    let mut images = BufReader::new(images);
    let mut frames = 0;
    while let Some(frame) = next(&mut images).map_err(|error| {
        Error::file(path, format!("`{program}` wrote something other than PPM images: {error}"))
    })? {
        each(frame)?;
        frames += 1;
    }
    let status = running.0.wait().map_err(|error| Error::file(&program, error))?;
    if frames == 0 && !status.success() {
        let said = said.join().unwrap_or_default();
        let message = format!("broken video: FFmpeg decodes no frame and says: {said}");
        return Err(Error::file(path, message));
    }
    Ok(())
}

/// A running program. It is ended when this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // If it has ended already, `kill` fails, and that is fine.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn not_run(program: &str, error: std::io::Error) -> Error {
    if error.kind() != ErrorKind::NotFound {
        return Error::file(program, error);
    }
    let message = "FFmpeg, which decodes video files, was not found: install it (Debian, Ubuntu: `apt-get \
                   install ffmpeg`; macOS: `brew install ffmpeg`; Windows: `winget install ffmpeg`) or give \
                   its path as `ffmpeg` of the source; or use extracted frames with the source `frames`, which \
                   needs no FFmpeg";
    Error::file(program, message)
}

/// The last line of the output that is not empty.
fn last_line(from: impl Read) -> String {
    let lines = BufReader::new(from).split(b'\n').map_while(|line| line.ok());
    let last = lines.filter(|line| !line.trim_ascii().is_empty()).last();
    last.map_or_else(|| "nothing".to_owned(), |line| String::from_utf8_lossy(line.trim_ascii()).into_owned())
}

/// Reads the next binary PPM image of a sequence (`P6`, width, height, 255, one white space, pixels). `None`
/// at the end.
fn next(from: &mut impl BufRead) -> std::io::Result<Option<Frame>> {
    if from.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let mut kind = [0; 2];
    from.read_exact(&mut kind)?;
    let (width, height, most) = (number(from)?, number(from)?, number(from)?);
    if &kind != b"P6" || most != 255 {
        return Err(ErrorKind::InvalidData.into());
    }
    let values =
        width.checked_mul(height).and_then(|pixels| pixels.checked_mul(3)).ok_or(ErrorKind::InvalidData)?;
    let mut rgb = Vec::new();
    from.take(values as u64).read_to_end(&mut rgb)?;
    if rgb.len() < values {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(Frame { width, height, rgb }))
}

/// Reads white space, a number, and the one white space after it.
fn number(from: &mut impl BufRead) -> std::io::Result<usize> {
    let mut number: Option<usize> = None;
    loop {
        let mut byte = [0];
        from.read_exact(&mut byte)?;
        let digit = byte[0].wrapping_sub(b'0');
        number = match number {
            None if byte[0].is_ascii_whitespace() => None,
            Some(number) if byte[0].is_ascii_whitespace() => return Ok(number),
            before if digit < 10 => {
                let longer = before.unwrap_or(0).checked_mul(10).and_then(|n| n.checked_add(digit.into()));
                Some(longer.ok_or(ErrorKind::InvalidData)?)
            }
            _ => return Err(ErrorKind::InvalidData.into()),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(mut bytes: &[u8]) -> Option<Vec<Frame>> {
        let mut frames = Vec::new();
        while let Some(frame) = next(&mut bytes).ok()? {
            frames.push(frame);
        }
        Some(frames)
    }

    #[test]
    fn a_row_of_images_is_split_even_where_pixels_look_like_headers() {
        let one: &[u8] = b"P6\n2 1\n255\nP6\n2 1";
        let two: &[u8] = b"P6 1 1 255 \x00\x20\xff";
        let frames = split(&[one, two].concat()).unwrap();
        assert_eq!(frames[0], Frame { width: 2, height: 1, rgb: b"P6\n2 1".to_vec() });
        assert_eq!(frames[1].rgb, [0, 32, 255]);
        assert_eq!(split(b"P6\n2 1\n255\nP6"), None);
        assert_eq!(split(b"P5\n2 1\n255\nP6\n2 1"), None);
        assert_eq!(split(b"P6\n2 x\n255\nP6\n2 1"), None);
        assert_eq!(split(b"P6\n99999999999999 99999999999999\n255\nP6"), None);
        assert_eq!(split(b"P6\n99999999999999999999999 1\n255\nP6"), None);
        assert_eq!(split(b""), Some(Vec::new()));
    }

    #[cfg(unix)]
    #[test]
    fn frames_are_taken_as_they_come_and_an_error_ends_the_program() {
        let shell = |script: &str, each: &mut dyn FnMut(Frame) -> Result<()>| {
            run(Command::new("sh").args(["-c", script]), Path::new("x.avi"), each)
                .map_err(|error| error.to_string())
        };
        let mut frames = 0;
        let endless = shell("while :; do printf 'P6 1 1 255 abc'; done", &mut |frame| {
            assert_eq!(frame.rgb, b"abc");
            frames += 1;
            if frames < 5 { Ok(()) } else { Err(Error::stimulus("x", "enough")) }
        });
        assert_eq!((endless.unwrap_err().as_str(), frames), ("x: enough", 5));
        // The output is larger than a pipe's buffer.
        let noisy = "yes wrong | head -n 200000 >&2; echo at last >&2; exit 1";
        let error = shell(noisy, &mut |_| Ok(())).unwrap_err();
        assert!(error.contains("x.avi: broken video") && error.ends_with("says: at last"), "{error}");
        let error = shell("echo hello", &mut |_| Ok(())).unwrap_err();
        assert!(error.contains("x.avi: `sh` wrote something other"), "{error}");
    }

    #[test]
    fn a_missing_program_says_what_to_install() {
        let error = check("no-such-ffmpeg").unwrap_err().to_string();
        assert!(error.contains("apt-get install ffmpeg") && error.contains("source `frames`"), "{error}");
    }
}
