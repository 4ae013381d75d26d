//! An instance as whoever started it sees it: a process that is told things and tells things.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::args::FleetArgs;
use crate::books::{Books, Event, Report};
use crate::instance;
use crate::places::Places;

/// A process. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Member {
    name: String,
    child: Child,
    /// None once it was closed.
    stdin: Option<ChildStdin>,
    told: Lines<BufReader<ChildStdout>>,
}

/// How often an instance exports by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exports {
    EverySecond,
    /// When it is told to, and at its end.
    Told,
}

impl Exports {
    const fn milliseconds(self) -> &'static str {
        match self {
            Self::EverySecond => "1000",
            Self::Told => "3600000",
        }
    }
}

impl Member {
    /// Starts one, and returns once it serves requests.
    pub(crate) fn start(name: &str, exports: Exports, args: &FleetArgs, places: &Places) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["instance", "--rate", &args.rate.to_string()]);
        places.tell(&mut command);
        let attributes = format!("service.namespace={},service.instance.id={name}", places.namespace());
        command
            .env("OTEL_SERVICE_NAME", places.service())
            .env("OTEL_RESOURCE_ATTRIBUTES", attributes)
            .env("OTEL_METRICS_EXPORTER", "otlp")
            .env("OTEL_METRIC_EXPORT_INTERVAL", exports.milliseconds())
            .env("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", args.temporality.as_str());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take();
        let told = BufReader::new(child.stdout.take().context("no stdout")?).lines();
        let mut member = Self { name: name.to_owned(), child, stdin, told };
        member.awaits(Event::Started)?;
        Ok(member)
    }

    /// Holds its requests; gives what it has counted.
    pub(crate) fn hold(&mut self) -> anyhow::Result<Books> {
        self.tell(instance::Command::Hold)?;
        self.awaits(Event::Held)
    }

    /// Holds its requests and has it deliver; gives what it has handed over.
    pub(crate) fn flush(&mut self) -> anyhow::Result<Books> {
        self.tell(instance::Command::Flush)?;
        self.awaits(Event::Flushed)
    }

    /// Lets it go on.
    pub(crate) fn go(&mut self) -> anyhow::Result<()> {
        self.tell(instance::Command::Go)
    }

    /// Kills it, by SIGKILL.
    pub(crate) fn crash(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Has it end as a service does; gives what it has handed over.
    pub(crate) fn end(mut self) -> anyhow::Result<Books> {
        drop(self.stdin.take());
        let books = self.awaits(Event::Ended)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "instance {} ended with {status}", self.name);
        Ok(books)
    }

    fn tell(&mut self, command: instance::Command) -> anyhow::Result<()> {
        let stdin = self.stdin.as_mut().context("it is ending")?;
        writeln!(stdin, "{}", command.as_str()).with_context(|| format!("instance {} has ended", self.name))
    }

    fn awaits(&mut self, event: Event) -> anyhow::Result<Books> {
        let line = self.told.next().transpose()?;
        let line = line.with_context(|| format!("instance {} has ended before it {event:?}", self.name))?;
        let report: Report = serde_json::from_str(&line).with_context(|| format!("instance {}", self.name))?;
        ensure!(report.event == event, "instance {} has {:?}, not {event:?}", self.name, report.event);
        Ok(report.books)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // Of one that has ended already nothing is left to kill.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
