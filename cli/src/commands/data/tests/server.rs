//! A host of archives on this machine, with typical faults of hosts.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// An answer of the host. The answers are given in order; the last one is repeated.
#[derive(Clone, Copy)]
pub enum Answer {
    /// Sends the requested bytes.
    All,
    /// Sends this many of the requested bytes and closes the connection.
    Cut(usize),
    /// Ignores ranges: sends the whole file, and closes the connection after this many bytes.
    NoRanges(usize),
    /// Answers with a status.
    Status(&'static str),
}

/// A running host.
pub struct Server {
    /// The address of its folder.
    pub url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// A host with one file's content under every name.
    pub fn new(content: Vec<u8>, answers: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/folder", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, mut answers) = (Arc::clone(&asked), answers.to_vec());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0] };
                serve(stream, &content, answer, &log);
            }
        });
        Self { url, asked }
    }

    /// The received requests: path, and range if there was one.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, content: &[u8], answer: Answer, log: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let path = lines.next().unwrap_or_default().split(' ').nth(1).unwrap_or_default().to_owned();
    let headers: Vec<String> =
        lines.take_while(|line| !line.is_empty()).map(|line| line.to_lowercase()).collect();
    let range = headers.iter().find_map(|line| line.strip_prefix("range: bytes=")?.strip_suffix('-'));
    log.lock().unwrap().push(range.map_or_else(|| path.clone(), |range| format!("{path} from {range}")));
    let from: usize = range.map_or(0, |range| range.parse().unwrap());
    let total = content.len();
    let (status, start, sent) = match answer {
        Answer::Status(status) => (format!("{status}\r\nContent-Length: 0"), total, 0),
        Answer::NoRanges(sent) => (format!("200 OK\r\nContent-Length: {total}"), 0, sent),
        _ if from >= total => {
            (format!("416 No\r\nContent-Range: bytes */{total}\r\nContent-Length: 0"), total, 0)
        }
        Answer::All | Answer::Cut(_) => {
            let sent = if let Answer::Cut(sent) = answer { sent } else { total };
            let length = total - from;
            let part = format!(
                "206 Part\r\nContent-Range: bytes {from}-{}/{total}\r\nContent-Length: {length}",
                total - 1
            );
            (if from > 0 { part } else { format!("200 OK\r\nContent-Length: {total}") }, from, sent)
        }
    };
    // A client may close the connection early.
    let _ = write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(&content[start..(start + sent).min(total)]);
}
