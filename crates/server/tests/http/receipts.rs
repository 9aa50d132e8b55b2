//! An answer holds offline: with the record, the answer and the log's key alone.

use bytes::Bytes;
use client::Receipt;
use record::Handed;
use serde_json::{Value, json};
use testkit::Chance;
use tlog::{Hash, encoding::parse_base64_array, proof, tlog_proof::TlogProof};

use crate::{
    records::{id, record, record_of},
    served::{Served, Setup},
};

/// The receipt of one item of an answer.
pub(crate) fn receipt(item: &Value) -> Receipt {
    Receipt {
        index: item["index"].as_u64().unwrap(),
        id: item["id"].as_str().unwrap().into(),
        leaf_hash: item["leaf_hash"].as_str().unwrap().into(),
        log: item["log"].clone(),
        salts: serde_json::from_value(item["salts"].clone()).unwrap_or_default(),
        proof: item["proof"].as_str().unwrap().into(),
    }
}

async fn log_of(count: u64) -> Served {
    let served = Setup::records().serve().await;
    let lines = testkit::sample::typical_ndjson(0, count, &mut Chance::seeded(1));
    assert_eq!(served.post("/v1/records", "application/x-ndjson", lines).await.status, 200);
    served.published(count).await;
    served
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_part_makes_the_entry_and_the_proof_leads_to_the_key() {
    let served = Setup::records().serve().await;
    let mut chance = Chance::seeded(3);
    let texts: Vec<Vec<u8>> = (0..300).map(|n| testkit::sample::typical_record(n, &mut chance)).collect();
    for wait in ["durable", "published"] {
        let target = format!("/v1/records?wait={wait}&proof=true");
        let answer = served.post(&target, "application/x-ndjson", texts.join(&b'\n')).await;
        let items = answer.json()["items"].clone();
        for (text, item) in texts.iter().zip(items.as_array().unwrap()) {
            let submission = Handed::parse(&text.clone().into()).unwrap();
            let verified = receipt(item).verify(&submission, &served.policy).unwrap();
            assert_eq!(verified.index(), item["index"]);
            assert!(item.get("entry").is_none(), "not asked for");
        }
    }
    let other = Handed::parse(&record(9).to_string().into()).unwrap();
    let answer = served.submit("?proof=true", record(8).to_string()).await.json();
    assert!(receipt(&answer["items"][0]).verify(&other, &served.policy).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_entry_comes_instead_of_the_log_part_if_asked() {
    let served = Setup::records().serve().await;
    let text = record(0).to_string();
    for _again in 0..2 {
        let answer = served.submit("?entry=true&proof=true", &text).await.json();
        let item = &answer["items"][0];
        assert!(item.get("log").is_none());
        let entry = item["entry"].as_str().unwrap().as_bytes();
        let opened = record::open(entry).unwrap();
        assert_eq!(opened.record(), Handed::parse(&text.clone().into()).unwrap().canonical());
        assert_eq!(Hash::leaf(entry).to_string(), item["leaf_hash"].as_str().unwrap());
        let proof = TlogProof::parse(item["proof"].as_str().unwrap().to_owned()).unwrap();
        assert_eq!(proof.verify(Hash::leaf(entry), &served.policy).unwrap().index(), 0);
    }
    let answer = served.submit("", &text).await.json();
    let item = &answer["items"][0];
    assert!(item.get("proof").is_none() && item.get("entry").is_none() && item["log"].is_object());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_read_back_by_index_and_by_id() {
    let served = log_of(300).await;
    served.submit("?wait=published", json!([record(5), record_of("tests/host-2", 6)]).to_string()).await;
    for (name, index) in
        [("0".to_owned(), 0), ("255".into(), 255), ("299".into(), 299), (id(5), 300), (id(6), 301)]
    {
        let found = served.get(&format!("/v1/records/{name}?proof=true")).await.json();
        let entry = found["entry"].as_str().unwrap().as_bytes();
        assert_eq!(found["index"], index, "{name}");
        assert_eq!(found["id"], record::open(entry).unwrap().id().to_string());
        let proof = TlogProof::parse(found["proof"].as_str().unwrap().to_owned()).unwrap();
        assert_eq!(proof.verify(Hash::leaf(entry), &served.policy).unwrap().index(), index);
        served.policy.verify(found["checkpoint"].as_str().unwrap().to_owned()).unwrap();
    }
    assert!(served.get("/v1/records/0").await.json().get("proof").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raw_entry_that_is_no_text_comes_back_in_base64() {
    let served = Setup::raw().serve().await;
    served.add(b"\xff\x00text").await;
    served.add(b"").await;
    let found = served.get("/v1/records/0").await.json();
    assert_eq!(found["entry_base64"], tlog::encoding::base64(b"\xff\x00text"));
    assert!(found.get("entry").is_none() && found.get("id").is_none());
    assert_eq!(served.get("/v1/records/1").await.json()["entry"], "");
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_are_those_of_the_tree() {
    let served = log_of(300).await;
    let hash = |value: &Value| Hash::from_bytes(parse_base64_array(value.as_str().unwrap()).unwrap());
    let hashes = |value: &Value| value.as_array().unwrap().iter().map(hash).collect::<Vec<_>>();
    let root = served.app.log().reader().published().root();
    for index in [0, 1, 255, 256, 299] {
        let found = served.get(&format!("/v1/proofs/inclusion?index={index}")).await.json();
        assert_eq!((&found["size"], hash(&found["root"])), (&json!(300), root));
        let head = tlog::Head { size: 300, root };
        proof::verify_inclusion(index, hash(&found["leaf_hash"]), &hashes(&found["path"]), head).unwrap();
    }
    for old in [0, 1, 255, 256, 257, 300] {
        let found = served.get(&format!("/v1/proofs/consistency?old={old}&new=300")).await.json();
        let head =
            |value: &Value| tlog::Head { size: value["size"].as_u64().unwrap(), root: hash(&value["root"]) };
        assert_eq!((found["old"]["size"].as_u64(), head(&found["new"]).root), (Some(old), root));
        proof::verify_consistency(head(&found["old"]), head(&found["new"]), &hashes(&found["hashes"]))
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_any_bytes_are_kept_as_they_are() {
    let served = Setup::raw().serve().await;
    let mut chance = Chance::seeded(9);
    let entries: Vec<Bytes> = [0, 1, 255, 256, 65_534, 65_535]
        .map(|length| (0..length).map(|_| chance.next_u64() as u8).collect::<Vec<_>>().into())
        .into();
    for (index, entry) in entries.iter().enumerate() {
        assert_eq!(served.add(entry).await, index as u64);
    }
    let answer = served.get("/tile/entries/000.p/6").await;
    assert_eq!(tlog::bundle::decode(&answer.body, 6).unwrap(), entries);
}
