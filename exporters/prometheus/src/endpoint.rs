use std::net::SocketAddr;

#[cfg(feature = "tls")]
use crate::Tls;
use crate::{BasicAuth, DEFAULT_ADDR, Error, address_from_lookup};

const USERNAME: &str = "CACHESCOPE_PROMETHEUS_USERNAME";
const PASSWORD: &str = "CACHESCOPE_PROMETHEUS_PASSWORD";
const PASSWORD_FILE: &str = "CACHESCOPE_PROMETHEUS_PASSWORD_FILE";
const CERTIFICATE: &str = "CACHESCOPE_PROMETHEUS_CERTIFICATE";
const KEY: &str = "CACHESCOPE_PROMETHEUS_KEY";

/// Where metrics are served, and to whom: an address alone, or with a password, or with TLS, or both.
///
/// ```
/// use cachescope_prometheus::{BasicAuth, Endpoint};
///
/// let endpoint = Endpoint::new(([0, 0, 0, 0], 9464).into()).basic_auth(BasicAuth::new("prometheus", "a password")?);
/// # let _ = endpoint;
/// # Ok::<(), cachescope_prometheus::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is served before it is given to `Metrics::serve`"]
pub struct Endpoint {
    pub(crate) addr: SocketAddr,
    pub(crate) auth: Option<BasicAuth>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Tls>,
}

impl Default for Endpoint {
    /// At [`DEFAULT_ADDR`], for every program of this machine.
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
    /// At this address, for everyone who reaches it.
    pub fn new(addr: SocketAddr) -> Self {
        Self {
            addr,
            auth: None,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Only for who sends this name and password.
    pub fn basic_auth(mut self, auth: BasicAuth) -> Self {
        self.auth = Some(auth);
        self
    }

    /// Over TLS.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// As the process's environment has it; see [`Endpoint::from_lookup`].
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
        Self::from_lookup(&|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// The address by [`address_from_lookup`], and beside it, all unset by default:
    ///
    /// | variable | |
    /// |---|---|
    /// | `CACHESCOPE_PROMETHEUS_USERNAME` | the name a scraper has to send |
    /// | `CACHESCOPE_PROMETHEUS_PASSWORD` or `CACHESCOPE_PROMETHEUS_PASSWORD_FILE` | its password, or a file with it |
    /// | `CACHESCOPE_PROMETHEUS_CERTIFICATE` and `CACHESCOPE_PROMETHEUS_KEY` | files in PEM, for TLS (feature `tls`) |
    ///
    /// Reads the files that are named.
    ///
    /// # Errors
    ///
    /// As for [`address_from_lookup`], [`BasicAuth::new`] and `Tls::from_files`, and [`Error::is_variable`] if one of
    /// those that belong together is set without the other. No error has the password.
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
            (Some(name), None, None) => {
                return Err(Error::variable(
                    USERNAME,
                    &name,
                    "it with CACHESCOPE_PROMETHEUS_PASSWORD or CACHESCOPE_PROMETHEUS_PASSWORD_FILE",
                ));
            }
            (Some(_), Some(_), Some(_)) => {
                return Err(Error::variable(PASSWORD_FILE, "set", "it without CACHESCOPE_PROMETHEUS_PASSWORD"));
            }
            (None, _, _) => {
                return Err(Error::variable(
                    USERNAME,
                    "",
                    "a name for the password in CACHESCOPE_PROMETHEUS_PASSWORD or CACHESCOPE_PROMETHEUS_PASSWORD_FILE",
                ));
            }
        };
        match (set(CERTIFICATE), set(KEY)) {
            (None, None) => Ok(endpoint),
            (Some(_), Some(key)) if key.contains("-----BEGIN") => {
                Err(Error::variable(KEY, "the key itself", "the path of a file that holds it"))
            }
            (Some(certificate), Some(key)) => endpoint.over_tls(certificate.trim(), key.trim()),
            (Some(value), None) => Err(Error::variable(CERTIFICATE, &value, "it with CACHESCOPE_PROMETHEUS_KEY")),
            // Not shown: some put the key itself there.
            (None, Some(_)) => Err(Error::variable(KEY, "set", "it with CACHESCOPE_PROMETHEUS_CERTIFICATE")),
        }
    }

    #[cfg(feature = "tls")]
    fn over_tls(self, certificate: &str, key: &str) -> Result<Self, Error> {
        Ok(self.tls(Tls::from_files(certificate, key)?))
    }

    #[cfg(not(feature = "tls"))]
    fn over_tls(self, certificate: &str, _: &str) -> Result<Self, Error> {
        Err(Error::variable(CERTIFICATE, certificate, "nothing unless cachescope-prometheus has the feature `tls`"))
    }

    /// Whether a password would go over a network for everyone to read.
    pub(crate) fn sends_password_in_clear(&self) -> bool {
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
    fn without_variables_it_is_open_to_this_machine() {
        let endpoint = read(&[(USERNAME, ""), (PASSWORD, " "), (KEY, "")]).unwrap();
        assert!(endpoint.auth.is_none() && endpoint.addr == DEFAULT_ADDR);
    }

    #[test]
    fn a_password_is_in_a_variable_or_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "open sesame\n").unwrap();
        for password in [(PASSWORD, "open sesame"), (PASSWORD_FILE, file.to_str().unwrap())] {
            let auth = read(&[(USERNAME, "Aladdin"), password]).unwrap().auth.unwrap();
            assert!(auth.admits(Some(b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")), "{password:?}");
        }
    }

    #[test]
    fn what_lacks_its_other_half_is_an_error_without_the_password() {
        for (variables, named) in [
            (vec![(USERNAME, "a")], PASSWORD),
            (vec![(PASSWORD, "secret")], USERNAME),
            (vec![(USERNAME, "a"), (PASSWORD, "secret"), (PASSWORD_FILE, "b")], PASSWORD_FILE),
            (vec![(CERTIFICATE, "a")], KEY),
            (vec![(KEY, "a")], CERTIFICATE),
        ] {
            let error = read(&variables).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(error.is_variable() && text.contains(named) && !text.contains("secret"), "{text}");
        }
    }

    #[test]
    fn files_that_are_not_there_are_named() {
        let error = read(&[(USERNAME, "a"), (PASSWORD_FILE, "no/such/file")]).unwrap_err();
        assert!(error.is_file() && error.to_string().contains("no/such/file"), "{error}");
        let error = read(&[(CERTIFICATE, "no/such/file"), (KEY, "b")]).unwrap_err();
        assert!(error.to_string().contains("no/such/file"), "{error}");
    }

    #[test]
    fn a_password_over_the_network_needs_tls() {
        let auth = || BasicAuth::new("a", "b").unwrap();
        let anywhere = Endpoint::new(([0, 0, 0, 0], 0).into());
        assert!(!anywhere.clone().sends_password_in_clear());
        assert!(anywhere.basic_auth(auth()).sends_password_in_clear());
        assert!(!Endpoint::default().basic_auth(auth()).sends_password_in_clear());
    }
}
