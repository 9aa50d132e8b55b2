//! Content beside the log: kept, shown to those who may see it, erased, held.

use bytes::Bytes;
use record::{Handed, Place, Places, disclosure};
use serde_json::{Value, json};
use server::access::Role::{Admin, Auditor, Submitter};
use store::Fault;

use crate::{
    asking::Answer,
    bearers::Bearers,
    receipts::receipt,
    records::{id, record},
    served::{Served, Setup},
};

/// Record `n` with this input.
fn with_input(n: u64, input: &Value) -> Value {
    let mut record = record(n);
    record["input"] = input.clone();
    record["principal"] = json!({"iss": "https://idp.example", "sub": "u-1"});
    record
}

async fn log() -> (Served, Bearers) {
    let (setup, bearers) = Setup::records().under_tokens();
    (setup.serve().await, bearers)
}

async fn submitted(served: &Served, bearers: &Bearers, record: &Value) -> Value {
    let body = record.to_string();
    let answer =
        served.ask_as(bearers.of(Submitter), "POST", "/v1/records?proof=true", body.as_bytes()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["items"][0].clone()
}

async fn entry(served: &Served, bearers: &Bearers, index: &Value) -> Value {
    let found = served.get_as(bearers.of(Auditor), &format!("/v1/records/{index}")).await.json();
    serde_json::from_str(found["entry"].as_str().unwrap()).unwrap()
}

/// Submits content, and answers its digest.
async fn kept(served: &Served, bearers: &Bearers, n: u64, content: &str) -> String {
    let item = submitted(served, bearers, &with_input(n, &json!({"content": content}))).await;
    let entry = entry(served, bearers, &item["index"]).await;
    entry["record"]["input"]["sd"].as_str().unwrap().to_owned()
}

async fn payload(served: &Served, token: &str, sd: &str) -> Answer {
    served.get_as(token, &format!("/v1/payloads/{sd}")).await
}

async fn ask(served: &Served, token: &str, target: &str, body: &Value) -> Answer {
    served.ask_as(token, "POST", target, body.to_string().as_bytes()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn content_stands_beside_the_log_and_the_receipt_still_holds() {
    let (served, bearers) = log().await;
    let sent = with_input(0, &json!({"content": "{\"a\": 1}\n", "media": "text/plain"}));
    let item = submitted(&served, &bearers, &sent).await;
    let entry = entry(&served, &bearers, &item["index"]).await;
    assert_eq!(entry["log"]["disclosed"], json!(["/input"]));
    assert!(entry["log"].get("secret").is_none());
    let input = &entry["record"]["input"];
    assert_eq!(
        (&input["bytes"], &input["media"], input.get("content")),
        (&json!(9), &json!("text/plain"), None)
    );
    let sd = input["sd"].as_str().unwrap();
    let shown = payload(&served, bearers.of(Auditor), sd).await;
    assert_eq!((shown.status, shown.header("cache-control")), (200, Some("private, no-store")));
    let opened = disclosure::verify(shown.text(), &sd.parse().unwrap()).unwrap();
    assert_eq!((opened.name(), opened.content()), ("input", &b"{\"a\": 1}\n"[..]));
    // The submitter needs what it sent and the answer, and nobody.
    let handed = Handed::parse(&Bytes::from(sent.to_string())).unwrap();
    receipt(&item).verify(&handed, &served.policy).unwrap();
    // Again: the first entry stands, and its salts are told again.
    let again = submitted(&served, &bearers, &sent).await;
    assert_eq!(
        (&again["status"], &again["index"], &again["salts"]),
        (&json!("duplicate"), &item["index"], &item["salts"])
    );
    receipt(&again).verify(&handed, &served.policy).unwrap();
    let other = with_input(0, &json!({"content": "other"})).to_string();
    let problem = served.ask_as(bearers.of(Submitter), "POST", "/v1/records", other.as_bytes()).await;
    assert_eq!(problem.problem(409).kind, "id-taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_read_entries_may_not_read_content() {
    let (served, bearers) = log().await;
    let sd = kept(&served, &bearers, 0, "hello").await;
    assert_eq!(served.get(&format!("/v1/payloads/{sd}")).await.status, 401);
    assert_eq!(payload(&served, bearers.of(Submitter), &sd).await.status, 403);
    let unknown = record::Sd::of("nothing").to_string();
    assert_eq!(payload(&served, bearers.of(Auditor), &unknown).await.problem(404).kind, "not-found");
    assert_eq!(payload(&served, bearers.of(Auditor), "nothing").await.problem(400).kind, "bad-request");
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_mebibytes_come_back_whole_and_one_byte_more_is_refused() {
    let (served, bearers) = log().await;
    let content: String = "0123456789abcdef".repeat(1 << 20);
    let sd = kept(&served, &bearers, 0, &content).await;
    let shown = payload(&served, bearers.of(Auditor), &sd).await;
    let opened = disclosure::verify(shown.text(), &sd.parse().unwrap()).unwrap();
    assert!(opened.content() == content.as_bytes());
    let over = with_input(1, &json!({"content": content + "x"})).to_string();
    let problem =
        served.ask_as(bearers.of(Submitter), "POST", "/v1/records", over.as_bytes()).await.problem(413);
    assert_eq!(problem.json["limit"], 16 << 20, "{}", problem.json);
}

#[tokio::test(flavor = "multi_thread")]
async fn content_with_a_secret_is_logged_and_shown_to_admins_only() {
    let (served, bearers) = log().await;
    let secret = "key sk-aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA1bC3dE5fG7hJ9kL2";
    let item = submitted(&served, &bearers, &with_input(0, &json!({"content": secret}))).await;
    let entry = entry(&served, &bearers, &item["index"]).await;
    assert_eq!(entry["log"]["secret"], json!(["/input"]));
    let sd = entry["record"]["input"]["sd"].as_str().unwrap();
    assert_eq!(payload(&served, bearers.of(Auditor), sd).await.problem(403).kind, "role-missing");
    assert_eq!(payload(&served, bearers.of(Admin), sd).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_that_are_said_to_be_sensitive_stand_beside_the_log_too() {
    let setup = Setup { sensitive: Places::NONE.with(Place::ActionTarget), ..Setup::records() };
    let served = setup.serve().await;
    let mut sent = record(0);
    sent["action"]["target"] = json!("contact/42");
    sent["purpose"] = json!("tidy up");
    let item = served.submit("?entry=true&proof=true", sent.to_string()).await.json()["items"][0].clone();
    let entry: Value = serde_json::from_str(item["entry"].as_str().unwrap()).unwrap();
    assert!(entry["record"]["action"]["target"]["sd"].is_string(), "{entry}");
    assert_eq!(entry["record"]["purpose"], "tidy up");
    assert_eq!(item["salts"].as_object().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_content_is_gone_and_the_proof_is_as_before() {
    let (served, bearers) = log().await;
    let sd = kept(&served, &bearers, 0, "hello").await;
    let admin = bearers.of(Admin);
    let erase = json!({"ground": "request 7", "sd": sd});
    assert_eq!(ask(&served, bearers.of(Auditor), "/v1/erasures", &erase).await.status, 403);
    let erased = ask(&served, admin, "/v1/erasures", &erase).await.json()["erased"][0].clone();
    assert_eq!(erased["sd"], sd);
    let said = entry(&served, &bearers, &erased["index"]).await;
    assert_eq!(
        (&said["record"]["type"], &said["record"]["erased"]["ground"]),
        (&json!("payload.erased"), &json!("request 7"))
    );
    assert!(said["record"]["erased"]["by"].as_str().unwrap().starts_with("the admin"), "{said}");
    let gone = payload(&served, bearers.of(Auditor), &sd).await.problem(410);
    assert_eq!((gone.kind.as_str(), &gone.json["index"]), ("erased", &erased["index"]));
    // A retry is the same record still; its salts are gone with the content.
    let again = submitted(&served, &bearers, &with_input(0, &json!({"content": "hello"}))).await;
    assert_eq!((&again["status"], again.get("salts")), (&json!("duplicate"), None));
    assert_eq!(ask(&served, admin, "/v1/erasures", &erase).await.problem(409).kind, "held");
    let unknown = json!({"ground": "g", "sd": record::Sd::of("x").to_string()});
    assert_eq!(ask(&served, admin, "/v1/erasures", &unknown).await.problem(404).kind, "not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_wins_until_it_is_released() {
    let (served, bearers) = log().await;
    let sd = kept(&served, &bearers, 0, "hello").await;
    let admin = bearers.of(Admin);
    let hold = json!({"id": "case-7", "ground": "litigation", "session": "s-1"});
    let placed = ask(&served, admin, "/v1/holds", &hold).await;
    assert_eq!(placed.status, 200, "{}", placed.text());
    assert_eq!(ask(&served, admin, "/v1/holds", &hold).await.problem(409).kind, "held");
    let refused = ask(&served, admin, "/v1/erasures", &json!({"ground": "g", "sd": sd})).await.problem(409);
    assert!(refused.detail.contains("case-7"), "{}", refused.detail);
    let all = json!({"ground": "g", "principal": {"iss": "https://idp.example", "sub": "u-1"}});
    let kept = ask(&served, admin, "/v1/erasures", &all).await.json();
    assert_eq!(
        kept,
        json!({"erased": [], "kept": [{"sd": sd, "holds": ["case-7"]}], "key_destroyed": false, "more": false})
    );
    assert_eq!(payload(&served, bearers.of(Auditor), &sd).await.status, 200);
    let listed = served.get_as(bearers.of(Auditor), "/v1/holds").await.json();
    assert_eq!(listed["holds"][0]["id"], "case-7");
    let release = json!({"ground": "case closed"});
    assert_eq!(ask(&served, admin, "/v1/holds/case-7/release", &release).await.status, 200);
    assert_eq!(ask(&served, admin, "/v1/holds/case-7/release", &release).await.problem(409).kind, "held");
    let erased = ask(&served, admin, "/v1/erasures", &all).await.json();
    assert_eq!((erased["erased"].as_array().unwrap().len(), &erased["key_destroyed"]), (1, &json!(true)));
    assert_eq!(payload(&served, bearers.of(Auditor), &sd).await.status, 410);
    // The principal may come again, under a new key.
    let new = self::kept(&served, &bearers, 1, "again").await;
    assert_eq!(payload(&served, bearers.of(Auditor), &new).await.status, 200);
}

/// Whoever has a key reads what copies hold: so it goes with the last content under it, whatever was asked to be erased.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_goes_with_the_last_content_under_it() {
    let (served, bearers) = log().await;
    let admin = bearers.of(Admin);
    let mut sds = vec![];
    for n in 0..3 {
        let mut record = with_input(n, &json!({"content": format!("content {n}")}));
        record["session"]["id"] = json!(format!("s-{}", n / 2));
        let item = submitted(&served, &bearers, &record).await;
        let entry = entry(&served, &bearers, &item["index"]).await;
        sds.push(entry["record"]["input"]["sd"].as_str().unwrap().to_owned());
    }
    let erase = async |what: Value| {
        let mut asked = json!({"ground": "g"});
        asked.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
        let done = ask(&served, admin, "/v1/erasures", &asked).await.json();
        (done["erased"].as_array().unwrap().len(), done["key_destroyed"].as_bool().unwrap())
    };
    assert_eq!(erase(json!({"sd": sds[0]})).await, (1, false));
    assert_eq!(payload(&served, bearers.of(Auditor), &sds[1]).await.status, 200);
    assert_eq!(erase(json!({"session": "s-0"})).await, (1, false));
    assert_eq!(payload(&served, bearers.of(Auditor), &sds[2]).await.status, 200, "under the key still");
    assert_eq!(erase(json!({"session": "s-1"})).await, (1, true));
    let principal = json!({"principal": {"iss": "https://idp.example", "sub": "u-1"}});
    assert_eq!(erase(principal).await, (0, false), "nothing is left, neither content nor key");
    // Under a new key, alone.
    let new = kept(&served, &bearers, 7, "again").await;
    assert_eq!(payload(&served, bearers.of(Auditor), &new).await.status, 200);
    assert_eq!(erase(json!({"sd": new})).await, (1, true));
    for sd in sds.iter().chain([&new]) {
        assert_eq!(payload(&served, bearers.of(Auditor), sd).await.status, 410);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_of_care_is_checked() {
    let (served, bearers) = log().await;
    let admin = bearers.of(Admin);
    let principal = json!({"iss": "i", "sub": "s"});
    for (target, body) in [
        ("/v1/erasures", json!({"ground": "g"})),
        ("/v1/erasures", json!({"ground": "g", "session": "s", "principal": principal})),
        ("/v1/erasures", json!({"ground": " ", "session": "s"})),
        ("/v1/erasures", json!({"ground": "a\nb", "session": "s"})),
        ("/v1/erasures", json!({"ground": "g", "session": "s", "more": 1})),
        ("/v1/erasures", json!({"ground": "g", "sd": "short"})),
        ("/v1/holds", json!({"id": "", "ground": "g", "session": "s"})),
        ("/v1/holds", json!({"id": "..", "ground": "g", "session": "s"})),
        ("/v1/holds", json!({"id": "h", "session": "s"})),
    ] {
        assert_eq!(ask(&served, admin, target, &body).await.problem(400).kind, "bad-request", "{body}");
    }
    let nothing = ask(&served, admin, "/v1/holds", &json!({"id": "h", "ground": "g"})).await;
    assert_eq!(nothing.problem(409).kind, "held");
    assert_eq!(
        ask(&served, admin, "/v1/holds/none/release", &json!({"ground": "g"})).await.problem(409).kind,
        "held"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minute_of_looking_is_two_records_and_the_first_is_there_before_the_answer() {
    let (setup, bearers) = Setup::records().under_tokens();
    let served = setup.serve().await;
    submitted(&served, &bearers, &record(0)).await;
    let before = served.size();
    let target = format!("/v1/records/{}", id(0));
    for _ in 0..20 {
        assert_eq!(served.get_as(bearers.of(Auditor), &target).await.status, 200);
    }
    // What its records cover, its key, and the first look.
    assert_eq!(served.size(), before + 3);
    served.app.tell_last_looks().await;
    assert_eq!(served.size(), before + 4);
    let said = entry(&served, &bearers, &json!(before + 3)).await["record"].clone();
    assert_eq!(
        (&said["type"], &said["access"]["kind"], &said["access"]["count"]),
        (&json!("access.read"), &json!("record"), &json!(19))
    );
    assert!(said["access"]["reader"].as_str().unwrap().starts_with("the auditor ("), "{said}");
    let query = said["access"]["query"]["sd"].as_str().unwrap();
    let asked = payload(&served, bearers.of(Auditor), query).await.text().to_owned();
    let asked = disclosure::verify(&asked, &query.parse().unwrap()).unwrap();
    assert_eq!(asked.content(), format!("{}\n", id(0)).repeat(19).as_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_looking_cannot_be_written_it_is_refused() {
    let (setup, store) = Setup::records().faulty();
    let (setup, bearers) = setup.under_tokens();
    let served = setup.serve().await;
    submitted(&served, &bearers, &record(0)).await;
    store.fail_commit(store.commits(), Fault::Lost);
    let refused = served.get_as(bearers.of(Auditor), "/v1/records/0").await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    let again = served.get_as(bearers.of(Auditor), "/v1/records/0").await;
    assert_eq!(again.status, 503, "the first one does not count as written");
    assert_eq!(served.get("/checkpoint").await.status, 200, "what is public needs no record");
}

/// Looks at the same moment: none is answered before the first of them is in the log.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_shown_anything_while_the_first_look_is_being_written() {
    let (setup, store) = Setup::records().faulty();
    let (setup, bearers) = setup.under_tokens();
    let served = setup.serve().await;
    let item = submitted(&served, &bearers, &record(0)).await;
    entry(&served, &bearers, &item["index"]).await;
    let before = served.size();
    store.fail_commit(0, Fault::Slow(std::time::Duration::from_millis(300)));
    let looks = (0..8).map(async |_| {
        let answer = served.get_as(bearers.of(Admin), "/v1/records/0").await;
        (answer.status, served.size() > before)
    });
    let answers = futures::future::join_all(looks).await;
    assert_eq!(answers, [(200, true); 8], "status, and whether the first look was in the log");
    assert_eq!(served.size(), before + 1, "one record for all of them");
    // Where the first cannot be written, none of those who waited for it is shown anything.
    store.fail_commit(0, Fault::Lost);
    let looks = (0..8).map(async |_| served.get_as(bearers.of(Admin), "/v1/holds").await.status);
    let answers = futures::future::join_all(looks).await;
    assert!(answers.iter().all(|status| *status == 503), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_who_may_are_in_the_log() {
    let (served, bearers) = log().await;
    let new = json!({"name": "crm", "roles": ["auditor"]});
    let made = ask(&served, bearers.of(Admin), "/v1/tokens", &new).await.json();
    let token_id = made["about"]["id"].as_str().unwrap();
    let granted = entry(&served, &bearers, &json!(2)).await["record"].clone();
    assert_eq!(
        (&granted["type"], &granted["grant"]["credential"], &granted["grant"]["holder"]),
        (&json!("access.granted"), &json!(token_id), &json!("crm"))
    );
    let size = served.size();
    served.ask_as(bearers.of(Admin), "DELETE", &format!("/v1/tokens/{token_id}"), b"").await;
    let revoked = entry(&served, &bearers, &json!(size)).await["record"].clone();
    assert_eq!(
        (&revoked["type"], &revoked["grant"]["credential"]),
        (&json!("access.revoked"), &json!(token_id))
    );
}
