//! The configuration of the server.

use std::net::SocketAddr;

use cachescope_exporter::{ConfigError, process_variable};

#[cfg(feature = "tls")]
use crate::Tls;
use crate::{BasicAuth, DEFAULT_ADDR, Error, address_from_lookup};

const USERNAME: &str = "CACHESCOPE_PROMETHEUS_USERNAME";
const PASSWORD: &str = "CACHESCOPE_PROMETHEUS_PASSWORD";
const PASSWORD_FILE: &str = "CACHESCOPE_PROMETHEUS_PASSWORD_FILE";
const CERTIFICATE: &str = "CACHESCOPE_PROMETHEUS_CERTIFICATE";
const KEY: &str = "CACHESCOPE_PROMETHEUS_KEY";

/// Configures the server: its address, and optionally a password and TLS.
///
/// ```
/// use cachescope_prometheus::{BasicAuth, Endpoint};
///
/// let endpoint = Endpoint::new(([0, 0, 0, 0], 9464).into()).basic_auth(BasicAuth::new("prometheus", "a password")?);
/// # let _ = endpoint;
/// # Ok::<(), cachescope_prometheus::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "an endpoint does nothing until it is passed to `Metrics::serve`"]
pub struct Endpoint {
    pub(crate) addr: SocketAddr,
    pub(crate) auth: Option<BasicAuth>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Tls>,
}

impl Default for Endpoint {
    /// Creates an endpoint at [`DEFAULT_ADDR`], open to every program of this machine.
    fn default() -> Self {
        Self::new(DEFAULT_ADDR)
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(addr: SocketAddr) -> Self {
        Self::new(addr)
    }
}

impl Endpoint {
    /// Creates an endpoint at this address, open to everyone who can reach the address.
    pub fn new(addr: SocketAddr) -> Self {
        Self {
            addr,
            auth: None,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Requires this user name and password.
    pub fn basic_auth(mut self, auth: BasicAuth) -> Self {
        self.auth = Some(auth);
        self
    }

    /// Serves over TLS.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Creates an endpoint from the process's environment; see [`Endpoint::from_lookup`].
    ///
    /// # Errors
    ///
    /// As for [`Endpoint::from_lookup`].
    ///
    /// ```
    /// let endpoint = cachescope_prometheus::Endpoint::from_env()?;
    /// # let _ = endpoint;
    /// # Ok::<(), cachescope_prometheus::Error>(())
    /// ```
    pub fn from_env() -> Result<Self, Error> {
        Self::from_lookup(&process_variable)
    }

    /// Creates an endpoint from variables that are read through `lookup`: those of [`address_from_lookup`], and these,
    /// which have no defaults:
    ///
    /// | variable | value |
    /// |---|---|
    /// | `CACHESCOPE_PROMETHEUS_USERNAME` | the user name that scrapers must send |
    /// | `CACHESCOPE_PROMETHEUS_PASSWORD` or `CACHESCOPE_PROMETHEUS_PASSWORD_FILE` | the password, or a file that contains it |
    /// | `CACHESCOPE_PROMETHEUS_CERTIFICATE` and `CACHESCOPE_PROMETHEUS_KEY` | PEM files, for TLS (feature `tls`) |
    ///
    /// The files are read once.
    ///
    /// # Errors
    ///
    /// As for [`address_from_lookup`], [`BasicAuth::new`] and `Tls::from_files`. [`Error::is_config`] if only one of
    /// two variables that belong together is set. No error contains the password.
    ///
    /// ```
    /// let half = |name: &str| (name == "CACHESCOPE_PROMETHEUS_USERNAME").then(|| "prometheus".to_owned());
    /// let error = cachescope_prometheus::Endpoint::from_lookup(&half).unwrap_err();
    /// assert!(error.to_string().contains("CACHESCOPE_PROMETHEUS_PASSWORD"));
    /// ```
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let set = |name| lookup(name).filter(|value| !value.trim().is_empty());
        let mut endpoint = Self::new(address_from_lookup(lookup)?);
        endpoint.auth = match (set(USERNAME), set(PASSWORD), set(PASSWORD_FILE)) {
            (None, None, None) => None,
            (Some(name), Some(password), None) => Some(BasicAuth::new(name.trim(), &password)?),
            (Some(name), None, Some(file)) => Some(BasicAuth::from_file(name.trim(), file.trim())?),
            (Some(_), None, None) => {
                return Err(ConfigError::missing(format!("{PASSWORD} or {PASSWORD_FILE}"), USERNAME).into());
            }
            (Some(_), Some(_), Some(file)) => {
                return Err(ConfigError::new(PASSWORD_FILE, format!("unset when {PASSWORD} is set"), file).into());
            }
            (None, _, _) => {
                return Err(ConfigError::missing(USERNAME, format!("{PASSWORD} or {PASSWORD_FILE}")).into());
            }
        };
        match (set(CERTIFICATE), set(KEY)) {
            (None, None) => Ok(endpoint),
            (Some(_), Some(key)) if key.contains("-----BEGIN") => {
                Err(ConfigError::secret(KEY, "the path of a file that contains the key").into())
            }
            (Some(certificate), Some(key)) => endpoint.over_tls(certificate.trim(), key.trim()),
            (Some(_), None) => Err(ConfigError::missing(KEY, CERTIFICATE).into()),
            (None, Some(_)) => Err(ConfigError::missing(CERTIFICATE, KEY).into()),
        }
    }

    #[cfg(feature = "tls")]
    fn over_tls(self, certificate: &str, key: &str) -> Result<Self, Error> {
        Ok(self.tls(Tls::from_files(certificate, key)?))
    }

    #[cfg(not(feature = "tls"))]
    fn over_tls(self, certificate: &str, _: &str) -> Result<Self, Error> {
        let rule = "unset in a build without the cargo feature `tls` of cachescope-prometheus";
        Err(ConfigError::new(CERTIFICATE, rule, certificate).into())
    }

    /// Returns whether the password would cross a network unencrypted.
    pub(crate) fn sends_password_unencrypted(&self) -> bool {
        #[cfg(feature = "tls")]
        let has_tls = self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        let has_tls = false;
        self.auth.is_some() && !has_tls && !self.addr.ip().is_loopback()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Endpoint, Error> {
        Endpoint::from_lookup(&|name| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn endpoint_without_variables_is_open_to_this_machine() {
        let endpoint = read(&[(USERNAME, ""), (PASSWORD, " "), (KEY, "")]).unwrap();
        assert!(endpoint.auth.is_none() && endpoint.addr == DEFAULT_ADDR);
    }

    #[test]
    fn password_comes_from_a_variable_or_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "open sesame\n").unwrap();
        for password in [(PASSWORD, "open sesame"), (PASSWORD_FILE, file.to_str().unwrap())] {
            let auth = read(&[(USERNAME, "Aladdin"), password]).unwrap().auth.unwrap();
            assert!(auth.admits(Some(b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")), "{password:?}");
        }
    }

    #[test]
    fn missing_counterpart_is_an_error_that_omits_the_password() {
        for (variables, named) in [
            (vec![(USERNAME, "a")], PASSWORD),
            (vec![(PASSWORD, "secret")], USERNAME),
            (vec![(USERNAME, "a"), (PASSWORD, "secret"), (PASSWORD_FILE, "b")], PASSWORD_FILE),
            (vec![(CERTIFICATE, "a")], KEY),
            (vec![(KEY, "a")], CERTIFICATE),
        ] {
            let error = read(&variables).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(error.is_config() && text.contains(named) && !text.contains("secret"), "{text}");
        }
    }

    #[test]
    fn missing_file_error_names_the_file() {
        let error = read(&[(USERNAME, "a"), (PASSWORD_FILE, "no/such/file")]).unwrap_err();
        assert!(error.is_file() && error.to_string().contains("no/such/file"), "{error}");
        let error = read(&[(CERTIFICATE, "no/such/file"), (KEY, "b")]).unwrap_err();
        assert!(error.to_string().contains("no/such/file"), "{error}");
    }

    #[test]
    fn password_is_unencrypted_without_tls_except_on_loopback() {
        let auth = || BasicAuth::new("a", "b").unwrap();
        let anywhere = Endpoint::new(([0, 0, 0, 0], 0).into());
        assert!(!anywhere.clone().sends_password_unencrypted());
        assert!(anywhere.basic_auth(auth()).sends_password_unencrypted());
        assert!(!Endpoint::default().basic_auth(auth()).sends_password_unencrypted());
    }
}
