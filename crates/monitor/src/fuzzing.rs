//! What holds for any bytes at all: for fuzz targets and property tests; not part of the interface.

use bytes::Bytes;
use tlog::key::Signer;
use tlog::note::Note;
use tlog::policy::Policy;

use crate::gossip::{HEADS_MAX, LIST_BYTES_MAX, decode, encode};
use crate::heard::{Heard, Trust};

/// Lists of heads that a monitor was answered: what is read of one makes a list again, and so does what is heard of it.
pub fn gossip(data: &[u8]) {
    let notes = decode(data);
    assert!(notes.len() <= HEADS_MAX && notes.iter().all(|note| Note::parse(note).is_ok()));
    let again = notes.join(&b'\n');
    if again.len() <= LIST_BYTES_MAX {
        assert_eq!(decode(&again), notes, "what was read of a list is a list");
    }
    let Some(trust) = known_log() else { return };
    let heard: Vec<Heard> = notes.iter().filter_map(|note| trust.hear(note).ok()).collect();
    let bytes: Vec<Bytes> = heard.iter().map(Heard::bytes).collect();
    assert_eq!(decode(encode(&heard).as_bytes()), bytes, "what was heard is handed on");
    for (heard, bytes) in heard.iter().zip(&bytes) {
        assert_eq!(trust.hear(bytes).as_ref(), Ok(heard), "what was heard is heard once more");
    }
}

/// Trust in the log "log.example", whose seed is no secret: the byte 7, as often as it takes.
fn known_log() -> Option<Trust> {
    let log = Signer::from_seed("log.example".parse().ok()?, &[7; 32]);
    let policy = Policy::log_only(log.verifier_key().clone()).ok()?;
    Some(Trust::new(log.name().clone(), policy))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use tlog::checkpoint::Checkpoint;
    use tlog::{Hash, Head};

    use super::*;

    fn head(size: u64) -> Vec<u8> {
        let log = Signer::from_seed("log.example".parse().unwrap(), &[7; 32]);
        let head = Head { size, root: Hash::leaf(&size.to_be_bytes()) };
        Checkpoint::new(log.name().clone(), head).unwrap().sign(&log).unwrap().bytes().to_vec()
    }

    #[test]
    fn the_known_log_is_heard() {
        assert!(known_log().unwrap().hear(&head(7)).is_ok());
        assert_eq!(decode(&[head(7), head(8)].join(&b'\n')).len(), 2);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(data: Vec<u8>) {
            gossip(&data);
        }

        #[test]
        fn nearly_good_lists(
            sizes in vec(1..9_u64, 0..70),
            bends in vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
            line_feeds in vec(any::<prop::sample::Index>(), 0..3),
        ) {
            let mut list = sizes.into_iter().map(head).collect::<Vec<_>>().join(&b'\n');
            for (at, byte) in bends {
                let at = at.index(list.len() + 1);
                list.get_mut(at).into_iter().for_each(|spoiled| *spoiled = byte);
            }
            for at in line_feeds {
                let at = at.index(list.len() + 1);
                list.insert(at, b'\n');
            }
            gossip(&list);
        }
    }
}
