//! A short program ends in time on every runtime, and says once what is wrong.

use std::time::Duration;

use crate::manner::Manner;
use crate::receiver::Collector;
use crate::service::{RUNTIMES, Service};

/// What a user may be made to wait for the end of a program whose collector is away.
const LIMIT: Duration = Duration::from_secs(5);

fn prove(manner: Manner, protocol: &str) -> anyhow::Result<()> {
    let collector = Collector::start(protocol, manner)?;
    for runtime in RUNTIMES {
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint.as_str()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            // Several exports fail within the run, so that a warning a failure would show.
            ("OTEL_METRIC_EXPORT_INTERVAL", "20"),
        ];
        let service = Service::start(&[runtime, "short"], &variables)?;
        assert_eq!(service.line()?, "12350 80");
        let ended = service.end()?;
        println!("{manner:?}, {protocol}, {runtime}: ended in {:?}; {:?}", ended.took, ended.complaints);
        assert!(ended.took < LIMIT, "{manner:?}, {protocol}, {runtime}: {:?}", ended.took);
        assert_eq!(ended.complaints.len(), usize::from(manner.fails()), "{:?}", ended.complaints);
        for complaint in &ended.complaints {
            assert!(complaint.contains(&collector.endpoint), "it doesn't say where: {complaint}");
        }
    }
    Ok(())
}

#[test]
fn nobody_listens() -> anyhow::Result<()> {
    prove(Manner::Absent, "http/protobuf")?;
    prove(Manner::Absent, "http/json")?;
    prove(Manner::Absent, "grpc")
}

#[test]
fn a_collector_that_accepts_and_never_answers() -> anyhow::Result<()> {
    prove(Manner::Hanging, "http/protobuf")?;
    prove(Manner::Hanging, "grpc")
}

#[test]
fn a_collector_that_refuses() -> anyhow::Result<()> {
    for manner in [Manner::Refusing, Manner::Busy, Manner::Exhausted] {
        prove(manner, "http/protobuf")?;
        prove(manner, "grpc")?;
    }
    Ok(())
}

#[test]
fn a_collector_that_is_slow_or_well_gives_nothing_to_complain_of() -> anyhow::Result<()> {
    for manner in [Manner::SLOW, Manner::Healthy] {
        prove(manner, "http/protobuf")?;
        prove(manner, "grpc")?;
    }
    Ok(())
}
