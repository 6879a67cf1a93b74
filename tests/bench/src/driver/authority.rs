//! A certificate authority for one run of the bench.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::Outcome;

/// The files that servers and clients need.
pub(crate) struct Authority {
    pub(crate) ca: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    /// Creates an authority and a certificate for loopback. Each server has its own, in its own directory.
    pub(crate) fn make(directory: &Path) -> Outcome<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "s3-build-cache bench");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])?;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &issuer)?;
        fs::create_dir_all(directory)?;
        let written = |name: &str, pem: String| -> Outcome<PathBuf> {
            let path = directory.join(name);
            fs::write(&path, pem)?;
            Ok(path)
        };
        Ok(Self {
            ca: written("ca.pem", issuer.pem())?,
            certificate: written("server.pem", certificate.pem())?,
            key: written("server.key", key.serialize_pem())?,
        })
    }
}
