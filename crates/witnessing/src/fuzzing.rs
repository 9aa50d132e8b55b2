//! What holds for any bytes at all: for fuzz targets and property tests; not part of the interface.

use std::sync::LazyLock;

use bytes::Bytes;
use tlog::{
    Hash, Head,
    checkpoint::{Checkpoint, SignedCheckpoint},
    cosignature::{Cosigner, Timestamp},
    key::Signer,
    witness::{SIZE_CONTENT_TYPE, print_size},
};

use client::http::AsItCame;

use crate::reply::{CLOCK_SKEW_MAX, Cause, Reply, understand};

/// Every status that means something, and some that do not.
const STATUSES: [u16; 12] = [200, 400, 403, 404, 409, 409, 422, 429, 500, 503, 204, 307];
const NOW: u64 = 1_767_225_600;

/// Answers of a witness: the first byte says which status, the second which content type, the rest is the body.
pub fn reply(data: &[u8]) {
    let (Some(([status, kind], body)), Some(known)) = (data.split_first_chunk(), KNOWN.as_ref()) else {
        return;
    };
    let status = STATUSES[usize::from(*status) % STATUSES.len()];
    let content_type = [Some(SIZE_CONTENT_TYPE), Some("text/plain"), None][usize::from(*kind) % 3];
    let content_type = content_type.map(str::to_owned);
    let answered = AsItCame { status, content_type, retry_after: None, body: Bytes::copy_from_slice(body) };
    let keys = [known.witness.verifier_key().clone()];
    match understand(&answered, &known.checkpoint, &keys, known.now) {
        Reply::Cosigned(lines) => {
            assert!(status == 200 && lines.len() == 1, "one key, one line");
            for line in lines {
                assert!(line.time().seconds() <= NOW + CLOCK_SKEW_MAX.as_secs(), "not of the future");
                let made = known.witness.cosign(known.checkpoint.checkpoint(), line.time());
                assert_eq!(line.line(), &made, "only what the witness signs is believed");
            }
        }
        Reply::Stored(size) => {
            assert!(status == 409 && answered.content_type.as_deref() == Some(SIZE_CONTENT_TYPE));
            assert_eq!(print_size(size).as_bytes(), body, "a size has one spelling");
        }
        Reply::Failed { cause, what, .. } => {
            assert!(status != 200 || cause == Cause::BadAnswer, "{cause:?}");
            assert!(what.len() <= 4_096 && !what.contains(char::is_control), "it can be shown: {what:?}");
        }
    }
}

/// A checkpoint and a witness of it, whose seeds are no secret.
struct Known {
    checkpoint: SignedCheckpoint,
    witness: Cosigner,
    now: Timestamp,
}

static KNOWN: LazyLock<Option<Known>> = LazyLock::new(|| {
    let log = Signer::from_seed("log.example".parse().ok()?, &[7; 32]);
    let head = Head { size: 513, root: Hash::leaf(b"root") };
    let checkpoint = Checkpoint::new(log.name().clone(), head).and_then(|made| made.sign(&log)).ok()?;
    let witness = Cosigner::from_seed("w.example".parse().ok()?, &[7; 32]);
    Some(Known { checkpoint, witness, now: Timestamp::from_seconds(NOW)? })
});

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// What the known witness answers, as of this time.
    fn cosigned(seconds: u64) -> Vec<u8> {
        let known = KNOWN.as_ref().unwrap();
        let line = known.witness.cosign(known.checkpoint.checkpoint(), crate::testing::at(seconds));
        line.to_string().into_bytes()
    }

    #[test]
    fn the_known_witness_is_believed() {
        let known = KNOWN.as_ref().unwrap();
        let answered =
            AsItCame { status: 200, content_type: None, retry_after: None, body: cosigned(NOW).into() };
        let keys = [known.witness.verifier_key().clone()];
        let reply = understand(&answered, &known.checkpoint, &keys, known.now);
        assert!(matches!(reply, Reply::Cosigned(_)), "{reply:?}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(data: Vec<u8>, text in "\\PC{0,300}\n?") {
            reply(&data);
            (0..12).for_each(|status| reply(&[&[status, 1], text.as_bytes()].concat()));
        }

        #[test]
        fn nearly_good_answers(
            ahead in -400..400_i64,
            size: u64,
            bends in vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        ) {
            for (status, mut body) in [(0, cosigned(NOW.saturating_add_signed(ahead))), (4, print_size(size).into_bytes())] {
                for (at, byte) in &bends {
                    let at = at.index(body.len());
                    body[at] = *byte;
                }
                reply(&[&[status, 0][..], &body].concat());
            }
        }
    }
}
