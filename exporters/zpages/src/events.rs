//! The numbers as they come, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::model::{self, Detail, Insights, Overview, Pulse, Span};

/// How often numbers are sent.
const BEAT: Duration = Duration::from_secs(1);

/// After so many beats a stream ends, and its viewer comes again: a server that waits for its connections before it ends
/// is kept no longer.
const BEATS: usize = 30;

/// How soon it is to come again.
const AGAIN: Duration = Duration::from_millis(200);

/// At which beats a cache's insight is sent: it moves slowly, and names of hot keys cost a look at every entry.
const INSIGHT_EACH: u64 = 10;

/// Of which cache more is wanted, and how far back.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    pub(crate) cache: Option<String>,
    #[serde(default)]
    pub(crate) span: Span,
    /// Whether to begin with what caches did before: a viewer that comes again knows.
    #[serde(default)]
    pub(crate) sketch: bool,
}

/// One viewer.
struct Viewer {
    pulse: Pulse,
    wanted: Wanted,
    beats: Interval,
    beat: u64,
    /// What was sent last: names go again when they change.
    last: Option<Arc<Overview>>,
}

/// Begins at once. A viewer that doesn't read is sent nothing, and misses beats.
pub(crate) fn events(pulse: Pulse, wanted: Wanted) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut beats = interval(BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let viewer = Viewer { pulse, wanted, beats, beat: 0, last: None };
    let beats = stream::unfold(viewer, |mut viewer| async {
        viewer.beats.tick().await;
        // Off the workers: a store may have work pending that a reading settles.
        spawn_blocking(|| viewer.read()).await.ok()
    });
    Sse::new(beats.take(BEATS).flat_map(stream::iter).map(Ok)).keep_alive(KeepAlive::default())
}

impl Viewer {
    fn read(mut self) -> (Vec<Event>, Self) {
        let overview = self.pulse.overview();
        let mut events = Vec::new();
        if self.last.as_ref().is_none_or(|last| !last.has_names_of(&overview)) {
            events.push(event("names", &overview.names()).retry(AGAIN));
        }
        if self.beat == 0 && self.wanted.sketch {
            events.push(event("sketches", &model::sketches(&overview)));
        }
        events.push(event("rows", &overview.compact()));
        if let Some(key) = &self.wanted.cache {
            match model::find(key) {
                None => events.push(event("gone", key)),
                Some(cache) => {
                    let with_past = self.beat.is_multiple_of(self.wanted.span.renewed_each());
                    events.push(event("detail", &Detail::of(key.clone(), &cache, self.wanted.span, with_past)));
                    if self.beat.is_multiple_of(INSIGHT_EACH) {
                        events.push(event("insight", &Insights::of(&cache)));
                    }
                }
            }
        }
        self.beat += 1;
        self.last = Some(overview);
        (events, self)
    }
}

/// What can't be said in JSON is an empty event; ours can.
fn event(name: &str, data: &impl Serialize) -> Event {
    Event::default().event(name).data(serde_json::to_string(data).unwrap_or_default())
}
