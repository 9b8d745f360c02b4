//! Downloads that can be resumed: with HTTP ranges, and a file `….part` until it is complete.

use super::bytes::Bytes;
use crate::output;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use ureq::Agent;
use ureq::http::{HeaderMap, Response, header};

/// A silent connection is closed after this time, and a new one resumes the download.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// The reason why an attempt ended before the file was complete.
enum Trouble {
    /// Another attempt may help.
    Passing(String),
    /// No other attempt will help.
    Lasting(String),
}

/// The path of a file until it is complete.
pub fn part(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// Downloads `url` to `file`. Gives up after `retries` further attempts without progress.
///
/// # Errors
/// If the download fails; the error is a part of a longer message.
pub fn download(url: &str, file: &Path, retries: u32) -> Result<(), String> {
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .user_agent(concat!("plasticity/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .timeout_recv_body(Some(LONGEST))
        .build()
        .into();
    let part = part(file);
    let fails = |error: std::io::Error| format!("{}: {error}", part.display());
    let mut kept = OpenOptions::new().append(true).create(true).open(&part).map_err(fails)?;
    if kept.try_lock().is_err() {
        return Err(format!("{} is being written by another program", part.display()));
    }
    let (mut longest, mut tries) = (length(&kept), 0);
    loop {
        let message = match attempt(&agent, url, &mut kept) {
            Ok(()) => break,
            Err(Trouble::Lasting(message)) => return Err(message),
            Err(Trouble::Passing(message)) => message,
        };
        let length = length(&kept);
        tries = if length > longest { 0 } else { tries + 1 };
        longest = longest.max(length);
        if tries > retries {
            return Err(message);
        }
        let wait = Duration::from_secs(1 << tries.min(5));
        output::note(&format!("{message}; next attempt in {} s, from byte {length}", wait.as_secs()));
        std::thread::sleep(wait);
    }
    kept.sync_all().map_err(fails)?;
    std::fs::rename(&part, file).map_err(fails)
}

fn length(file: &File) -> u64 {
    file.metadata().map_or(0, |data| data.len())
}

/// Requests the missing bytes and appends them.
fn attempt(agent: &Agent, url: &str, kept: &mut File) -> Result<(), Trouble> {
    let have = length(kept);
    let mut request = agent.get(url);
    if have > 0 {
        request = request.header(header::RANGE, format!("bytes={have}-"));
    }
    let response = request.call().map_err(refused)?;
    let (start, total) = place(&response, have)?;
    if have > 0 && total == Some(have) {
        return Ok(());
    }
    if start != have {
        kept.set_len(0).map_err(disk)?;
    }
    let mut bytes = Bytes::new(name(url), start, total);
    let mut body = response.into_body().into_reader();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = body.read(&mut buffer).map_err(|error| Trouble::Passing(error.to_string()))?;
        let Some(read) = buffer.get(..read).filter(|read| !read.is_empty()) else { break };
        kept.write_all(read).map_err(disk)?;
        bytes.add(read.len());
    }
    let (have, total) = (length(kept), total.unwrap_or_else(|| length(kept)));
    if have == total {
        return Ok(());
    }
    Err(Trouble::Passing(format!("the connection ended after {have} bytes of {total}")))
}

/// The byte at which the body starts, and the length of the whole file.
fn place<T>(response: &Response<T>, have: u64) -> Result<(u64, Option<u64>), Trouble> {
    let headers = response.headers();
    let range = text(headers, header::CONTENT_RANGE);
    let whole = range.and_then(|range| range.rsplit_once('/')).and_then(|(_, total)| total.parse().ok());
    match response.status().as_u16() {
        200 => Ok((0, text(headers, header::CONTENT_LENGTH).and_then(|length| length.parse().ok()))),
        206 if range.is_some_and(|range| range.starts_with(&format!("bytes {have}-"))) => Ok((have, whole)),
        206 => Err(Trouble::Lasting("the host sent other bytes than requested".to_owned())),
        // Nothing is missing; or the file on the host has changed, and the download starts again.
        416 if whole == Some(have) => Ok((have, whole)),
        416 => Err(Trouble::Lasting(format!(
            "the file on the host has {} bytes, fewer than the part here: delete the file that ends in .part",
            whole.map_or_else(|| "other".to_owned(), |whole: u64| whole.to_string())
        ))),
        408 | 425 | 429 | 500.. => Err(Trouble::Passing(format!("the host answers {}", response.status()))),
        _ => Err(Trouble::Lasting(format!("the host answers {}", response.status()))),
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn refused(error: ureq::Error) -> Trouble {
    use ureq::Error::{BadUri, HostNotFound, Http, RequireHttpsOnly, Rustls, TooManyRedirects};
    let message = match &error {
        HostNotFound => {
            "the name of the host is unknown, or this machine has no network connection".to_owned()
        }
        error => error.to_string(),
    };
    match error {
        BadUri(_) | Http(_) | HostNotFound | RequireHttpsOnly(_) | Rustls(_) | TooManyRedirects => {
            Trouble::Lasting(message)
        }
        _ => Trouble::Passing(message),
    }
}

fn disk(error: std::io::Error) -> Trouble {
    Trouble::Lasting(format!("cannot be written: {error}"))
}

fn name(url: &str) -> String {
    url.rsplit('/').next().unwrap_or(url).to_owned()
}
