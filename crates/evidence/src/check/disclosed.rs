//! The contents: each disclosure against the records that name it, and what is not shown.

use record::Logged;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use record::Sd;
use record::disclosure::{self, Opened};
use record::model::Kind;

use crate::contents::{Named, named};
use crate::form::{Evidence, Role};
use crate::report::{Content, Shown, State};
use crate::sentence::{About, Sentences, things};

/// What the file says of contents.
pub(super) struct Disclosed {
    pub(super) contents: Vec<Content>,
    pub(super) shown: BTreeMap<String, Shown>,
}

pub(super) fn check(file: &Evidence, read: &[(Role, Logged<'_>)], say: &mut Sentences) -> Disclosed {
    let all: Vec<(u64, Named)> = read
        .iter()
        .flat_map(|(_, logged)| named(logged).into_iter().map(|one| (logged.index(), one)))
        .collect();
    let mut by_sd: BTreeMap<Sd, Vec<&(u64, Named)>> = BTreeMap::new();
    all.iter().for_each(|one| by_sd.entry(one.1.sd).or_default().push(one));
    let mut shown = BTreeMap::new();
    for (text, sd) in file.document.disclosures.iter().zip(&file.sds) {
        let named = by_sd.get(sd).map(Vec::as_slice).unwrap_or_default();
        match judge(text, sd, named) {
            Ok(opened) => drop(shown.insert(sd.to_string(), Shown::of(opened))),
            Err(why) => say.wrong(About::Disclosures, why),
        }
    }
    let erased = erased(read);
    let contents: Vec<Content> =
        all.into_iter().map(|(index, one)| content(index, one, &shown, &erased)).collect();
    tell(&contents, shown.len(), say);
    Disclosed { contents, shown }
}

/// A disclosure that a record names, as what it is, and that is what the record says.
fn judge(text: &str, sd: &Sd, named: &[&(u64, Named)]) -> Result<Opened, String> {
    let opened = disclosure::verify(text, sd).map_err(|error| format!("the disclosure {sd}: {error}"))?;
    let Some((first, one)) = named.first() else {
        return Err(format!(
            "the disclosure {sd} is of no record in the file: it was altered, or belongs elsewhere"
        ));
    };
    if !named.iter().any(|(_, one)| one.may_be_named(opened.name())) {
        return Err(format!(
            "the disclosure {sd} is of \"{}\", and the record at {first} holds it at {}",
            opened.name(),
            one.place
        ));
    }
    let contradiction =
        named.iter().find_map(|(index, one)| Some((index, one.place, one.contradicts(opened.content())?)));
    match contradiction {
        Some((index, place, why)) => Err(format!("the content at {place} of the record at {index}: {why}")),
        None => Ok(opened),
    }
}

/// Which contents were erased, by the records in the file.
fn erased(read: &[(Role, Logged<'_>)]) -> BTreeMap<String, State> {
    let erasures = read.iter().filter(|(_, logged)| logged.record().kind == Kind::PayloadErased);
    let told = erasures.filter_map(|(_, logged)| {
        let erased = logged.record().erased.as_ref()?;
        let (by, ground) = (erased.by.to_string(), erased.ground.to_string());
        Some((erased.sd.to_string(), State::Erased { at: logged.index(), by, ground }))
    });
    told.collect()
}

fn content(
    index: u64,
    named: Named,
    shown: &BTreeMap<String, Shown>,
    erased: &BTreeMap<String, State>,
) -> Content {
    let sd = named.sd.to_string();
    let state = match (shown.contains_key(&sd), erased.get(&sd)) {
        (true, _) => State::Shown,
        (false, Some(erased)) => erased.clone(),
        (false, None) => State::Hidden,
    };
    let Named { place, bytes, media, secret, .. } = named;
    Content { index, path: place.pointer(), sd, bytes, media, secret, state }
}

impl Shown {
    fn of(opened: Opened) -> Self {
        let (name, bytes) = (opened.name().to_owned(), opened.content().len());
        match String::from_utf8(opened.into_content()) {
            Ok(text) => Self { name, bytes, text: Some(text), base64url: None },
            Err(error) => {
                let base64url = BASE64_URL_SAFE_NO_PAD.encode(error.as_bytes());
                Self { name, bytes, text: None, base64url: Some(base64url) }
            }
        }
    }
}

fn tell(contents: &[Content], shown: usize, say: &mut Sentences) {
    if shown > 0 {
        say.holds(
            About::Disclosures,
            format!(
                "{} shown, each the one whose digest a record holds",
                things(shown, "content is", "contents are")
            ),
        );
    }
    let count = |which: fn(&State) -> bool| contents.iter().filter(|content| which(&content.state)).count();
    let hidden = count(|state| *state == State::Hidden);
    if hidden > 0 {
        say.limit(
            About::Disclosures,
            format!(
                "what {} hidden: the records hold their digests, and whoever has a content can show that it is the one",
                things(hidden, "content says that is", "contents say that are")
            ),
        );
    }
    let gone = count(|state| matches!(state, State::Erased { .. }));
    if gone > 0 {
        say.limit(
            About::Disclosures,
            format!("what {} erased", things(gone, "content said that was", "contents said that were")),
        );
    }
}
