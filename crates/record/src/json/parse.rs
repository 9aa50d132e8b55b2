//! A strict JSON parser that says where and why. It is the slow path: what is canonical already never comes here.

use std::borrow::Cow;

use crate::limits::DEPTH_MAX;
use crate::refusal::{Cause, Refusal, push_name, push_position};

use super::{Member, Value, number, string};

/// Parses one JSON text; objects come out with their members in canonical order.
pub(crate) fn parse(json: &[u8]) -> Result<Value<'_>, Refusal> {
    let text = simdutf8::compat::from_utf8(json)
        .map_err(|error| Refusal::new(Cause::InvalidUtf8, "", error.valid_up_to()))?;
    let mut parser = Parser { text, at: 0, path: Vec::new() };
    if text.starts_with('\u{feff}') {
        return Err(parser.refuse(Cause::ByteOrderMark));
    }
    parser.skip_space();
    let value = parser.value(1)?;
    parser.skip_space();
    if parser.at < text.len() { Err(parser.refuse(Cause::TrailingBytes)) } else { Ok(value) }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    /// The way from the top to the value being parsed.
    path: Vec<Step>,
}

enum Step {
    /// Into the member whose name (its opening quote) stands at this byte.
    Member { name_at: usize },
    /// Into the element at this position.
    Element { position: usize },
}

impl<'a> Parser<'a> {
    fn value(&mut self, depth: usize) -> Result<Value<'a>, Refusal> {
        const EXPECTED: &str = "a value (null, true, false, a number, a string, an array or an object)";
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => Err(self.expected(EXPECTED)),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>, Refusal> {
        self.enter(depth)?;
        let mut members = Vec::new();
        if self.eat(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            members.push(self.member(depth)?);
            self.skip_space();
            if self.eat(b'}') {
                break;
            }
            self.expect(b',', "`,` or `}`")?;
            self.skip_space();
        }
        self.order_members(&mut members)?;
        Ok(Value::Object(members))
    }

    fn member(&mut self, depth: usize) -> Result<Member<'a>, Refusal> {
        let name_at = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.expected("a member name in double quotes"));
        }
        let name = self.string()?;
        self.skip_space();
        self.expect(b':', "`:`")?;
        self.skip_space();
        let value_at = self.at;
        self.path.push(Step::Member { name_at });
        let value = self.value(depth + 1)?;
        self.path.pop();
        Ok(Member { name, name_at, value, value_at })
    }

    fn order_members(&mut self, members: &mut [Member<'a>]) -> Result<(), Refusal> {
        members.sort_by(|a, b| string::utf16_order(a.name.as_bytes(), b.name.as_bytes()));
        let repeated =
            members.windows(2).filter(|pair| pair[0].name == pair[1].name).map(|pair| pair[1].name_at);
        if let Some(name_at) = repeated.min() {
            self.path.push(Step::Member { name_at });
            return Err(self.refuse_at(Cause::DuplicateKey, name_at));
        }
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<Value<'a>, Refusal> {
        self.enter(depth)?;
        let mut elements = Vec::new();
        if self.eat(b']') {
            return Ok(Value::Array(elements));
        }
        loop {
            self.path.push(Step::Element { position: elements.len() });
            elements.push(self.value(depth + 1)?);
            self.path.pop();
            self.skip_space();
            if self.eat(b']') {
                return Ok(Value::Array(elements));
            }
            self.expect(b',', "`,` or `]`")?;
            self.skip_space();
        }
    }

    /// Steps over an opening bracket.
    fn enter(&mut self, depth: usize) -> Result<(), Refusal> {
        if depth > DEPTH_MAX {
            return Err(self.refuse(Cause::TooDeep { limit: DEPTH_MAX }));
        }
        self.at += 1;
        self.skip_space();
        Ok(())
    }

    fn number(&mut self) -> Result<Value<'a>, Refusal> {
        let from = self.at;
        match number::end(self.text.as_bytes(), from) {
            Ok(to) => {
                let value = number::read(&self.text[from..to]).map_err(|cause| self.refuse(cause))?;
                self.at = to;
                Ok(value)
            }
            Err(broken) => {
                self.at = broken;
                Err(self.expected("a digit"))
            }
        }
    }

    fn word(&mut self, word: &'static str, value: Value<'a>) -> Result<Value<'a>, Refusal> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.expected(word));
        }
        self.at += word.len();
        Ok(value)
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Refusal> {
        self.at += 1;
        let mut unescaped = String::new();
        loop {
            let run = self.plain_run()?;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    if unescaped.is_empty() {
                        return Ok(Cow::Borrowed(run));
                    }
                    unescaped.push_str(run);
                    return Ok(Cow::Owned(unescaped));
                }
                Some(b'\\') => {
                    unescaped.push_str(run);
                    let at = self.at;
                    let c = self.escape()?;
                    if string::is_noncharacter(c) {
                        return Err(self.refuse_at(Cause::Noncharacter, at));
                    }
                    unescaped.push(c);
                }
                Some(_) => return Err(self.refuse(Cause::ControlCharacter)),
                None => return Err(self.expected("the rest of a string and its closing quote")),
            }
        }
    }

    /// Steps over the characters of a string that stand for themselves.
    fn plain_run(&mut self) -> Result<&'a str, Refusal> {
        let from = self.at;
        self.at = string::stop(self.text.as_bytes(), from);
        let run = &self.text[from..self.at];
        match string::noncharacter(run.as_bytes()) {
            Some(at) => Err(self.refuse_at(Cause::Noncharacter, from + at)),
            None => Ok(run),
        }
    }

    fn escape(&mut self) -> Result<char, Refusal> {
        let at = self.at;
        self.at += 1;
        let c = match self.peek() {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode_escape(at);
            }
            _ => return Err(self.expected("one of the escapes \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u")),
        };
        self.at += 1;
        Ok(c)
    }

    /// The four digits after the `\u` at `escape_at`, and the escape after it where they are the first of a pair.
    fn unicode_escape(&mut self, escape_at: usize) -> Result<char, Refusal> {
        let first = self.four_hex_digits()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first).ok_or_else(|| self.refuse_at(Cause::LoneSurrogate, escape_at));
        }
        if !self.text[self.at..].starts_with("\\u") {
            return Err(self.refuse_at(Cause::LoneSurrogate, escape_at));
        }
        self.at += 2;
        let second = self.four_hex_digits()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(self.refuse_at(Cause::LoneSurrogate, escape_at));
        }
        let beyond = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        char::from_u32(beyond).ok_or_else(|| self.refuse_at(Cause::LoneSurrogate, escape_at))
    }

    fn four_hex_digits(&mut self) -> Result<u32, Refusal> {
        let mut value = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|b| char::from(b).to_digit(16));
            value = value << 4 | digit.ok_or_else(|| self.expected("four hexadecimal digits"))?;
            self.at += 1;
        }
        Ok(value)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, byte: u8, name: &'static str) -> Result<(), Refusal> {
        if self.eat(byte) { Ok(()) } else { Err(self.expected(name)) }
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\t' | b'\r')) {
            self.at += 1;
        }
    }

    fn expected(&self, expected: &'static str) -> Refusal {
        let ended = self.at >= self.text.len();
        self.refuse(if ended { Cause::UnexpectedEnd { expected } } else { Cause::Syntax { expected } })
    }

    fn refuse(&self, cause: Cause) -> Refusal {
        self.refuse_at(cause, self.at)
    }

    fn refuse_at(&self, cause: Cause, at: usize) -> Refusal {
        let mut pointer = String::new();
        for step in &self.path {
            match *step {
                Step::Member { name_at } => {
                    let mut name = Parser { text: self.text, at: name_at, path: Vec::new() };
                    push_name(&mut pointer, &name.string().unwrap_or_default());
                }
                Step::Element { position } => push_position(&mut pointer, position),
            }
        }
        Refusal::new(cause, pointer, at)
    }
}
