//! The text of a policy, read line by line.

use super::{Component, ComponentName, Kind, Policy, PolicyFault, PolicyLog, PolicyTextError, Quorum};
use crate::encoding;
use crate::key::{KeyType, VerifierKey};

/// Longest policy in bytes.
pub const POLICY_LEN_MAX: usize = 1 << 20;

const LOG_LINE: &str = "log <vkey> [<url>]";
const WITNESS_LINE: &str = "witness <name> <vkey> [<url>]";
const GROUP_LINE: &str = "group <name> all|any|<k> <member>...";
const QUORUM_LINE: &str = "quorum <name> | none";

/// The name that stands for "nobody need have cosigned".
const NONE: &[u8] = b"none";

pub(super) fn parse(text: &[u8]) -> Result<Policy, PolicyTextError> {
    if text.len() > POLICY_LEN_MAX {
        return Err(PolicyTextError::TooLong { have: text.len() });
    }
    let mut draft = Draft::default();
    for (line, words) in (1..).zip(text.split(|b| *b == b'\n')) {
        draft.take_line(words).map_err(|fault| PolicyTextError::Line { line, fault })?;
    }
    let quorum = draft.quorum.ok_or(PolicyTextError::NoQuorum)?;
    Ok(Policy { logs: draft.logs, components: draft.components, quorum })
}

pub(super) fn print(policy: &Policy) -> Vec<u8> {
    let mut text = Vec::new();
    let name_of = |at: &usize| policy.components[*at].name.0.as_slice();
    for log in &policy.logs {
        put_line(&mut text, &[b"log", log.key.to_string().as_bytes(), url_word(log.url.as_ref())]);
    }
    for Component { name, kind } in &policy.components {
        match kind {
            Kind::Witness { key, url } => {
                put_line(
                    &mut text,
                    &[b"witness", &name.0, key.to_string().as_bytes(), url_word(url.as_ref())],
                );
            }
            Kind::Group { threshold, members } => {
                let members = members.iter().map(name_of).collect::<Vec<_>>().join(&b' ');
                put_line(&mut text, &[b"group", &name.0, threshold.to_string().as_bytes(), &members]);
            }
        }
    }
    let quorum = match &policy.quorum {
        Quorum::Nobody => NONE,
        Quorum::Component(at) => name_of(at),
    };
    put_line(&mut text, &[b"quorum", quorum]);
    text
}

/// No word at all where there is no URL.
fn url_word(url: Option<&String>) -> &[u8] {
    url.map_or(&[], |url| url.as_bytes())
}

/// Words with a space between; empty ones are left out.
fn put_line(text: &mut Vec<u8>, words: &[&[u8]]) {
    let words: Vec<_> = words.iter().copied().filter(|word| !word.is_empty()).collect();
    text.extend(words.join(&b' '));
    text.push(b'\n');
}

pub(super) fn check_log_key(key: &VerifierKey) -> Result<(), PolicyFault> {
    match key.key_type() {
        KeyType::Ed25519 => Ok(()),
        KeyType::Cosignature | KeyType::MlDsa44 => Err(PolicyFault::LogKeyType(key.key_type())),
    }
}

fn check_witness_key(key: &VerifierKey) -> Result<(), PolicyFault> {
    match key.key_type() {
        KeyType::Cosignature | KeyType::MlDsa44 => Ok(()),
        KeyType::Ed25519 => Err(PolicyFault::WitnessKeyType(key.key_type())),
    }
}

/// That a key is none of those that a policy has, nor can be taken for one.
pub(super) fn check_new<'a>(
    key: &VerifierKey,
    there: impl Iterator<Item = &'a VerifierKey>,
) -> Result<(), PolicyFault> {
    for earlier in there {
        if earlier.public_key() == key.public_key() {
            return Err(PolicyFault::DuplicateKey);
        }
        if earlier.name() == key.name() && earlier.id() == key.id() {
            return Err(PolicyFault::AmbiguousKey);
        }
    }
    Ok(())
}

/// A policy of which some lines were read.
#[derive(Default)]
struct Draft {
    logs: Vec<PolicyLog>,
    components: Vec<Component>,
    /// Positions of components that are members of some group.
    members: Vec<usize>,
    quorum: Option<Quorum>,
}

impl Draft {
    fn take_line(&mut self, line: &[u8]) -> Result<(), PolicyFault> {
        if let Some(byte) = line.iter().find(|b| (**b < b' ' && **b != b'\t') || **b == 0x7f) {
            return Err(PolicyFault::Byte(*byte));
        }
        let words: Vec<_> =
            line.split(|b| matches!(b, b' ' | b'\t')).filter(|word| !word.is_empty()).collect();
        match words[..] {
            [] => Ok(()),
            [comment, ..] if comment.starts_with(b"#") => Ok(()),
            [b"log", vkey] => self.take_log(vkey, None),
            [b"log", vkey, url] => self.take_log(vkey, Some(url)),
            [b"log", ..] => Err(PolicyFault::Words(LOG_LINE)),
            [b"witness", name, vkey] => self.take_witness(name, vkey, None),
            [b"witness", name, vkey, url] => self.take_witness(name, vkey, Some(url)),
            [b"witness", ..] => Err(PolicyFault::Words(WITNESS_LINE)),
            [b"group", name, threshold, ref members @ ..] if !members.is_empty() => {
                self.take_group(name, threshold, members)
            }
            [b"group", ..] => Err(PolicyFault::Words(GROUP_LINE)),
            [b"quorum", name] => self.take_quorum(name),
            [b"quorum", ..] => Err(PolicyFault::Words(QUORUM_LINE)),
            [other, ..] => Err(PolicyFault::Keyword(lossy(other))),
        }
    }

    fn take_log(&mut self, vkey: &[u8], url: Option<&[u8]>) -> Result<(), PolicyFault> {
        let key = self.new_key(vkey)?;
        check_log_key(&key)?;
        self.logs.push(PolicyLog { key, url: url.map(text).transpose()?, until: None });
        Ok(())
    }

    fn take_witness(&mut self, name: &[u8], vkey: &[u8], url: Option<&[u8]>) -> Result<(), PolicyFault> {
        let name = self.new_name(name)?;
        let key = self.new_key(vkey)?;
        check_witness_key(&key)?;
        self.components
            .push(Component { name, kind: Kind::Witness { key, url: url.map(text).transpose()? } });
        Ok(())
    }

    fn take_group(&mut self, name: &[u8], threshold: &[u8], members: &[&[u8]]) -> Result<(), PolicyFault> {
        let name = self.new_name(name)?;
        let threshold = parse_threshold(threshold, members.len())?;
        let members = members.iter().map(|member| self.new_member(member)).collect::<Result<_, _>>()?;
        self.components.push(Component { name, kind: Kind::Group { threshold, members } });
        Ok(())
    }

    fn take_quorum(&mut self, name: &[u8]) -> Result<(), PolicyFault> {
        if self.quorum.is_some() {
            return Err(PolicyFault::SecondQuorum);
        }
        self.quorum =
            Some(if name == NONE { Quorum::Nobody } else { Quorum::Component(self.position(name)?) });
        Ok(())
    }

    /// A key whose public part no earlier line has, so that nobody counts twice and no log witnesses itself.
    fn new_key(&self, vkey: &[u8]) -> Result<VerifierKey, PolicyFault> {
        let key: VerifierKey = std::str::from_utf8(vkey).map_err(|_| PolicyFault::NotText)?.parse()?;
        let witnesses = self.components.iter().filter_map(|component| match &component.kind {
            Kind::Witness { key, .. } => Some(key),
            Kind::Group { .. } => None,
        });
        check_new(&key, self.logs.iter().map(|log| &log.key).chain(witnesses))?;
        Ok(key)
    }

    fn new_name(&self, name: &[u8]) -> Result<ComponentName, PolicyFault> {
        if name == NONE {
            return Err(PolicyFault::ReservedName);
        }
        match self.position(name) {
            Ok(_) => Err(PolicyFault::DuplicateName(lossy(name))),
            Err(_) => Ok(ComponentName(name.to_vec())),
        }
    }

    fn new_member(&mut self, name: &[u8]) -> Result<usize, PolicyFault> {
        let member = self.position(name)?;
        if self.members.contains(&member) {
            return Err(PolicyFault::MemberTwice(lossy(name)));
        }
        self.members.push(member);
        Ok(member)
    }

    fn position(&self, name: &[u8]) -> Result<usize, PolicyFault> {
        let position = self.components.iter().position(|component| component.name.0 == name);
        position.ok_or_else(|| PolicyFault::UnknownName(lossy(name)))
    }
}

fn parse_threshold(word: &[u8], members: usize) -> Result<usize, PolicyFault> {
    let threshold = match word {
        b"all" => members as u64,
        b"any" => 1,
        number => encoding::parse_decimal(&lossy(number)).map_err(PolicyFault::ThresholdText)?,
    };
    match usize::try_from(threshold) {
        Ok(threshold) if (1..=members).contains(&threshold) => Ok(threshold),
        _ => Err(PolicyFault::Threshold { threshold, members }),
    }
}

fn text(word: &[u8]) -> Result<String, PolicyFault> {
    std::str::from_utf8(word).map(ToOwned::to_owned).map_err(|_| PolicyFault::NotText)
}

fn lossy(word: &[u8]) -> String {
    String::from_utf8_lossy(word).into_owned()
}
