//! The data of the page. Only these modules read the numbers and the insight of caches.

mod detail;
mod history;
mod insight;
mod keys;
mod row;
mod shared_overview;
mod wire;

pub(crate) use self::detail::Detail;
pub(crate) use self::history::{HistorySpan, sparklines};
pub(crate) use self::insight::{advice, insight};
pub(crate) use self::keys::find;
pub(crate) use self::row::{Overview, Row};
pub(crate) use self::shared_overview::SharedOverview;
