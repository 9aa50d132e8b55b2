//! The contents that a file shows.

use std::collections::BTreeSet;

use record::Sd;
use sequencer::{
    beside::{Digest, Info},
    reader::Reader,
};

use crate::{
    app::App,
    limits::EVIDENCE_CONTENT_BYTES_MAX,
    problem::{Code, Problem},
};

/// Contents beside a log, for somebody.
pub(super) struct Contents<'a> {
    pub(super) app: &'a App,
    pub(super) reader: &'a Reader,
    pub(super) sees_secrets: bool,
}

impl Contents<'_> {
    /// The disclosures of these contents, as far as they are there and he may see them. Blocks.
    pub(super) fn at_hand(&self, wanted: &BTreeSet<Sd>) -> Result<Vec<String>, Box<Problem>> {
        let (mut texts, mut room) = (Vec::new(), EVIDENCE_CONTENT_BYTES_MAX);
        for sd in wanted {
            let digest = Digest(sd.to_bytes());
            let info = self.reader.payload(digest).map_err(|error| Problem::internal(&error))?;
            let Some(info) = info.filter(|info| self.sees_secrets || !info.secret) else { continue };
            room = usize::try_from(info.length)
                .ok()
                .and_then(|length| room.checked_sub(length))
                .ok_or_else(too_large)?;
            texts.extend(self.text(digest, &info)?);
        }
        Ok(texts)
    }

    /// The text of a disclosure; `None` where it is erased meanwhile.
    fn text(&self, digest: Digest, info: &Info) -> Result<Option<String>, Box<Problem>> {
        let Some(mut opener) = self.app.custody()?.opener(digest, info)? else { return Ok(None) };
        let mut text = Vec::new();
        for number in 0..info.pieces {
            let piece =
                self.reader.payload_piece(digest, number).map_err(|error| Problem::internal(&error))?;
            let Some(piece) = piece else { return Ok(None) };
            text.extend(opener.next(&piece).map_err(|error| Problem::internal(&error))?);
        }
        String::from_utf8(text).map(Some).map_err(|error| Problem::internal(&error))
    }
}

fn too_large() -> Box<Problem> {
    let detail = format!(
        "The contents that were chosen have more than {EVIDENCE_CONTENT_BYTES_MAX} bytes; choose fewer by their names or \
         digests."
    );
    Problem::new(Code::TooLarge, detail).limit(EVIDENCE_CONTENT_BYTES_MAX)
}
