//! A client that is no help: it sends the bytes of a test, one connection a request, and reads what comes back.
//!
//! Every answer that it reads is held against the description of the API ([`crate::contract`]).

use std::net::SocketAddr;

use bytes::Bytes;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    contract,
    served::{PATIENCE, Served},
};

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

/// What a problem is recognised by.
#[derive(Debug)]
pub(crate) struct Problem {
    /// Last part of the type.
    pub(crate) kind: String,
    pub(crate) detail: String,
    pub(crate) json: Value,
}

impl Served {
    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, &[], b"").await
    }

    pub(crate) async fn post(&self, target: &str, content_type: &str, body: impl AsRef<[u8]>) -> Answer {
        self.ask("POST", target, &[("content-type", content_type)], body.as_ref()).await
    }

    /// Records as one JSON text.
    pub(crate) async fn submit(&self, query: &str, body: impl AsRef<[u8]>) -> Answer {
        self.post(&format!("/v1/records{query}"), "application/json", body).await
    }

    /// A raw entry; its index.
    pub(crate) async fn add(&self, entry: impl AsRef<[u8]>) -> u64 {
        let answer = self.post("/add", "application/octet-stream", entry).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let index = answer.text().strip_suffix('\n').unwrap().to_owned();
        index.parse().unwrap()
    }

    /// One request, and its answer held against the description.
    pub(crate) async fn ask(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let request = request(method, target, headers, body);
        let answer = Answer::parse(&self.exchange(&request).await, method);
        contract::check(method, target, &answer);
        answer
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes, then reads until the server closes.
    pub(crate) async fn exchange(&self, bytes: &[u8]) -> Vec<u8> {
        exchange(self.address, bytes).await
    }

    /// Something that the server measures, from its metrics.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let answer = self.get("/metrics").await;
        let line =
            answer.text().lines().find_map(|line| line.strip_prefix(&format!("{name} ")).map(str::to_owned));
        line.unwrap_or_else(|| panic!("no {name} in {}", answer.text())).parse().unwrap()
    }
}

/// Sends bytes on a connection of their own, then reads until the server closes.
pub(crate) async fn exchange(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that has heard enough may answer and close before all is sent.
    let _ = stream.write_all(bytes).await;
    read_to_end(&mut stream).await
}

/// A request that ends its connection.
pub(crate) fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let length = (method == "POST").then(|| ("content-length", body.len().to_string()));
    let fields = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).chain(length);
    let fields: Vec<String> = fields.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let line = format!("{method} {target} HTTP/1.1\r\nhost: log.test\r\nconnection: close\r\n");
    [line.as_bytes(), fields.concat().as_bytes(), b"\r\n", body].concat()
}

/// All that comes until the other side closes.
pub(crate) async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = vec![];
    let reading = stream.read_to_end(&mut bytes);
    let read = tokio::time::timeout(PATIENCE, reading).await.expect("the server neither answers nor closes");
    // A connection that was reset has delivered what it has delivered.
    let _ = read;
    bytes
}

impl Answer {
    /// Takes an answer apart that ends where the connection ends.
    pub(crate) fn parse(bytes: &[u8], method: &str) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no answer, but {:?}", String::from_utf8_lossy(bytes)));
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap();
        let headers: Vec<_> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let answer = Self { status, headers, body: Bytes::copy_from_slice(&bytes[end + 4..]) };
        let announced = answer.header("content-length").map(|length| length.parse::<usize>().unwrap());
        let sent = if method == "HEAD" { None } else { Some(answer.body.len()) };
        assert!(sent.is_none() || announced == sent, "announced {announced:?}, sent {sent:?}: {head}");
        assert!(method != "HEAD" || answer.body.is_empty(), "an answer to HEAD has no body");
        answer
    }

    /// A header field that may occur once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values =
            self.headers.iter().filter(|(have, _)| have == name).map(|(_, value)| value.as_str());
        let first = values.next();
        assert!(values.next().is_none(), "{name} occurs twice");
        first
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// The problem that this answer is, with this status.
    pub(crate) fn problem(&self, status: u16) -> Problem {
        assert_eq!(self.status, status, "{self:?}");
        Problem::of(self.json())
    }
}

impl Problem {
    pub(crate) fn of(json: Value) -> Self {
        let text =
            |name: &str| json[name].as_str().unwrap_or_else(|| panic!("no {name} in {json}")).to_owned();
        let kind = text("type").strip_prefix("urn:deedbook:problem:").unwrap().to_owned();
        Self { kind, detail: text("detail"), json }
    }

    /// For records: what is wrong, as a stable name.
    pub(crate) fn code(&self) -> &str {
        self.json["code"].as_str().unwrap()
    }
}
