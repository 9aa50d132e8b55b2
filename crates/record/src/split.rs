//! Cutting a request body into JSON texts, so that one bad record does not spoil the others.

use std::ops::Range;

use crate::json::string;
use crate::refusal::{Cause, Refusal};

/// How the records lie in a request body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// The body is one record.
    Object,
    /// The body is one JSON array of records.
    Array,
    /// Each line is a record (newline-delimited JSON); lines of nothing but white space are skipped.
    Ndjson,
}

/// The byte ranges of the records of a body, in order, without white space around them.
///
/// An array is cut at its own commas by looking at strings and depth only; what stands between two commas is the business
/// of [`Submission::parse`](crate::Submission::parse). No part of the body is in two ranges, and what lies outside of all
/// is white space, commas and the array's brackets. Offsets in refusals of a part count from the part's own start.
///
/// # Errors
/// [`Cause::TooMany`] as soon as one record more than `max_records` begins, without reading on. For an array also: a byte
/// order mark, another value than an array, an element without bytes (`[1,,2]`, `[1,]`), an end before `]`, bytes after it.
pub fn split(body: &[u8], framing: Framing, max_records: usize) -> Result<Vec<Range<usize>>, Refusal> {
    match framing {
        Framing::Object => {
            let mut one = Ranges { ranges: Vec::new(), max: max_records };
            one.push(trim(body, 0..body.len()))?;
            Ok(one.ranges)
        }
        Framing::Array => split_array(body, max_records),
        Framing::Ndjson => split_lines(body, max_records),
    }
}

struct Ranges {
    ranges: Vec<Range<usize>>,
    max: usize,
}

impl Ranges {
    fn push(&mut self, range: Range<usize>) -> Result<(), Refusal> {
        self.room(range.start)?;
        self.ranges.push(range);
        Ok(())
    }

    /// Refuses when there is no room for a record that begins at `at`.
    fn room(&self, at: usize) -> Result<(), Refusal> {
        if self.ranges.len() < self.max {
            return Ok(());
        }
        Err(Refusal::new(Cause::TooMany { limit: self.max }, "", at))
    }
}

fn split_lines(body: &[u8], max: usize) -> Result<Vec<Range<usize>>, Refusal> {
    let mut lines = Ranges { ranges: Vec::new(), max };
    let ends = memchr::memchr_iter(b'\n', body).chain([body.len()]);
    let mut from = 0;
    for to in ends {
        let line = trim(body, from..to);
        if !line.is_empty() {
            lines.push(line)?;
        }
        from = to + 1;
    }
    Ok(lines.ranges)
}

fn split_array(body: &[u8], max: usize) -> Result<Vec<Range<usize>>, Refusal> {
    let syntax = |expected, at: usize| {
        let ended = at >= body.len();
        Refusal::new(
            if ended { Cause::UnexpectedEnd { expected } } else { Cause::Syntax { expected } },
            "",
            at,
        )
    };
    let space_to = |from: usize| from + body[from..].iter().take_while(|&&b| is_space(b)).count();
    if body.starts_with("\u{feff}".as_bytes()) {
        return Err(Refusal::new(Cause::ByteOrderMark, "", 0));
    }
    let mut elements = Ranges { ranges: Vec::new(), max };
    let mut at = space_to(0);
    if body.get(at) != Some(&b'[') {
        return Err(syntax("`[`, the start of an array of records", at));
    }
    at = space_to(at + 1);
    if body.get(at) == Some(&b']') {
        at += 1;
    } else {
        loop {
            elements.room(at)?;
            let end = element_end(body, at);
            let element = trim(body, at..end);
            let Some(&closing) = body.get(end) else { return Err(syntax("the rest of the array", end)) };
            if element.is_empty() {
                return Err(syntax("a record", end));
            }
            elements.push(element)?;
            at = end + 1;
            if closing == b']' {
                break;
            }
            at = space_to(at);
        }
    }
    at = space_to(at);
    if at < body.len() { Err(Refusal::new(Cause::TrailingBytes, "", at)) } else { Ok(elements.ranges) }
}

/// The comma or bracket that ends the array element which starts at `at`; or the end of the body.
fn element_end(body: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(&byte) = body.get(at) {
        match byte {
            b'"' => {
                at = string::after(body, at + 1);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b',' | b']' if depth == 0 => return at,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    at
}

fn trim(body: &[u8], range: Range<usize>) -> Range<usize> {
    let part = &body[range.clone()];
    let before = part.iter().take_while(|&&b| is_space(b)).count();
    let after = part[before..].iter().rev().take_while(|&&b| is_space(b)).count();
    range.start + before..range.end - after
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}
