use std::fmt;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::retry::RetryConfig;
use aws_sdk_cloudwatch::config::timeout::TimeoutConfig;
use aws_sdk_cloudwatch::config::{Builder, Credentials, SharedHttpClient, StalledStreamProtectionConfig};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

use cachescope_exporter::{ConfigError, Variables};

use super::failure::{Failure, FailureKind};

/// The region for a custom endpoint without a region: requests must be signed with some region.
const DEFAULT_REGION: &str = "us-east-1";

/// The settings of the AWS SDK's client: region, credentials and endpoint. The AWS SDK looks up missing ones.
#[derive(Clone, Default)]
pub(crate) struct ClientSettings {
    region: Option<String>,
    credentials: Option<Credentials>,
    endpoint: Option<String>,
    sdk_config: Option<SdkConfig>,
}

impl ClientSettings {
    /// Reads and checks the variables.
    pub(crate) fn read(variables: Variables<'_>) -> Result<Self, ConfigError> {
        let endpoint = match variables.first(["AWS_ENDPOINT_URL_CLOUDWATCH", "AWS_ENDPOINT_URL"]) {
            Some((name, url)) if !is_endpoint(&url) => {
                return Err(ConfigError::secret(name, "a URL of the form http://host:port or https://host:port"));
            }
            found => found.map(|(_, url)| url),
        };
        let key = variables.get("AWS_ACCESS_KEY_ID");
        let secret = variables.get("AWS_SECRET_ACCESS_KEY");
        let credentials = match (key, secret) {
            (Some(key), Some(secret)) => {
                let token = variables.get("AWS_SESSION_TOKEN");
                Some(Credentials::new(key, secret, token, None, "variables"))
            }
            (None, None) => None,
            (Some(_), None) => {
                return Err(ConfigError::missing("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"));
            }
            (None, Some(_)) => {
                return Err(ConfigError::missing("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"));
            }
        };
        let region = variables.first(["AWS_REGION", "AWS_DEFAULT_REGION"]).map(|(_, region)| region);
        Ok(Self { region, credentials, endpoint, sdk_config: None })
    }

    pub(crate) fn from_sdk_config(sdk_config: SdkConfig) -> Self {
        let endpoint = sdk_config.endpoint_url().map(str::to_owned);
        Self { endpoint, sdk_config: Some(sdk_config), ..Self::default() }
    }

    /// Returns the name of the destination for logs: scheme, host and port of the endpoint.
    pub(crate) fn name(&self) -> String {
        match &self.endpoint {
            Some(url) => {
                let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
                let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
                format!("{scheme}://{}", authority.rsplit('@').next().unwrap_or_default())
            }
            None => "CloudWatch".to_owned(),
        }
    }

    /// Creates a client without retries. May look up the region over the network. Credentials are looked up at the first
    /// request.
    pub(crate) async fn client(&self, connect: Duration) -> Result<Client, Failure> {
        let http = Http::new(has_roots());
        let config = match &self.sdk_config {
            Some(config) => config.clone(),
            None => self.load(http.client.clone()).await,
        };
        let is_plain = config.endpoint_url().is_some_and(|url| url.starts_with("http://"));
        if config.http_client().is_none() || self.sdk_config.is_none() {
            http.check(is_plain)?;
        }
        let region = match (config.region(), config.endpoint_url()) {
            (Some(region), _) => region.clone(),
            (None, Some(_)) => Region::from_static(DEFAULT_REGION),
            (None, None) => return Err(Failure::new(FailureKind::Unreachable, "no region is set: set AWS_REGION")),
        };
        let mut builder = Builder::from(&config)
            .region(region)
            // A retry of the SDK could store metrics twice, and couldn't be counted.
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().connect_timeout(connect).build())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        // The client panics without a behavior version, and an `SdkConfig` that was built by hand may have none.
        if config.behavior_version().is_none() {
            builder = builder.behavior_version(behavior_version());
        }
        if config.http_client().is_none() {
            builder = builder.http_client(http.client);
        }
        Ok(Client::from_conf(builder.build()))
    }

    async fn load(&self, http_client: SharedHttpClient) -> SdkConfig {
        let mut loader = aws_config::defaults(behavior_version()).http_client(http_client);
        if let Some(region) = &self.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(credentials) = &self.credentials {
            loader = loader.credentials_provider(credentials.clone());
        }
        if let Some(endpoint) = &self.endpoint {
            loader = loader.endpoint_url(endpoint);
            // With a region, the SDK looks up nothing over the network.
            if self.region.is_none() {
                loader = loader.region(Region::from_static(DEFAULT_REGION));
            }
        }
        loader.load().await
    }
}

impl fmt::Debug for ClientSettings {
    /// Shows the name of the destination only: a URL may contain a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientSettings").field(&self.name()).finish()
    }
}

/// Returns the version of the AWS SDK's defaults.
fn behavior_version() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// An HTTP client, and whether it has root certificates.
struct Http {
    client: SharedHttpClient,
    has_roots: bool,
}

impl Http {
    fn new(has_roots: bool) -> Self {
        let builder = aws_smithy_http_client::Builder::new();
        // A TLS client without root certificates panics at its first request in a debug build.
        let client = if has_roots {
            builder.tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
        } else {
            builder.build_http()
        };
        Self { client, has_roots }
    }

    /// Returns a failure for an `https://` endpoint without root certificates.
    fn check(&self, is_plain: bool) -> Result<(), Failure> {
        if self.has_roots || is_plain {
            return Ok(());
        }
        let cause = "no root certificates found: install the system's (ca-certificates), or set SSL_CERT_FILE";
        Err(Failure::new(FailureKind::Unreachable, cause))
    }
}

/// Returns whether the system has root certificates. Reads them, once for each exporter.
fn has_roots() -> bool {
    !rustls_native_certs::load_native_certs().certs.is_empty()
}

fn is_endpoint(url: &str) -> bool {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with(['/', ':', '?']) && !rest.contains(char::is_whitespace)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<ClientSettings, ConfigError> {
        let lookup = |asked: &str| set.iter().find(|(name, _)| *name == asked).map(|(_, value)| (*value).to_owned());
        ClientSettings::read(Variables::new(&lookup))
    }

    #[test]
    fn more_specific_variable_wins() {
        let settings = read(&[
            ("AWS_ENDPOINT_URL", "https://all.example"),
            ("AWS_ENDPOINT_URL_CLOUDWATCH", "http://user:pass@metrics.example:4566/path?key=1"),
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("AWS_REGION", "eu-central-1"),
        ])
        .unwrap();
        assert_eq!(settings.name(), "http://metrics.example:4566");
        assert_eq!(settings.region.as_deref(), Some("eu-central-1"));
        assert_eq!(read(&[]).unwrap().name(), "CloudWatch");
    }

    #[test]
    fn https_without_root_certificates_fails_with_advice() {
        let http = Http::new(false);
        assert_eq!(http.check(true), Ok(()));
        let failure = http.check(false).unwrap_err();
        assert!(failure.kind == FailureKind::Unreachable && failure.cause.contains("SSL_CERT_FILE"), "{failure:?}");
        assert_eq!(Http::new(true).check(false), Ok(()));
    }

    #[test]
    fn client_is_created_without_a_behavior_version() {
        let config = SdkConfig::builder().endpoint_url("http://127.0.0.1:1").build();
        let client = pollster::block_on(ClientSettings::from_sdk_config(config).client(Duration::from_secs(1)));
        assert!(client.is_ok(), "{client:?}");
    }

    #[test]
    fn secrets_are_not_shown() {
        let keys = [("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "hush-hush")];
        let settings = read(&keys).unwrap();
        assert!(settings.credentials.is_some());
        assert_eq!(format!("{settings:?}"), r#"ClientSettings("CloudWatch")"#);
        let settings = read(&[("AWS_ENDPOINT_URL", "http://user:pass@metrics.example:4566/path")]).unwrap();
        assert_eq!(format!("{settings:?}"), r#"ClientSettings("http://metrics.example:4566")"#);
        for half in keys {
            let error = read(&[half]).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(half.0) && !error.contains(half.1), "{error}");
        }
        for wrong in ["metrics.example", "ftp://metrics.example", "http://", "https:///path", "http://a b"] {
            let error = read(&[("AWS_ENDPOINT_URL", wrong)]).map(|_| ()).unwrap_err();
            assert!(error.to_string().contains("http://host:port"), "{error}");
        }
    }
}
