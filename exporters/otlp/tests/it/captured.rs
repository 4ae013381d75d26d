//! What was said through `tracing`, by any thread of this test binary.

use std::fmt::Write;
use std::sync::{Mutex, Once, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

static EVENTS: Mutex<Vec<(Level, String)>> = Mutex::new(Vec::new());
static INSTALL: Once = Once::new();

/// Starts capturing. Exporters speak on threads of the SDK, so only a global subscriber hears them.
pub(crate) fn install() {
    INSTALL.call_once(|| {
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Capture))
            .expect("no other subscriber");
    });
}

/// Levels of the events at `info` and above that mention `needle`, in order; a port tells tests apart.
pub(crate) fn levels(needle: &str) -> Vec<Level> {
    let events = EVENTS.lock().unwrap_or_else(PoisonError::into_inner);
    events.iter().filter(|(_, text)| text.contains(needle)).map(|(level, _)| *level).collect()
}

pub(crate) fn texts(needle: &str) -> Vec<String> {
    let events = EVENTS.lock().unwrap_or_else(PoisonError::into_inner);
    events.iter().filter(|(_, text)| text.contains(needle)).map(|(_, text)| text.clone()).collect()
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
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}
