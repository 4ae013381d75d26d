//! When keys were loaded last, for as long as that decides whether an entry would have been past its time.

use std::time::Duration;

use cachescope_core::{Moment, nanos};

const SLOTS: usize = 8_192;

/// Ticks in a life.
const TICKS: u64 = 80;

/// Ticks go round after so many: more than three lives, so that none that is kept is taken for a later one.
const ROUND: u64 = 250;

/// A life ago, or longer.
const LONG_AGO: u8 = u8::MAX;

/// 8 KiB. Of keys that share a slot it has the last load: if that is long ago, the others' are too; if not, theirs is
/// unknown, and taken to be as late.
pub(super) struct LastLoads {
    /// A tick, in nanoseconds.
    tick: u64,
    /// In ticks, below `ROUND`.
    slots: Box<[u8]>,
    /// When all were looked at, in ticks: before a life was over since then.
    looked_at: u64,
}

impl LastLoads {
    /// Of entries that live so long.
    pub(super) fn new(life: Duration, now: Moment) -> Self {
        let tick = (nanos(life) / TICKS).max(1);
        Self { tick, slots: vec![LONG_AGO; SLOTS].into(), looked_at: now.as_nanos() / tick }
    }

    /// It was loaded now.
    pub(super) fn loaded(&mut self, key: u32, now: Moment) {
        self.slots[slot(key)] = (self.advance(now) % ROUND) as u8;
    }

    /// Whether an entry that was loaded when this key was last would be past its time now.
    pub(super) fn is_past(&mut self, key: u32, now: Moment) -> bool {
        let now = self.advance(now);
        is_past(self.slots[slot(key)], now)
    }

    /// Takes note of what is past at this time, in ticks.
    fn advance(&mut self, now: Moment) -> u64 {
        let now = now.as_nanos() / self.tick;
        let since = now.saturating_sub(self.looked_at);
        if since >= TICKS {
            // What was kept a look ago was younger than a life then, and what came since came within one.
            let are_all_past = since >= 2 * TICKS;
            self.slots.iter_mut().filter(|at| are_all_past || is_past(**at, now)).for_each(|at| *at = LONG_AGO);
            self.looked_at = now;
        }
        now
    }
}

fn is_past(at: u8, now: u64) -> bool {
    at == LONG_AGO || (now % ROUND + ROUND - u64::from(at)) % ROUND >= TICKS
}

fn slot(key: u32) -> usize {
    ((u64::from(key) * SLOTS as u64) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn a_life_after_its_load_a_key_is_past_its_time() {
        let mut loads = LastLoads::new(Duration::from_secs(10), at(990));
        loads.loaded(7, at(1_000));
        assert_eq!([1_001, 1_009, 1_011, 1_500].map(|now| loads.is_past(7, at(now))), [false, false, true, true]);
        // Another of its slot, loaded later: until that is past its time, it isn't known.
        loads.loaded(7, at(2_000));
        loads.loaded(9, at(2_005));
        assert_eq!([2_011, 2_016].map(|now| loads.is_past(7, at(now))), [false, true]);
        assert_eq!(size_of_val(&*loads.slots), 8 * 1_024);
    }

    #[test]
    fn whenever_it_is_asked_it_knows() {
        for pause in 1..120 {
            let mut loads = LastLoads::new(Duration::from_secs(10), at(0));
            let (mut last, mut now) = (0, 0);
            for step in 0..200 {
                now += 1 + step * pause % 37;
                let is_past = now - last >= 10;
                assert_eq!(loads.is_past(7, at(now)), is_past || last == 0, "{pause} {step}");
                // Others keep it awake.
                loads.loaded(u32::MAX, at(now));
                if step % 3 == 0 {
                    loads.loaded(7, at(now));
                    last = now;
                }
            }
        }
    }
}
