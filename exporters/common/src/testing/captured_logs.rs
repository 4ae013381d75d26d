//! Log events of `tracing` at `info` and above, captured from all threads of a test binary.
//!
//! ```
//! use cachescope_exporter::testing::captured_logs;
//! use tracing::Level;
//!
//! captured_logs::install();
//! tracing::warn!("lost http://localhost:4318");
//! assert_eq!(captured_logs::levels(":4318"), [Level::WARN]);
//! ```

use std::fmt::{Debug, Write};
use std::sync::{Mutex, Once, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

static EVENTS: Mutex<Vec<(Level, String)>> = Mutex::new(Vec::new());
static INSTALL: Once = Once::new();

/// Installs the global subscriber that captures events; a second call does nothing.
///
/// The subscriber is global because exporters log on threads of the SDK, which a thread's own subscriber doesn't see.
///
/// # Panics
///
/// Another global subscriber is installed.
pub fn install() {
    INSTALL.call_once(|| {
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Capture))
            .expect("no other subscriber");
    });
}

/// Returns the levels of the events that contain `needle`, in order. A port as the needle separates concurrent tests.
#[must_use]
pub fn levels(needle: &str) -> Vec<Level> {
    matching(needle, |(level, _)| *level)
}

/// Returns the texts of the events that contain `needle`, in order: each field as `name=value`, the message among them.
#[must_use]
pub fn texts(needle: &str) -> Vec<String> {
    matching(needle, |(_, text)| text.clone())
}

fn matching<T>(needle: &str, field: impl Fn(&(Level, String)) -> T) -> Vec<T> {
    let events = EVENTS.lock().unwrap_or_else(PoisonError::into_inner);
    events.iter().filter(|(_, text)| text.contains(needle)).map(field).collect()
}

struct Capture;

impl<S: Subscriber> Layer<S> for Capture {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() <= Level::INFO {
            let mut text = Text(String::new());
            event.record(&mut text);
            EVENTS.lock().unwrap_or_else(PoisonError::into_inner).push((*event.metadata().level(), text.0));
        }
    }
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}
