//! TLS, as rustls has it: 1.2 and 1.3, a certificate and its key from PEM files, HTTP/1.1 and nothing else on top.

use std::{sync::Arc, time::Duration};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// What the server proves itself with. Cheap to clone.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

/// Why a certificate or a key cannot be used. Whoever wrote the files is at fault.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// There is none.
    #[error("the certificate file holds no certificate in PEM (-----BEGIN CERTIFICATE-----)")]
    NoCertificate,
    /// PEM that is broken.
    #[error("the certificate file is broken: {0}")]
    BadCertificate(pem::Error),
    /// There is none.
    #[error(
        "the key file holds no private key in PEM that can be used without a password (-----BEGIN PRIVATE KEY-----)"
    )]
    NoKey,
    /// PEM that is broken.
    #[error("the key file is broken")]
    BadKey,
    /// The two do not go together, or are of a kind that is not supported.
    #[error("the certificate and the key cannot be used together: {0}")]
    Pair(rustls::Error),
}

impl Tls {
    /// Reads a chain of certificates, the server's own first, and its private key (PEM, RFC 7468).
    ///
    /// # Errors
    /// They cannot be read, or do not belong together.
    pub fn new(certificates: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificates)
            .collect::<Result<_, _>>()
            .map_err(TlsError::BadCertificate)?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate);
        }
        // What is in a key file stays out of the words about it.
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
            pem::Error::NoItemsFound => TlsError::NoKey,
            _ => TlsError::BadKey,
        })?;
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().map_err(TlsError::Pair)?;
        let mut config =
            builder.with_no_client_auth().with_single_cert(chain, key).map_err(TlsError::Pair)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Shakes hands within a time; `None` if the peer did not.
    pub(crate) async fn accept(&self, stream: TcpStream, within: Duration) -> Option<TlsStream<TcpStream>> {
        match tokio::time::timeout(within, self.0.accept(stream)).await {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a TLS handshake failed");
                None
            }
            Err(_) => {
                tracing::debug!(?within, "a TLS handshake took too long");
                None
            }
        }
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}
