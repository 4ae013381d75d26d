//! The times of the last loads, kept as long as they decide whether an entry would have expired.

use std::time::Duration;

use cachescope_core::{Timestamp, nanos};

const SLOTS: usize = 8_192;

/// The number of ticks in a TTL.
const TICKS: u64 = 80;

/// Ticks wrap around at this number. It is more than three TTLs, so an old tick is never mistaken for a later one.
const WRAP: u64 = 250;

/// Marks a load that is at least one TTL ago.
const EXPIRED: u8 = u8::MAX;

/// The last load of each key, in 8 KiB. Keys that share a slot share the latest of their loads. If that is expired, all
/// of them are; if not, the others are taken for as recent.
pub(crate) struct LastLoads {
    /// The length of a tick, in nanoseconds.
    tick: u64,
    /// Ticks, below `WRAP`.
    slots: Box<[u8]>,
    /// The tick of the last sweep over all slots. Sweeps are at most one TTL apart while events come.
    swept_at: u64,
}

impl LastLoads {
    /// Creates an empty table for entries with this TTL.
    pub(crate) fn new(ttl: Duration, now: Timestamp) -> Self {
        let tick = (nanos(ttl) / TICKS).max(1);
        Self { tick, slots: vec![EXPIRED; SLOTS].into(), swept_at: now.as_nanos() / tick }
    }

    /// Records a load of a key.
    pub(crate) fn record_load(&mut self, key: u32, now: Timestamp) {
        self.slots[slot(key)] = (self.advance(now) % WRAP) as u8;
    }

    /// Returns whether an entry that was stored at the last load of this key would be expired now.
    pub(crate) fn is_expired(&mut self, key: u32, now: Timestamp) -> bool {
        let now = self.advance(now);
        is_expired(self.slots[slot(key)], now)
    }

    /// Marks expired slots. Returns the present tick.
    fn advance(&mut self, now: Timestamp) -> u64 {
        let now = now.as_nanos() / self.tick;
        let since = now.saturating_sub(self.swept_at);
        if since >= TICKS {
            // Slots that the last sweep kept were younger than a TTL then, and newer ones came within one TTL.
            let are_all_expired = since >= 2 * TICKS;
            self.slots.iter_mut().filter(|at| are_all_expired || is_expired(**at, now)).for_each(|at| *at = EXPIRED);
            self.swept_at = now;
        }
        now
    }
}

fn is_expired(at: u8, now: u64) -> bool {
    at == EXPIRED || (now % WRAP + WRAP - u64::from(at)) % WRAP >= TICKS
}

fn slot(key: u32) -> usize {
    ((u64::from(key) * SLOTS as u64) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn key_is_expired_one_ttl_after_its_load() {
        let mut loads = LastLoads::new(Duration::from_secs(10), at(990));
        loads.record_load(7, at(1_000));
        assert_eq!([1_001, 1_009, 1_011, 1_500].map(|now| loads.is_expired(7, at(now))), [false, false, true, true]);
        // Another key of the same slot was loaded later. Until that load expires, the first isn't known to be expired.
        loads.record_load(7, at(2_000));
        loads.record_load(9, at(2_005));
        assert_eq!([2_011, 2_016].map(|now| loads.is_expired(7, at(now))), [false, true]);
        assert_eq!(size_of_val(&*loads.slots), 8 * 1_024);
    }

    #[test]
    fn expiry_is_right_at_every_interval_of_requests() {
        for pause in 1..120 {
            let mut loads = LastLoads::new(Duration::from_secs(10), at(0));
            let (mut last, mut now) = (0, 0);
            for step in 0..200 {
                now += 1 + step * pause % 37;
                let is_expired = now - last >= 10;
                assert_eq!(loads.is_expired(7, at(now)), is_expired || last == 0, "{pause} {step}");
                // Other keys keep the sweeps going.
                loads.record_load(u32::MAX, at(now));
                if step % 3 == 0 {
                    loads.record_load(7, at(now));
                    last = now;
                }
            }
        }
    }
}
