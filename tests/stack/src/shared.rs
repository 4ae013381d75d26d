//! The one stack the tests of a process share.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::{Context, Result};

use crate::stack::Stack;

/// Names the state file of a running stack, for [`Stack::shared`] to attach to.
const VARIABLE: &str = "CACHESCOPE_STACK";

static SHARED: Mutex<Weak<Stack>> = Mutex::new(Weak::new());

impl Stack {
    /// The stack of this test run: the one whose state file `CACHESCOPE_STACK` names, else one for this process, which
    /// its tests share and whose last holder stops it.
    ///
    /// # Errors
    /// Names the part that could not be built or started and shows the end of its log.
    pub fn shared() -> Result<Arc<Self>> {
        // A test that panicked while it held the lock leaves nothing half done in a `Weak`.
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stack) = shared.upgrade() {
            return Ok(stack);
        }
        let stack = Arc::new(match std::env::var_os(VARIABLE) {
            Some(file) => {
                Self::attach(Path::new(&file)).with_context(|| format!("cannot use the stack {VARIABLE} names"))?
            }
            None => Self::start()?,
        });
        *shared = Arc::downgrade(&stack);
        Ok(stack)
    }
}
