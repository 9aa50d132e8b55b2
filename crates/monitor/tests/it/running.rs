//! Monitors that run, in this process.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use client::follow::Changes;
use client::webhook::Webhook;
use client::{Http, HttpOptions, Source};
use follower::witness::keeper::OriginId;
use monitor::event::{Event, What};
use monitor::keep::Keep;
use monitor::run::{Monitor, Options, Partner, Print, Watched};
use monitor::watch::{Input, Limits, Whom};
use parking_lot::Mutex;
use tokio::runtime::Builder;

use crate::testlog::TestLog;
use crate::world::{History, Monitored};

const PATIENCE: Duration = Duration::from_mins(1);

/// What is printed is sent on.
struct Lines(Sender<Event>);

impl Print for Lines {
    fn print(&self, lines: &str) -> std::io::Result<()> {
        for line in lines.lines() {
            // The test may have seen enough.
            let _ = self.0.send(serde_json::from_str(line).unwrap());
        }
        Ok(())
    }
}

fn options(once: bool, partners: Vec<Partner>) -> (Options, Receiver<Event>) {
    let (sender, events) = channel();
    let options = Options {
        limits: Limits::default(),
        poll: Duration::from_millis(20),
        threads: NonZeroUsize::MIN,
        webhooks: vec![],
        partners,
        gossip_every: Duration::from_millis(20),
        print: Arc::new(Lines(sender)),
        findings: true,
        once,
        hooks_patience: Duration::from_millis(100),
        clock: Arc::new(|| 1_800_000_000_000),
    };
    (options, events)
}

fn watched(log: &TestLog) -> Watched {
    let (origin, policy) = (log.signed().origin().clone(), log.policy());
    Watched { origin, source: Source::directory(log.path()).unwrap(), policy, changes: Changes::Followed }
}

fn wait(events: &Receiver<Event>, which: impl Fn(&What) -> bool) -> Event {
    loop {
        let event = events.recv_timeout(PATIENCE).expect("no such event came");
        if which(&event.what) {
            return event;
        }
    }
}

#[test]
fn jobs_that_read_do_not_wait_for_the_threads_that_they_hold() {
    let home = tempfile::tempdir().unwrap();
    let log = TestLog::of_size(1_000);
    let runtime = Builder::new_multi_thread().enable_all().max_blocking_threads(1).build().unwrap();
    let (options, events) = options(true, vec![]);
    let watching = async {
        let keep = Keep::open(home.path()).unwrap();
        let mut monitor = Monitor::start(keep, vec![watched(&log)], &options).unwrap();
        let ended = tokio::time::timeout(PATIENCE, monitor.run(std::future::pending())).await;
        ended.expect("it waits for itself").unwrap();
    };
    runtime.block_on(watching);
    wait(&events, |what| matches!(what, What::Verified { size: 1_000, .. }));
}

/// Answers of a peer, by path: those that are left of the first ones, and then the last one for ever.
type Answers = Arc<Mutex<BTreeMap<String, Vec<String>>>>;

/// A peer that answers what it is told to.
fn peer(answers: Answers) -> Partner {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // Whoever asked may be gone.
            let _ = answer(&stream, &answers);
        }
    });
    Partner::Peer(Http::new(&url, &HttpOptions::default()).unwrap())
}

fn answer(mut stream: &TcpStream, answers: &Answers) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut request, mut line, mut length) = (String::new(), String::new(), 0);
    reader.read_line(&mut request)?;
    while reader.read_line(&mut line)? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    std::io::copy(&mut std::io::Read::take(reader, length), &mut std::io::sink())?;
    let path = request.split(' ').nth(1).unwrap_or_default();
    let body = answers
        .lock()
        .get_mut(path)
        .map(|left| if left.len() > 1 { left.remove(0) } else { left[0].clone() });
    let status = if body.is_some() { "200 OK" } else { "404 Not Found" };
    let body = body.unwrap_or_default();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes())
}

#[test]
fn junk_under_the_name_of_a_proof_does_not_keep_the_proof_away() {
    let home = tempfile::tempdir().unwrap();
    let log = TestLog::of_size(20);
    let (history, mut teller) = (History::of(20), Monitored::new());
    teller.shown(0, &history, 20);
    let heard = history.fork(10, 20).heard(20, &[]);
    teller.settle(1, &history, Input::Heard { heard, from: Whom::Peer("p".into()) });
    let (name, proof) = teller.proofs.remove(0);
    let forks = format!("/gossip/{}/forks", OriginId::of(log.signed().origin()));
    let answers = BTreeMap::from([
        (forks.clone(), vec![format!("{name}\n")]),
        (format!("{forks}/{name}"), vec!["junk".to_owned(), proof[..200].to_owned(), proof]),
    ]);
    let (options, events) = options(false, vec![peer(Arc::new(Mutex::new(answers)))]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let watching = async {
        let keep = Keep::open(home.path()).unwrap();
        let mut monitor = Monitor::start(keep, vec![watched(&log)], &options).unwrap();
        monitor.run(async move { drop(stopped.await) }).await.unwrap();
    };
    std::thread::scope(|scope| {
        scope.spawn(|| runtime.block_on(watching));
        let told = wait(&events, |what| matches!(what, What::Incident(_)));
        let What::Incident(told) = told.what else { unreachable!() };
        assert_eq!(told.proof, Some(name));
        drop(stop);
    });
}

#[test]
fn one_look_waits_for_webhooks_but_not_for_ever() {
    let home = tempfile::tempdir().unwrap();
    let log = TestLog::of_size(20);
    log.flip("tile/0/000.p/20", 0);
    // A port that nobody listens at.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let hook = format!("http://{nobody}/in");
    let hook = Webhook::new(&hook, "secret", Duration::from_secs(1), &HttpOptions::default()).unwrap();
    let (mut options, _events) = options(true, vec![]);
    options.webhooks = vec![hook];
    let watching = async {
        let keep = Keep::open(home.path()).unwrap();
        let mut monitor = Monitor::start(keep, vec![watched(&log)], &options).unwrap();
        let ended = tokio::time::timeout(PATIENCE, monitor.run(std::future::pending())).await;
        ended.expect("it waits for ever").unwrap();
        let waiting: Vec<_> = monitor.logs().map(|log| log.memory().alerts().count()).collect();
        assert_eq!(waiting, [1], "for the next process");
    };
    Builder::new_multi_thread().enable_all().build().unwrap().block_on(watching);
}
