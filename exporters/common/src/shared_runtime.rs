use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::BackgroundRuntime;

/// A [`BackgroundRuntime`] that several exporters share: started with the first of them, ended with the last.
#[derive(Debug)]
pub struct SharedRuntime {
    thread_name: &'static str,
    /// Weak, so that the exporters alone keep the runtime alive.
    running: Mutex<Weak<BackgroundRuntime>>,
}

impl SharedRuntime {
    /// Starts nothing yet. The worker thread will have this name.
    #[must_use]
    pub const fn new(thread_name: &'static str) -> Self {
        Self { thread_name, running: Mutex::new(Weak::new()) }
    }

    /// Returns the runtime, and starts it if no exporter holds it.
    ///
    /// # Errors
    ///
    /// As for [`BackgroundRuntime::start`].
    pub fn get(&self) -> io::Result<Arc<BackgroundRuntime>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = running.upgrade() {
            return Ok(runtime);
        }
        let started = Arc::new(BackgroundRuntime::start(self.thread_name)?);
        *running = Arc::downgrade(&started);
        Ok(started)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtime_is_shared_until_its_last_user_drops_it() {
        let shared = SharedRuntime::new("test");
        let [one, other] = [(); 2].map(|()| shared.get().unwrap());
        assert!(Arc::ptr_eq(&one, &other));
        let ended = Arc::downgrade(&one);
        drop((one, other));
        assert!(ended.upgrade().is_none());
        shared.get().unwrap();
    }
}
