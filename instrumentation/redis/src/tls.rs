//! TLS through rustls.

use rustls::crypto::{CryptoProvider, ring};

/// Installs ring as the cryptography provider of rustls, unless the process has installed one. rustls chooses a
/// provider automatically only if exactly one is compiled in.
pub(crate) fn provide() {
    if CryptoProvider::get_default().is_none() {
        // Another thread may have installed a provider in the meantime, which is fine.
        ring::default_provider().install_default().ok();
    }
}
