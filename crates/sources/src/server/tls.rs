//! TLS over a connection, as strict as the URL demands.

use std::io;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use taploom_model::Result;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore,
    SignatureScheme,
};

use super::failure::{Failure, Reported};
use super::stream::Transport;
use crate::error::invalid;

/// An error of any of several libraries.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What is verified of the server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verified {
    /// Nothing.
    Nothing,
    /// A trusted authority signed it, for any host.
    Authority,
    /// A trusted authority signed it for this host.
    Host,
}

/// How to set up TLS to a server that reports errors of type `E`.
pub(crate) struct TlsOptions<'a, E> {
    host: &'a str,
    verified: Verified,
    /// A PEM file with the trusted authorities, instead of the system's.
    authorities: Option<&'a Path>,
    /// The names of the options in the URL that set `verified` and `authorities`.
    keys: [&'static str; 2],
    server: PhantomData<E>,
}

impl<'a, E: Reported> TlsOptions<'a, E> {
    pub(crate) fn new(
        host: &'a str,
        verified: Verified,
        authorities: Option<&'a Path>,
        keys: [&'static str; 2],
    ) -> Self {
        Self { host, verified, authorities, keys, server: PhantomData }
    }
}

/// Starts TLS over the stream `plain`.
pub(crate) async fn over<E: Reported>(
    plain: Box<dyn Transport>,
    options: TlsOptions<'_, E>,
) -> Result<Box<dyn Transport>, Failure<E>> {
    let config = config(&options)?;
    let host = ServerName::try_from(options.host.to_owned())
        .map_err(|error| invalid("TLS needs the name of the host".to_owned()).with_source(error))?;
    match TlsConnector::from(Arc::new(config)).connect(host, plain).await {
        Ok(stream) => Ok(Box::new(stream)),
        // The certificate was refused. Another attempt would not help.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            let [mode, authorities] = options.keys;
            let message =
                format!("TLS to the {} server failed; check {mode} and {authorities}", E::SERVER);
            Err(invalid(message).with_source(error).into())
        }
        Err(error) => Err(error.into()),
    }
}

fn config<E>(options: &TlsOptions<'_, E>) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let failed = |cause: Cause| invalid("TLS can't be set up".to_owned()).with_source(cause);
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.into()))?;
    let names_matter = match options.verified {
        Verified::Host => true,
        Verified::Authority => false,
        Verified::Nothing => {
            let any = Arc::new(AnyCertificate(provider));
            let builder = builder.dangerous().with_custom_certificate_verifier(any);
            return Ok(builder.with_no_client_auth());
        }
    };
    let trusted = Arc::new(trusted(options)?);
    let builder = if names_matter {
        builder.with_root_certificates(trusted)
    } else {
        let trusted = WebPkiServerVerifier::builder_with_provider(trusted, provider).build();
        let any_host = Arc::new(AnyHost(trusted.map_err(|error| failed(error.into()))?));
        builder.dangerous().with_custom_certificate_verifier(any_host)
    };
    Ok(builder.with_no_client_auth())
}

/// The certificate authorities in the given file, or else those that the system trusts.
fn trusted<E>(options: &TlsOptions<'_, E>) -> Result<RootCertStore> {
    let mut trusted = RootCertStore::empty();
    let [_, key] = options.keys;
    let Some(path) = options.authorities else {
        let found = rustls_native_certs::load_native_certs();
        trusted.add_parsable_certificates(found.certs);
        if trusted.is_empty() {
            let message = format!("the system trusts no authority; give {key}=FILE in the URL");
            return Err(invalid(message));
        }
        return Ok(trusted);
    };
    let wrong = |cause: Cause| {
        let message = format!("{key}={} is not a PEM file with certificates", path.display());
        invalid(message).with_source(cause)
    };
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.into()))? {
        let certificate = certificate.map_err(|error| wrong(error.into()))?;
        trusted.add(certificate).map_err(|error| wrong(error.into()))?;
    }
    if trusted.is_empty() {
        return Err(wrong("the file has no certificates".into()));
    }
    Ok(trusted)
}

/// Accepts every certificate: the connection is encrypted, but the server is not authenticated.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.0.signature_verification_algorithms;
        tokio_rustls::rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signed,
            algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.0.signature_verification_algorithms;
        tokio_rustls::rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signed,
            algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Accepts certificates for any host name. Everything else is verified.
#[derive(Debug)]
struct AnyHost(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyHost {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        match self.0.verify_server_cert(certificate, between, host, ocsp, now) {
            // The verifier checks the name last, so everything else was right.
            Err(TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
