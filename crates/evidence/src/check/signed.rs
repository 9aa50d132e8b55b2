//! The checkpoint, the keys and the policy of a file.

use tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use tlog::key::VerifierKey;
use tlog::note::Note;
use tlog::policy::{Policy, VerifiedCheckpoint};

use crate::form::Evidence;
use crate::sentence::{About, Sentences, things};

/// The checkpoint of the file, if it satisfies the policy; under the file's own key where none is given.
pub(super) fn checkpoint(
    file: &Evidence,
    trusted: Option<&Policy>,
    say: &mut Sentences,
) -> Option<VerifiedCheckpoint> {
    let own = match own_key(file) {
        Ok(key) => key,
        Err(why) => {
            say.wrong(About::Checkpoint, why);
            return None;
        }
    };
    let verified = if let Some(policy) = trusted {
        under(file, policy)
    } else {
        say.cannot_tell(
            About::Trust,
            "nobody said which log is believed: the key in the file proves only that the file agrees with itself, for \
             whoever makes a file can put a key into it; give the log's key from a source you trust",
        );
        Policy::log_only(own.clone()).map_err(|error| error.to_string()).and_then(|own| under(file, &own))
    };
    match verified {
        Ok(checkpoint) => {
            tell(&checkpoint, trusted.is_some(), say);
            keys(file, own, say);
            policy(file, say);
            Some(checkpoint)
        }
        Err(why) => {
            say.wrong(About::Checkpoint, why);
            None
        }
    }
}

/// The key that the file says signs at the size of its checkpoint.
fn own_key(file: &Evidence) -> Result<&VerifierKey, String> {
    let note = Note::parse(file.document.checkpoint.as_bytes()).map_err(|error| error.to_string())?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(|error| error.to_string())?;
    // The first key signs from size 0 on.
    let in_force = file.keys.iter().rev().find(|(from, _)| *from <= checkpoint.size());
    let (_, key) = in_force.ok_or("the file names no key for its checkpoint")?;
    if file.keys.iter().any(|(_, key)| key.name() != checkpoint.origin()) {
        return Err(format!(
            "the checkpoint is of {}, and the file names a key of another log",
            checkpoint.origin()
        ));
    }
    Ok(key)
}

fn under(file: &Evidence, policy: &Policy) -> Result<VerifiedCheckpoint, String> {
    policy.verify(file.document.checkpoint.clone().into_bytes()).map_err(|error| error.to_string())
}

fn tell(checkpoint: &VerifiedCheckpoint, trusted: bool, say: &mut Sentences) {
    let signed = checkpoint.signed();
    let by = if trusted { "a key that you trust" } else { "the key in the file" };
    say.holds(
        About::Checkpoint,
        format!(
            "the checkpoint of {} at size {} is signed by {by} ({}+{})",
            signed.origin(),
            signed.size(),
            checkpoint.log_key().name(),
            checkpoint.log_key().id()
        ),
    );
    let witnesses: Vec<String> = checkpoint
        .witnesses()
        .iter()
        .map(|witness| format!("{} at {}", witness.key().name(), moment(witness.time().seconds())))
        .collect();
    if witnesses.is_empty() {
        say.limit(
            About::Witnesses,
            "whether everybody is shown this log, and since when: no witness that you name has cosigned",
        );
    } else {
        let (who, is) = (witnesses.join(", "), things(witnesses.len(), "witness has", "witnesses have"));
        say.holds(About::Witnesses, format!("{is} cosigned, so every entry was in the log by then: {who}"));
    }
}

/// Seconds since 1970 as people write them.
fn moment(seconds: u64) -> String {
    let ms = i64::try_from(seconds).ok().and_then(|seconds| seconds.checked_mul(1_000));
    let known = ms.and_then(record::model::Instant::from_unix_ms);
    known.map_or_else(|| format!("second {seconds}"), |time| time.to_string())
}

/// What the file says of the log's keys, against those that signed: there are two while one makes way for the other.
fn keys(file: &Evidence, own: &VerifierKey, say: &mut Sentences) {
    if SignedCheckpoint::open(file.document.checkpoint.clone(), own).is_err() {
        say.wrong(
            About::Keys,
            "the file says that another key of the log signs at this size than the one that did",
        );
    } else if file.keys.len() > 1 {
        say.limit(
            About::Keys,
            format!(
                "when the log changed its keys: that is the file's word alone ({} keys)",
                file.keys.len()
            ),
        );
    }
}

/// The policy in the file is its maker's, and is not what the file is judged by; but it has to be true.
fn policy(file: &Evidence, say: &mut Sentences) {
    let Some(text) = &file.document.policy else { return };
    let met = Policy::parse(text.as_bytes())
        .map_err(|error| error.to_string())
        .and_then(|policy| under(file, &policy));
    match met {
        Ok(_) => say.holds(
            About::Policy,
            "the checkpoint also satisfies the policy in the file, which is its maker's and proves nothing by itself",
        ),
        Err(why) => say.wrong(About::Policy, format!("the policy that the file says was used is not met: {why}")),
    }
}
