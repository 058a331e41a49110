//! The one crypto provider of this process.

/// Installs the crypto provider that every TLS connection uses; further calls do nothing.
///
/// Without one, merely building an HTTP client panics. `main` calls it first; [`super::build`]
/// calls it too, so that an embedding program need not know.
pub fn install_tls() {
    // An error says that some provider is installed already, which is what is wanted.
    drop(rustls::crypto::ring::default_provider().install_default());
}
