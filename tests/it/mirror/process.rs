//! A mirror that runs, or looks once, and what it holds.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use follower::witness::keeper::OriginId;
use tlog::key::KeyName;

use crate::run::{Ran, deedbook};

/// Its name.
pub(crate) const NAME: &str = "mirror.test/m1";

/// A mirror that runs until this is dropped.
pub(crate) struct Mirror {
    pub(crate) url: String,
    /// What it said of itself at the start.
    pub(crate) said: serde_json::Value,
    words: tempfile::NamedTempFile,
    child: Child,
}

impl Mirror {
    /// Runs the mirror in a directory, made if it is not there, of a log under a key.
    pub(crate) fn start(data: &Path, log: &str, vkey: &str, options: &[&str]) -> Self {
        let fixed = ["--name", NAME, "--log", log, "--vkey", vkey, "--poll", "0.05"];
        Self::try_start(data, &[&fixed, options].concat())
            .unwrap_or_else(|ran| panic!("the mirror said {ran:#?}"))
    }

    /// The same with these options alone; how it ended, if it does not run.
    pub(crate) fn try_start(data: &Path, options: &[&str]) -> Result<Self, Ran> {
        let words = tempfile::NamedTempFile::new().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_deedbook"));
        command.args(["mirror", "run", "--json", "--data"]).arg(data).args(options).env_clear();
        if !options.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(words.reopen().unwrap());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        if let Some(url) = said["url"].as_str().map(str::to_owned) {
            return Ok(Self { url, said, words, child });
        }
        let code = child.wait().unwrap().code().unwrap_or(-1);
        Err(Ran { code, out: line, err: std::fs::read_to_string(words.path()).unwrap() })
    }

    /// The size of the checkpoint that it serves of a log.
    pub(crate) fn size(&self, origin: &str) -> Option<u64> {
        let got = get(&self.url, &format!("/{}/checkpoint", id(origin)), &[]);
        (got.status == 200).then(|| size_in(&got.body))
    }

    pub(crate) fn metric(&self, name: &str) -> u64 {
        let text = String::from_utf8(get(&self.url, "/metrics", &[]).body).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")).map(str::to_owned));
        value.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    }

    /// What it has written to standard error.
    pub(crate) fn words(&self) -> String {
        std::fs::read_to_string(self.words.path()).unwrap()
    }

    /// Ends it as a service manager would.
    pub(crate) fn stop(mut self) -> ExitStatus {
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The size that a checkpoint names.
pub(crate) fn size_in(note: &[u8]) -> u64 {
    String::from_utf8_lossy(note).lines().nth(1).unwrap().parse().unwrap()
}

/// The path of a log at a mirror.
pub(crate) fn id(origin: &str) -> String {
    OriginId::of(&origin.parse::<KeyName>().unwrap()).to_string()
}

/// Where the copy of a log is.
pub(crate) fn copy_of(data: &Path, origin: &str) -> PathBuf {
    data.join("logs").join(id(origin))
}

/// One look at a log under a key.
pub(crate) fn once(data: &Path, log: &Path, vkey: &str, options: &[&str]) -> Ran {
    let fixed = ["--name", NAME, "--log", log.to_str().unwrap(), "--vkey", vkey, "--once"];
    run(data, &[&fixed, options].concat())
}

pub(crate) fn run(data: &Path, options: &[&str]) -> Ran {
    deedbook([&["mirror", "run", "--data", data.to_str().unwrap()], options].concat())
}

/// What `mirror logs` says of the only log.
pub(crate) fn told(data: &Path, code: i32) -> serde_json::Value {
    let ran = deedbook(["mirror", "logs", "--json", "--data", data.to_str().unwrap()]).expect(code).json();
    ran["logs"][0].clone()
}

/// The same, whether it is well or not.
pub(crate) fn told_anyhow(data: &Path) -> serde_json::Value {
    let ran = deedbook(["mirror", "logs", "--json", "--data", data.to_str().unwrap()]);
    let said: serde_json::Value = serde_json::from_str(&ran.out).unwrap_or_default();
    said["logs"][0].clone()
}

/// The mirror's public key.
pub(crate) fn vkey(data: &Path) -> String {
    deedbook(["mirror", "keys", "--data", data.to_str().unwrap()]).expect(0).out.trim().to_owned()
}

pub(crate) fn audit(log: &str, vkey: &str) -> Ran {
    deedbook(["audit", log, "--vkey", vkey, "--json"])
}

/// An answer, byte for byte.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) status: u16,
    /// All headers but the date, in alphabetical order.
    pub(crate) headers: Vec<String>,
    pub(crate) body: Vec<u8>,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|header| header.strip_prefix(&format!("{name}: ")))
    }
}

/// Asks for something.
pub(crate) fn get(url: &str, path: &str, headers: &[(&str, &str)]) -> Got {
    let address = url.strip_prefix("http://").unwrap();
    let host = if headers.iter().any(|(name, _)| *name == "Host") {
        String::new()
    } else {
        format!("Host: {address}\r\n")
    };
    let more = headers.iter().fold(String::new(), |more, (name, value)| more + name + ": " + value + "\r\n");
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\n{host}Connection: close\r\n{more}\r\n").unwrap();
    let mut answer = vec![];
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let mut headers: Vec<_> = lines.filter(|line| !line.starts_with("date: ")).map(str::to_owned).collect();
    headers.sort_unstable();
    Got { status, headers, body: answer[end + 4..].to_vec() }
}

/// A web server for the files of a log, which answers so many requests and then breaks every connection.
pub(crate) struct Dying {
    pub(crate) url: String,
    left: std::sync::Arc<std::sync::atomic::AtomicU64>,
}

impl Dying {
    pub(crate) fn serve(files: &Path, answers: u64) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let left = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(answers));
        let (files, counted) = (files.to_owned(), left.clone());
        // It ends with the process of the tests.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let one_less = |left: u64| left.checked_sub(1);
                let order = std::sync::atomic::Ordering::SeqCst;
                if counted.fetch_update(order, order, one_less).is_ok() {
                    let _ = answer(stream, &files);
                }
            }
        });
        Self { url, left }
    }

    /// From now on it answers again.
    pub(crate) fn revive(&self) {
        self.left.store(u64::MAX, std::sync::atomic::Ordering::SeqCst);
    }
}

fn answer(mut stream: TcpStream, files: &Path) -> std::io::Result<()> {
    let mut request = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    request.read_line(&mut first)?;
    let mut line = String::new();
    while request.read_line(&mut line)? > 2 {
        line.clear();
    }
    let path = first.split(' ').nth(1).unwrap_or("/").trim_start_matches('/');
    match std::fs::read(files.join(path)) {
        Ok(body) => {
            write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len())?;
            stream.write_all(&body)
        }
        Err(_) => write!(stream, "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
    }
}
