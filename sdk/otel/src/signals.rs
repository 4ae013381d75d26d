//! Signals that end the process: the remaining telemetry is delivered first.

use std::sync::mpsc::Sender;

use crate::Error;
use crate::shutdown::ShutdownHandle;

/// A signal that ends a process which doesn't handle it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signal {
    /// SIGTERM: the first signal that an orchestrator or a service manager sends.
    Terminate,
    /// SIGINT: Ctrl-C.
    Interrupt,
}

/// A thread that listens for signals, and that gets its shutdown handle later.
pub(crate) struct SignalListener(Sender<ShutdownHandle>);

impl SignalListener {
    /// Starts to listen: from now on these signals don't end the process at once. Returns `None` without signals.
    pub(crate) fn start(signals: &[Signal]) -> Result<Option<Self>, Error> {
        if signals.is_empty() { Ok(None) } else { imp::listen(signals).map(|sender| Some(Self(sender))) }
    }

    /// Runs this shutdown before a signal ends the process.
    pub(crate) fn attach(self, shutdown: ShutdownHandle) {
        // The listener's thread lives as long as the process.
        drop(self.0.send(shutdown));
    }
}

#[cfg(unix)]
mod imp {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::sync::mpsc::{Sender, channel};

    use signal_hook::SigId;
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::{emulate_default_handler, exit, unregister};

    use super::Signal;
    use crate::Error;
    use crate::shutdown::ShutdownHandle;

    pub(super) fn listen(signals: &[Signal]) -> Result<Sender<ShutdownHandle>, Error> {
        let numbers = signals.iter().map(|signal| match signal {
            Signal::Terminate => SIGTERM,
            Signal::Interrupt => SIGINT,
        });
        // A second signal ends the process at once. The order matters: the first signal finds the flag unset, then
        // sets it.
        let signalled = Arc::new(AtomicBool::new(false));
        let mut registered = SignalRegistrations(Vec::new());
        for number in numbers.clone() {
            use signal_hook::flag::{register, register_conditional_default};
            registered.0.push(register_conditional_default(number, Arc::clone(&signalled)).map_err(Error::signals)?);
            registered.0.push(register(number, Arc::clone(&signalled)).map_err(Error::signals)?);
        }
        let mut arriving = Signals::new(numbers).map_err(Error::signals)?;
        let (sender, handles) = channel::<ShutdownHandle>();
        std::thread::Builder::new()
            .name("cachescope-signals".to_owned())
            .spawn(move || {
                // No handle arrives if `init` failed. The thread still runs then, and after the guard is dropped:
                // otherwise a signal that it listened for would be lost.
                let shutdown = handles.recv().ok();
                for signal in arriving.forever() {
                    if let Some(shutdown) = &shutdown {
                        shutdown.shutdown_and_warn();
                    }
                    if emulate_default_handler(signal).is_err() {
                        exit(128 + signal);
                    }
                }
            })
            .map_err(Error::thread)?;
        registered.0.clear();
        Ok(sender)
    }

    /// The registrations so far. Dropping them unregisters: otherwise signals would be caught and not acted on.
    struct SignalRegistrations(Vec<SigId>);

    impl Drop for SignalRegistrations {
        fn drop(&mut self) {
            for id in self.0.drain(..) {
                unregister(id);
            }
        }
    }
}

#[cfg(not(unix))]
mod imp {
    use std::sync::mpsc::Sender;

    use super::Signal;
    use crate::Error;
    use crate::shutdown::ShutdownHandle;

    pub(super) fn listen(_: &[Signal]) -> Result<Sender<ShutdownHandle>, Error> {
        Err(Error::signals(std::io::ErrorKind::Unsupported.into()))
    }
}
