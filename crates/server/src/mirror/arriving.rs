//! The body of a request that pushes entries, as it arrives: bounded in bytes and in time, unpacked if it is gzip, and read
//! package by package, however long it is.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use axum::{body::Body, http::HeaderMap, http::header};
use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use tlog::mirror::{ReadError, Reader, Step};
use tokio::{
    sync::SemaphorePermit,
    time::{Instant, timeout_at},
};

use crate::{
    body::{self, Room},
    limits::UPLOAD_TAIL_BYTES_MAX,
    problem::{Code, Problem},
};

/// Bytes that are unpacked at a time: they become a few megabytes at most.
const PACKED_PIECE: usize = 4 << 10;
/// Bytes that are looked at at a time if they are not packed.
const PIECE: usize = 256 << 10;

/// How the body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// As it is.
    Identity,
    /// gzip.
    Gzip,
}

impl Coding {
    /// What a request says; `None` for another coding, or several.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
        let (value, more) = (values.next(), values.next());
        let value = value.map_or("identity", |value| value.to_str().unwrap_or_default().trim());
        match value.to_ascii_lowercase().as_str() {
            _ if more.is_some() => None,
            "identity" => Some(Self::Identity),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            _ => None,
        }
    }
}

/// What a body is bounded by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Bytes, unpacked.
    pub(super) bytes: usize,
    /// Time for the next piece of it.
    pub(super) idle: Duration,
    /// Time for all of it.
    pub(super) whole: Duration,
}

/// A body that arrives.
pub(super) struct Arriving<'a> {
    body: Body,
    reader: Reader,
    unpack: Option<MultiGzDecoder<Vec<u8>>>,
    /// Has arrived and was not looked at yet.
    waiting: Bytes,
    /// Bytes that may still come, unpacked.
    left: usize,
    bounds: Bounds,
    room: &'a Room,
    held: Option<SemaphorePermit<'a>>,
    until: Instant,
}

/// What has arrived.
pub(super) enum Arrived {
    /// The next part of the request.
    Step(Step),
    /// No more of it is read, with what to answer if nothing was taken and it is not the end of the body.
    Over(Option<Box<Problem>>),
}

impl<'a> Arriving<'a> {
    pub(super) fn new(coding: Coding, body: Body, room: &'a Room, bounds: Bounds) -> Self {
        Self {
            body,
            reader: Reader::new(),
            unpack: (coding == Coding::Gzip).then(|| MultiGzDecoder::new(vec![])),
            waiting: Bytes::new(),
            left: bounds.bytes,
            bounds,
            room,
            held: None,
            until: Instant::now() + bounds.whole,
        }
    }

    /// Waits for the next part of the request.
    pub(super) async fn next(&mut self) -> Result<Arrived, ReadError> {
        loop {
            match self.reader.step()? {
                Step::More => match self.more().await {
                    Ok(true) => {}
                    Ok(false) => return Ok(Arrived::Over(None)),
                    Err(problem) => return Ok(Arrived::Over(Some(problem))),
                },
                step => return Ok(Arrived::Step(step)),
            }
        }
    }

    /// Takes in a little more; `false` at the end of the body.
    async fn more(&mut self) -> Result<bool, Box<Problem>> {
        if self.waiting.is_empty() {
            match self.frame().await? {
                Some(bytes) => self.waiting = bytes,
                None => return Ok(false),
            }
        }
        let piece = if self.unpack.is_some() { PACKED_PIECE } else { PIECE };
        let piece = self.waiting.split_to(piece.min(self.waiting.len()));
        let unpacked = self
            .unpack(piece)
            .map_err(|error| Problem::new(Code::BadRequest, format!("The body is not gzip: {error}.")))?;
        self.left = self.left.checked_sub(unpacked.len()).ok_or_else(|| too_large(self.bounds.bytes))?;
        self.reader.push(&unpacked);
        self.room.hold(&mut self.held, self.reader.buffered())?;
        Ok(true)
    }

    async fn frame(&mut self) -> Result<Option<Bytes>, Box<Problem>> {
        let until = self.until.min(Instant::now() + self.bounds.idle);
        let late = |_| Problem::new(Code::BodyTimeout, "The rest of the body did not arrive in time.");
        timeout_at(until, body::next(&mut self.body)).await.map_err(late)?
    }

    fn unpack(&mut self, piece: Bytes) -> io::Result<Bytes> {
        let Some(unpack) = &mut self.unpack else { return Ok(piece) };
        unpack.write_all(&piece)?;
        // Or it would keep the last of it until more comes.
        unpack.flush()?;
        Ok(std::mem::take(unpack.get_mut()).into())
    }

    /// Reads a little of what comes behind the last package, such as the end of a packed body: whoever still sends would not
    /// hear the answer. What it is does not matter.
    pub(super) async fn tail(&mut self) {
        let mut left = UPLOAD_TAIL_BYTES_MAX;
        while let Ok(Some(bytes)) = self.frame().await {
            match left.checked_sub(bytes.len()) {
                Some(less) => left = less,
                None => return,
            }
        }
    }
}

fn too_large(limit: usize) -> Box<Problem> {
    let detail = format!("No more than {limit} bytes of a request are read; go on with another one.");
    Problem::new(Code::TooLarge, detail).limit(limit)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use flate2::{Compression, write::GzEncoder};
    use futures::{FutureExt as _, StreamExt as _, stream};
    use tlog::mirror::Upload;

    use super::*;
    use crate::limits::BODIES_BYTES_MAX;

    const BOUNDS: Bounds =
        Bounds { bytes: 1 << 20, idle: Duration::from_secs(10), whole: Duration::from_secs(10) };

    /// How many packages of a body are read, the most bytes that waited for one to be whole, and the problem at the end.
    async fn read(coding: Coding, body: Vec<u8>) -> (usize, usize, Option<u16>) {
        read_in(&Room::default(), coding, body).await
    }

    async fn read_in(room: &Room, coding: Coding, body: Vec<u8>) -> (usize, usize, Option<u16>) {
        let mut arriving = Arriving::new(coding, Body::from(body), room, BOUNDS);
        let (mut packages, mut most) = (0, 0);
        loop {
            most = most.max(arriving.reader.buffered());
            match arriving.next().await.unwrap() {
                Arrived::Step(Step::Package(_)) => packages += 1,
                Arrived::Step(Step::Done) => return (packages, most, None),
                Arrived::Step(_) => {}
                Arrived::Over(problem) => {
                    return (packages, most, problem.map(|problem| problem.status().as_u16()));
                }
            }
        }
    }

    /// A request with so many bundles of entries without a byte.
    fn body(bundles: u64) -> Vec<u8> {
        let upload = Upload::new("log.test".parse().unwrap(), 0, bundles * 256, Bytes::new()).unwrap();
        [&upload.encode()[..], &vec![0; bundles as usize * 513]].concat()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(vec![], Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[tokio::test]
    async fn what_comes_out_of_a_body_is_bounded() {
        assert_eq!(read(Coding::Identity, body(9)).await.0, 9);
        let (packages, _, problem) = read(Coding::Identity, body(4_000)).await;
        assert_eq!(problem, Some(413));
        assert!((1_500..2_044).contains(&packages), "as far as it may be read: {packages}");
        let bomb = gzip(&body(40_000));
        assert!(bomb.len() < 40_000);
        let (packages, most, problem) = read(Coding::Gzip, bomb).await;
        assert_eq!(problem, Some(413));
        assert!(packages < 2_044 && most <= 1 << 20, "{packages} packages, {most} bytes");
        assert_eq!(read(Coding::Gzip, gzip(&body(9))).await.0, 9);
    }

    #[tokio::test]
    async fn a_body_that_is_cut_off_ends_there() {
        let whole = body(9);
        let cut = whole[..whole.len() - 1].to_vec();
        assert_eq!(read(Coding::Identity, cut.clone()).await.0, 8);
        let packed = gzip(&cut);
        assert_eq!(read(Coding::Gzip, packed[..packed.len() - 8].to_vec()).await.0, 8);
        assert_eq!(read(Coding::Gzip, whole).await.2, Some(400), "it is not packed");
        assert_eq!(read(Coding::Gzip, vec![]).await, (0, 0, None));
    }

    /// What waits to be a whole package takes room, as large bodies do.
    #[tokio::test]
    async fn a_large_package_is_refused_where_there_is_no_room_for_it() {
        let (room, mut others) = (Room::default(), None);
        room.hold(&mut others, BODIES_BYTES_MAX - 1024).unwrap();
        let upload = Upload::new("log.test".parse().unwrap(), 0, 256, Bytes::new()).unwrap();
        let entry = [&1_000_u16.to_be_bytes()[..], &[7; 1_000]].concat();
        let large = [&upload.encode()[..], &entry.repeat(256), &[0]].concat();
        assert_eq!(read_in(&room, Coding::Identity, large.clone()).await.2, Some(503));
        assert_eq!(read_in(&room, Coding::Identity, body(9)).await.0, 9, "small ones go on");
        drop(others);
        assert_eq!(read_in(&room, Coding::Identity, large).await.0, 1);
    }

    /// Whether the answer waits for no more of a body that has come to its last package and so many pieces more, and does not end.
    async fn is_answered(pieces: usize) -> bool {
        let piece = Bytes::from(vec![0; UPLOAD_TAIL_BYTES_MAX / 4]);
        let all = std::iter::once(Bytes::from(body(1))).chain(std::iter::repeat_n(piece, pieces));
        let sent = stream::iter(all.map(Ok::<_, Infallible>)).chain(stream::pending());
        let room = Room::default();
        let mut arriving = Arriving::new(Coding::Identity, Body::from_stream(sent), &room, BOUNDS);
        while !matches!(arriving.next().await.unwrap(), Arrived::Step(Step::Done)) {}
        arriving.tail().now_or_never().is_some()
    }

    #[tokio::test]
    async fn of_what_comes_behind_the_last_package_only_so_much_is_read() {
        assert!(!is_answered(4).await, "the sender may hear the answer if it is awaited");
        assert!(is_answered(5).await);
    }

    #[test]
    fn codings_that_are_taken() {
        let of = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::CONTENT_ENCODING, header::HeaderValue::from_static(value));
            }
            Coding::of(&headers)
        };
        for (values, coding) in [
            (&[][..], Some(Coding::Identity)),
            (&["identity"], Some(Coding::Identity)),
            (&["GZIP"], Some(Coding::Gzip)),
            (&["x-gzip"], Some(Coding::Gzip)),
            (&["deflate"], None),
            (&["gzip, gzip"], None),
            (&["gzip", "gzip"], None),
            (&["gzip", "identity"], None),
        ] {
            assert_eq!(of(values), coding, "{values:?}");
        }
    }
}
