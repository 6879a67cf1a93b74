//! The certificate authorities that are trusted.
//!
//! Not `rustls-native-certs`: it reads the process's environment instead of the injected one, blocks on a FIFO, has no
//! size limit, and reads every file of the certificate directories besides the bundle.

use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::base::{Error, Result};
use crate::files::read_named_file;

/// The paths of the system's bundle: those that Go tries on Linux, in its order, then those of BSD and macOS.
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

/// The maximum size of a bundle. Mozilla's list is about a quarter of a MiB.
const MAX_BUNDLE_BYTES: u64 = 16 * 1024 * 1024;

const PEM_HINT: &str = "name a file of certificates in PEM";

/// Loads only the certificates in `bundle`, a file and the setting that names it. Without a bundle, loads both the
/// system's and the built-in Mozilla certificates: an old image has the company's CA, but may lack the newest AWS ones.
pub(in crate::http) fn load(bundle: Option<(&Path, &str)>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if let Some((path, origin)) = bundle {
        let pem = read_named_file(path, MAX_BUNDLE_BYTES).map_err(|error| unreadable(path, origin, error))?;
        if add(&mut roots, &pem) == 0 {
            let message = format!("{} ({origin}) contains no certificate", path.display());
            return Err(Error::setup(message).with_hint(PEM_HINT));
        }
        return Ok(roots);
    }
    if let Some(pem) = system_bundle() {
        add(&mut roots, &pem);
    }
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    Ok(roots)
}

/// Returns the first bundle that can be read. Paths that are not files and files that are too large are skipped.
fn system_bundle() -> Option<Vec<u8>> {
    SYSTEM_BUNDLES.iter().find_map(|path| read_named_file(Path::new(path), MAX_BUNDLE_BYTES).ok())
}

fn unreadable(path: &Path, origin: &str, error: std::io::Error) -> Error {
    Error::setup(format!("cannot read {} ({origin})", path.display())).with_hint(PEM_HINT).with_source(error)
}

/// Adds the valid certificates and returns their number. Bundles may have invalid entries.
fn add(roots: &mut RootCertStore, pem: &[u8]) -> usize {
    let (added, _) = roots.add_parsable_certificates(CertificateDer::pem_slice_iter(pem).filter_map(|item| item.ok()));
    added
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_and_mozilla_certificates_are_both_trusted() {
        let mut system = RootCertStore::empty();
        if let Some(pem) = system_bundle() {
            add(&mut system, &pem);
        }
        let trusted = load(None).unwrap().roots;
        assert_eq!(trusted.len(), system.len() + webpki_roots::TLS_SERVER_ROOTS.len());
        assert!(system.roots.iter().chain(webpki_roots::TLS_SERVER_ROOTS).all(|root| trusted.contains(root)));
    }

    #[test]
    fn a_bundle_of_invalid_certificates_is_an_error_that_names_the_setting() {
        let bundle = tempfile::NamedTempFile::new().unwrap();
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        std::fs::write(bundle.path(), garbage).unwrap();
        let error = load(Some((bundle.path(), "SSL_CERT_FILE"))).unwrap_err().to_string();
        assert!(error.contains("SSL_CERT_FILE"), "{error}");
    }

    #[test]
    fn an_unreadable_bundle_is_an_error_that_names_the_setting_and_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        crate::files::make_fifo(&fifo);
        let huge = dir.path().join("huge");
        std::fs::File::create(&huge).unwrap().set_len(MAX_BUNDLE_BYTES + 1).unwrap();
        for (path, why) in [
            (fifo.as_path(), "it is a FIFO, not a regular file"),
            (Path::new("/dev/zero"), "it is larger than the limit of 16777216 bytes"),
            (dir.path(), "it is a directory, not a regular file"),
            (huge.as_path(), "it is larger than the limit of 16777216 bytes"),
        ] {
            let error = load(Some((path, "AWS_CA_BUNDLE"))).unwrap_err();
            let told = format!("cannot read {} (AWS_CA_BUNDLE): {why}", path.display());
            assert_eq!(error.chain(), told);
            assert_eq!(error.hint(), Some("name a file of certificates in PEM"));
        }
    }
}
