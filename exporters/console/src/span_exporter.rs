//! The span exporter for the SDK.

use std::sync::Arc;

use cachescope_exporter::ExporterStats;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::SpanData;

use crate::output::Output;
use crate::{Format, json, span_line};

/// Writes spans, one line each. Created by [`Console::span_exporter`](crate::Console::span_exporter).
#[derive(Debug)]
pub struct SpanExporter {
    format: Format,
    output: Arc<Output>,
    stats: ExporterStats,
}

impl SpanExporter {
    pub(crate) fn new(format: Format, output: Arc<Output>, stats: ExporterStats) -> Self {
        Self { format, output, stats }
    }
}

impl opentelemetry_sdk::trace::SpanExporter for SpanExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let line = match self.format {
            Format::Table => span_line::line,
            Format::JsonLines => json::span,
        };
        let text: String = batch.iter().map(line).collect();
        self.output.write(&text, &self.stats, batch.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::mpsc;

    use opentelemetry::KeyValue;
    use opentelemetry::trace::{Span, Status, Tracer, TracerProvider};
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;
    use crate::Console;

    struct Sent(mpsc::Sender<String>);

    impl Write for Sent {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let text = String::from_utf8_lossy(bytes).into_owned();
            self.0.send(text).map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Returns the output for a failed span.
    fn written(format: Format) -> String {
        let (sender, receiver) = mpsc::channel();
        let console = Console::new(format).writer(Sent(sender));
        let tracers = SdkTracerProvider::builder().with_simple_exporter(console.span_exporter()).build();
        let mut span = tracers.tracer("test").start("cache.get users");
        span.set_attribute(KeyValue::new("result", "miss"));
        span.set_status(Status::error("no\x1b[2J answer"));
        span.end();
        assert_eq!(console.span_stats().total_sent(), 1);
        receiver.try_iter().collect()
    }

    #[test]
    fn span_line_has_all_fields_and_no_control_characters() {
        let line = written(Format::Table);
        assert!(line.contains("  cache.get users  error (no\\u{1b}[2J answer)  result=miss  trace="), "{line:?}");
        assert!(line.ends_with('\n') && line.lines().count() == 1 && !line.contains("parent="), "{line:?}");
    }

    #[test]
    fn span_json_has_all_fields() {
        let line: serde_json::Value = serde_json::from_str(&written(Format::JsonLines)).unwrap();
        assert_eq!((&line["span"], &line["status"]), (&"cache.get users".into(), &"error".into()));
        assert_eq!(line["attributes"]["result"], "miss");
        assert_eq!(line["parent_span_id"], serde_json::Value::Null);
        assert_eq!(line["trace_id"].as_str().map(str::len), Some(32));
    }
}
