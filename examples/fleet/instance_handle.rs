//! Controls an instance from its parent process, by commands and reports.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::args::FleetArgs;
use crate::instance;
use crate::servers::Servers;
use crate::totals::{Event, Report, Totals};

/// A running instance. Dropping the handle kills the process.
#[derive(Debug)]
pub(crate) struct InstanceHandle {
    name: String,
    child: Child,
    /// `None` after it was closed.
    stdin: Option<ChildStdin>,
    reports: Lines<BufReader<ChildStdout>>,
}

/// The export schedule of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExportSchedule {
    EverySecond,
    /// Only on `flush`, and at the end.
    OnCommand,
}

impl ExportSchedule {
    const fn milliseconds(self) -> &'static str {
        match self {
            Self::EverySecond => "1000",
            Self::OnCommand => "3600000",
        }
    }
}

impl InstanceHandle {
    /// Starts an instance, and returns once it serves requests.
    pub(crate) fn start(
        name: &str,
        exports: ExportSchedule,
        args: &FleetArgs,
        servers: &Servers,
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["instance", "--rate", &args.rate.to_string()]);
        servers.configure(&mut command);
        let attributes = format!("service.namespace={},service.instance.id={name}", servers.namespace());
        command
            .env("OTEL_SERVICE_NAME", servers.service())
            .env("OTEL_RESOURCE_ATTRIBUTES", attributes)
            .env("OTEL_METRICS_EXPORTER", "otlp")
            .env("OTEL_METRIC_EXPORT_INTERVAL", exports.milliseconds())
            .env("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", args.temporality.as_str());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take();
        let reports = BufReader::new(child.stdout.take().context("no stdout")?).lines();
        let mut instance = Self { name: name.to_owned(), child, stdin, reports };
        instance.wait_for(Event::Started)?;
        Ok(instance)
    }

    /// Holds requests; returns the counts of the instance.
    pub(crate) fn hold(&mut self) -> anyhow::Result<Totals> {
        self.send(instance::Command::Hold)?;
        self.wait_for(Event::Held)
    }

    /// Holds requests and delivers; returns the delivered counts.
    pub(crate) fn flush(&mut self) -> anyhow::Result<Totals> {
        self.send(instance::Command::Flush)?;
        self.wait_for(Event::Flushed)
    }

    /// Starts requests again.
    pub(crate) fn go(&mut self) -> anyhow::Result<()> {
        self.send(instance::Command::Go)
    }

    /// Kills the process with SIGKILL.
    pub(crate) fn crash(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Ends the instance as a service ends; returns the delivered counts.
    pub(crate) fn end(mut self) -> anyhow::Result<Totals> {
        drop(self.stdin.take());
        let totals = self.wait_for(Event::Ended)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "instance {} ended with {status}", self.name);
        Ok(totals)
    }

    fn send(&mut self, command: instance::Command) -> anyhow::Result<()> {
        let stdin = self.stdin.as_mut().context("the instance is ending")?;
        writeln!(stdin, "{}", command.as_str()).with_context(|| format!("instance {} has ended", self.name))
    }

    fn wait_for(&mut self, event: Event) -> anyhow::Result<Totals> {
        let line = self.reports.next().transpose()?;
        let line = line.with_context(|| format!("instance {} ended before its report {event:?}", self.name))?;
        let report: Report = serde_json::from_str(&line).with_context(|| format!("instance {}", self.name))?;
        ensure!(report.event == event, "instance {} reported {:?} instead of {event:?}", self.name, report.event);
        Ok(report.totals)
    }
}

impl Drop for InstanceHandle {
    fn drop(&mut self) {
        // Fails if the process has ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
