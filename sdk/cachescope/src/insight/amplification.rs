//! Whether what is loaded is read.

/// How many loads were worth their while: a value that nobody asks for again costs a load and a place, and saves
/// nothing. A plain value; the shares are estimates from a sample of keys.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Amplification {
    /// Loads that gave a value.
    pub loads: u64,
    /// Of the values that requests loaded and that are gone, the share that no other request was answered with, 0 to 1.
    /// Gone is what was dropped or replaced, or is past its time.
    pub unread: f64,
    /// The same of the values that were loaded behind requests; 0 if there was none.
    pub unread_refreshes: f64,
}

/// Counts stored values as they end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ended {
    /// How many; those by refreshes at 1.
    all: [f64; 2],
    unread: [f64; 2],
}

impl Ended {
    /// A value ended that stands for so many.
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

    /// `None` before any value ended.
    pub(crate) fn amplification(&self, loads: u64) -> Option<Amplification> {
        let share = |by: usize| if self.all[by] > 0.0 { self.unread[by] / self.all[by] } else { 0.0 };
        let any = self.all[0] + self.all[1] > 0.0;
        any.then(|| Amplification { loads, unread: share(0), unread_refreshes: share(1) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_and_refreshes_are_apart_and_weighed() {
        let mut ended = Ended::default();
        assert_eq!(ended.amplification(3), None);
        ended.add(false, true, 1.0);
        ended.add(false, false, 3.0);
        ended.add(true, true, 2.0);
        ended.halve();
        ended.add(true, false, 1.0);
        assert_eq!(ended.amplification(7), Some(Amplification { loads: 7, unread: 0.75, unread_refreshes: 0.5 }));
    }
}
