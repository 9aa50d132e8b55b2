//! What an erasure does: the content goes, and with the last content under a key the key itself.
//!
//! A key that nothing is sealed under would let whoever has it read what copies of the store and backups still hold. So it
//! goes in the commit that erases the last content under it, whoever's content was asked for. The commit decides once
//! more: where something new came under the key meanwhile, the content goes and the key stays.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::StreamExt as _;
use record::model::Record;
use sequencer::{
    beside::{Content, DestroyKey, Destruction, Digest, Erase, Hold, KeyId, Plan, Rows, Tag, plan},
    reader::{ReadError, Reader},
};

use super::{ErasedText, OneErased, OneKept, unspoken};
use crate::{
    app::App,
    clerk::{About, Draft},
    limits::ERASED_AT_ONCE_MAX,
    problem::{Code, Problem},
};

/// Erasures that wait for their commit at one time.
const AT_ONCE: usize = 64;
/// Contents that are looked at at a time.
const PLANNED_AT_ONCE: usize = 256;

/// A content that is to be erased, and the key that goes with it.
struct Last {
    digest: Digest,
    key: Destruction,
}

/// What is to be done.
struct Work {
    plan: Plan,
    more: bool,
    /// Those of the plan that take a key with them.
    lasts: Vec<Last>,
    /// Whether they take with them every key that anything of the plan is sealed under.
    all_keys: bool,
}

/// Erases one content; why not, if it may not be.
pub(super) async fn content(
    app: &Arc<App>,
    digest: Digest,
    about: &About,
) -> Result<ErasedText, Box<Problem>> {
    if !app.read(move |reader| exists(reader, digest)).await?? {
        let detail = format!("No content {digest} is beside this log.");
        return Err(Problem::new(Code::NotFound, detail));
    }
    let (lasts, _) = app.read(move |reader| lasts(reader, &[digest])).await??;
    let with_key = match lasts.into_iter().next() {
        Some(last) => with_its_key(app, last, about).await?,
        None => None,
    };
    let key_destroyed = with_key.is_some();
    let erased = match with_key {
        Some(erased) => erased,
        None => one(app, digest, about, None).await?,
    };
    Ok(ErasedText { erased: vec![erased], key_destroyed, ..ErasedText::default() })
}

/// Erases all that concerns somebody and is not held.
pub(super) async fn all(app: &Arc<App>, subject: Tag, about: &About) -> Result<ErasedText, Box<Problem>> {
    let Work { plan, more, lasts, all_keys } = app.read(move |reader| work(reader, subject)).await??;
    let kept = plan.kept.into_iter();
    let kept = kept.map(|kept| OneKept { sd: kept.digest.to_string(), holds: kept.holds }).collect();
    let mut done = ErasedText { kept, more, ..ErasedText::default() };
    let held_back: BTreeSet<Digest> = lasts.iter().map(|last| last.digest).collect();
    let first = plan.erase.into_iter().filter(|digest| !held_back.contains(digest));
    let first = first.map(|digest| async move { unless_overtaken(one(app, digest, about, None).await) });
    let mut first = futures::stream::iter(first).buffered(AT_ONCE);
    while let Some(erased) = first.next().await {
        done.erased.extend(erased?);
    }
    let mut destroyed = all_keys;
    let lasts = lasts.into_iter().map(|last| async move {
        let digest = last.digest;
        match with_its_key(app, last, about).await? {
            Some(erased) => Ok::<_, Box<Problem>>((Some(erased), true)),
            None => unless_overtaken(one(app, digest, about, None).await).map(|erased| (erased, false)),
        }
    });
    let mut lasts = futures::stream::iter(lasts).buffered(AT_ONCE);
    while let Some(last) = lasts.next().await {
        let (erased, with_key) = last?;
        done.erased.extend(erased);
        destroyed &= with_key;
    }
    done.key_destroyed = destroyed && !done.erased.is_empty();
    Ok(done)
}

/// Erases the last content under a key, and destroys that; `None` if it is not the last any more, or is held.
async fn with_its_key(app: &Arc<App>, last: Last, about: &About) -> Result<Option<OneErased>, Box<Problem>> {
    let Last { digest, key } = last;
    let Some(erased) = unless_overtaken(one(app, digest, about, Some(key.clone())).await)? else {
        return Ok(None);
    };
    let keeper = app.clone();
    let destroy = move || Ok::<_, Box<Problem>>(keeper.custody()?.vault.destroy(key.owner, key.key));
    app.read(move |_| destroy()).await??.map_err(|error| Problem::internal(&error))?;
    Ok(Some(erased))
}

/// Erases a content, and with it notes that a key is destroyed, if nothing else is sealed under that.
async fn one(
    app: &Arc<App>,
    digest: Digest,
    about: &About,
    key: Option<Destruction>,
) -> Result<OneErased, Box<Problem>> {
    let draft = Draft::erased(&digest.to_string(), about);
    let rows = move |record: &Record<'_>| {
        let erase = Erase::by(record).ok_or_else(unspoken)?;
        let mut rows = Rows::default();
        rows.decisions.push(Arc::new(erase));
        if let Some(key) = key {
            rows.decisions.push(Arc::new(DestroyKey(key)));
        }
        Ok(rows)
    };
    let index = app.custody()?.clerk.write(app, draft, rows).await?.index;
    Ok(OneErased { sd: digest.to_string(), index })
}

/// A hold that was placed meanwhile, or somebody else who erased it first, is no failure.
fn unless_overtaken(erased: Result<OneErased, Box<Problem>>) -> Result<Option<OneErased>, Box<Problem>> {
    match erased {
        Err(problem) if problem.status() == Code::Held.status() => Ok(None),
        other => other.map(Some),
    }
}

/// Whether a content is there, or was.
fn exists(reader: &Reader, digest: Digest) -> Result<bool, Box<Problem>> {
    Ok(reader.payload(digest).map_err(internal)?.is_some()
        || reader.erasure(digest).map_err(internal)?.is_some())
}

fn work(reader: &Reader, subject: Tag) -> Result<Work, Box<Problem>> {
    let (plan, more) = planned(reader, subject)?;
    let (lasts, all_keys) = lasts(reader, &plan.erase)?;
    Ok(Work { plan, more, lasts, all_keys })
}

/// What of a subject's content may be erased, and what is held; and whether there is more that may be.
fn planned(reader: &Reader, subject: Tag) -> Result<(Plan, bool), Box<Problem>> {
    let holds = reader.holds().map_err(internal)?;
    let (mut all, mut after) = (Plan::default(), None);
    loop {
        // What is held, and what was erased already, is passed over: it must not keep the rest from being reached.
        let digests = reader.contents_of(subject, after, PLANNED_AT_ONCE).map_err(internal)?;
        let Some(last) = digests.last().copied() else { return Ok((all, false)) };
        let part = plan(&contents(reader, digests, &holds)?, &holds);
        all.erase.extend(part.erase);
        all.kept.extend(part.kept);
        all.kept.truncate(ERASED_AT_ONCE_MAX);
        if all.erase.len() > ERASED_AT_ONCE_MAX {
            all.erase.truncate(ERASED_AT_ONCE_MAX);
            return Ok((all, true));
        }
        after = Some(last);
    }
}

/// Those of these contents that are there, and whom of those who hold something they concern.
fn contents(reader: &Reader, digests: Vec<Digest>, holds: &[Hold]) -> Result<Vec<Content>, Box<Problem>> {
    let mut contents = vec![];
    for digest in digests {
        let Some(info) = reader.payload(digest).map_err(internal)? else { continue };
        let mut subjects: BTreeSet<Tag> = info.subjects().collect();
        for held in holds.iter().flat_map(Hold::subjects) {
            if reader.concerns(digest, held).map_err(internal)? {
                subjects.insert(held);
            }
        }
        contents.push(Content { digest, subjects });
    }
    Ok(contents)
}

/// The keys that nothing is sealed under once these contents are gone, each with one of them; and whether there is no
/// other key that any of them is sealed under.
fn lasts(reader: &Reader, going: &[Digest]) -> Result<(Vec<Last>, bool), Box<Problem>> {
    let mut by_key: BTreeMap<(Tag, KeyId), BTreeSet<Digest>> = BTreeMap::new();
    for digest in going {
        if let Some(info) = reader.payload(*digest).map_err(internal)? {
            by_key.entry((info.owner, info.key)).or_default().insert(*digest);
        }
    }
    let (mut lasts, mut all) = (vec![], true);
    for ((owner, key), going) in by_key {
        match going.last() {
            Some(last) if !is_anything_else_under(reader, (owner, key), &going)? => {
                lasts.push(Last { digest: *last, key: Destruction { owner, key } });
            }
            _ => all = false,
        }
    }
    Ok((lasts, all))
}

/// Whether other content of this owner is sealed under the key.
fn is_anything_else_under(
    reader: &Reader,
    (owner, key): (Tag, KeyId),
    going: &BTreeSet<Digest>,
) -> Result<bool, Box<Problem>> {
    let mut after = None;
    loop {
        let digests = reader.contents_of(owner, after, PLANNED_AT_ONCE).map_err(internal)?;
        let Some(last) = digests.last().copied() else { return Ok(false) };
        for digest in digests.into_iter().filter(|digest| !going.contains(digest)) {
            if reader.payload(digest).map_err(internal)?.is_some_and(|info| info.key == key) {
                return Ok(true);
            }
        }
        after = Some(last);
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what becomes of an error")]
fn internal(error: ReadError) -> Box<Problem> {
    Problem::internal(&error)
}
