//! Telemetry of the client, for whoever uses it directly.

use std::sync::Arc;

use cachescope_core::Telemetry;
use cachescope_core::client::{Client, System};
use mongodb::event::EventHandler;
use mongodb::options::{ClientOptions, ServerAddress};

use crate::commands::Commands;
use crate::connections::Connections;

/// Has the client that is made of these options report to OpenTelemetry: its commands as `db.client.operation.duration`
/// and spans of kind client, its pools of connections as `db.client.connection.*`. Goes to the global providers.
///
/// A command's span is below the one that is current where the client's future is polled, which is that of your own
/// operation, if the future wasn't sent to another task without it. Telemetry has names of commands, collections,
/// databases and servers, and no documents. A command that was given up, by dropping its future, is told as cancelled.
///
/// The options' own handlers of events, if any, are kept, and called first. Call it last, once, and make one client of
/// the options: connections of two would be taken for each other's.
///
/// Costs some microseconds a command, and the client makes a copy of each command and answer for it.
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

/// As [`instrument`], to these providers.
pub fn instrument_with(options: &mut ClientOptions, telemetry: Telemetry) {
    let client = Client::new(System::MongoDb).telemetry(telemetry);
    let commands = Arc::new(Commands::new(client.clone()));
    let connections = Connections::new(client);
    let given_up = Arc::clone(&commands);
    options.command_event_handler =
        Some(before(options.command_event_handler.take(), move |event| commands.handle(event)));
    options.cmap_event_handler = Some(before(options.cmap_event_handler.take(), move |event| {
        given_up.handle_connection(&event);
        connections.handle(event);
    }));
}

/// What `first` does with an event, and then `ours`.
fn before<E: Clone + Send + Sync + 'static>(
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

/// The client as it is with this server.
pub(crate) fn at(client: &Client, address: &ServerAddress) -> Client {
    match address {
        ServerAddress::Tcp { host, port } => client.clone().server(host.as_str(), port.unwrap_or(27_017)),
        #[cfg(unix)]
        ServerAddress::Unix { path } => client.clone().server(path.to_string_lossy().as_ref(), None),
        _ => client.clone(),
    }
}
