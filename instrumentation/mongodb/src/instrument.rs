//! Telemetry for a client that is used directly.

use std::sync::Arc;

use cachescope_telemetry::Telemetry;
use cachescope_telemetry::db_client::{Client, System};
use mongodb::event::EventHandler;
use mongodb::options::ClientOptions;

use crate::command_tracker::CommandTracker;
use crate::pool_tracker::PoolTracker;

/// Adds OpenTelemetry to the client that is created from these options, through the global providers. Commands are
/// reported as `db.client.operation.duration` and as spans of kind client. Connection pools are reported as
/// `db.client.connection.*`.
///
/// The span of a command is a child of the span that is current where the client's future is polled. That is the span
/// of your operation, unless the future was moved to another task without its context. Telemetry contains names of
/// commands, collections, databases and servers, but no documents. A command whose future is dropped is recorded as
/// cancelled.
///
/// Event handlers in the options are kept, and called first. Call this function last and once, and create only one
/// client from the options. Otherwise the connections of two clients would be confused.
///
/// Costs some microseconds for each command. The client also copies each command and reply.
///
/// ```no_run
/// # async fn example() -> Result<(), mongodb::error::Error> {
/// use cachescope_mongodb::mongodb::{Client, options::ClientOptions};
///
/// let mut options = ClientOptions::parse("mongodb://127.0.0.1/").await?;
/// cachescope_mongodb::instrument(&mut options);
/// let client = Client::with_options(options)?;
/// # Ok(())
/// # }
/// ```
pub fn instrument(options: &mut ClientOptions) {
    instrument_with(options, Telemetry::global());
}

/// Adds OpenTelemetry to the client like [`instrument`], through the given providers.
pub fn instrument_with(options: &mut ClientOptions, telemetry: Telemetry) {
    let client = Client::new(System::MongoDb).telemetry(telemetry);
    let commands = Arc::new(CommandTracker::new(client.clone()));
    let connections = PoolTracker::new(client);
    let abandoned = Arc::clone(&commands);
    options.command_event_handler =
        Some(chain(options.command_event_handler.take(), move |event| commands.handle(event)));
    options.cmap_event_handler = Some(chain(options.cmap_event_handler.take(), move |event| {
        abandoned.handle_connection(&event);
        connections.handle(event);
    }));
}

/// Returns a handler that passes each event to `first`, then to `ours`.
fn chain<E: Clone + Send + Sync + 'static>(
    first: Option<EventHandler<E>>,
    ours: impl Fn(E) + Send + Sync + 'static,
) -> EventHandler<E> {
    EventHandler::callback(move |event: E| {
        match &first {
            Some(EventHandler::Callback(callback)) => callback(event.clone()),
            Some(EventHandler::AsyncCallback(callback)) => {
                tokio::spawn(callback(event.clone()));
            }
            Some(EventHandler::TokioMpsc(sender)) => {
                let (sender, event) = (sender.clone(), event.clone());
                tokio::spawn(async move { sender.send(event).await.ok() });
            }
            _ => {}
        }
        ours(event);
    })
}
