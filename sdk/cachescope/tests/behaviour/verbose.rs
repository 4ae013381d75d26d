//! Verbose requests.

use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cachescope::{Clock, cached};
use futures_util::FutureExt;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber, subscriber};

/// Records each event as a line.
#[derive(Clone, Default)]
struct Noted(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, " {field}={value:?}").expect("a string takes all");
    }
}

impl Subscriber for Noted {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "cachescope"
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().expect("no panic").push(line.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn verbose_request_logs_result_and_load_without_key_and_value() {
    let noted = Noted::default();
    subscriber::with_default(noted.clone(), || {
        let (clock, hands) = Clock::manual();
        let moves = hands.clone();
        let load = move |key: u64| {
            moves.advance(Duration::from_millis(5));
            std::future::ready(key + 1)
        };
        let cache = cached("verbose", load).clock(clock).build();
        assert_eq!(cache.call(4_711).now_or_never(), Some(4_712), "one that tells nothing");
        assert_eq!(noted.0.lock().expect("no panic").len(), 0);
        cache.clear();
        assert_eq!(cache.request(4_711).verbose().into_future().now_or_never(), Some(4_712));
        hands.advance(Duration::from_secs(3));
        assert_eq!(cache.request(4_711).verbose().into_future().now_or_never(), Some(4_712));
    });
    let noted = noted.0.lock().expect("no panic");
    assert_eq!(noted.len(), 3, "{noted:?}");
    assert!(noted[0].contains("load") && noted[0].contains("outcome=\"loaded\"") && noted[0].contains("took=5ms"));
    assert!(noted[1].contains("result=\"miss\"") && noted[1].contains("reason=\"invalidated\""), "{noted:?}");
    assert!(noted[2].contains("result=\"hit\"") && noted[2].contains("entry_age=3s"), "{noted:?}");
    assert!(noted.iter().all(|line| line.starts_with("INFO") && line.contains("cache=\"verbose\"")), "{noted:?}");
    assert!(!noted.iter().any(|line| line.contains("471")), "{noted:?}");
}
