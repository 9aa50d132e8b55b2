//! What the fuzzers start from: the test vectors and sample records of this repository, cut into inputs for each target.

mod network;

use std::fs;
use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use testkit::{Chance, sample, vectors};

/// Writes all seeds below `corpus`, a folder for each target. A seed's name is that of its bytes, so that writing again
/// changes nothing, and what a fuzzer has found stays.
pub(super) fn write(corpus: &Path) -> io::Result<()> {
    for (target, seeds) in [
        ("note", notes()),
        ("checkpoint", checkpoints()),
        ("vkey", keys()),
        ("policy", policies()),
        ("tlog_proof", proofs()),
        ("path", paths()),
        ("bundle", bundles()),
        ("cosignature", signature_lines()),
        ("prove", questions()),
        ("add_checkpoint", network::add_checkpoints()),
        ("sign_subtree", network::sign_subtrees()),
        ("witness_answer", network::witness_answers()),
        ("witness_reply", network::witness_replies()),
        ("fork_proof", network::fork_proofs()),
        ("gossip", network::lists_of_heads()),
        ("add_entries", network::uploads()),
        ("mirror_info", network::mirror_infos()),
        ("submission", records()),
        ("entry", entries()),
        ("handed", handed()),
        ("split", bodies()),
        ("disclosure", disclosures()),
        ("findings", stories()),
        ("signatures", signature_lists()),
        ("secret", texts_with_marks()),
        ("id_page", id_pages()),
        ("receipt", receipts()),
        ("evidence", evidence_files()),
        ("lookup_page", lookup_pages()),
    ] {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        for seed in seeds {
            let digest = Sha256::digest(&seed);
            let (name, _) = digest.split_first_chunk().unwrap_or((&[0; 8], &[]));
            fs::write(folder.join(format!("{:016x}", u64::from_be_bytes(*name))), seed)?;
        }
    }
    Ok(())
}

type Seeds = Vec<Vec<u8>>;

/// The texts at these places of a list.
fn texts(list: &Value, text: impl Fn(&Value) -> Option<&str>) -> Seeds {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(text).map(|text| text.as_bytes().to_vec()).collect()
}

fn notes() -> Seeds {
    let cases = vectors::json("generated/note-parse.json");
    let encoded = texts(&cases["cases"], |case| case["note_b64"].as_str());
    let decoded = encoded.iter().filter_map(|note| STANDARD.decode(note).ok());
    let published = vectors::json("generated/published-notes.json");
    let published = texts(&published, |case| case["note"].as_str());
    let own = [vectors::bytes("generated/checkpoint-513.note")];
    decoded.chain(published).chain(own).collect()
}

/// The golden files.
fn evidence_files() -> Seeds {
    let file = |name: &str| fs::read(vectors::data().join("evidence").join(name)).ok();
    ["session.evidence.json", "redacted.evidence.json"].into_iter().filter_map(file).collect()
}

fn checkpoints() -> Seeds {
    let cases = vectors::json("generated/checkpoint-parse.json");
    texts(&cases["cases"], |case| case["text"].as_str())
}

fn keys() -> Seeds {
    let vectors = vectors::json("generated/checkpoint-513.json");
    let keys = vectors["keys"].as_object().into_iter().flat_map(|keys| keys.values());
    let fields = keys.filter_map(Value::as_object).flatten();
    let keys = fields.filter(|(field, _)| field.contains("key")).filter_map(|(_, key)| key.as_str());
    keys.map(|key| key.as_bytes().to_vec()).collect()
}

fn policies() -> Seeds {
    vec![vectors::bytes("generated/policy.txt"), vectors::bytes("torchwood/example-policy.txt")]
}

fn proofs() -> Seeds {
    ["entry-300-of-513", "entry-0-of-1-extra"]
        .map(|name| vectors::bytes(&format!("generated/{name}.tlog-proof")))
        .to_vec()
}

fn paths() -> Seeds {
    let sizes = vectors::json("generated/tiles-by-size.json");
    let sizes = sizes["sizes"].as_array().cloned().unwrap_or_default();
    let mut paths: Seeds = sizes
        .iter()
        .flat_map(|size| texts(&size["resources"], |resource| resource["path"].as_str()))
        .collect();
    paths.extend(["checkpoint", "tile/63/x123/x456/789", "tile/entries/x001/x234/067.p/8"].map(Vec::from));
    paths
}

fn bundles() -> Seeds {
    let files = vectors::files("tessera-testlog/testdata/log/tile/entries");
    files.iter().map(|file| vectors::bytes(file)).collect()
}

fn signature_lines() -> Seeds {
    let note = vectors::text("generated/checkpoint-513.note");
    note.lines().filter(|line| line.starts_with('\u{2014}')).map(|line| line.as_bytes().to_vec()).collect()
}

/// Sizes, indexes, older sizes and ends of subtrees on both sides of where tiles and levels begin.
fn questions() -> Seeds {
    let edges: [u32; 8] = [0, 1, 255, 256, 257, 65_535, 65_536, 70_000];
    let pairs = edges.iter().flat_map(|size| edges.iter().map(move |other| (*size, *other)));
    let numbers = pairs.enumerate().map(|(n, (size, other))| {
        let n = n as u32;
        [size, other, n, n * 977, other, size / 2, other, size.saturating_sub(1), other, n]
    });
    numbers.map(|numbers| numbers.iter().flat_map(|number| number.to_be_bytes()).collect()).collect()
}

fn records() -> Seeds {
    let mut chance = Chance::seeded(1);
    let made = (0..20).map(|n| sample::typical_record(n, &mut chance));
    let spelled =
        br#" {"type":"x\u00e9\/\ud83d\ude00","time":"2026-11-23T08:14:03.201Z","n":[1.50e2,-0.1,{}],
        "id":"0190d5a4-0000-7000-8000-000000000000"} "#;
    made.chain(testkit::airline::bare().take(20).map(|record| record.as_bytes().to_vec()))
        .chain([spelled.to_vec()])
        .collect()
}

fn entries() -> Seeds {
    let log = br#"{"log":{"agent":"asserted","principal":"verified","received":"2026-11-23T08:14:03.201Z","salt":"AAECAwQFBgcICQoLDA0ODw","submitter":"open"},"record":"#;
    let bare = records().iter().map(|record| [log.as_slice(), record, b"}"].concat()).collect::<Vec<_>>();
    let full = br#"{"log":{"agent":"verified","disclosed":["/access/query","/input"],"principal":"asserted","received":"2026-11-23T08:14:03.201Z","salt":"AAECAwQFBgcICQoLDA0ODw","secret":["/input"],"submitter":"open"},"record":"#;
    let signed = [full.as_slice(), &records()[0], b",\"sig\":", &signature_lists()[0], b"}"].concat();
    bare.into_iter().chain([signed]).collect()
}

/// Records as they are handed in: with content, signed, with disclosures.
fn handed() -> Seeds {
    let examples = record::model::examples().map(|(_, json)| json.to_owned().into_bytes());
    let sig = &signature_lists()[0];
    let wrapped = br#"{"disclosures":["WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"],"record":"#;
    let signed = [wrapped.as_slice(), &records()[0], b",\"sig\":", sig, b"}"].concat();
    let sample = testkit::airline::lines().take(20).map(|line| line.as_bytes().to_vec());
    examples.chain([signed]).chain(records()).chain(sample).collect()
}

fn bodies() -> Seeds {
    let records = records();
    let few = &records[..3];
    vec![
        few.join(&b'\n'),
        [b"[".as_slice(), &few.join(&b','), b"]"].concat(),
        few[0].clone(),
        b"[ ]".to_vec(),
    ]
}

/// Whole sessions: one of the sample, and an example of each type.
fn stories() -> Seeds {
    let session = testkit::airline::bare().take(21).collect::<Vec<_>>().join("\n");
    let examples = record::model::examples().map(|(_, json)| json).collect::<Vec<_>>().join("\n");
    [session, examples].map(String::into_bytes).to_vec()
}

/// The first byte says what the rest is: content (even), or the JSON of a disclosure (odd).
fn disclosures() -> Seeds {
    let contents =
        [&b"{\"user_id\": \"mia\"}\n"[..], b"\xe2\x82\xac \\ \0", b"\xff\xfe", "\u{ffff}".as_bytes()];
    let jsons = [
        r#"["AAECAwQFBgcICQoLDA0ODw","input","caf\u00e9"]"#,
        r#" [ "000102030405060708090a0b0c0d0e0f" , "output" , { "base64url" : "_w" } ] "#,
    ];
    let contents = contents.iter().map(|content| [&[6], *content].concat());
    contents.chain(jsons.iter().map(|json| [&[1], json.as_bytes()].concat())).collect()
}

fn signature_lists() -> Seeds {
    let one =
        |kid: &str| format!(r#"{{"alg":"EdDSA","kid":"{}","value":"{}"}}"#, kid.repeat(43), "A".repeat(86));
    [format!("[{}]", one("A")), format!("[{}, {}]", one("A"), one("Q")), "[]".into()]
        .map(String::into_bytes)
        .to_vec()
}

/// Texts in which secrets could begin, and parts that would make them some.
fn texts_with_marks() -> Seeds {
    let token = |mark: &str| format!("{mark}{}", "0aB1cD2eF3".repeat(10)).into_bytes();
    let marks = [
        "sk-",
        "sk-ant-",
        "ghp_",
        "AIza",
        "AKIA",
        "dbk_",
        "Bearer ",
        "Authorization: Basic ",
        "PRIVATE+KEY+a+00000000+",
    ];
    let whole = [
        "eyJhbGciOiJub25lIn0.e30.AAAAAAAAAAAAAAAAAAAAAA",
        "task-force sk-learn",
        "-----BEGIN PRIVATE KEY-----\nMIIC",
    ];
    marks
        .iter()
        .map(|mark| token(mark))
        .chain(whole.map(Vec::from))
        .chain(records().into_iter().take(4))
        .collect()
}

/// Pages with no row, and with two, the last page and another.
fn id_pages() -> Seeds {
    let row = |id: u8| [[id; 32].as_slice(), &[7; 32], &u64::from(id).to_be_bytes()].concat();
    let rows = [row(1), row(2)].concat();
    let until = [[1].as_slice(), &[3; 32]].concat();
    vec![vec![0], until.clone(), [[0].as_slice(), &rows].concat(), [until, rows].concat()]
}

/// Lists of one entry, of a few, of many, and two keys in order: key, count, first entry, differences.
fn lookup_pages() -> Seeds {
    let list = |key: u8, postings: &[u8]| [&[key; 8][..], postings].concat();
    let many = [vec![0xac, 2, 0], vec![1; 299]].concat();
    let few = list(2, &[3, 0x80, 2, 1, 0xff, 0xff, 3]);
    vec![list(1, &[1, 0]), few.clone(), list(3, &many), [list(1, &[1, 7]), few].concat()]
}

fn receipts() -> Seeds {
    let proofs = proofs();
    let receipt = |(index, proof): (u64, &Vec<u8>)| {
        let receipt = serde_json::json!({
            "index": index,
            "id": "0190d5a4-0000-7000-8000-000000000000",
            "leaf_hash": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            "log": {
                "agent": "asserted",
                "principal": "verified",
                "received": "2026-11-23T08:14:03.201Z",
                "salt": "AAECAwQFBgcICQoLDA0ODw",
                "submitter": "open",
            },
            "proof": String::from_utf8_lossy(proof),
        });
        receipt.to_string().into_bytes()
    };
    [300, 0].into_iter().zip(&proofs).map(receipt).collect()
}
