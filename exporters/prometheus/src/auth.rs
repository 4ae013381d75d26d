use std::fmt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::Error;

/// A name and a password that a scraper has to send, by HTTP's basic authentication.
///
/// Keeps a hash of both, so that nothing printed of it has the password; they are compared in a time that says nothing
/// of where they differ. Without TLS, whoever can read the traffic reads the password.
///
/// ```
/// let auth = cachescope_prometheus::BasicAuth::new("prometheus", "a password")?;
/// assert_eq!(format!("{auth:?}"), "BasicAuth");
/// # Ok::<(), cachescope_prometheus::Error>(())
/// ```
#[derive(Clone)]
pub struct BasicAuth {
    /// Of what follows `Basic ` in the header.
    expected: [u8; 32],
}

impl BasicAuth {
    /// This name and this password.
    ///
    /// # Errors
    ///
    /// [`Error::is_auth`] if either is empty, or the name has a colon, which HTTP couldn't tell from its end.
    pub fn new(username: &str, password: &str) -> Result<Self, Error> {
        if username.is_empty() || username.contains(':') {
            return Err(Error::auth("the user name for Prometheus has to be something without a colon"));
        }
        if password.is_empty() {
            return Err(Error::auth("the password for Prometheus is empty"));
        }
        Ok(Self { expected: hash(STANDARD.encode(format!("{username}:{password}")).as_bytes()) })
    }

    /// This name and the password in that file, without the line's end. Read once.
    ///
    /// # Errors
    ///
    /// As for [`BasicAuth::new`], and [`Error::is_file`] if the file can't be read.
    pub fn from_file(username: &str, password: impl AsRef<Path>) -> Result<Self, Error> {
        let path = password.as_ref();
        let text = std::fs::read_to_string(path).map_err(|cause| Error::file(path, cause))?;
        Self::new(username, text.trim_end_matches(['\r', '\n']))
    }

    /// Whether the header `Authorization` has them.
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

/// All hashes are of one length, whatever was sent.
fn hash(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_name_and_password_are_admitted() {
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
    fn what_can_not_be_sent_is_refused() {
        for (name, password) in [("", "a"), ("a:b", "c"), ("a", "")] {
            assert!(BasicAuth::new(name, password).unwrap_err().is_auth());
        }
    }

    #[test]
    fn a_file_may_end_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "open sesame\r\n").unwrap();
        let auth = BasicAuth::from_file("Aladdin", &file).unwrap();
        assert!(auth.admits(Some(b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")));
        let error = BasicAuth::from_file("Aladdin", folder.path().join("none")).unwrap_err();
        assert!(error.is_file() && error.to_string().contains("none"), "{error}");
    }
}
