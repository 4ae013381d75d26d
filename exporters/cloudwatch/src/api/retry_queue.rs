use std::sync::{Mutex, PoisonError};

use crate::datum::{self, Datum};

/// A bounded queue of datums that couldn't be delivered and certainly weren't stored. They wait for the next interval,
/// with their own time. The oldest are dropped first.
#[derive(Debug)]
pub(crate) struct RetryQueue {
    capacity: usize,
    datums: Mutex<Vec<Datum>>,
}

impl RetryQueue {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, datums: Mutex::default() }
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.capacity > 0
    }

    /// Adds datums. Returns the number of data points that were dropped because the queue is full.
    pub(crate) fn push(&self, more: Vec<Datum>) -> u64 {
        let mut datums = self.datums.lock().unwrap_or_else(PoisonError::into_inner);
        datums.extend(more);
        let over = datums.len().saturating_sub(self.capacity);
        if over == 0 {
            return 0;
        }
        datums.sort_by_key(|datum| datum.time);
        let dropped: Vec<Datum> = datums.drain(..over).collect();
        datum::points(&dropped)
    }

    /// Removes and returns all datums.
    pub(crate) fn take(&self) -> Vec<Datum> {
        std::mem::take(&mut *self.datums.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::datum::DatumValue;

    fn datum(second: u64) -> Datum {
        Datum {
            name: "m".to_owned(),
            dimensions: Vec::new().into(),
            unit: "None",
            time: SystemTime::UNIX_EPOCH + Duration::from_secs(second),
            value: DatumValue::Single(1.0),
            points: 2,
        }
    }

    #[test]
    fn oldest_datums_are_dropped_first() {
        let queue = RetryQueue::new(3);
        assert_eq!(queue.push(vec![datum(5), datum(6)]), 0);
        assert_eq!(queue.push(vec![datum(1), datum(2), datum(7)]), 4);
        let times: Vec<_> = queue.take().iter().map(|datum| datum.time).collect();
        assert_eq!(times, [datum(5).time, datum(6).time, datum(7).time]);
        assert!(queue.take().is_empty());
    }
}
