//! Jaeger all-in-one, which stores traces and answers queries for them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use crate::http;
use crate::part::Part;
use crate::poll;
use crate::ports::Ports;
use crate::recipe::{Recipe, UNOPTIMISED};
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
    steps: &[&["go", "build", UNOPTIMISED, "-o", "bin/jaeger", "github.com/jaegertracing/jaeger/cmd/all-in-one"]],
    binary: "bin/jaeger",
};

/// The ports with the flags that set them. By default, each listens on every address.
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

/// The UDP ports of the old agent. They can't be switched off and are unused: any free port does.
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
        // Otherwise it traces itself, to the program that listens on the default OTLP port.
        command.env("SPAN_STORAGE_TYPE", "memory").env("OTEL_TRACES_SAMPLER", "always_off");
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", ports.url(NAME, "otlp_grpc"));
        Ok(command)
    }

    fn ready(&self, ports: &Ports) -> Result<bool> {
        http::healthy(&ports.url(NAME, "admin"))
    }
}

/// The API of Jaeger. Every call blocks.
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

    /// The address for OTLP over gRPC, without the collector between.
    pub fn otlp_grpc(&self) -> &str {
        &self.otlp_grpc
    }

    /// The traces with spans of `service` (the `service.name` of a resource), at most 1,500 of the last two days.
    ///
    /// # Errors
    /// When Jaeger does not answer, or not with traces.
    pub fn traces(&self, service: &str) -> Result<Vec<Trace>> {
        Trace::all(&self.search(&[("service", service), ("limit", "1500")])?)
    }

    /// The answer of `/api/traces` to a search, unparsed; [`Trace::all`] reads it.
    ///
    /// # Errors
    /// When Jaeger does not answer, or refuses.
    pub fn search(&self, query: &[(&str, &str)]) -> Result<Value> {
        http::json(&format!("{}/api/traces", self.url), query)
    }

    /// Queries the traces of `service` until `accept` returns `true` for them.
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
    /// Jaeger, to which the collector sends traces.
    pub fn jaeger(&self) -> Jaeger {
        Jaeger { url: self.ports().url(NAME, "api"), otlp_grpc: self.ports().url(NAME, "otlp_grpc") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_ports_have_flags() {
        let flagged: Vec<&str> = FLAGS.iter().map(|(port, _)| *port).collect();
        assert_eq!(JaegerPart.ports(), flagged);
    }
}
