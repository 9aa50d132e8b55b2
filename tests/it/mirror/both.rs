//! A log that is read and pushed at one time: neither way accuses the other.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use super::process::{Mirror, told};
use super::pushed::Home;
use crate::testlog::{TestLog, entry};
use crate::witness::process::until;

/// A web server for the files of a log, which keeps an answer back when it is told to.
struct Gate {
    url: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Default)]
struct State {
    /// Answers to paths that start so are kept back.
    closed: Option<&'static str>,
    /// One is.
    waiting: bool,
    /// Checkpoints that were asked for.
    looks: u64,
}

impl Gate {
    fn serve(files: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::<Shared>::default();
        let (files, all) = (files.to_owned(), shared.clone());
        // It ends with the process of the tests.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (files, shared) = (files.clone(), all.clone());
                std::thread::spawn(move || drop(shared.answer(stream, &files)));
            }
        });
        Self { url, shared }
    }

    /// Keeps back what is asked for next below this path, and waits until that was read and not yet sent.
    fn close(&self, path: &'static str) {
        self.shared.state.lock().unwrap().closed = Some(path);
        let state = self.shared.state.lock().unwrap();
        drop(self.shared.moved.wait_while(state, |state| !state.waiting).unwrap());
    }

    /// Lets it through, and waits until the reader has looked twice after that.
    fn open(&self) {
        let mut state = self.shared.state.lock().unwrap();
        (state.closed, state.waiting) = (None, false);
        drop(state);
        self.shared.moved.notify_all();
        self.looked_at_again();
    }

    /// Waits until the reader has looked twice from now on.
    fn looked_at_again(&self) {
        let looks = self.shared.state.lock().unwrap().looks;
        until("it was looked at again", || self.shared.state.lock().unwrap().looks > looks + 2);
    }
}

impl Shared {
    fn answer(&self, mut stream: TcpStream, files: &Path) -> std::io::Result<()> {
        let mut request = BufReader::new(stream.try_clone()?);
        let mut first = String::new();
        request.read_line(&mut first)?;
        let mut line = String::new();
        while request.read_line(&mut line)? > 2 {
            line.clear();
        }
        let path = first.split(' ').nth(1).unwrap_or("/");
        let body = std::fs::read(files.join(&path[1..]));
        let mut state = self.state.lock().unwrap();
        state.looks += u64::from(path == "/checkpoint");
        if state.closed.is_some_and(|closed| path.starts_with(closed)) {
            state.waiting = true;
            self.moved.notify_all();
            state = self.moved.wait_while(state, |state| state.closed.is_some()).unwrap();
        }
        drop(state);
        let (status, body) = body.map_or((404, vec![]), |body| (200, body));
        let length = body.len();
        write!(stream, "HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n")?;
        stream.write_all(&body)
    }
}

/// A mirror that reads a log through a gate and takes what it pushes.
fn read_and_pushed(home: &Home, gate: &Gate) -> Mirror {
    home.start(&["--log", &gate.url, "--vkey", &home.vkey, "--poll", "0.02"]).unwrap()
}

#[track_caller]
fn nobody_is_accused(home: &Home, mirror: &Mirror) {
    let words = mirror.words();
    assert!(!words.contains("WARN") && !words.contains("ERROR"), "{words}");
    let told = told(&home.data, 0);
    assert!(told["problem"].is_null() && told["broken"] == false, "{told}");
}

#[test]
fn a_checkpoint_that_is_read_late_is_not_one_that_went_back() {
    let mut log = TestLog::of_size(300);
    let (home, gate) = (Home::of(&log), Gate::serve(log.path()));
    let mirror = read_and_pushed(&home, &gate);
    until("there is a copy", || mirror.size(&home.origin) == Some(300));
    gate.close("/checkpoint");
    log.grow((300..900).map(entry));
    home.push(&log, &mirror.url).expect(0);
    gate.open();
    home.serves(&mirror, &log);
    nobody_is_accused(&home, &mirror);
}

#[test]
fn entries_that_are_read_late_are_there_already() {
    let mut log = TestLog::of_size(300);
    let (home, gate) = (Home::of(&log), Gate::serve(log.path()));
    let mirror = read_and_pushed(&home, &gate);
    until("there is a copy", || mirror.size(&home.origin) == Some(300));
    log.grow((300..900).map(entry));
    gate.close("/tile/entries/");
    log.grow((900..1_300).map(entry));
    home.push(&log, &mirror.url).expect(0);
    gate.open();
    home.serves(&mirror, &log);
    nobody_is_accused(&home, &mirror);
}

/// A log that has its mirrors hold a checkpoint before it shows it to all is ahead at them.
#[test]
fn what_was_pushed_before_it_was_published_is_not_one_that_went_back() {
    let mut log = TestLog::of_size(300);
    let (home, gate) = (Home::of(&log), Gate::serve(log.path()));
    let public = log.read("checkpoint");
    log.grow((300..900).map(entry));
    let ahead = log.read("checkpoint");
    log.write("checkpoint", &public);
    let mirror = read_and_pushed(&home, &gate);
    until("there is a copy", || mirror.size(&home.origin) == Some(300));
    let private = TestLog::of_size(900);
    home.push(&private, &mirror.url).expect(0);
    home.serves(&mirror, &private);
    gate.looked_at_again();
    nobody_is_accused(&home, &mirror);

    // What it has shown to all it does not take back.
    log.write("checkpoint", &ahead);
    gate.looked_at_again();
    log.write("checkpoint", &public);
    until("it is told", || mirror.words().contains("it went back"));
}
