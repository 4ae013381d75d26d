//! TLS through rustls.

use rustls::crypto::{CryptoProvider, ring};

/// Sees to it that rustls knows what to encrypt with: what the process has chosen, else ring. rustls does so by itself
/// only where a single choice is compiled in.
pub(crate) fn provide() {
    if CryptoProvider::get_default().is_none() {
        // Another thread may have been first, which is as good.
        ring::default_provider().install_default().ok();
    }
}
