//! When keys were loaded last, for as long as that decides whether an entry would have been past its time.

use std::time::Duration;

use cachescope_core::{Moment, nanos};

const SLOTS: usize = 3_072;

/// Ticks in a life.
const TICKS: u64 = 256;

/// 12 KiB. A key that has come between takes the place of another, which is then taken to be within its life.
pub(super) struct LastLoads {
    /// A tick, in nanoseconds.
    tick: u64,
    slots: Box<[Slot]>,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    /// What tells keys of one slot apart; 0 is none.
    tag: u16,
    /// In ticks, which go round.
    at: u16,
}

impl LastLoads {
    /// Of entries that live so long.
    pub(super) fn new(life: Duration) -> Self {
        Self { tick: (nanos(life) / TICKS).max(1), slots: vec![Slot::default(); SLOTS].into() }
    }

    /// It was loaded now.
    pub(super) fn loaded(&mut self, key: u32, now: Moment) {
        let at = self.ticks(now);
        *self.slot(key) = Slot { tag: tag(key), at };
    }

    /// Whether an entry that was loaded when this key was last would be past its time now.
    pub(super) fn is_past(&mut self, key: u32, now: Moment) -> bool {
        let now = self.ticks(now);
        let slot = self.slot(key);
        slot.tag == tag(key) && u64::from(now.wrapping_sub(slot.at)) >= TICKS
    }

    fn ticks(&self, now: Moment) -> u16 {
        // The lowest bits: they go round after 256 lives.
        (now.as_nanos() / self.tick) as u16
    }

    fn slot(&mut self, key: u32) -> &mut Slot {
        // By the high bits, and told apart by the low ones.
        &mut self.slots[(u64::from(key) * SLOTS as u64 >> 32) as usize]
    }
}

fn tag(key: u32) -> u16 {
    (key as u16).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_after_its_load_a_key_is_past_its_time() {
        let mut loads = LastLoads::new(Duration::from_secs(10));
        let at = |seconds: u64| Moment::from_nanos(seconds * 1_000_000_000);
        loads.loaded(7, at(1_000));
        assert_eq!([1_001, 1_009, 1_011, 1_500].map(|now| loads.is_past(7, at(now))), [false, false, true, true]);
        assert!(!loads.is_past(8, at(2_000)), "one that nobody knows");
        // Another takes its slot.
        loads.loaded(9, at(1_001));
        assert!(!loads.is_past(7, at(1_500)) && loads.is_past(9, at(1_500)));
        assert_eq!(size_of_val(&*loads.slots), 16 * 1_024);
    }
}
