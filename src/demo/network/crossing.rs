//! The way to a log that somebody else controls: who takes it is led where that somebody likes.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::cli::Failure;

/// An address that leads to another.
pub(super) struct Crossing {
    pub(super) url: String,
    to: watch::Sender<SocketAddr>,
    led: AbortHandle,
}

impl Crossing {
    pub(super) async fn to(target: SocketAddr) -> Result<Self, Failure> {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await;
        let listener =
            listener.map_err(|error| Failure::could_not_tell(format!("cannot listen: {error}")))?;
        let url = format!("http://{}", listener.local_addr().map_err(Failure::could_not_tell)?);
        let (to, target) = watch::channel(target);
        let led = tokio::spawn(lead(listener, target)).abort_handle();
        Ok(Self { url, to, led })
    }

    /// From now on it leads there. Who was under way is cut off, and comes again.
    pub(super) fn turn(&self, target: SocketAddr) {
        self.to.send_replace(target);
    }
}

impl Drop for Crossing {
    fn drop(&mut self) {
        self.led.abort();
    }
}

async fn lead(listener: TcpListener, target: watch::Receiver<SocketAddr>) {
    loop {
        let Ok((mut here, _)) = listener.accept().await else { continue };
        let mut target = target.clone();
        let address = *target.borrow_and_update();
        tokio::spawn(async move {
            let Ok(mut there) = TcpStream::connect(address).await else { return };
            tokio::select! {
                _ = copy_bidirectional(&mut here, &mut there) => {}
                _ = target.changed() => {}
            }
        });
    }
}
