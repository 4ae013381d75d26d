//! Jaeger all-in-one: where traces go, and what answers for them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use crate::http;
use crate::part::Part;
use crate::poll;
use crate::ports::Ports;
use crate::recipe::Recipe;
use crate::stack::Stack;
use crate::trace::Trace;

const NAME: &str = "jaeger";

const RECIPE: Recipe = Recipe {
    name: NAME,
    files: &[
        ("go.mod", include_str!("../parts/jaeger/go.mod")),
        ("go.sum", include_str!("../parts/jaeger/go.sum")),
        ("tools.go", include_str!("../parts/jaeger/tools.go")),
    ],
    steps: &[&["go", "build", "-o", "bin/jaeger", "github.com/jaegertracing/jaeger/cmd/all-in-one"]],
    binary: "bin/jaeger",
};

/// The ports with the flags that set them; left alone, each would listen on every address.
const FLAGS: &[(&str, &str)] = &[
    ("admin", "--admin.http.host-port"),
    ("api", "--query.http-server.host-port"),
    ("api_grpc", "--query.grpc-server.host-port"),
    ("jaeger_grpc", "--collector.grpc-server.host-port"),
    ("jaeger_http", "--collector.http-server.host-port"),
    ("otlp_grpc", "--collector.otlp.grpc.host-port"),
    ("otlp_http", "--collector.otlp.http.host-port"),
    ("sampling", "--http-server.host-port"),
];

/// The old agent's UDP ports. They cannot be switched off and nobody sends to them: any free port will do.
const UDP_FLAGS: &[&str] = &[
    "--processor.jaeger-binary.server-host-port",
    "--processor.jaeger-compact.server-host-port",
    "--processor.zipkin-compact.server-host-port",
];

#[derive(Debug)]
pub(crate) struct JaegerPart;

impl Part for JaegerPart {
    fn name(&self) -> &'static str {
        NAME
    }

    fn ports(&self) -> &'static [&'static str] {
        &["admin", "api", "api_grpc", "jaeger_grpc", "jaeger_http", "otlp_grpc", "otlp_http", "sampling"]
    }

    fn program(&self, cache: &Path) -> Result<PathBuf> {
        RECIPE.binary(cache)
    }

    fn command(&self, program: &Path, ports: &Ports, _folder: &Path) -> Result<Command> {
        let mut command = Command::new(program);
        command.args(FLAGS.iter().map(|(port, flag)| format!("{flag}={}", ports.address(NAME, port))));
        command.args(UDP_FLAGS.iter().map(|flag| format!("{flag}=127.0.0.1:0")));
        // It traces itself otherwise, into whatever listens on the default OTLP port.
        command.env("SPAN_STORAGE_TYPE", "memory").env("OTEL_TRACES_SAMPLER", "always_off");
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", ports.url(NAME, "otlp_grpc"));
        Ok(command)
    }

    fn ready(&self, ports: &Ports) -> Result<bool> {
        http::healthy(&ports.url(NAME, "admin"))
    }
}

/// Jaeger's answers. Every call blocks.
#[derive(Debug, Clone)]
pub struct Jaeger {
    url: String,
    otlp_grpc: String,
}

impl Jaeger {
    /// Its API's base, `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it takes OTLP over gRPC itself, past the collector.
    pub fn otlp_grpc(&self) -> &str {
        &self.otlp_grpc
    }

    /// The traces in which `service` (the `service.name` of a resource) took part, at most 1,500 of the last two days.
    ///
    /// # Errors
    /// When Jaeger does not answer, or not with traces.
    pub fn traces(&self, service: &str) -> Result<Vec<Trace>> {
        Trace::all(&self.search(&[("service", service), ("limit", "1500")])?)
    }

    /// What `/api/traces` answers to a search, as it is; [`Trace::all`] reads it.
    ///
    /// # Errors
    /// When Jaeger does not answer, or refuses.
    pub fn search(&self, query: &[(&str, &str)]) -> Result<Value> {
        http::json(&format!("{}/api/traces", self.url), query)
    }

    /// Asks for the traces of `service` until `accept` likes them.
    ///
    /// # Errors
    /// After `deadline`, with the last answer.
    pub fn eventually(
        &self,
        service: &str,
        deadline: Duration,
        accept: impl Fn(&[Trace]) -> bool,
    ) -> Result<Vec<Trace>> {
        let what = format!("Jaeger's traces of {service}");
        poll::eventually(&what, deadline, || self.traces(service), |traces| accept(traces))
    }
}

impl Stack {
    /// Jaeger, where the collector sends traces.
    pub fn jaeger(&self) -> Jaeger {
        Jaeger { url: self.ports().url(NAME, "api"), otlp_grpc: self.ports().url(NAME, "otlp_grpc") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declared_port_has_its_flag() {
        let flagged: Vec<&str> = FLAGS.iter().map(|(port, _)| *port).collect();
        assert_eq!(JaegerPart.ports(), flagged);
    }
}
