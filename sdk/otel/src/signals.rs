//! Signals that end the process: what is left of telemetry is delivered before they do.

use std::sync::mpsc::Sender;

use crate::Error;
use crate::ending::Ending;

/// A signal that ends a process which doesn't handle it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signal {
    /// SIGTERM: what an orchestrator or a service manager sends first.
    Terminate,
    /// SIGINT: Ctrl-C.
    Interrupt,
}

/// Who waits for signals, to be told what to end.
pub(crate) struct Listening(Sender<Ending>);

impl Listening {
    /// From now on these signals don't end the process at once. `None` if there are none.
    pub(crate) fn to(signals: &[Signal]) -> Result<Option<Self>, Error> {
        if signals.is_empty() { Ok(None) } else { imp::listen(signals).map(|sender| Some(Self(sender))) }
    }

    /// Has `ending` closed before a signal ends the process.
    pub(crate) fn ends(self, ending: Ending) {
        // The other side lives as long as the process.
        drop(self.0.send(ending));
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
    use crate::ending::Ending;

    pub(super) fn listen(signals: &[Signal]) -> Result<Sender<Ending>, Error> {
        let numbers = signals.iter().map(|signal| match signal {
            Signal::Terminate => SIGTERM,
            Signal::Interrupt => SIGINT,
        });
        // Whoever asks twice doesn't want to wait. The order matters: the first signal finds it unset, and sets it.
        let asked = Arc::new(AtomicBool::new(false));
        let mut registered = Registered(Vec::new());
        for number in numbers.clone() {
            use signal_hook::flag::{register, register_conditional_default};
            registered.0.push(register_conditional_default(number, Arc::clone(&asked)).map_err(Error::signals)?);
            registered.0.push(register(number, Arc::clone(&asked)).map_err(Error::signals)?);
        }
        let mut arriving = Signals::new(numbers).map_err(Error::signals)?;
        let (sender, endings) = channel::<Ending>();
        std::thread::Builder::new()
            .name("cachescope-signals".to_owned())
            .spawn(move || {
                // Without one, set-up has failed. The thread stays even so, and after the guard is gone: a signal that
                // was once listened for would else be lost.
                let ending = endings.recv().ok();
                for signal in arriving.forever() {
                    if let Some(ending) = &ending {
                        ending.close_and_say();
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

    /// What has been registered so far; taken back when it is dropped, or signals would be heard and not obeyed.
    struct Registered(Vec<SigId>);

    impl Drop for Registered {
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
    use crate::ending::Ending;

    pub(super) fn listen(_: &[Signal]) -> Result<Sender<Ending>, Error> {
        Err(Error::signals(std::io::ErrorKind::Unsupported.into()))
    }
}
