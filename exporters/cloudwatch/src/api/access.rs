use std::fmt;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::retry::RetryConfig;
use aws_sdk_cloudwatch::config::timeout::TimeoutConfig;
use aws_sdk_cloudwatch::config::{Builder, Credentials, SharedHttpClient, StalledStreamProtectionConfig};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

use super::failure::{Failure, Kind};
use crate::Error;
use crate::settings::{Lookup, set};

/// What the region is where an endpoint of one's own is named, and none else: it has to be signed with some.
const REGION_OF_AN_ENDPOINT: &str = "us-east-1";

/// Where CloudWatch is, and as whom to speak to it. What isn't here is the AWS SDK's to find.
#[derive(Clone, Default)]
pub(crate) struct Access {
    region: Option<String>,
    credentials: Option<Credentials>,
    endpoint: Option<String>,
    sdk_config: Option<SdkConfig>,
}

impl Access {
    pub(crate) fn read(lookup: Lookup<'_>) -> Result<Self, Error> {
        let first = |names: [&str; 2]| names.into_iter().find_map(|name| Some((name.to_owned(), set(lookup, name)?)));
        let endpoint = match first(["AWS_ENDPOINT_URL_CLOUDWATCH", "AWS_ENDPOINT_URL"]) {
            Some((name, url)) if !is_endpoint(&url) => {
                return Err(Error::secret(&name, "a URL of the form http://host:port or https://host:port"));
            }
            found => found.map(|(_, url)| url),
        };
        let key = set(lookup, "AWS_ACCESS_KEY_ID");
        let secret = set(lookup, "AWS_SECRET_ACCESS_KEY");
        let credentials = match (key, secret) {
            (Some(key), Some(secret)) => {
                let token = set(lookup, "AWS_SESSION_TOKEN");
                Some(Credentials::new(key, secret, token, None, "variables"))
            }
            (None, None) => None,
            (Some(_), None) => {
                return Err(Error::secret("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY to be set as well"));
            }
            (None, Some(_)) => {
                return Err(Error::secret("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID to be set as well"));
            }
        };
        let region = first(["AWS_REGION", "AWS_DEFAULT_REGION"]).map(|(_, region)| region);
        Ok(Self { region, credentials, endpoint, sdk_config: None })
    }

    pub(crate) fn of(sdk_config: SdkConfig) -> Self {
        let endpoint = sdk_config.endpoint_url().map(str::to_owned);
        Self { endpoint, sdk_config: Some(sdk_config), ..Self::default() }
    }

    /// For logs: scheme, host and port alone.
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

    /// A client, which tries everything once. May ask the network for a region; for credentials it asks at the first
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
            (None, Some(_)) => Region::from_static(REGION_OF_AN_ENDPOINT),
            (None, None) => return Err(Failure::new(Kind::Unreachable, "no region is known: set AWS_REGION")),
        };
        let mut builder = Builder::from(&config)
            .region(region)
            // A retry of the SDK's would count what was stored twice, and couldn't be told.
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().connect_timeout(connect).build())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        // Without one the client panics. An `SdkConfig` that was built by hand may have none.
        if config.behavior_version().is_none() {
            builder = builder.behavior_version(behaviour());
        }
        if config.http_client().is_none() {
            builder = builder.http_client(http.client);
        }
        Ok(Client::from_conf(builder.build()))
    }

    async fn load(&self, http_client: SharedHttpClient) -> SdkConfig {
        let mut loader = aws_config::defaults(behaviour()).http_client(http_client);
        if let Some(region) = &self.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(credentials) = &self.credentials {
            loader = loader.credentials_provider(credentials.clone());
        }
        if let Some(endpoint) = &self.endpoint {
            loader = loader.endpoint_url(endpoint);
            // With all three nothing is left to find, least of all over the network.
            if self.region.is_none() {
                loader = loader.region(Region::from_static(REGION_OF_AN_ENDPOINT));
            }
        }
        loader.load().await
    }
}

impl fmt::Debug for Access {
    /// Where it is alone: a URL may hold a password, and credentials are nobody's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Access").field(&self.name()).finish()
    }
}

/// How the AWS SDK behaves where nobody says otherwise.
fn behaviour() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// An HTTP client, and whether it has whom to trust.
struct Http {
    client: SharedHttpClient,
    has_roots: bool,
}

impl Http {
    fn new(has_roots: bool) -> Self {
        let builder = aws_smithy_http_client::Builder::new();
        // Built for TLS without a root certificate, it panics at its first request in a debug build.
        let client = if has_roots {
            builder.tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
        } else {
            builder.build_http()
        };
        Self { client, has_roots }
    }

    fn check(&self, is_plain: bool) -> Result<(), Failure> {
        if self.has_roots || is_plain {
            return Ok(());
        }
        let cause = "no root certificates are found: install the system's (ca-certificates), or set SSL_CERT_FILE";
        Err(Failure::new(Kind::Unreachable, cause))
    }
}

/// Whether this system trusts anybody. Reads its root certificates, once for each exporter.
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

    fn read(set: &[(&str, &str)]) -> Result<Access, Error> {
        Access::read(&|asked| set.iter().find(|(name, _)| *name == asked).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_more_specific_variable_wins() {
        let access = read(&[
            ("AWS_ENDPOINT_URL", "https://all.example"),
            ("AWS_ENDPOINT_URL_CLOUDWATCH", "http://user:pass@metrics.example:4566/path?key=1"),
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("AWS_REGION", "eu-central-1"),
        ])
        .unwrap();
        assert_eq!(access.name(), "http://metrics.example:4566");
        assert_eq!(access.region.as_deref(), Some("eu-central-1"));
        assert_eq!(read(&[]).unwrap().name(), "CloudWatch");
    }

    #[test]
    fn without_root_certificates_plain_http_works_and_the_rest_says_what_to_do() {
        let http = Http::new(false);
        assert_eq!(http.check(true), Ok(()));
        let failure = http.check(false).unwrap_err();
        assert!(failure.kind == Kind::Unreachable && failure.cause.contains("SSL_CERT_FILE"), "{failure:?}");
        assert_eq!(Http::new(true).check(false), Ok(()));
    }

    #[test]
    fn an_sdk_config_without_a_behavior_version_makes_a_client() {
        let config = SdkConfig::builder().endpoint_url("http://127.0.0.1:1").build();
        let client = pollster::block_on(Access::of(config).client(Duration::from_secs(1)));
        assert!(client.is_ok(), "{client:?}");
    }

    #[test]
    fn what_is_secret_is_not_shown() {
        let keys = [("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "hush-hush")];
        let access = read(&keys).unwrap();
        assert!(access.credentials.is_some());
        assert_eq!(format!("{access:?}"), r#"Access("CloudWatch")"#);
        let access = read(&[("AWS_ENDPOINT_URL", "http://user:pass@metrics.example:4566/path")]).unwrap();
        assert_eq!(format!("{access:?}"), r#"Access("http://metrics.example:4566")"#);
        for half in keys {
            let error = read(&[half]).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(half.0) && !error.contains(half.1), "{error}");
        }
        for wrong in ["metrics.example", "ftp://metrics.example", "http://", "https:///path", "http://a b"] {
            let error = read(&[("AWS_ENDPOINT_URL", wrong)]).map(|_| ()).unwrap_err();
            assert!(error.is_variable() && error.to_string().contains("http://host:port"), "{error}");
        }
    }
}
