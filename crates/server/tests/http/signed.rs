//! Signed records: taken where the signature holds and the key is the log's, refused where not.

use std::sync::Arc;

use ed25519_dalek::SigningKey;
use record::{PublicKey, Signatures, signature};
use serde_json::{Value, json};
use server::access::Role::{Admin, Submitter};
use store::MemoryStore;

use crate::{
    asking::Answer,
    bearers::{Bearers, make},
    records::{id, ndjson, record},
    served::{Served, Setup},
};

pub(crate) fn key(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

/// `key.registered` for the producer of the tests' records.
pub(crate) fn registration(n: u64, key: &SigningKey) -> Value {
    let public = PublicKey::of(key);
    json!({
        "id": id(n), "time": record(0)["time"], "type": "key.registered",
        "key": {"kid": public.id().to_string(), "public": public.to_string(), "role": "producer", "party": {"sub": "tests/host-1"}},
    })
}

/// A record for this log, signed.
pub(crate) fn signed(served: &Served, mut record: Value, keys: &[&SigningKey]) -> Value {
    record["aud"] = json!(served.app.origin());
    let canonical = record::canonical(record.to_string().as_bytes()).unwrap();
    let list = keys.iter().map(|key| signature::sign(key, &canonical)).collect();
    let sig: Value = serde_json::from_str(&Signatures::new(list).unwrap().canonical()).unwrap();
    json!({"record": record, "sig": sig})
}

struct Log {
    served: Served,
    bearers: Bearers,
    both: String,
}

impl Log {
    async fn of(setup: Setup) -> Self {
        let (setup, bearers) = setup.under_tokens();
        let served = setup.serve().await;
        let both = make(served.tokens(), &[Submitter, Admin], None);
        Self { served, bearers, both }
    }

    async fn submit(&self, body: &Value) -> Answer {
        let body = body.to_string();
        self.served.ask_as(self.bearers.of(Submitter), "POST", "/v1/records", body.as_bytes()).await
    }

    async fn refused(&self, body: &Value) -> (String, String) {
        let problem = self.submit(body).await.problem(422);
        (problem.kind.clone(), problem.detail)
    }

    async fn as_admin(&self, body: &Value) -> Answer {
        self.served.ask_as(&self.both, "POST", "/v1/records", body.to_string().as_bytes()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_that_holds_is_taken_and_every_other_is_refused() {
    let log = Log::of(Setup::records()).await;
    assert_eq!(log.as_admin(&registration(0, &key(1))).await.status, 200);
    let good = signed(&log.served, record(1), &[&key(1)]);
    let answer = log.submit(&good).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(log.submit(&good).await.json()["items"][0]["status"], "duplicate");

    let bent = |change: &dyn Fn(&mut Value)| {
        let mut bent = signed(&log.served, record(2), &[&key(1)]);
        change(&mut bent);
        bent
    };
    let bits = |value: &mut Value| {
        let text = value["sig"][0]["value"].as_str().unwrap();
        let other = if text.starts_with('A') { "B" } else { "A" };
        value["sig"][0]["value"] = json!(format!("{other}{}", &text[1..]));
    };
    let replayed = |value: &mut Value| value["record"]["aud"] = json!("another.example/log");
    for (bend, body, words) in [
        ("a bit flipped", bent(&bits), "does not hold"),
        ("another record", bent(&|value| value["record"]["n"] = json!("x")), "does not hold"),
        ("forged by another key", signed(&log.served, record(2), &[&key(2)]), "was announced before"),
        ("for another log", bent(&replayed), "names the log that it is for"),
        (
            "by somebody the record does not name",
            signed(&log.served, crate::records::record_of("tests/host-2", 2), &[&key(1)]),
            "whom the record does not name",
        ),
    ] {
        let (kind, detail) = log.refused(&body).await;
        assert_eq!(kind, "bad-signature", "{bend}: {detail}");
        assert!(detail.contains(words), "{bend}: {detail}");
    }
    let truncated = bent(&|value| value["sig"][0]["value"] = json!("AAAA"));
    assert_eq!(log.refused(&truncated).await.0, "bad-record");
    assert_eq!(log.served.size(), 2);
}

/// Records that come together are checked together, and each is judged as it would be alone.
#[tokio::test(flavor = "multi_thread")]
async fn many_signed_records_at_once_are_taken_but_for_the_bad_ones() {
    let log = Log::of(Setup::records()).await;
    log.as_admin(&registration(0, &key(1))).await;
    log.as_admin(&json!({"id": id(1), "time": record(0)["time"], "type": "key.registered",
        "key": {"kid": PublicKey::of(&key(3)).id().to_string(), "public": PublicKey::of(&key(3)).to_string(),
            "role": "approver", "party": {"sub": "bea"}}}))
        .await;
    let mut all: Vec<Value> = (2..1_302).map(|n| signed(&log.served, record(n), &[&key(1)])).collect();
    all[7]["sig"][0]["value"] = all[8]["sig"][0]["value"].clone();
    all[600]["record"]["n"] = json!("altered");
    all[601] = signed(&log.served, record(603), &[&key(2)]);
    all[602] = signed(&log.served, record(604), &[&key(1), &key(3)]);
    all[603] = record(605);
    all[1_299]["record"]["aud"] = json!("another.example/log");
    let body = ndjson(all);
    let token = format!("Bearer {}", log.bearers.of(Submitter));
    let headers = [("authorization", token.as_str()), ("content-type", "application/x-ndjson")];
    let answer = log.served.ask("POST", "/v1/records", &headers, body.as_bytes()).await;
    let items = answer.json()["items"].as_array().unwrap().clone();
    let refused: Vec<(usize, String)> = (0..)
        .zip(&items)
        .filter(|(_, item)| item["status"] == "rejected")
        .map(|(n, item)| (n, item["problem"]["detail"].as_str().unwrap().to_owned()))
        .collect();
    let expected = [
        (7, "does not hold"),
        (600, "does not hold"),
        (601, "was announced before"),
        (602, "whom the record does not name"),
        (1_299, "names the log that it is for"),
    ];
    assert_eq!(refused.len(), expected.len(), "{refused:?}");
    for ((n, words), (at, detail)) in expected.iter().zip(&refused) {
        assert!(n == at && detail.contains(words), "{n} {words}: {at} {detail}");
    }
    assert_eq!(items.iter().filter(|item| item["status"] == "logged").count(), 1_295);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_by_an_admin_or_a_key_and_a_revoked_one_counts_no_longer() {
    let log = Log::of(Setup::records()).await;
    assert_eq!(log.submit(&registration(0, &key(1))).await.problem(403).kind, "not-yours");
    assert_eq!(log.as_admin(&registration(0, &key(1))).await.status, 200);
    let mut rotation = registration(1, &key(2));
    rotation["type"] = json!("key.rotated");
    rotation["key"]["replaces"] = json!(PublicKey::of(&key(1)).id().to_string());
    assert_eq!(log.refused(&rotation).await.0, "bad-signature", "the old key did not sign");
    assert_eq!(log.refused(&signed(&log.served, rotation.clone(), &[&key(3)])).await.0, "bad-signature");
    assert_eq!(log.submit(&signed(&log.served, rotation, &[&key(1)])).await.status, 200);
    let (kind, detail) = log.refused(&signed(&log.served, record(2), &[&key(1)])).await;
    assert_eq!(kind, "bad-signature");
    assert!(detail.contains("revoked or replaced"), "{detail}");
    assert_eq!(log.submit(&signed(&log.served, record(2), &[&key(2)])).await.status, 200);
    let revoked = json!({
        "id": id(3), "time": record(0)["time"], "type": "key.revoked",
        "key": {"kid": PublicKey::of(&key(2)).id().to_string(), "reason": "lost"},
    });
    assert_eq!(log.submit(&revoked).await.problem(403).kind, "not-yours");
    assert_eq!(log.as_admin(&revoked).await.status, 200);
    assert_eq!(log.refused(&signed(&log.served, record(4), &[&key(2)])).await.0, "bad-signature");
    // A record need not be signed.
    assert_eq!(log.submit(&record(5)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_known_again_when_the_log_is_opened_again() {
    let store = Arc::new(MemoryStore::new());
    let setup = || Setup { store: store.clone(), ..Setup::records() };
    let log = Log::of(setup()).await;
    assert_eq!(log.as_admin(&registration(0, &key(1))).await.status, 200);
    log.served.published(1).await;
    let newest = log.served.app.log().reader().published();
    log.served.stopped().await;
    let again = Log::of(Setup { evidence: Some(newest.bytes().clone()), ..setup() }).await;
    assert_eq!(again.submit(&signed(&again.served, record(1), &[&key(1)])).await.status, 200);
    assert_eq!(again.refused(&signed(&again.served, record(2), &[&key(2)])).await.0, "bad-signature");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_log_writes_itself_nobody_submits() {
    let log = Log::of(Setup::records()).await;
    for (_, json) in record::model::examples() {
        let record: Value = serde_json::from_str(json).unwrap();
        let kind = record["type"].as_str().unwrap();
        let own = ["access.", "payload.", "hold.", "retention."].iter().any(|group| kind.starts_with(group));
        if own {
            assert_eq!(log.as_admin(&record).await.problem(403).kind, "not-yours", "{kind}");
        }
    }
    let mut disguised = record(0);
    disguised["producer"]["id"] = json!("deedbook");
    assert_eq!(log.submit(&disguised).await.problem(403).kind, "not-yours");
    let mut of_log = registration(1, &key(1));
    of_log["key"]["role"] = json!("log");
    assert_eq!(log.as_admin(&of_log).await.problem(403).kind, "not-yours");
    assert_eq!(log.served.size(), 0);
}
