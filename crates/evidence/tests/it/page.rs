//! The page: nothing in it acts, and what it needs to be read is there.

use evidence::{Evidence, Show, html};
use serde_json::{Value, json};

use crate::desk::{Desk, record, session};

const EVIL: &str =
    "</pre><script>alert(1)</script>\"'><img src=x onerror=y>\u{1b}]0;owned\u{7}\u{202e}ecila\u{200b}&amp;";

fn evil() -> Desk {
    let mut desk = Desk::empty();
    let log = |desk: &mut Desk, kind: &str, n: usize, more: Value| {
        let mut record = record(kind, n, Some((EVIL, n as u64 + 1)), &more);
        record["agent"] = json!({"sub": EVIL, "model": EVIL});
        record["principal"] = json!({"iss": EVIL, "sub": EVIL, "name": EVIL});
        record["producer"] = json!({"id": EVIL});
        desk.log(&record);
    };
    let action = json!({"id": EVIL, "tool": EVIL, "target": EVIL, "server": EVIL, "requires": EVIL});
    log(
        &mut desk,
        "session.opened",
        0,
        json!({"purpose": EVIL, "scope": EVIL, "approval_policy": {"tools": [EVIL]}}),
    );
    let input = desk.content("input", 1, EVIL.as_bytes(), "text/plain");
    log(&mut desk, "action.requested", 1, json!({"action": action, "input": input}));
    let decision = json!({"mode": "human", "decision": "denied", "approver": {"sub": EVIL}});
    log(&mut desk, "approval.decided", 2, json!({"action": action, "approval": decision}));
    log(&mut desk, "action.denied", 3, json!({"action": action, "denial": {"reason": EVIL}}));
    let output = desk.content("output", 2, &EVIL.repeat(20).into_bytes(), "text/plain");
    log(
        &mut desk,
        "action.completed",
        4,
        json!({"action": action, "outcome": {"status": "error", "code": EVIL}, "output": output}),
    );
    log(&mut desk, "gap.declared", 5, json!({"gap": {"lost": 1, "reason": EVIL}}));
    log(&mut desk, "payload.erased", 6, json!({"erased": {"sd": input["sd"], "ground": EVIL, "by": EVIL}}));
    desk
}

#[test]
fn whatever_a_record_says_nothing_of_it_acts_on_the_page() {
    let desk = evil();
    for show in [Show::All, Show::Nothing] {
        let report = desk.file(&session(EVIL), show).verify(Some(&desk.policy()));
        assert!(report.verified.is_some(), "{report:#?}");
        let page = html::page(&report);
        for c in page.chars() {
            assert!(c == '\n' || !c.is_control() && !matches!(c, '\u{202e}' | '\u{200b}'), "{c:?}");
        }
        for acts in ["<script", "<img", "</pre><script", "=x onerror=y>"] {
            assert!(!page.contains(acts), "{acts} in {page}");
        }
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
        assert!(page.contains("\\u{202e}ecila\\u{200b}&amp;amp;"));
        for sentence in &report.sentences {
            assert!(!sentence.words.contains(['\u{1b}', '\u{202e}', '\n']), "{sentence:?}");
        }
    }
}

#[test]
fn whatever_a_file_calls_its_maker_is_shown_safely() {
    let desk = Desk::story();
    let file = desk.file(&session("s-71c2"), Show::Nothing);
    let mut document: Value = serde_json::from_slice(&file.to_bytes()).unwrap();
    document["made"]["by"] = json!(EVIL);
    let report = Evidence::parse(document.to_string().as_bytes()).unwrap().verify(Some(&desk.policy()));
    let maker =
        report.sentences.iter().find(|sentence| sentence.words.contains("says that it looked at")).unwrap();
    assert!(maker.words.contains("\\u{202e}ecila\\u{200b}") && !maker.words.contains(char::is_control));
    assert!(!html::page(&report).contains(['\u{202e}', '\u{1b}']));
}

#[test]
fn the_page_stands_alone_and_is_made_for_everybody() {
    let desk = Desk::story();
    let page = html::page(&desk.file(&session("s-71c2"), Show::All).verify(Some(&desk.policy())));
    assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\">"));
    for outside in ["src=", "@import", "url(", "href=\"http"] {
        assert!(!page.contains(outside), "{outside}");
    }
    for has in [
        "default-src 'none'; style-src 'sha256-",
        "prefers-color-scheme:dark",
        "@media print",
        "width=device-width",
        "<main>",
        "<caption>",
        "scope=\"col\"",
        "Grüße, Ada",
        "COMPLETE",
    ] {
        assert!(page.contains(has), "{has}");
    }
    let headings = |level: u8| page.matches(&format!("<h{level}")).count();
    assert_eq!(headings(1), 1);
    assert!(headings(2) > 4 && headings(3) >= 2);
    // Every link leads to a place on the page.
    for link in page.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(page.contains(&format!("id=\"{link}\"")), "{link}");
    }
}

#[test]
fn a_long_content_is_folded_and_whole() {
    let page = html::page(&{
        let desk = evil();
        desk.file(&session(EVIL), Show::All).verify(Some(&desk.policy()))
    });
    let folded = page.split("<details>").nth(1).unwrap().split("</details>").next().unwrap();
    assert_eq!(folded.matches("alert(1)").count(), 20);
}
