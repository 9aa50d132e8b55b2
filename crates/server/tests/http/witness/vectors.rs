//! Requests that others wrote down, with what is to be answered, sent over sockets one after the other.

use serde_json::Value;
use testkit::vectors;
use tlog::{key::VerifierKey, witness::AddCheckpoint};

use super::served::{Setup, Witnessing};

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_generated_sequence() {
    let vectors = vectors::json("generated/add-checkpoint-sequence.json");
    let witness = Setup::of(&[text(&vectors["log_vkey"]).parse().unwrap()]).serve().await;
    let origin = text(&vectors["origin"]).to_owned();
    let steps = vectors["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 14);
    for step in steps {
        let (what, body) = (text(&step["desc"]), text(&step["body"]));
        let answer = witness.add(body).await;
        assert_eq!(u64::from(answer.status), step["status"].as_u64().unwrap(), "{what}: {answer:?}");
        if let Some(size) = step.get("conflict_body") {
            assert_eq!(answer.header("content-type"), Some("text/x.tlog.size"), "{what}");
            assert_eq!(answer.text(), text(size), "{what}");
        } else {
            assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"), "{what}");
        }
        if answer.status == 200 {
            check(&witness, &answer.body, body);
        }
        let shown = witness.monitor(&origin).await;
        let size = shown.text().lines().nth(1).unwrap().to_owned();
        assert_eq!(size, step["state_after"].to_string(), "{what}");
    }
    let empty = Setup::of(&[text(&vectors["log_vkey"]).parse().unwrap()]).serve().await;
    let nothing = format!("old 0\n\n{}", text(&vectors["size0_checkpoint_note"]));
    assert_eq!(empty.add(nothing).await.status, 200, "a log without entries has a head too");
}

/// One line by each of the witness's keys, good for what was asked.
fn check(witness: &Witnessing, answer: &[u8], body: &str) {
    let keys = witness.keys();
    let asked = AddCheckpoint::parse(body.as_bytes()).unwrap();
    let lines = tlog::witness::Answer::parse(answer).unwrap().lines().to_vec();
    let note = tlog::note::Note::new(asked.note().text().to_owned(), lines).unwrap();
    assert_eq!(note.open(&keys).unwrap().signatures().len(), 2, "one by each key");
}

/// The requests of litewitness's own test. Step 1 ends in base64 that is not canonical, for which litewitness says 403 and
/// this witness 400; in its canonical spelling it is a bad signature for both.
#[tokio::test(flavor = "multi_thread")]
async fn the_transcript_of_litewitness() {
    let vectors = vectors::json("torchwood/litewitness-add-checkpoint-transcript.json");
    let steps = vectors["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 9);
    let first = AddCheckpoint::parse(text(&steps[0]["request_body"]).as_bytes()).unwrap();
    let hex = text(&vectors["log_ed25519_public_hex"]);
    let public: [u8; 32] = std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..][..2], 16).unwrap());
    let key = VerifierKey::ed25519(first.origin().clone(), &public).unwrap();
    let witness = Setup::of(&[key]).serve().await;
    for (number, step) in steps.iter().enumerate() {
        let mut body = text(&step["request_body"]).to_owned();
        if number == 1 {
            assert_eq!(witness.add(&body).await.status, 400, "not canonical");
            body = body.replace("6gx=\n", "6gw=\n");
        }
        let answer = witness.add(&body).await;
        assert_eq!(u64::from(answer.status), step["status"].as_u64().unwrap(), "step {number}: {answer:?}");
        if let Some(wanted) = text(&step["assert"]).strip_prefix("body == ") {
            assert_eq!(format!("{:?}", answer.text()), wanted);
        }
    }
}
