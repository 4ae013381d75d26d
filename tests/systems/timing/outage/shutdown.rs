//! A short program ends in time on every runtime, and logs a faulty collector once.

use std::time::Duration;

use super::behaviour::Behaviour;
use super::receiver::Collector;
use super::service::{RUNTIMES, Service};

/// The time within which a program must end without a collector.
const LIMIT: Duration = Duration::from_secs(5);

fn prove(behaviour: Behaviour, protocol: &str) -> anyhow::Result<()> {
    let collector = Collector::start(protocol, behaviour)?;
    for runtime in RUNTIMES {
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint.as_str()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            // Several exports fail during the run, so that repeated warnings would show.
            ("OTEL_METRIC_EXPORT_INTERVAL", "20"),
        ];
        let service = Service::start(&[runtime, "short"], &variables)?;
        assert_eq!(service.line()?, "12350 80");
        let ended = service.end()?;
        println!("{behaviour:?}, {protocol}, {runtime}: ended in {:?}; {:?}", ended.took, ended.complaints);
        assert!(ended.took < LIMIT, "{behaviour:?}, {protocol}, {runtime}: {:?}", ended.took);
        assert_eq!(ended.complaints.len(), usize::from(behaviour.fails()), "{:?}", ended.complaints);
        for complaint in &ended.complaints {
            assert!(complaint.contains(&collector.endpoint), "no address in {complaint}");
        }
    }
    Ok(())
}

#[test]
fn program_ends_in_time_without_a_collector() -> anyhow::Result<()> {
    prove(Behaviour::Absent, "http/protobuf")?;
    prove(Behaviour::Absent, "http/json")?;
    prove(Behaviour::Absent, "grpc")
}

#[test]
fn program_ends_in_time_with_a_hanging_collector() -> anyhow::Result<()> {
    prove(Behaviour::Hanging, "http/protobuf")?;
    prove(Behaviour::Hanging, "grpc")
}

#[test]
fn program_ends_in_time_with_a_refusing_collector() -> anyhow::Result<()> {
    for behaviour in [Behaviour::Refusing, Behaviour::Busy, Behaviour::Exhausted] {
        prove(behaviour, "http/protobuf")?;
        prove(behaviour, "grpc")?;
    }
    Ok(())
}

#[test]
fn program_logs_nothing_with_a_slow_or_healthy_collector() -> anyhow::Result<()> {
    for behaviour in [Behaviour::SLOW, Behaviour::Healthy] {
        prove(behaviour, "http/protobuf")?;
        prove(behaviour, "grpc")?;
    }
    Ok(())
}
