//! The certificate authorities that a server's certificate may come from.

use std::path::Path;

use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

use crate::base::{Error, Problem, Result};

/// Where systems keep their bundle: the paths that Go looks at on Linux, in its order, then those of BSD and macOS.
const SYSTEM_BUNDLES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
];

/// The certificates of `bundle` alone; without one those of the system, and where it has none those of this program.
pub(super) fn load(bundle: Option<(&Path, &str)>) -> Result<RootCerts> {
    if let Some((path, origin)) = bundle {
        let wrong = |message: String| Error::Setup(Problem::new(message).hint("name a file of certificates in PEM"));
        let pem = std::fs::read(path).map_err(|error| Error::io("read", path, error))?;
        let certificates = certificates(&pem);
        if certificates.is_empty() {
            return Err(wrong(format!("{} ({origin}) has no certificate in it", path.display())));
        }
        return Ok(RootCerts::new_with_certs(&certificates));
    }
    let system = SYSTEM_BUNDLES.iter().find_map(|path| std::fs::read(path).ok());
    let certificates = system.map(|pem| certificates(&pem)).unwrap_or_default();
    Ok(if certificates.is_empty() { RootCerts::WebPki } else { RootCerts::new_with_certs(&certificates) })
}

/// Those that can be read: bundles have entries that are none.
fn certificates(pem: &[u8]) -> Vec<Certificate<'static>> {
    let items = parse_pem(pem).filter_map(std::result::Result::ok);
    let certificates = items.filter_map(|item| match item {
        PemItem::Certificate(certificate) => Some(certificate),
        _ => None,
    });
    certificates.collect()
}
