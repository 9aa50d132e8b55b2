//! The cases that other witnesses are tested with, and those that they lack.

use testkit::keys::{IMPOSTOR, LOG, OTHER_LOG};
use tlog::{
    Hash,
    witness::{Answer as Cosignatures, SignSubtree},
};

use super::served::{START, Setup, Witnessing, grown, honest, signer};
use crate::history::History;

const TEXT: &str = "text/plain; charset=utf-8";

/// A witness that has cosigned ten entries of the log.
async fn at_ten() -> Witnessing {
    let witness = Setup::default().serve().await;
    assert_eq!(witness.add(honest(0, 10)).await.status, 200);
    witness
}

/// Cases 2 to 4, 10: the log as it grows, and what monitors see after each step.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_cosigned_as_it_grows() {
    let witness = Setup::default().serve().await;
    assert_eq!(witness.monitor(LOG.name).await.status, 404, "never cosigned");
    for (old, new) in [(0, 1), (1, 7), (7, 7), (7, 200)] {
        let answer = witness.add(honest(old, new)).await;
        let signed = History::honest().signed(new, &signer(LOG));
        assert_eq!(witness.times(&answer, &signed), [START, START], "{old} to {new}");
        assert_eq!(answer.header("content-type"), Some(TEXT));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let shown = witness.monitor(LOG.name).await;
        let whole = [signed.bytes(), &answer.body[..]].concat();
        assert_eq!(shown.body, whole, "the log's line, then what was answered");
    }
}

/// Cases 4 to 10, and of those that others lack: another root of the same size, oversize, a proof where none belongs.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_refused_as_the_protocol_says() {
    let (witness, history) = (at_ten().await, History::honest());
    let forked = history.forked_at(5);
    let good = honest(10, 20);
    let (before, _) = good.rsplit_once(' ').unwrap();
    let stolen = format!("{before} {}", grown(&forked, 0, 20, LOG).rsplit_once(' ').unwrap().1);
    let (_, note) = good.split_once("\n\n").unwrap();
    let other_proof = format!("{}\n\n{note}", honest(10, 21).split("\n\n").next().unwrap());
    let many = format!("old 10\n{}\n{note}", format!("{}\n", Hash::EMPTY).repeat(64));
    let with_proof = honest(10, 10).replacen('\n', &format!("\n{}\n", Hash::EMPTY), 1);
    for (what, body, status) in [
        ("a stale size", honest(5, 20), 409),
        ("as if never seen", honest(0, 20), 409),
        ("as if seen further", honest(10, 20).replacen("old 10", "old 11", 1), 409),
        ("an unknown log", grown(&history, 0, 20, OTHER_LOG), 404),
        ("another key under its name", grown(&history, 10, 20, IMPOSTOR), 403),
        ("its name, its key id and bytes of another note", stolen, 403),
        ("a wrong proof of the right length", other_proof, 422),
        ("no proof", format!("old 10\n\n{note}"), 422),
        ("another root of the same size", grown(&forked, 10, 10, LOG), 422),
        ("a log that was rewritten", grown(&forked, 10, 20, LOG), 422),
        ("a proof from a size to itself", with_proof, 422),
        ("an old size beyond the checkpoint", honest(10, 20).replacen("old 10", "old 21", 1), 400),
        ("more than 63 hashes", many, 400),
        ("a number with a zero before it", honest(10, 20).replacen("old 10", "old 010", 1), 400),
        ("no note", "old 10\n\n".into(), 400),
        ("no request", "hello\n".into(), 400),
        ("nothing", String::new(), 400),
    ] {
        let answer = witness.add(&body).await;
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        if status == 409 {
            assert_eq!((answer.header("content-type"), answer.text()), (Some("text/x.tlog.size"), "10\n"));
        } else {
            assert_eq!(answer.header("content-type"), Some(TEXT), "{what}");
            assert!(answer.text().ends_with('\n') && !answer.text().contains('—'), "{what}: {answer:?}");
        }
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
        assert_eq!(witness.stored(), Some(history.head(10)), "{what}: nothing was changed");
    }
    assert_eq!(witness.metric("deedbook_witness_forks").await, 2, "the two that prove a fork");
    let oversize = good + &"x".repeat(tlog::witness::BODY_LEN_MAX);
    assert_eq!(witness.add(oversize).await.problem(413).kind, "too-large");
    assert_eq!(witness.add(honest(10, 20)).await.status, 200, "and the log goes on");
}

/// A log that knows nothing asks from 0, is told the size, and asks again from there.
#[tokio::test(flavor = "multi_thread")]
async fn a_409_leads_to_the_right_question() {
    let witness = at_ten().await;
    let answer = witness.add(honest(0, 30)).await;
    assert_eq!(answer.status, 409);
    let old = tlog::witness::parse_size(&answer.body).unwrap();
    assert_eq!(witness.add(honest(old, 30)).await.status, 200);
}

/// Unknown lines under the checkpoint do not matter, and do not come back.
#[tokio::test(flavor = "multi_thread")]
async fn lines_of_others_are_ignored() {
    let witness = Setup::default().serve().await;
    let other = grown(&History::honest(), 0, 10, OTHER_LOG);
    let line = other.lines().last().unwrap().to_owned();
    assert_eq!(witness.add(format!("{}{line}\n", honest(0, 10))).await.status, 200);
    assert!(!witness.monitor(LOG.name).await.text().contains(OTHER_LOG.name));
}

/// Cases 11 to 14.
#[tokio::test(flavor = "multi_thread")]
async fn subtrees_of_what_was_cosigned_are_signed_and_no_others() {
    let (witness, history) = (Setup::default().serve().await, History::honest());
    let answer = witness.add(honest(0, 200)).await;
    let plain = history.signed(200, &signer(LOG));
    let lines = Cosignatures::parse(&answer.body).unwrap().lines().to_vec();
    let cosigned = plain.clone().with_signatures(lines).unwrap();
    let body = |reference| SignSubtree::new(history.subtree(64, 128, 200), reference).unwrap().to_string();
    let good = body(&cosigned);
    let answer = witness.sign_subtree(&good).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some(TEXT)), "{answer:?}");
    let request = SignSubtree::parse(good.as_bytes()).unwrap();
    let taken = Cosignatures::parse(&answer.body).unwrap();
    assert_eq!(taken.take_subtree(&request.subtree(), &witness.keys()).unwrap().len(), 1);
    for (what, body, status) in [
        ("a checkpoint that it did not cosign", body(&plain), 403),
        ("beyond the checkpoint", good.replacen("64 128", "128 256", 1), 400),
        ("no entries", good.replacen("64 128", "64 64", 1), 400),
        ("no subtree", good.replacen("64 128", "63 127", 1), 400),
        ("another range", good.replacen("64 128", "0 64", 1), 422),
        ("an unknown log", good.replace(LOG.name, OTHER_LOG.name), 404),
        ("no request", "subtree\n".to_owned(), 400),
    ] {
        let answer = witness.sign_subtree(&body).await;
        assert_eq!(answer.status, status, "{what}: {answer:?}");
    }
}
