//! What didn't get through and wasn't stored: it waits for the next interval, with its own time.

use std::sync::{Mutex, PoisonError};

use crate::datum::{self, Datum};

/// At most so many of them; the oldest go first.
#[derive(Debug)]
pub(crate) struct Kept {
    most: usize,
    datums: Mutex<Vec<Datum>>,
}

impl Kept {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, datums: Mutex::default() }
    }

    pub(crate) fn keeps_any(&self) -> bool {
        self.most > 0
    }

    /// Keeps these. Returns how many points there was no room for.
    pub(crate) fn put(&self, more: Vec<Datum>) -> u64 {
        let mut datums = self.datums.lock().unwrap_or_else(PoisonError::into_inner);
        datums.extend(more);
        let over = datums.len().saturating_sub(self.most);
        if over == 0 {
            return 0;
        }
        datums.sort_by_key(|datum| datum.time);
        let dropped: Vec<Datum> = datums.drain(..over).collect();
        datum::points(&dropped)
    }

    /// All of them, which are the caller's now.
    pub(crate) fn take(&self) -> Vec<Datum> {
        std::mem::take(&mut *self.datums.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::datum::Said;

    fn datum(second: u64) -> Datum {
        Datum {
            name: "m".to_owned(),
            dimensions: Vec::new().into(),
            unit: "None",
            time: SystemTime::UNIX_EPOCH + Duration::from_secs(second),
            said: Said::Value(1.0),
            points: 2,
        }
    }

    #[test]
    fn the_oldest_go_first() {
        let kept = Kept::new(3);
        assert_eq!(kept.put(vec![datum(5), datum(6)]), 0);
        assert_eq!(kept.put(vec![datum(1), datum(2), datum(7)]), 4);
        let times: Vec<_> = kept.take().iter().map(|datum| datum.time).collect();
        assert_eq!(times, [datum(5).time, datum(6).time, datum(7).time]);
        assert!(kept.take().is_empty());
    }
}
