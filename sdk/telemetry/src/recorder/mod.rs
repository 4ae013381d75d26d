//! The counters and histograms of one cache: each thread counts hits in a cell of its own; everything else is counted
//! in shared atomics.
//!
//! Only `recorder` knows OpenTelemetry's instruments. The other files are plain counting.

mod atomic_histogram;
mod counter_id;
mod counters;
mod counts;
mod distribution;
mod duration_series;
mod histogram;
mod hit_timing;
mod hits;
mod lazy_histogram;
#[cfg(feature = "serde")]
mod named_counts;
mod packed_counts;
#[cfg(feature = "serde")]
mod packed_layout;
#[expect(clippy::module_inception, reason = "the file has the name of its type")]
mod recorder;
mod savings;
mod shim;
mod slot;
pub(crate) mod totals;

pub use self::counts::Counts;
pub use self::histogram::{Durations, Histogram, Quantity, Sizes};
pub use self::hit_timing::HitTiming;
pub use self::hits::HitCell;
pub use self::packed_counts::PackedCounts;
#[cfg(feature = "serde")]
pub use self::packed_layout::PackedLayout;
pub use self::recorder::Recorder;
pub use self::totals::Totals;
