//! What the SDK calls with spans.

use std::sync::Arc;

use cachescope_core::Exports;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::SpanData;

use crate::output::Output;
use crate::{Format, json, span_line};

/// Writes spans, a line each; made by [`Console::span_exporter`](crate::Console::span_exporter).
#[derive(Debug)]
pub struct SpanExporter {
    format: Format,
    output: Arc<Output>,
    exports: Exports,
}

impl SpanExporter {
    pub(crate) fn new(format: Format, output: Arc<Output>, exports: Exports) -> Self {
        Self { format, output, exports }
    }
}

impl opentelemetry_sdk::trace::SpanExporter for SpanExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let line = match self.format {
            Format::Table => span_line::line,
            Format::JsonLines => json::span,
        };
        let text: String = batch.iter().map(line).collect();
        self.output.write(&text, &self.exports, batch.len() as u64)
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

    /// The line of a span that failed.
    fn written(format: Format) -> String {
        let (sender, receiver) = mpsc::channel();
        let console = Console::new(format).writer(Sent(sender));
        let tracers = SdkTracerProvider::builder().with_simple_exporter(console.span_exporter()).build();
        let mut span = tracers.tracer("test").start("cache.get users");
        span.set_attribute(KeyValue::new("result", "miss"));
        span.set_status(Status::error("no\x1b[2J answer"));
        span.end();
        assert_eq!(console.span_exports().total_sent(), 1);
        receiver.try_iter().collect()
    }

    #[test]
    fn a_line_for_eyes_has_what_happened_and_nothing_a_terminal_obeys() {
        let line = written(Format::Table);
        assert!(line.contains("  cache.get users  error (no\\u{1b}[2J answer)  result=miss  trace="), "{line:?}");
        assert!(line.ends_with('\n') && line.lines().count() == 1 && !line.contains("parent="), "{line:?}");
    }

    #[test]
    fn a_json_line_has_the_same() {
        let line: serde_json::Value = serde_json::from_str(&written(Format::JsonLines)).unwrap();
        assert_eq!((&line["span"], &line["status"]), (&"cache.get users".into(), &"error".into()));
        assert_eq!(line["attributes"]["result"], "miss");
        assert_eq!(line["parent_span_id"], serde_json::Value::Null);
        assert_eq!(line["trace_id"].as_str().map(str::len), Some(32));
    }
}
