//! The stream of server-sent events that feeds the page.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::model::{self, Detail, HistorySpan, Overview, SharedOverview};

/// The interval between two readings.
const INTERVAL: Duration = Duration::from_secs(1);

/// The number of readings after which a stream ends, and its viewer reconnects. A server that waits for its connections
/// before it stops then waits no longer than that.
const READINGS: usize = 30;

/// The delay before a viewer reconnects.
const RECONNECT_DELAY: Duration = Duration::from_millis(200);

/// The number of readings between two sendings of insight. Insight changes slowly, and names of hot keys cost a visit
/// of every entry.
const INSIGHT_INTERVAL: u64 = 10;

/// The query of the stream: the selected cache and its time range.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct EventQuery {
    pub(crate) cache: Option<String>,
    #[serde(default)]
    pub(crate) span: HistorySpan,
    /// Whether to begin with the sparklines. A viewer that reconnects has them already.
    #[serde(default)]
    pub(crate) sketch: bool,
}

/// A viewer's stream.
struct Viewer {
    shared: SharedOverview,
    query: EventQuery,
    interval: Interval,
    reading: u64,
    /// The last overview that was sent: names are sent again when they change.
    last: Option<Arc<Overview>>,
}

/// Returns the stream of a viewer, beginning now. A viewer that doesn't read its connection misses readings.
pub(crate) fn events(shared: SharedOverview, query: EventQuery) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut interval = interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let viewer = Viewer { shared, query, interval, reading: 0, last: None };
    let readings = stream::unfold(viewer, |mut viewer| async {
        viewer.interval.tick().await;
        // Not on the runtime's workers: a reading may run a store's pending maintenance.
        spawn_blocking(|| viewer.read()).await.ok()
    });
    Sse::new(readings.take(READINGS).flat_map(stream::iter).map(Ok)).keep_alive(KeepAlive::default())
}

impl Viewer {
    fn read(mut self) -> (Vec<Event>, Self) {
        let overview = self.shared.overview();
        let mut events = Vec::new();
        if self.last.as_ref().is_none_or(|last| !last.has_same_names_as(&overview)) {
            events.push(event("names", &overview.names()).retry(RECONNECT_DELAY));
        }
        if self.reading == 0 && self.query.sketch {
            events.push(event("sketches", &model::sparklines(&overview)));
        }
        events.push(event("rows", &overview.compact()));
        if let Some(key) = &self.query.cache {
            match model::find(key) {
                None => events.push(event("gone", key)),
                Some(cache) => {
                    let with_past = self.reading.is_multiple_of(self.query.span.refresh_interval());
                    events.push(event("detail", &Detail::read(key.clone(), &cache, self.query.span, with_past)));
                    if self.reading.is_multiple_of(INSIGHT_INTERVAL) {
                        events.push(event("insight", &model::insight(&cache)));
                    }
                }
            }
        }
        self.reading += 1;
        self.last = Some(overview);
        (events, self)
    }
}

/// Creates an event. Data that can't be serialized would be empty; the page's data can be serialized.
fn event(name: &str, data: &impl Serialize) -> Event {
    Event::default().event(name).data(serde_json::to_string(data).unwrap_or_default())
}
