//! Findings, contents and records in tables.

use maud::{Markup, html};

use super::shown;
use crate::report::{Content, Judged, State, Verified};
use crate::standing::Standing;

/// What was found, with what it rests on and what it is worth.
pub(super) fn findings(verified: &Verified) -> Markup {
    html! {
        section aria-labelledby="findings" {
            h2 id="findings" { "What was found" }
            @if verified.findings.is_empty() {
                p { "Nothing, by the rules that were applied to the records in the file." }
            } @else {
                div class="scroll" tabindex="0" role="region" aria-labelledby="findings" {
                    table {
                        caption { "Computed from the records in the file, not taken from anybody." }
                        thead { tr {
                            th scope="col" { "Rule" } th scope="col" { "Entry" } th scope="col" { "What" }
                            th scope="col" { "Rests on" } th scope="col" { "Stands" }
                        } }
                        tbody { @for found in &verified.findings { (finding(found)) } }
                    }
                }
            }
        }
    }
}

fn finding(found: &Judged) -> Markup {
    html! {
        tr {
            th scope="row" class="found" { (found.rule) " (version " (found.version) ")" }
            td { (entry(found.index)) }
            td {
                (shown(&found.why))
                @if let Some((name, value)) = found.parameter { " (" (name) " " (value) ")" }
            }
            td { @for (n, index) in found.rests_on.iter().enumerate() { @if n > 0 { ", " } (entry(*index)) } }
            td { (standing(found.standing)) }
        }
    }
}

pub(super) fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Shown => "by the entries in the file",
        Standing::IfNothingIsLeftOut => "if the file leaves nothing out that bears on it",
    }
}

/// A link to the entry's line, where every entry of the file has one.
pub(super) fn entry(index: u64) -> Markup {
    html! { a href={ "#entry-" (index) } { (index) } }
}

/// Contents that are not shown. Those that are stand where they belong.
pub(super) fn contents(verified: &Verified) -> Markup {
    let hidden: Vec<&Content> =
        verified.contents.iter().filter(|content| content.state != State::Shown).collect();
    html! {
        @if !hidden.is_empty() {
            section aria-labelledby="hidden" {
                h2 id="hidden" { "What is not shown" }
                div class="scroll" tabindex="0" role="region" aria-labelledby="hidden" {
                    table {
                        caption { "The records hold digests of these contents; the proof does not need the contents." }
                        thead { tr { th scope="col" { "Entry" } th scope="col" { "Field" } th scope="col" { "State" } } }
                        tbody { @for content in hidden { tr {
                            td { (entry(content.index)) }
                            th scope="row" { (content.path) }
                            td { (state(content)) }
                        } } }
                    }
                }
            }
        }
    }
}

/// "hidden (812 bytes, sd ...)".
pub(super) fn state(content: &Content) -> Markup {
    let bytes = content.bytes.map_or("length unsaid".to_owned(), |bytes| format!("{bytes} bytes"));
    html! {
        @match &content.state {
            State::Shown => "shown",
            State::Hidden => "hidden",
            State::Erased { at, by, ground } => {
                "erased by " (shown(by)) " on the ground " (shown(ground)) ", as entry " (entry(*at)) " says,"
            }
        }
        @if content.secret { ", said by the log to hold what looks like a secret" }
        " (" (bytes) ", sd " code { (content.sd) } ")"
    }
}

/// Every record, a line each.
pub(super) fn records(verified: &Verified) -> Markup {
    html! {
        section aria-labelledby="records" {
            h2 id="records" { "The records" }
            div class="scroll" tabindex="0" role="region" aria-labelledby="records" {
                table {
                    caption { "In the order of the log. Times are the producers' word, arrivals the log's." }
                    thead { tr {
                        th scope="col" { "Entry" } th scope="col" { "Type" } th scope="col" { "Time" }
                        th scope="col" { "Arrived" } th scope="col" { "Session" } th scope="col" { "In the file as" }
                    } }
                    tbody { @for record in &verified.records {
                        tr id={ "entry-" (record.index) } {
                            th scope="row" { (record.index) }
                            td { (shown(&record.kind)) }
                            td { (record.time) }
                            td { (record.received) }
                            td { @if let Some(session) = &record.session { (shown(session)) } }
                            td { (record.role.as_str()) }
                        }
                    } }
                }
            }
        }
    }
}
