//! The sink's command line.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{CipherSuite, ServerConfig};

use crate::Outcome;

#[derive(Default)]
pub(super) struct Options {
    /// The delay before each response, including `100 Continue`: one round trip to a distant server.
    pub(super) latency: Duration,
    /// The maximum rate of each connection, in bytes per second.
    pub(super) rate: Option<u64>,
    /// The maximum rate of all connections together, in bytes per second. It can be changed later.
    pub(super) line: Option<u64>,
    pub(super) tls: Option<Arc<ServerConfig>>,
}

impl Options {
    pub(super) fn parse(arguments: &[String]) -> Outcome<Self> {
        let mut options = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} lacks its value"));
            match argument.as_str() {
                "--latency-ms" => options.latency = Duration::from_millis(value()?.parse()?),
                "--line" => options.line = Some(value()?.parse()?),
                "--rate" => options.rate = Some(value()?.parse()?),
                "--tls" => options.tls = Some(Arc::new(server(value()?, value()?)?)),
                _ => return Err(format!("the sink has no option {argument}").into()),
            }
        }
        Ok(options)
    }
}

/// Returns a server that chooses AES-128-GCM, as S3 and servers in Go do. Otherwise each client would get the cipher
/// that it prefers, and those do not cost the same.
fn server(certificate: &str, key: &str) -> Outcome<ServerConfig> {
    let mut provider = rustls::crypto::ring::default_provider();
    provider.cipher_suites.sort_by_key(|cipher| cipher.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    let provider = Arc::new(provider);
    let chain = vec![CertificateDer::from_pem_file(certificate)?];
    let key = PrivateKeyDer::from_pem_file(key)?;
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key)?;
    config.ignore_client_order = true;
    Ok(config)
}
