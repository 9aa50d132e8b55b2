//! A small HTTP/1.1 client over one kept connection, for loopback: no TLS, no redirects, no chunked bodies.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// How long one answer may take. An idle Tessera waits a second before it answers an add.
const PATIENCE: Duration = Duration::from_secs(30);

/// The largest body that is read, in bytes.
const MAX_BODY: usize = 8 << 20;

/// One connection to a server, used for one request at a time.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
}

/// Status, the seconds of a `Retry-After` if there is one, and the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// `Retry-After`, in seconds.
    pub(crate) retry_after: Option<u64>,
    /// The body, as text.
    pub(crate) body: String,
}

impl Connection {
    /// Connects, without Nagle's delay.
    pub(crate) fn open(address: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Connection { stream: BufReader::new(stream), host: address.to_string() })
    }

    /// `GET path`; the path begins with a slash.
    pub(crate) fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.request(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host), &[])
    }

    /// `POST path` with a body and no content type, as Tessera's load tool sends it.
    pub(crate) fn post(&mut self, path: &str, body: &[u8]) -> io::Result<Answer> {
        let (host, length) = (&self.host, body.len());
        self.request(
            &format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n"),
            body,
        )
    }

    /// `POST path` with records, a line each.
    pub(crate) fn post_ndjson(&mut self, path: &str, lines: &[u8]) -> io::Result<Answer> {
        let (host, length) = (&self.host, lines.len());
        self.request(
            &format!(
                "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-ndjson\r\nContent-Length: {length}\r\n\r\n"
            ),
            lines,
        )
    }

    fn request(&mut self, head: &str, body: &[u8]) -> io::Result<Answer> {
        self.stream.get_mut().write_all(&[head.as_bytes(), body].concat())?;
        let status = self.line()?;
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| bad("no status line"))?;
        let (mut length, mut retry_after) = (None, None);
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse::<usize>().ok(),
                "retry-after" => retry_after = value.trim().parse().ok(),
                _ => {}
            }
        }
        let length =
            length.filter(|length| *length <= MAX_BODY).ok_or_else(|| bad("no usable Content-Length"))?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { status, retry_after, body: text(body) })
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}

/// Bytes that are text are not copied.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The size in the checkpoint that the server publishes at `/checkpoint`. Its signature is not looked at: this is for
/// waiting and for rates.
pub(crate) fn published_size(connection: &mut Connection) -> io::Result<u64> {
    let answer = connection.get("/checkpoint")?;
    if answer.status != 200 {
        return Err(bad(&format!("GET /checkpoint: status {}", answer.status)));
    }
    let size = answer.body.lines().nth(1).and_then(|line| line.parse().ok());
    size.ok_or_else(|| bad("the second line of the checkpoint is not a size"))
}

/// A port of the loopback address that was free a moment ago, for a server that cannot choose one itself.
pub(crate) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that gives one canned answer to whatever comes first.
    fn canned(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        });
        address
    }

    fn ask(answer: &'static str) -> io::Result<Answer> {
        Connection::open(canned(answer)).unwrap().post("/add", b"entry")
    }

    #[test]
    fn status_body_and_delay_are_read() {
        let busy = ask("HTTP/1.1 503 Busy\r\nRetry-After: 2\r\ncontent-length: 4\r\n\r\nbusy").unwrap();
        assert_eq!(busy, Answer { status: 503, retry_after: Some(2), body: "busy".to_owned() });
    }

    #[test]
    fn answers_that_end_early_or_have_no_length_are_errors() {
        for bad in [
            "",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        ] {
            assert!(ask(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_size_is_the_second_line_of_the_checkpoint() {
        let size = |answer| published_size(&mut Connection::open(canned(answer)).unwrap()).ok();
        assert_eq!(size("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nlog\n513\n"), Some(513));
        assert_eq!(size("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nlog\nx13\n"), None);
        assert_eq!(size("HTTP/1.1 404 No\r\nContent-Length: 8\r\n\r\nlog\n513\n"), None);
    }
}
