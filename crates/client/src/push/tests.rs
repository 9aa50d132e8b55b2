use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::HttpOptions;
use crate::audit::Silent;
use crate::testlog::TestLog;

/// What a mirror answers to one request: status and body.
type Says = (u16, &'static str);

/// A mirror that says the same things over and over: these to checkpoints, these to entries, each list from its start and then
/// its last one.
async fn mirror(checkpoints: &'static [Says], entries: &'static [Says]) -> Http {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut said = [0, 0];
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let asked = request(&mut stream).await;
            let (list, at) =
                if asked.starts_with("POST /add-checkpoint ") { (checkpoints, 0) } else { (entries, 1) };
            let (status, body) = list[said[at].min(list.len() - 1)];
            said[at] += 1;
            let length = body.len();
            let answer =
                format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    Http::new(&url, &HttpOptions { attempts: 1, ..HttpOptions::default() }).unwrap()
}

/// Reads a request to its end; its head.
async fn request(stream: &mut TcpStream) -> String {
    let mut bytes = vec![];
    loop {
        let head = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = head {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase().replacen("post", "POST", 1);
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if bytes.len() >= end + 4 + length.parse::<usize>().unwrap() {
                return head;
            }
        }
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "the request was cut off");
    }
}

async fn push(log: &TestLog, mirror: &Http) -> Result<Pushed, PushError> {
    let source = Source::directory(log.path()).unwrap();
    let (checkpoint, key) = (log.signed(), log.policy().logs()[0].key.clone());
    let keys = [key];
    let push = Push { source: &source, checkpoint: &checkpoint, log_keys: &keys, mirror, mirror_keys: &keys };
    push.run(&Silent).await
}

#[tokio::test]
async fn what_a_mirror_says_that_is_of_no_use_is_told() {
    let log = TestLog::of_size(600);
    let ok: &[Says] = &[(200, "")];
    for (case, checkpoints, entries, expected) in [
        (
            "it never goes on",
            ok,
            &[(409, "600\n0\n\n")][..],
            "it has taken the entries before 0 and says so again",
        ),
        (
            "back and forth",
            ok,
            &[(202, "600\n512\n\n"), (202, "600\n256\n\n")],
            "before 256 and says so again",
        ),
        ("no numbers", ok, &[(202, "soon\n")], "does not say where to go on"),
        ("no cosignature", ok, &[(200, "thank you\n")], "what the mirror answers"),
        ("nothing at all", ok, &[(200, "")], "what the mirror answers"),
        ("a later one", &[(409, "900\n")], &[(409, "900\n0\n\n")], "knows a checkpoint of size 900 already"),
        ("no size", &[(409, "later\n")], &[(500, "")], "does not say which one it knows"),
        ("not now", &[(429, "too many\n")], &[(500, "")], "the mirror is busy"),
        (
            "an entry at a time",
            ok,
            &[
                (409, "600\n0\n\n"),
                (202, "600\n1\n\n"),
                (202, "600\n2\n\n"),
                (202, "600\n3\n\n"),
                (202, "600\n4\n\n"),
                (202, "600\n5\n\n"),
                (202, "600\n6\n\n"),
                (500, ""),
            ],
            "before 6 and says so again",
        ),
        ("ever another size", &[(409, "5\n")], &[(500, "")], "before 5 and says so again"),
        (
            "not enrolled",
            &[(404, "this mirror\x07 keeps no copy\nmore")],
            &[(500, "")],
            "the checkpoint with status 404: this mirror keeps no copy",
        ),
        ("not taken", ok, &[(422, "no\n")], "refuses entries with status 422: no"),
        (
            "a problem",
            ok,
            &[(415, r#"{"type":"urn:x","title":"t","detail":"Send another."}"#)],
            "status 415: Send another.",
        ),
        ("somewhere else", ok, &[(307, "")], "307"),
    ] {
        let mirror = mirror(checkpoints, entries).await;
        let error = push(&log, &mirror).await.map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(expected), "{case}: {error}");
    }
}

/// Nothing of a damaged log leaves it.
#[tokio::test]
async fn a_damaged_log_is_found_out_before_it_is_sent() {
    let log = TestLog::of_size(600);
    let mirror = mirror(&[(200, "")], &[(409, "600\n0\n\n"), (500, "")]).await;
    log.flip("tile/entries/001", 5);
    let error = push(&log, &mirror).await.unwrap_err();
    assert!(matches!(error, PushError::Log(FollowError::DoesNotHold(_))), "{error}");
    std::fs::remove_file(log.file("tile/0/000")).unwrap();
    assert!(matches!(push(&log, &mirror).await, Err(PushError::Busy { .. })), "the mirror has failed by now");
}
