//! The route to CloudWatch: all counts, with the signature that CloudWatch's OTLP endpoint expects.

use std::collections::BTreeMap;

use cachescope_harness::eventually;
use cachescope_tests::receiver::Receiver;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::{metric::Data, number_data_point};

use super::PATIENCE;
use super::gateway::Gateway;
use super::instance::{Instance, Settings};

/// The sums of the last values of all series of `cachescope.requests`, by result.
fn requests(receiver: &Receiver) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut last = BTreeMap::new();
    for received in receiver.received() {
        let scopes = received.metrics()?.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
        for metric in scopes.flat_map(|scope| scope.metrics).filter(|metric| metric.name == "cachescope.requests") {
            let Some(Data::Sum(sum)) = metric.data else { anyhow::bail!("no sum") };
            for point in sum.data_points {
                let result = point.attributes.iter().find(|attribute| attribute.key == "cachescope.result");
                let result = result.and_then(|attribute| attribute.value.clone()).and_then(|value| value.value);
                let Some(Value::StringValue(result)) = result else { anyhow::bail!("no result") };
                let Some(number_data_point::Value::AsInt(value)) = point.value else { anyhow::bail!("no count") };
                last.insert(format!("{:?}", point.attributes), (result, u64::try_from(value)?));
            }
        }
    }
    let mut sums = BTreeMap::new();
    for (result, value) in last.into_values() {
        *sums.entry(result).or_default() += value;
    }
    sums.retain(|_, value| *value != 0);
    Ok(sums)
}

#[test]
fn requests_are_signed_for_monitoring_and_have_the_counts() -> anyhow::Result<()> {
    const SERVICE: &str = "fleet.cloudwatch";
    let receiver = Receiver::start()?;
    let settings = [
        ("CACHESCOPE_CLOUDWATCH", receiver.endpoint.as_str()),
        ("CACHESCOPE_CLOUDWATCH_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let gateway = Gateway::start(&["gateway-aggregate.yaml", "routes/cloudwatch.yaml"], &settings)?;
    let settings = Settings { service: SERVICE, instance: "one", temporality: "delta", more: &[] };
    let instance = Instance::start(gateway.server.url(), &settings)?;
    instance.works()?;
    instance.sends()?;
    let mut truth = BTreeMap::new();
    for (result, count) in cachescope_tests::results(&instance.cache.metrics().stats()) {
        truth.extend((count > 0).then(|| (result.as_str().to_owned(), count)));
    }
    eventually("CloudWatch", PATIENCE, || requests(&receiver), |found| *found == truth)?;
    for received in receiver.received() {
        assert_eq!(received.headers.get("content-encoding").map(String::as_str), Some("gzip"));
        assert_eq!(received.line, "POST /v1/metrics HTTP/1.1");
        let authorization = &received.headers["authorization"];
        let date = &received.headers["x-amz-date"];
        let scope =
            format!("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{}/eu-west-1/monitoring/aws4_request, ", &date[..8]);
        assert!(authorization.starts_with(&scope), "{authorization}");
        let signature = authorization.rsplit_once("Signature=").map_or("", |(_, signature)| signature);
        assert!(signature.len() == 64 && signature.bytes().all(|byte| byte.is_ascii_hexdigit()), "{authorization}");
        assert!(authorization.contains("host") && authorization.contains("x-amz-date"), "{authorization}");
    }
    Ok(())
}
