//! A batch on its way. Whatever becomes of it is counted, exactly once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use cachescope_core::{DropReason, Exports};

use crate::datum::{self, Datum};

/// Dropped with anything in it, as a future is that nobody polls any more, it counts that itself: as unconfirmed if it
/// was on the wire, else as dropped by the end of the program.
#[derive(Debug)]
pub(crate) struct Parcel {
    datums: Vec<Datum>,
    on_the_wire: bool,
    /// Whether it was in a request before: the next one is a further one.
    tried: bool,
    exports: Exports,
    /// How often it, and what it was split into, may still be split.
    splits: Arc<AtomicU32>,
}

/// Enough to find three datums among a thousand. Where everything is wrong, that is not found out one by one.
const SPLITS: u32 = 30;

impl Parcel {
    pub(crate) fn new(datums: Vec<Datum>, exports: &Exports) -> Self {
        let splits = Arc::new(AtomicU32::new(SPLITS));
        Self { datums, on_the_wire: false, tried: false, exports: exports.clone(), splits }
    }

    /// Of what was tried before.
    pub(crate) fn again(datums: Vec<Datum>, exports: &Exports) -> Self {
        let mut parcel = Self::new(datums, exports);
        parcel.tried = true;
        parcel
    }

    /// Now it is in a request. Counted if it is a further one.
    pub(crate) fn tries(&mut self) {
        if std::mem::replace(&mut self.tried, true) {
            self.exports.retried();
        }
    }

    pub(crate) fn datums(&self) -> &[Datum] {
        &self.datums
    }

    pub(crate) fn set_on_the_wire(&mut self, on_the_wire: bool) {
        self.on_the_wire = on_the_wire;
    }

    /// It was stored.
    pub(crate) fn sent(mut self) {
        let datums = self.take();
        self.exports.sent(datum::points(&datums));
    }

    /// It won't be.
    pub(crate) fn dropped(mut self, reason: DropReason) {
        let datums = self.take();
        self.exports.dropped(reason, datum::points(&datums));
    }

    /// For later.
    pub(crate) fn unpack(mut self) -> Vec<Datum> {
        self.take()
    }

    /// In two halves; itself if it is a single datum, or was split too often.
    pub(crate) fn split(mut self) -> Result<[Self; 2], Self> {
        let may_split = |left: u32| left.checked_sub(1);
        if self.datums.len() < 2 || self.splits.fetch_update(Ordering::Relaxed, Ordering::Relaxed, may_split).is_err() {
            return Err(self);
        }
        let mut one = self.take();
        let other = one.split_off(one.len() / 2);
        let (tried, exports, splits) = (self.tried, &self.exports, &self.splits);
        Ok([one, other].map(|datums| Self {
            datums,
            on_the_wire: false,
            tried,
            exports: exports.clone(),
            splits: splits.clone(),
        }))
    }

    fn take(&mut self) -> Vec<Datum> {
        std::mem::take(&mut self.datums)
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        let reason = if self.on_the_wire { DropReason::Unconfirmed } else { DropReason::Shutdown };
        self.exports.dropped(reason, datum::points(&self.datums));
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use cachescope_core::ExportedItem;

    use super::*;
    use crate::datum::Said;

    fn parcel(exports: &Exports) -> Parcel {
        let datum = Datum {
            name: "m".to_owned(),
            dimensions: Vec::new().into(),
            unit: "None",
            time: SystemTime::UNIX_EPOCH,
            said: Said::Value(1.0),
            points: 1,
        };
        Parcel::new(vec![datum; 5], exports)
    }

    #[test]
    fn each_end_counts_once() {
        let exports = Exports::new("test", ExportedItem::DataPoint);
        let dropped = |reason| exports.total_dropped_for(reason);
        parcel(&exports).sent();
        assert_eq!((exports.total_sent(), exports.total_dropped()), (5, 0));
        parcel(&exports).dropped(DropReason::Rejected);
        assert_eq!((dropped(DropReason::Rejected), exports.total_dropped()), (5, 5));
        assert_eq!((parcel(&exports).unpack().len(), exports.total_dropped()), (5, 5));
        drop(parcel(&exports));
        assert_eq!(dropped(DropReason::Shutdown), 5);
        let mut away = parcel(&exports);
        away.set_on_the_wire(true);
        drop(away);
        assert_eq!(dropped(DropReason::Unconfirmed), 5);
        let mut parts = vec![parcel(&exports)];
        parts[0].splits.store(2, Ordering::Relaxed);
        while let Some(Ok(halves)) = parts.pop().map(Parcel::split) {
            parts.extend(halves);
        }
        assert_eq!(dropped(DropReason::Shutdown), 7, "of 3 the 2 it can't split any more");
        drop(parts);
        assert_eq!(dropped(DropReason::Shutdown), 10);
        let halves = parcel(&exports).split().map(|halves| halves.map(|half| half.datums().len()));
        assert_eq!(halves.ok(), Some([2, 3]));
        assert_eq!((dropped(DropReason::Shutdown), exports.total_sent()), (15, 5));
    }
}
