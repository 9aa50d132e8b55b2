//! A socket that waits for its peer, but not for ever.
//!
//! Two things hyper leaves to whoever hands it a socket. A peer that asks and never takes the answer would hold its
//! connection for good: after [`Timeouts::stall`] without a byte taken it is cut off. And a peer that is refused while
//! it still sends would lose the answer: closing a socket with unread bytes in it resets the connection. So what such
//! a peer still sends is read and dropped, for at most [`Timeouts::linger`].

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use crate::limits::Timeouts;

/// Whether the last request of a connection was refused, and so perhaps not read to its end.
pub(crate) type Refused = Arc<AtomicBool>;

/// A socket with limits on how long it waits.
pub(crate) struct Patient<S> {
    stream: S,
    timeouts: Timeouts,
    refused: Refused,
    /// Runs while the peer takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Runs once the last answer is sent.
    lingering: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Patient<S> {
    pub(crate) fn new(stream: S, timeouts: Timeouts, refused: Refused) -> Self {
        Self { stream, timeouts, refused, stalled: None, lingering: None }
    }

    /// Ends a wait for the peer that has lasted too long.
    fn within_stall<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stall = self.timeouts.stall;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(stall)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Drops what the peer still sends, until it is done or the time is over.
    fn linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let linger = self.timeouts.linger;
        let lingering = self.lingering.get_or_insert_with(|| Box::pin(sleep(linger)));
        loop {
            if lingering.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            let mut dropped = [0; 4096];
            let mut dropped = ReadBuf::new(&mut dropped);
            let read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut dropped));
            if read.is_err() || dropped.filled().is_empty() {
                return Poll::Ready(());
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.within_stall(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.within_stall(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Over TCP there is nothing to flush; TLS may hold the end of an answer that the peer does not take.
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.within_stall(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            let shut = Pin::new(&mut self.stream).poll_shutdown(context);
            ready!(self.within_stall(context, shut))?;
        }
        if self.refused.load(Relaxed) {
            ready!(self.linger(context));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncWriteExt as _;

    use super::*;

    /// A stream like TLS with a peer that takes nothing: it has room for what is written, and is never done with it.
    struct Full;

    impl AsyncRead for Full {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Full {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    #[tokio::test]
    async fn the_end_of_an_answer_that_nobody_takes_is_not_waited_for_for_ever() {
        let timeouts = Timeouts { stall: Duration::from_millis(20), ..Timeouts::default() };
        let patient = || Patient::new(Full, timeouts, Refused::default());
        let (mut flushed, mut shut) = (patient(), patient());
        flushed.write_all(b"an answer").await.unwrap();
        let within = Duration::from_secs(30);
        let ends = [
            tokio::time::timeout(within, flushed.flush()).await,
            tokio::time::timeout(within, shut.shutdown()).await,
        ];
        for end in ends {
            assert_eq!(end.expect("it waits for ever").unwrap_err().kind(), io::ErrorKind::TimedOut);
        }
    }
}
