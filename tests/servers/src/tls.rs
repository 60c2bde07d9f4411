//! Certificates that live as long as a server.

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::Result;

/// The PEM files of a server whose certificate is for `localhost` and 127.0.0.1.
pub(crate) struct Certificates {
    /// The certificate of the authority that signed the server's: `ca.pem`.
    pub(crate) authority: String,
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Certificates {
    /// Makes the files in a folder.
    pub(crate) fn make(folder: &Path) -> Result<Self> {
        let write = |name: &str, pem: String| {
            let file = folder.join(name);
            fs::write(&file, pem).map_err(|error| format!("can't write {name}: {error}"))?;
            Ok::<_, String>(file.display().to_string())
        };
        let (authority, certificate, key) =
            make().map_err(|error| format!("no certificate: {error}"))?;
        Ok(Self {
            authority: write("ca.pem", authority)?,
            certificate: write("server.pem", certificate)?,
            key: write("server.key", key)?,
        })
    }
}

fn make() -> std::result::Result<(String, String, String), rcgen::Error> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names)?.signed_by(&key, &authority)?;
    Ok((authority.pem(), certificate.pem(), key.serialize_pem()))
}
