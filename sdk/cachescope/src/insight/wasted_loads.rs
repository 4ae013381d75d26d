//! The share of loaded values that are never read.

/// The share of loads that were wasted: a value that isn't requested again costs a load and capacity, and saves
/// nothing.
///
/// A plain value. The shares are estimates from a sample of keys.
#[doc(alias = "one-hit wonders")]
#[doc(alias = "amplification")]
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct WastedLoads {
    /// The number of loads that returned a value.
    pub loads: u64,
    /// The share of ended values that answered no further request, 0 to 1. Only values that requests loaded count. A
    /// value ends when it is removed, replaced or expired.
    pub unread: f64,
    /// The same share for values loaded in the background. 0 if there were none.
    pub unread_refreshes: f64,
}

/// Counts stored values when they end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ValueTally {
    /// All ended values: those loaded by requests at 0, those loaded by refreshes at 1.
    all: [f64; 2],
    unread: [f64; 2],
}

impl ValueTally {
    /// Records the end of a value that represents `weight` values.
    pub(crate) fn add(&mut self, by_refresh: bool, read: bool, weight: f64) {
        self.all[usize::from(by_refresh)] += weight;
        if !read {
            self.unread[usize::from(by_refresh)] += weight;
        }
    }

    pub(crate) fn halve(&mut self) {
        for sum in self.all.iter_mut().chain(&mut self.unread) {
            *sum /= 2.0;
        }
    }

    /// Returns the shares. `None` before the first value ended.
    pub(crate) fn wasted_loads(&self, loads: u64) -> Option<WastedLoads> {
        let share = |by: usize| if self.all[by] > 0.0 { self.unread[by] / self.all[by] } else { 0.0 };
        let any = self.all[0] + self.all[1] > 0.0;
        any.then(|| WastedLoads { loads, unread: share(0), unread_refreshes: share(1) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_and_refreshes_are_counted_separately_and_weighted() {
        let mut values = ValueTally::default();
        assert_eq!(values.wasted_loads(3), None);
        values.add(false, true, 1.0);
        values.add(false, false, 3.0);
        values.add(true, true, 2.0);
        values.halve();
        values.add(true, false, 1.0);
        assert_eq!(values.wasted_loads(7), Some(WastedLoads { loads: 7, unread: 0.75, unread_refreshes: 0.5 }));
    }
}
