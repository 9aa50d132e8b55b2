//! The fast path: one walk over bytes that proves them canonical (RFC 8785) and a record, or gives up.
//!
//! The scanner never says what is wrong; giving up (`None`) sends the text to the parser, which does. It is exact: it
//! accepts every record in canonical form and nothing else.

use std::cmp::Ordering;

use crate::id::RecordId;
use crate::json::{number, string};
use crate::limits::DEPTH_MAX;
use crate::time::is_time;

/// What the scanner picked up on its way: the id, and where the other fields stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) id: RecordId,
    pub(crate) record_type: Span,
    pub(crate) time: Span,
    pub(crate) producer: Option<Span>,
}

/// The inside of a string in canonical bytes, without its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    // 32 bits, so that a span travels in registers; records are far shorter.
    from: u32,
    to: u32,
    escaped: bool,
}

impl Span {
    pub(crate) fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.from as usize..self.to as usize]
    }

    fn is_empty(self) -> bool {
        self.from == self.to
    }
}

/// The facts of `bytes` if they are a record in canonical form.
pub(crate) fn record(bytes: &[u8]) -> Option<Facts> {
    record_within(bytes).filter(|(_, end)| *end == bytes.len()).map(|(facts, _)| facts)
}

/// The facts of the record in canonical form that `bytes` begin with, and the byte after it. What follows is only known to
/// be UTF-8.
pub(crate) fn record_within(bytes: &[u8]) -> Option<(Facts, usize)> {
    simdutf8::basic::from_utf8(bytes).ok()?;
    if string::noncharacter(bytes).is_some() {
        return None;
    }
    let mut scanner = Scanner { bytes, at: 0 };
    let facts = scanner.record()?;
    Some((facts, scanner.at))
}

/// The canonical string whose opening quote stands at `at` of `bytes`, and the byte after its closing quote.
pub(crate) fn text(bytes: &[u8], at: usize) -> Option<(Span, usize)> {
    let mut scanner = Scanner { bytes, at };
    let span = scanner.string()?;
    Some((span, scanner.at))
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    fn record(&mut self) -> Option<Facts> {
        let (mut id, mut record_type, mut time, mut producer) = (None, None, None, None);
        self.object(1, |scanner, name| {
            match name {
                b"id" => id = Some(RecordId::read(scanner.filled_string()?.of(scanner.bytes))?),
                b"type" => record_type = Some(scanner.filled_string()?),
                b"time" => time = Some(scanner.filled_string()?),
                b"producer" => producer = Some(scanner.producer()?),
                _ => scanner.value(2)?,
            }
            Some(())
        })?;
        let time = time.filter(|span: &Span| is_time(span.of(self.bytes)))?;
        Some(Facts { id: id?, record_type: record_type?, time, producer })
    }

    fn producer(&mut self) -> Option<Span> {
        let mut id = None;
        self.object(2, |scanner, name| {
            match name {
                b"id" => id = Some(scanner.filled_string()?),
                _ => scanner.value(3)?,
            }
            Some(())
        })?;
        id
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        match self.bytes.get(self.at)? {
            b'"' => self.string().map(drop),
            b'{' => self.object(depth, |scanner, _| scanner.value(depth + 1)),
            b'[' => self.array(depth),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.number(),
        }
    }

    /// Walks over an object whose names strictly ascend; `member` walks over the value of each.
    fn object(
        &mut self,
        depth: usize,
        mut member: impl FnMut(&mut Self, &'a [u8]) -> Option<()>,
    ) -> Option<()> {
        self.byte(b'{')?;
        if depth > DEPTH_MAX {
            return None;
        }
        if self.byte(b'}').is_some() {
            return Some(());
        }
        let mut last: Option<Span> = None;
        loop {
            let name = self.string()?;
            if last.is_some_and(|last| !self.ascends(last, name)) {
                return None;
            }
            last = Some(name);
            self.byte(b':')?;
            member(self, name.of(self.bytes))?;
            match self.next()? {
                b',' => {}
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    fn ascends(&self, last: Span, name: Span) -> bool {
        let (a, b) = (last.of(self.bytes), name.of(self.bytes));
        let order = if last.escaped || name.escaped {
            string::utf16_order(string::unescape(a).as_bytes(), string::unescape(b).as_bytes())
        } else {
            string::utf16_order(a, b)
        };
        order == Ordering::Less
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.byte(b'[')?;
        if depth > DEPTH_MAX {
            return None;
        }
        if self.byte(b']').is_some() {
            return Some(());
        }
        loop {
            self.value(depth + 1)?;
            match self.next()? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    #[inline]
    fn string(&mut self) -> Option<Span> {
        let from = self.at as u32 + 1;
        let (end, escaped) = string_end(self.bytes, self.at)?;
        self.at = end;
        Some(Span { from, to: end as u32 - 1, escaped })
    }

    fn filled_string(&mut self) -> Option<Span> {
        self.string().filter(|span| !span.is_empty())
    }

    fn number(&mut self) -> Option<()> {
        let end = number::end(self.bytes, self.at).ok()?;
        let canonical = number::is_canonical(&self.bytes[self.at..end]);
        self.at = end;
        canonical.then_some(())
    }

    fn byte(&mut self, expected: u8) -> Option<()> {
        if *self.bytes.get(self.at)? != expected {
            return None;
        }
        self.at += 1;
        Some(())
    }

    fn word(&mut self, expected: &[u8]) -> Option<()> {
        let end = self.at + expected.len();
        if self.bytes.get(self.at..end)? != expected {
            return None;
        }
        self.at = end;
        Some(())
    }

    fn next(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }
}

/// The byte after the closing quote of the canonical string whose opening quote stands at `at`, and whether it has escapes.
#[inline]
fn string_end(bytes: &[u8], at: usize) -> Option<(usize, bool)> {
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let mut at = at + 1;
    let mut escaped = false;
    loop {
        at = string::stop(bytes, at);
        match bytes.get(at)? {
            b'"' => return Some((at + 1, escaped)),
            b'\\' => {
                escaped = true;
                at += string::canonical_escape(bytes, at)?;
            }
            _ => return None,
        }
    }
}
