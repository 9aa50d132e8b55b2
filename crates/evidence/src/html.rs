//! A report on one page of HTML: no script, nothing from elsewhere, readable on a phone, on paper and by ear.
//!
//! All that others wrote goes through `shown` (what acts or hides is spelled out), then through the escaping of the
//! template; and the page's own policy (CSP level 3) lets nothing run or load, should either ever fail.

mod lists;
mod story;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use crate::report::{Report, Verified};
use crate::sentence::Class;

const STYLE: &str = include_str!("html/style.css");

/// The page.
pub fn page(report: &Report) -> String {
    let title = format!("Evidence: {}", report.asked);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="robots" content="noindex";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header { (head(report)) }
                main { (body(report)) }
                footer { (foot(report)) }
            }
        }
    }
    .into_string()
}

/// Nothing but this very style sheet.
fn policy() -> String {
    let digest = tlog::encoding::base64(&Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'")
}

fn head(report: &Report) -> Markup {
    let (class, words) = match report.class() {
        Class::Holds => ("holds", "Holds: what this file says was checked, and is so."),
        Class::CannotTell => {
            ("cannot-tell", "Cannot be told: nothing is wrong, and something is missing to be sure.")
        }
        Class::DoesNotHold => ("does-not-hold", "Does not hold: do not rely on this file."),
    };
    html! {
        h1 { "Evidence: " bdi { (report.asked) } }
        p class={ "verdict " (class) } { (words) }
        @if let Some(verified) = &report.verified {
            @if !verified.findings.is_empty() {
                p class="found" { "Found in the records: " (verified.findings.len()) ". " a href="#findings" { "What was found" } }
            }
            (log(verified))
        }
    }
}

fn log(verified: &Verified) -> Markup {
    html! {
        dl {
            dt { "Log" } dd { (shown(&verified.origin)) }
            dt { "Size" } dd { (verified.size) " entries" @if verified.whole { ", all of them in the file" } }
            dt { "Root hash" } dd { code { (verified.root) } }
            dt { "Signed by" } dd { code { (shown(&verified.key)) } @if !verified.trusted { ", a key that nobody vouched for" } }
            @for (name, _) in &verified.witnesses { dt { "Witness" } dd { (shown(name)) } }
        }
    }
}

fn body(report: &Report) -> Markup {
    html! {
        (sentences(report, Class::DoesNotHold, "What does not hold"))
        (sentences(report, Class::Holds, "What holds"))
        @if let Some(verified) = &report.verified {
            (lists::findings(verified))
            @for session in &verified.sessions { (story::session(session, verified)) }
            (lists::contents(verified))
            (lists::records(verified))
        }
        (sentences(report, Class::CannotTell, "What cannot be told from this file"))
    }
}

fn sentences(report: &Report, class: Class, heading: &str) -> Markup {
    let id = match class {
        Class::Holds => "holds",
        Class::CannotTell => "cannot-tell",
        Class::DoesNotHold => "does-not-hold",
    };
    html! {
        @if report.of_class(class).next().is_some() {
            section aria-labelledby=(id) {
                h2 id=(id) { (heading) }
                ul {
                    @for sentence in report.of_class(class) {
                        li class=[(!sentence.general).then_some(id)] { bdi { (sentence.words) } }
                    }
                }
            }
        }
    }
}

fn foot(report: &Report) -> Markup {
    html! {
        h2 { "About this page" }
        p class="note" {
            "The evidence file was made by " (shown(&report.made.by)) " on " (report.made.time) ", by its own word. This page "
            "was made from it and proves nothing by itself: anybody can write a page. Check the file: "
            code { "deedbook verify FILE --policy POLICY" } "."
        }
    }
}

/// What somebody else wrote, on one line.
fn shown(text: &str) -> Markup {
    html! { bdi { (record::visible(text)) } }
}
