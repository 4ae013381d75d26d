//! The stack that the tests of a process share.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::{Context, Result};

use crate::stack::Stack;

/// The variable that names the state file of a running stack.
const VARIABLE: &str = "CACHESCOPE_STACK";

static SHARED: Mutex<Weak<Stack>> = Mutex::new(Weak::new());

impl Stack {
    /// The stack of this test run: the stack whose state file `CACHESCOPE_STACK` names. Without that variable, a stack that
    /// the tests of this process share; it stops when its last handle is dropped.
    ///
    /// # Errors
    /// When a part can't be built or started; names the part and shows the end of its log.
    pub fn shared() -> Result<Arc<Self>> {
        // A panic under the lock leaves the `Weak` valid.
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stack) = shared.upgrade() {
            return Ok(stack);
        }
        let stack = Arc::new(match std::env::var_os(VARIABLE) {
            Some(file) => {
                Self::attach(Path::new(&file)).with_context(|| format!("cannot use the stack that {VARIABLE} names"))?
            }
            None => Self::start()?,
        });
        *shared = Arc::downgrade(&stack);
        Ok(stack)
    }
}
