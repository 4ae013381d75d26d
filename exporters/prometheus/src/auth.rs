//! HTTP basic authentication of scrapers.

use std::fmt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::Error;

/// The user name and the password that scrapers must send, by HTTP basic authentication.
///
/// Only a hash of both is kept, so debug output can't contain the password. Hashes are compared in constant time.
/// Without TLS, anyone who can read the traffic can read the password.
///
/// ```
/// let auth = cachescope_prometheus::BasicAuth::new("prometheus", "a password")?;
/// assert_eq!(format!("{auth:?}"), "BasicAuth");
/// # Ok::<(), cachescope_prometheus::Error>(())
/// ```
#[derive(Clone)]
pub struct BasicAuth {
    /// The hash of the token after `Basic ` in the header.
    expected: [u8; 32],
}

impl BasicAuth {
    /// Creates credentials from a user name and a password.
    ///
    /// # Errors
    ///
    /// [`Error::is_auth`] if either is empty, or if the name contains a colon: in HTTP, a colon ends the name.
    pub fn new(username: &str, password: &str) -> Result<Self, Error> {
        if username.is_empty() || username.contains(':') {
            return Err(Error::auth("the user name for Prometheus must be non-empty and without a colon"));
        }
        if password.is_empty() {
            return Err(Error::auth("the password for Prometheus must not be empty"));
        }
        Ok(Self { expected: hash(STANDARD.encode(format!("{username}:{password}")).as_bytes()) })
    }

    /// Creates credentials from a user name and a file with the password. The file is read once; a line break at its
    /// end is removed.
    ///
    /// # Errors
    ///
    /// As for [`BasicAuth::new`], and [`Error::is_file`] if the file can't be read.
    pub fn from_file(username: &str, password: impl AsRef<Path>) -> Result<Self, Error> {
        let path = password.as_ref();
        let text = std::fs::read_to_string(path).map_err(|cause| Error::file(path, cause))?;
        Self::new(username, text.trim_end_matches(['\r', '\n']))
    }

    /// Returns whether the header `Authorization` has these credentials.
    pub(crate) fn admits(&self, authorization: Option<&[u8]>) -> bool {
        let sent = authorization.and_then(|value| {
            let (scheme, token) = value.split_at_checked("basic ".len())?;
            scheme.eq_ignore_ascii_case(b"basic ").then(|| hash(token.trim_ascii()))
        });
        sent.is_some_and(|sent| bool::from(sent.ct_eq(&self.expected)))
    }
}

impl fmt::Debug for BasicAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BasicAuth")
    }
}

/// Hashes a token: the hash has a fixed length, whatever was sent.
fn hash(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auth_admits_only_the_right_name_and_password() {
        let auth = BasicAuth::new("Aladdin", "open sesame").unwrap();
        let token = "QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
        for admitted in [format!("Basic {token}"), format!("bAsIc   {token} ")] {
            assert!(auth.admits(Some(admitted.as_bytes())), "{admitted}");
        }
        for refused in ["", "Basic", "Basic ", "Basic QWxhZGRpbjpvcGVu", "Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==", token] {
            assert!(!auth.admits(Some(refused.as_bytes())), "{refused}");
        }
        assert!(!auth.admits(None));
    }

    #[test]
    fn empty_parts_and_names_with_a_colon_are_rejected() {
        for (name, password) in [("", "a"), ("a:b", "c"), ("a", "")] {
            assert!(BasicAuth::new(name, password).unwrap_err().is_auth());
        }
    }

    #[test]
    fn password_file_may_end_with_a_line_break() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "open sesame\r\n").unwrap();
        let auth = BasicAuth::from_file("Aladdin", &file).unwrap();
        assert!(auth.admits(Some(b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")));
        let error = BasicAuth::from_file("Aladdin", folder.path().join("none")).unwrap_err();
        assert!(error.is_file() && error.to_string().contains("none"), "{error}");
    }
}
