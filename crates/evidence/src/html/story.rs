//! A session as a story, as `deedbook session` tells it, with what the file shows of its contents.

use maud::{Markup, html};
use record::story::{Call, Decided, Ended, Found, Identity, Input, Story};
use record::visible_lines;

use super::{lists, shown};
use crate::report::{State, Verified};

/// Characters of a content from which on it is folded.
const FOLDED_FROM: usize = 600;

/// The session.
pub(super) fn session(story: &Story, verified: &Verified) -> Markup {
    html! {
        section {
            h2 { "Session " (shown(&story.session)) }
            (authority(story))
            @for call in &story.calls { (self::call(call, verified)) }
            @if !story.findings.is_empty() {
                h3 { "Beside the calls" }
                (findings(&story.findings, verified))
            }
        }
    }
}

fn authority(story: &Story) -> Markup {
    let unsaid = || html! { "nobody said" };
    html! {
        dl {
            @for who in &story.principals { dt { "Who asked" } dd { (identity(who)) } }
            @for who in &story.agents { dt { "Which agent" } dd { (identity(who)) } }
            @if !story.actors.is_empty() {
                dt { "Actors" }
                dd { @for (n, actor) in story.actors.iter().enumerate() { @if n > 0 { ", for " } (shown(actor)) } }
            }
            dt { "May" } dd { (story.scope.as_deref().map_or_else(unsaid, shown)) }
            dt { "Until" } dd { (story.expires.as_deref().map_or_else(unsaid, shown)) }
            @if let Some(purpose) = &story.purpose { dt { "To" } dd { (shown(purpose)) } }
            @if let Some(policy) = &story.approval_policy {
                dt { "Needs" }
                dd {
                    "an approval (" (policy.mode) ") for "
                    @for (n, of) in policy.tools.iter().map(String::as_str).chain(policy.effects.iter().copied()).enumerate() {
                        @if n > 0 { ", " } (shown(of))
                    }
                }
            }
            @for hop in &story.delegations {
                dt { "Delegation" }
                dd {
                    (shown(&hop.from)) @if hop.revoked { " takes back from " } @else { " hands on to " } (shown(&hop.to)) ": "
                    @if let Some(scope) = &hop.scope { (shown(scope)) } @else { "everything" }
                    @if let Some(end) = &hop.expires { ", until " (end) } " (entry " (lists::entry(hop.index)) ")"
                }
            }
            dt { "Time" } dd { (story.from) " to " (story.to) }
            dt { "Records" }
            dd {
                (story.records) " in this file, by "
                @for (n, producer) in story.producers.iter().enumerate() { @if n > 0 { ", " } (shown(producer)) }
            }
            dt { "Completeness" }
            dd { (story.verdict) @for reason in &story.reasons { "; " (shown(reason)) } }
        }
    }
}

fn identity(who: &Identity) -> Markup {
    html! { (shown(&who.sub)) @if let Some(of) = &who.of { " (" (shown(of)) ")" } ", " (who.grade) }
}

fn call(call: &Call, verified: &Verified) -> Markup {
    html! {
        article class="call" {
            h3 {
                @if let Some(tool) = &call.tool { (shown(tool)) } @else { "an unnamed tool" }
                @if let Some(target) = &call.target { " on " (shown(target)) }
                @if let Some(effect) = call.effect { ", " (effect) }
                " " span class="note" { "call " (shown(&call.id)) }
            }
            dl {
                dt { "Requested" }
                @if let Some(asked) = &call.requested {
                    dd {
                        (asked.time) ", entry " (lists::entry(asked.index))
                        @if let Some(word) = &asked.requires { ", needs " (shown(word)) }
                        @if let Some(input) = &asked.input { (content(input, asked.index, verified)) }
                    }
                } @else { dd { "never, as far as this file tells" } }
                @for decision in &call.decisions { (decided(decision, verified)) }
                @if let Some(reason) = &call.denied { dt { "Denied" } dd { (shown(reason)) } }
                @for end in &call.ended { (ended(end, verified)) }
                @if call.ended.is_empty() && call.denied.is_none() { dt { "Ended" } dd { "nobody said" } }
            }
            @if !call.findings.is_empty() { (findings(&call.findings, verified)) }
        }
    }
}

fn decided(decision: &Decided, verified: &Verified) -> Markup {
    html! {
        dt { @if decision.decision == "approved" { "Approved" } @else { "Said no" } }
        dd {
            (decision.time) ", entry " (lists::entry(decision.index)) ", by "
            @if let Some(by) = &decision.approver { (shown(by)) } @else { "nobody named" }
            " (" (decision.mode) ", " (decision.identity) ")"
            @if let Some(session) = &decision.session { ", in session " (shown(session)) }
            ", "
            @if decision.binds_request { "binds this request" } @else { "does not bind this request" }
            @if let Some(end) = &decision.expires { ", until " (end) }
            @if let Some(asked) = &decision.shown { div { "was shown " (content(asked, decision.index, verified)) } }
            @if let Some(answer) = &decision.answer { div { "answered " (content(answer, decision.index, verified)) } }
        }
    }
}

fn ended(end: &Ended, verified: &Verified) -> Markup {
    html! {
        dt { "Ended" }
        dd {
            (end.time) ", entry " (lists::entry(end.index)) ", " (end.status)
            @if let Some(code) = &end.code { " (" (shown(code)) ")" }
            @if let Some(ms) = end.ms { " after " (ms) " ms" }
            @if let Some(executed) = &end.executed { div { "executed " (content(executed, end.index, verified)) } }
            @if let Some(output) = &end.output { (content(output, end.index, verified)) }
        }
    }
}

/// A content where it stands in the record, or is shown beside it; else what is known of it.
fn content(input: &Input, index: u64, verified: &Verified) -> Markup {
    let beside = input.sd.as_ref().and_then(|sd| verified.shown.get(sd));
    let text = input.content.as_deref().or(beside.and_then(|shown| shown.text.as_deref()));
    if let Some(text) = text {
        return block(text, "text");
    }
    if let Some(bytes) = beside.and_then(|shown| shown.base64url.as_deref()) {
        return block(bytes, "bytes that are no text, as base64url");
    }
    let hidden = verified.contents.iter().find(|content| {
        content.index == index && Some(&content.sd) == input.sd.as_ref() && content.state != State::Shown
    });
    html! { div class="note" { @if let Some(hidden) = hidden { (lists::state(hidden)) } @else { (length(input)) } } }
}

fn length(input: &Input) -> Markup {
    html! { @if let Some(bytes) = input.bytes { (bytes) " bytes, not in this file" } @else { "content, not in this file" } }
}

/// In full; folded where it is long.
fn block(text: &str, what: &str) -> Markup {
    let pre = html! { pre dir="auto" tabindex="0" { (visible_lines(text)) } };
    html! {
        @if text.chars().nth(FOLDED_FROM).is_some() {
            details { summary { (text.len()) " bytes (" (what) ")" } (pre) }
        } @else { (pre) }
    }
}

fn findings(findings: &[Found], verified: &Verified) -> Markup {
    html! {
        ul {
            @for found in findings {
                li class="found" {
                    strong { (found.rule) } " at entry " (lists::entry(found.index)) ": " (shown(&found.why))
                    @if let Some(standing) = verified.standing(found.rule, found.index) {
                        " (stands " (lists::standing(standing)) ")"
                    }
                }
            }
        }
    }
}
