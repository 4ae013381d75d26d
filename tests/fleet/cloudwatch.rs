//! The route to CloudWatch: every count, signed as its address for OTLP asks.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use cachescope_stack::eventually;
use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::{metric::Data, number_data_point};
use prost::Message;

use crate::PATIENCE;
use crate::gateway::Gateway;
use crate::instance::{Instance, Settings};

/// A request as it came.
#[derive(Debug, Clone)]
struct Received {
    line: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Received {
    fn read(reader: &mut impl BufRead) -> anyhow::Result<Option<Self>> {
        let (mut line, mut headers) = (String::new(), BTreeMap::new());
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let Some((name, value)) = header.trim().split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let mut body = vec![0; headers.get("content-length").context("no length")?.parse()?];
        reader.read_exact(&mut body)?;
        Ok(Some(Self { line: line.trim().to_owned(), headers, body }))
    }

    fn metrics(&self) -> anyhow::Result<ExportMetricsServiceRequest> {
        anyhow::ensure!(self.headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip"));
        let mut plain = Vec::new();
        GzDecoder::new(&*self.body).read_to_end(&mut plain)?;
        Ok(ExportMetricsServiceRequest::decode(&*plain)?)
    }
}

type All = Arc<Mutex<Vec<Received>>>;

fn answer(stream: &TcpStream, all: &All) -> anyhow::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(received) = Received::read(&mut reader)? {
        all.lock().unwrap_or_else(PoisonError::into_inner).push(received);
        let mut stream = stream;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n")?;
    }
    Ok(())
}

/// Answers until the tests end.
fn receiver() -> anyhow::Result<(String, All)> {
    let (listener, all) = (TcpListener::bind("127.0.0.1:0")?, All::default());
    let (url, taken) = (format!("http://{}", listener.local_addr()?), all.clone());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let taken = taken.clone();
            std::thread::spawn(move || answer(&stream, &taken));
        }
    });
    Ok((url, all))
}

/// The last value of each series of `cachescope.requests`, added up by result.
fn requests(all: &All) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut last = BTreeMap::new();
    for received in &*all.lock().unwrap_or_else(PoisonError::into_inner) {
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
fn what_arrives_is_signed_for_monitoring_and_is_what_was_counted() -> anyhow::Result<()> {
    const SERVICE: &str = "fleet.cloudwatch";
    let (url, received) = receiver()?;
    let settings = [
        ("CACHESCOPE_CLOUDWATCH", url.as_str()),
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
    eventually("CloudWatch", PATIENCE, || requests(&received), |found| *found == truth)?;
    for received in &*received.lock().unwrap_or_else(PoisonError::into_inner) {
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
