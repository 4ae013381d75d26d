//! What time it is on the server, so that processes whose own clocks differ agree on what is over.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use mongodb::Database;
use mongodb::bson::{DateTime, doc};
use mongodb::error::Error;

/// How often the server is asked. Clocks that drift apart by 100 parts in a million differ by 6 ms then.
const INTERVAL: Duration = Duration::from_secs(60);

/// A machine that slept, or whose clock was set, shows it by so much.
const JUMP: Duration = Duration::from_secs(1);

/// The end of the year 9999, which stands for "for ever": later dates are no dates in many tools.
const FOR_EVER: i64 = 253_402_300_799_999;

/// A time by the server's clock, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ServerTime(i64);

impl ServerTime {
    /// As the server keeps it.
    pub(crate) fn date(self) -> DateTime {
        DateTime::from_millis(self.0)
    }

    /// When `time` has passed, and not a moment before; `None`: never.
    pub(crate) fn after(self, time: Option<Duration>) -> DateTime {
        let millis = time.map(|time| time.as_nanos().div_ceil(1_000_000)).and_then(|millis| i64::try_from(millis).ok());
        let end = millis.map_or(FOR_EVER, |millis| self.0.saturating_add(millis).min(FOR_EVER));
        DateTime::from_millis(end)
    }
}

/// The server's clock, read now and then, and reckoned in between.
#[derive(Debug, Default)]
pub(crate) struct ServerClock {
    reading: Mutex<Option<Reading>>,
}

impl ServerClock {
    /// The time there, right to within half of what a round trip takes. Takes one itself once a minute.
    pub(crate) async fn now(&self, database: &Database) -> Result<ServerTime, Error> {
        let known = match self.known() {
            Known::Fresh(time) => return Ok(time),
            Known::Old => true,
            Known::Nothing => false,
        };
        match Reading::take(database).await {
            Ok(new) => Ok(self.keep(new)),
            // What it was asked for may succeed all the same, or tells what is wrong.
            Err(_) if known => Ok(self.reckoned().unwrap_or(ServerTime(FOR_EVER))),
            Err(error) => Err(error),
        }
    }

    /// Whoever finds the reading old asks anew; the others go on with the old one meanwhile.
    fn known(&self) -> Known {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(reading) = reading.as_mut().filter(|reading| !reading.jumped()) else { return Known::Nothing };
        if reading.checked.elapsed() < INTERVAL {
            return Known::Fresh(reading.at(Instant::now()));
        }
        reading.checked = Instant::now();
        Known::Old
    }

    fn keep(&self, new: Reading) -> ServerTime {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = match reading.take() {
            Some(old) if !old.jumped() && old.agrees(&new) => Reading { checked: new.checked, ..old },
            _ => new,
        };
        reading.insert(kept).at(Instant::now())
    }

    fn reckoned(&self) -> Option<ServerTime> {
        let reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        reading.as_ref().map(|reading| reading.at(Instant::now()))
    }
}

enum Known {
    Fresh(ServerTime),
    Old,
    Nothing,
}

/// What the server's clock showed.
#[derive(Clone, Copy, Debug)]
struct Reading {
    /// In microseconds since 1970.
    shown: i64,
    /// When, by this machine's monotonic clock.
    taken: Instant,
    /// When, by this machine's clock: compared with the one before, it tells whether the machine slept.
    taken_at: SystemTime,
    /// By how much it may be wrong.
    slack: Duration,
    /// When it was last found to be right.
    checked: Instant,
}

impl Reading {
    async fn take(database: &Database) -> Result<Self, Error> {
        let (asked, asked_at) = (Instant::now(), SystemTime::now());
        let hello = database.run_command(doc! { "hello": 1 }).await?;
        let half = asked.elapsed() / 2;
        let own = || asked_at + half;
        // Whoever doesn't tell the time has its clients' word for it.
        let shown = hello.get_datetime("localTime").map_or_else(
            |_| micros(own()),
            |time| {
                // It was cut to the millisecond.
                time.timestamp_millis().saturating_mul(1_000).saturating_add(500)
            },
        );
        Ok(Self {
            shown,
            taken: asked + half,
            taken_at: own(),
            slack: half + Duration::from_millis(1),
            checked: Instant::now(),
        })
    }

    fn micros_at(&self, moment: Instant) -> i64 {
        let passed = i64::try_from(moment.saturating_duration_since(self.taken).as_micros()).unwrap_or(i64::MAX);
        self.shown.saturating_add(passed)
    }

    fn at(&self, moment: Instant) -> ServerTime {
        ServerTime(self.micros_at(moment) / 1_000)
    }

    /// Whether a new reading gives no reason to go by another time than before: time must not step back and forth with
    /// what round trips happen to take.
    fn agrees(&self, new: &Self) -> bool {
        u128::from(self.micros_at(new.taken).abs_diff(new.shown)) <= new.slack.as_micros()
    }

    /// Whether this machine's clocks have gone apart since: it slept, which the monotonic one doesn't count, or was set.
    fn jumped(&self) -> bool {
        let passed = self.taken.elapsed();
        let apart = match SystemTime::now().duration_since(self.taken_at) {
            Ok(by_wall) => by_wall.abs_diff(passed),
            Err(ahead) => ahead.duration() + passed,
        };
        apart > JUMP
    }
}

fn micros(time: SystemTime) -> i64 {
    let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(shown_millis: i64) -> Reading {
        let now = Instant::now();
        let slack = Duration::from_millis(3);
        Reading { shown: shown_millis * 1_000, taken: now, taken_at: SystemTime::now(), slack, checked: now }
    }

    #[test]
    fn a_time_ends_no_earlier_than_it_says_and_not_after_the_year_9999() {
        let now = ServerTime(1_000);
        assert_eq!(now.after(Some(Duration::ZERO)).timestamp_millis(), 1_000);
        assert_eq!(now.after(Some(Duration::from_nanos(1))).timestamp_millis(), 1_001);
        assert_eq!(now.after(Some(Duration::from_secs(1))).timestamp_millis(), 2_000);
        assert_eq!(now.after(Some(Duration::MAX)).timestamp_millis(), FOR_EVER);
        assert_eq!(now.after(None).timestamp_millis(), FOR_EVER);
        assert!(FOR_EVER > now.date().timestamp_millis());
    }

    #[test]
    fn the_server_s_time_goes_on_as_ours_does() {
        let reading = reading(5_000);
        assert_eq!(reading.at(reading.taken), ServerTime(5_000));
        assert_eq!(reading.at(reading.taken + Duration::from_millis(1_234)), ServerTime(6_234));
    }

    #[test]
    fn a_reading_stays_while_new_ones_agree() {
        let clock = ServerClock::default();
        let first = reading(5_000);
        clock.keep(first);
        let later = |millis_off: i64| Reading {
            shown: first.shown + 60_000_000 + millis_off * 1_000,
            taken: first.taken + Duration::from_secs(60),
            ..first
        };
        clock.keep(later(-3));
        assert_eq!(clock.reading.lock().unwrap().unwrap().shown, first.shown);
        clock.keep(later(-4));
        assert_eq!(clock.reading.lock().unwrap().unwrap().shown, later(-4).shown);
    }

    #[test]
    fn an_old_reading_is_found_old_by_one_alone() {
        let clock = ServerClock::default();
        assert!(matches!(clock.known(), Known::Nothing));
        let new = reading(5_000);
        let Some(long_ago) = new.checked.checked_sub(INTERVAL) else { return };
        clock.keep(Reading { checked: long_ago, ..new });
        assert!(matches!(clock.known(), Known::Old));
        assert!(matches!(clock.known(), Known::Fresh(_)));
    }

    #[test]
    fn a_machine_that_slept_has_no_reading() {
        let new = reading(5_000);
        assert!(!new.jumped());
        assert!(Reading { taken_at: new.taken_at - 2 * JUMP, ..new }.jumped());
        assert!(Reading { taken_at: new.taken_at + 2 * JUMP, ..new }.jumped());
    }
}
