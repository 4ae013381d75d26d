//! Time: the clock of a cache, timestamps, timers, and the thread that updates the coarse time.

mod clock;
mod sleep;
mod ticker;
mod timestamp;

pub use self::clock::{Clock, ManualClock};
pub use self::sleep::Sleep;
pub use self::ticker::TickerGuard;
pub use self::timestamp::{Timestamp, nanos};
