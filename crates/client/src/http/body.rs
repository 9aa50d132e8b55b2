//! Bodies, bounded, with gzip undone.

use std::io::Read as _;

use bytes::{Bytes, BytesMut};
use flate2::Compression;
use flate2::read::{GzEncoder, MultiGzDecoder};
use reqwest::Response;
use reqwest::header::CONTENT_ENCODING;

use super::HttpError;

/// Reads a body. Of one that is longer than `limit`, one byte more than that.
pub(super) async fn read(mut response: Response, limit: usize) -> Result<Bytes, HttpError> {
    let url = response.url().to_string();
    let coding = response.headers().get(CONTENT_ENCODING).map(|value| value.as_bytes().to_ascii_lowercase());
    let mut body = BytesMut::new();
    // What does not compress grows by less than a hundredth.
    let raw_limit = limit + limit / 64 + 1024;
    while let Some(chunk) =
        response.chunk().await.map_err(|cause| HttpError::Unreachable { url: url.clone(), cause })?
    {
        body.extend_from_slice(&chunk);
        if body.len() > raw_limit {
            break;
        }
    }
    match coding.as_deref() {
        None | Some(b"identity" | b"") => {
            body.truncate(limit + 1);
            Ok(body.freeze())
        }
        Some(b"gzip" | b"x-gzip") => gunzip(&body, limit).map_err(|_| HttpError::BadCoding { url }),
        Some(_) => Err(HttpError::BadCoding { url }),
    }
}

/// A body, packed.
pub(super) fn gzip(plain: &[u8]) -> Bytes {
    let mut packed = Vec::new();
    // Reading from memory does not fail.
    let _ = GzEncoder::new(plain, Compression::fast()).read_to_end(&mut packed);
    packed.into()
}

fn gunzip(body: &[u8], limit: usize) -> std::io::Result<Bytes> {
    let mut plain = Vec::new();
    MultiGzDecoder::new(body).take(limit as u64 + 1).read_to_end(&mut plain)?;
    Ok(plain.into())
}
