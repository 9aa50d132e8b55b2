//! Entries out of the bundles that a log publishes, whoever keeps these.

use bytes::Bytes;
use tlog::{
    Head, bundle,
    tile::{Bundle, WIDTH},
};

use crate::follow::Entries;

/// Where bundles are read. It may block.
pub trait Bundles {
    /// What went wrong.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Size and root of the newest checkpoint, whose signature was verified.
    ///
    /// # Errors
    /// It cannot be read, or it is not one to be believed.
    fn head(&self) -> Result<Head, Self::Error>;

    /// A bundle, as the log serves it; `None` where there is none.
    ///
    /// # Errors
    /// It cannot be read.
    fn bundle(&self, place: Bundle) -> Result<Option<Bytes>, Self::Error>;
}

/// The entries of these bundles.
pub struct FromBundles<B>(pub B);

/// Why entries cannot be read from bundles.
#[derive(Debug, thiserror::Error)]
pub enum BundlesError<E> {
    /// The log cannot be read.
    #[error("{0}")]
    Source(E),
    /// There is no bundle where one has to be.
    #[error("the bundle of entry {0} is not there, or is none")]
    Bundle(u64),
}

impl<B: Bundles> Entries for FromBundles<B> {
    type Error = BundlesError<B::Error>;

    fn head(&self) -> Result<Head, Self::Error> {
        self.0.head().map_err(BundlesError::Source)
    }

    fn entries(&self, from: u64, max: u64, size: u64) -> Result<Vec<Bytes>, Self::Error> {
        let (mut entries, until) = (vec![], (from + max).min(size));
        while from + (entries.len() as u64) < until {
            let next = from + entries.len() as u64;
            let wrong = || BundlesError::Bundle(next);
            let place = Bundle::at(next / WIDTH, size).ok_or_else(wrong)?;
            let bytes = self.0.bundle(place).map_err(BundlesError::Source)?.ok_or_else(wrong)?;
            let whole = bundle::decode_all(&bytes).map_err(|_| wrong())?;
            let before = entries.len();
            entries.extend(whole.into_iter().skip((next % WIDTH) as usize).take((until - next) as usize));
            if entries.len() == before {
                return Err(wrong());
            }
        }
        Ok(entries)
    }
}
