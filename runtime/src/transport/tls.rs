//! TLS: whom to trust and who we are. Made on first need, once per process unless a client has options of its own.
//!
//! TLS 1.2 and 1.3, by rustls; cryptography by ring, or by AWS-LC with the features `rustls-aws-lc` and `fips`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::dial::NotSetUp;
use super::wire::Wire;
use crate::apart::apart;
use crate::error::BoxError;

/// What a client may change about TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TlsOptions {
    /// A PEM file of certificates to trust beside the system's.
    pub(super) ca_bundle: Option<PathBuf>,
    /// PEM files of the client's own certificate chain and its key.
    pub(super) identity: Option<(PathBuf, PathBuf)>,
    pub(super) accept_invalid: bool,
}

/// Makes TLS connections. Clones share one configuration.
#[derive(Clone)]
pub(super) struct Tls {
    options: Arc<TlsOptions>,
    config: Arc<OnceCell<Arc<ClientConfig>>>,
}

/// What all clients without options of their own share: reading the system's roots takes tens of milliseconds, most of a
/// cold start.
static PLAIN: LazyLock<Tls> = LazyLock::new(|| Tls::own(TlsOptions::default()));

impl Tls {
    /// Loads nothing yet.
    pub(super) fn new(options: &TlsOptions) -> Self {
        if *options == TlsOptions::default() { PLAIN.clone() } else { Self::own(options.clone()) }
    }

    fn own(options: TlsOptions) -> Self {
        Self { options: Arc::new(options), config: Arc::default() }
    }

    /// The handshake.
    pub(super) async fn connect(&self, host: &str, wire: Wire) -> Result<TlsStream<Wire>, BoxError> {
        let config = self.config().await?;
        let name = ServerName::try_from(host.trim_start_matches('[').trim_end_matches(']').to_owned())?;
        Ok(TlsConnector::from(config).connect(name, wire).await?)
    }

    async fn config(&self) -> Result<Arc<ClientConfig>, BoxError> {
        let load = || async {
            let options = Arc::clone(&self.options);
            apart(move || load(&options).map(Arc::new).map_err(BoxError::from)).await?
        };
        self.config.get_or_try_init(load).await.cloned()
    }
}

/// The strictest of the providers compiled in.
fn provider() -> CryptoProvider {
    #[cfg(feature = "fips")]
    return rustls::crypto::default_fips_provider();
    #[cfg(all(feature = "rustls-aws-lc", not(feature = "fips")))]
    return rustls::crypto::aws_lc_rs::default_provider();
    #[cfg(not(feature = "rustls-aws-lc"))]
    return rustls::crypto::ring::default_provider();
}

fn load(options: &TlsOptions) -> Result<ClientConfig, NotSetUp> {
    let provider = Arc::new(provider());
    let wrong = |error: rustls::Error| NotSetUp::new(format!("TLS cannot be set up: {error}"), None);
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(wrong)?;
    let builder = if options.accept_invalid {
        tracing::warn!(
            target: "integration_s3",
            "certificates of servers are NOT verified (danger_accept_invalid_certificates): anybody on the way can read and change everything"
        );
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
    } else {
        builder.with_root_certificates(roots(options)?)
    };
    match &options.identity {
        None => Ok(builder.with_no_client_auth()),
        Some((chain, key)) => {
            let certificates = certificates(chain, "client certificate")?;
            let bytes = zeroize::Zeroizing::new(read(key, "client key")?);
            let key_der = PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| {
                NotSetUp::new(
                    format!("the client key {} holds no private key in PEM form", key.display()),
                    Some(PEM_KEY),
                )
            })?;
            builder.with_client_auth_cert(certificates, key_der).map_err(|error| {
                NotSetUp::new(
                    format!(
                        "the client certificate {} cannot be used with the key {}: {error}",
                        chain.display(),
                        key.display()
                    ),
                    Some("check that the key belongs to the certificate"),
                )
            })
        }
    }
}

const PEM_KEY: &str = "give the path of an unencrypted PEM file (-----BEGIN PRIVATE KEY-----)";
const BUNDLE: &str =
    "AWS_CA_BUNDLE, or ca_bundle in the profile or in code, must name a PEM file (-----BEGIN CERTIFICATE-----)";

/// The system's roots and the bundle's.
fn roots(options: &TlsOptions) -> Result<Arc<RootCertStore>, NotSetUp> {
    let system = system_roots();
    let Some(bundle) = &options.ca_bundle else {
        if system.is_empty() {
            return Err(NotSetUp::new(
                "the system's root certificates cannot be loaded: there are none".to_owned(),
                Some("install the system's ca-certificates, or name a bundle in AWS_CA_BUNDLE"),
            ));
        }
        return Ok(system);
    };
    let mut all = (*system).clone();
    for certificate in certificates(bundle, "certificate bundle").map_err(|e| e.advise(BUNDLE))? {
        all.add(certificate).map_err(|error| {
            NotSetUp::new(
                format!("the certificate bundle {} holds a certificate that cannot be used: {error}", bundle.display()),
                Some(BUNDLE),
            )
        })?;
    }
    Ok(Arc::new(all))
}

fn system_roots() -> Arc<RootCertStore> {
    static SYSTEM: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let load = || {
        let mut roots = RootCertStore::empty();
        // Systems carry certificates nobody can parse; the others still count.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    };
    Arc::clone(SYSTEM.get_or_init(load))
}

fn certificates(path: &Path, what: &str) -> Result<Vec<CertificateDer<'static>>, NotSetUp> {
    let bytes = read(path, what)?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| NotSetUp::new(format!("the {what} {} is no PEM file: {error}", path.display()), None))?;
    if found.is_empty() {
        return Err(NotSetUp::new(format!("the {what} {} holds no certificate in PEM form", path.display()), None));
    }
    Ok(found)
}

fn read(path: &Path, what: &str) -> Result<Vec<u8>, NotSetUp> {
    std::fs::read(path)
        .map_err(|error| NotSetUp::new(format!("the {what} {} cannot be read: {error}", path.display()), None))
}

/// Trusts everybody; still insists that the handshake was signed with the key of the certificate shown.
struct AnyCertificate(Arc<CryptoProvider>);

impl fmt::Debug for AnyCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyCertificate")
    }
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
