//! The server's clock, so that processes with different clocks agree on expiry.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use mongodb::Database;
use mongodb::bson::{DateTime, doc};
use mongodb::error::Error;

/// The interval between reads of the server's clock. With a drift of 100 ppm, clocks differ by 6 ms after this time.
const READ_INTERVAL: Duration = Duration::from_secs(60);

/// The difference between the two local clocks above which a reading is discarded. A larger difference means that the
/// machine slept or its clock was set.
const MAX_CLOCK_JUMP: Duration = Duration::from_secs(1);

/// The end of the year 9999, which means "never expires". Many tools don't accept later dates.
const NEVER_MILLIS: i64 = 253_402_300_799_999;

/// A time by the server's clock, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ServerTime(i64);

impl ServerTime {
    /// Converts the time to the type that the server stores.
    pub(crate) fn date(self) -> DateTime {
        DateTime::from_millis(self.0)
    }

    /// Returns the time after `duration`, rounded up to a millisecond. `None` means never.
    pub(crate) fn after(self, duration: Option<Duration>) -> DateTime {
        let millis =
            duration.map(|time| time.as_nanos().div_ceil(1_000_000)).and_then(|millis| i64::try_from(millis).ok());
        let end = millis.map_or(NEVER_MILLIS, |millis| self.0.saturating_add(millis).min(NEVER_MILLIS));
        DateTime::from_millis(end)
    }
}

/// The server's clock, read once a minute and extrapolated in between.
#[derive(Debug, Default)]
pub(crate) struct ServerClock {
    reading: Mutex<Option<ClockReading>>,
}

impl ServerClock {
    /// Returns the server's time, exact to within half a round trip. Once a minute, this takes a round trip.
    pub(crate) async fn now(&self, database: &Database) -> Result<ServerTime, Error> {
        let cached = match self.cached() {
            CachedTime::Fresh(time) => return Ok(time),
            CachedTime::Due => true,
            CachedTime::Missing => false,
        };
        match ClockReading::take(database).await {
            Ok(new) => Ok(self.keep(new)),
            // The operation that needs the time may still succeed, or returns its own error.
            Err(_) if cached => Ok(self.extrapolated().unwrap_or(ServerTime(NEVER_MILLIS))),
            Err(error) => Err(error),
        }
    }

    /// Returns the extrapolated time. One caller gets `Due` and reads the clock again. Other callers use the old
    /// reading in the meantime.
    fn cached(&self) -> CachedTime {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(reading) = reading.as_mut().filter(|reading| !reading.clock_jumped()) else {
            return CachedTime::Missing;
        };
        if reading.checked.elapsed() < READ_INTERVAL {
            return CachedTime::Fresh(reading.at(Instant::now()));
        }
        reading.checked = Instant::now();
        CachedTime::Due
    }

    fn keep(&self, new: ClockReading) -> ServerTime {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = match reading.take() {
            Some(old) if !old.clock_jumped() && old.agrees(&new) => ClockReading { checked: new.checked, ..old },
            _ => new,
        };
        reading.insert(kept).at(Instant::now())
    }

    fn extrapolated(&self) -> Option<ServerTime> {
        let reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        reading.as_ref().map(|reading| reading.at(Instant::now()))
    }
}

enum CachedTime {
    Fresh(ServerTime),
    Due,
    Missing,
}

/// A reading of the server's clock.
#[derive(Clone, Copy, Debug)]
struct ClockReading {
    /// The server's time, in microseconds since 1970.
    server_micros: i64,
    /// The time of the reading by the local monotonic clock.
    read_at: Instant,
    /// The time of the reading by the local system clock. Compared with the monotonic clock, it shows whether the
    /// machine slept.
    read_at_system: SystemTime,
    /// The maximum error of the reading.
    uncertainty: Duration,
    /// The time of the last check against the server.
    checked: Instant,
}

impl ClockReading {
    async fn take(database: &Database) -> Result<Self, Error> {
        let (sent, sent_at_system) = (Instant::now(), SystemTime::now());
        let hello = database.run_command(doc! { "hello": 1 }).await?;
        let half = sent.elapsed() / 2;
        let local = || sent_at_system + half;
        // If the server doesn't report its time, the local time is used.
        let server_micros = hello.get_datetime("localTime").map_or_else(
            |_| micros(local()),
            |time| {
                // The server truncates its time to milliseconds.
                time.timestamp_millis().saturating_mul(1_000).saturating_add(500)
            },
        );
        Ok(Self {
            server_micros,
            read_at: sent + half,
            read_at_system: local(),
            uncertainty: half + Duration::from_millis(1),
            checked: Instant::now(),
        })
    }

    fn micros_at(&self, instant: Instant) -> i64 {
        let passed = i64::try_from(instant.saturating_duration_since(self.read_at).as_micros()).unwrap_or(i64::MAX);
        self.server_micros.saturating_add(passed)
    }

    fn at(&self, instant: Instant) -> ServerTime {
        ServerTime(self.micros_at(instant) / 1_000)
    }

    /// Whether `new` agrees with this reading, within its uncertainty. Then this reading is kept, so that the time
    /// doesn't jump with the durations of round trips.
    fn agrees(&self, new: &Self) -> bool {
        u128::from(self.micros_at(new.read_at).abs_diff(new.server_micros)) <= new.uncertainty.as_micros()
    }

    /// Whether the local clocks have diverged since the reading. The machine slept, which the monotonic clock doesn't
    /// count, or the system clock was set.
    fn clock_jumped(&self) -> bool {
        let passed = self.read_at.elapsed();
        let difference = match SystemTime::now().duration_since(self.read_at_system) {
            Ok(by_wall) => by_wall.abs_diff(passed),
            Err(ahead) => ahead.duration() + passed,
        };
        difference > MAX_CLOCK_JUMP
    }
}

fn micros(time: SystemTime) -> i64 {
    let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(shown_millis: i64) -> ClockReading {
        let now = Instant::now();
        let uncertainty = Duration::from_millis(3);
        ClockReading {
            server_micros: shown_millis * 1_000,
            read_at: now,
            read_at_system: SystemTime::now(),
            uncertainty,
            checked: now,
        }
    }

    #[test]
    fn expiry_is_rounded_up_and_ends_by_year_9999() {
        let now = ServerTime(1_000);
        assert_eq!(now.after(Some(Duration::ZERO)).timestamp_millis(), 1_000);
        assert_eq!(now.after(Some(Duration::from_nanos(1))).timestamp_millis(), 1_001);
        assert_eq!(now.after(Some(Duration::from_secs(1))).timestamp_millis(), 2_000);
        assert_eq!(now.after(Some(Duration::MAX)).timestamp_millis(), NEVER_MILLIS);
        assert_eq!(now.after(None).timestamp_millis(), NEVER_MILLIS);
        assert!(NEVER_MILLIS > now.date().timestamp_millis());
    }

    #[test]
    fn server_time_advances_with_local_clock() {
        let reading = reading(5_000);
        assert_eq!(reading.at(reading.read_at), ServerTime(5_000));
        assert_eq!(reading.at(reading.read_at + Duration::from_millis(1_234)), ServerTime(6_234));
    }

    #[test]
    fn reading_is_kept_while_new_readings_agree() {
        let clock = ServerClock::default();
        let first = reading(5_000);
        clock.keep(first);
        let later = |millis_off: i64| ClockReading {
            server_micros: first.server_micros + 60_000_000 + millis_off * 1_000,
            read_at: first.read_at + Duration::from_secs(60),
            ..first
        };
        clock.keep(later(-3));
        assert_eq!(clock.reading.lock().unwrap().unwrap().server_micros, first.server_micros);
        clock.keep(later(-4));
        assert_eq!(clock.reading.lock().unwrap().unwrap().server_micros, later(-4).server_micros);
    }

    #[test]
    fn due_reading_is_reported_to_one_caller() {
        let clock = ServerClock::default();
        assert!(matches!(clock.cached(), CachedTime::Missing));
        let new = reading(5_000);
        let Some(long_ago) = new.checked.checked_sub(READ_INTERVAL) else { return };
        clock.keep(ClockReading { checked: long_ago, ..new });
        assert!(matches!(clock.cached(), CachedTime::Due));
        assert!(matches!(clock.cached(), CachedTime::Fresh(_)));
    }

    #[test]
    fn reading_is_discarded_after_clock_jump() {
        let new = reading(5_000);
        assert!(!new.clock_jumped());
        assert!(ClockReading { read_at_system: new.read_at_system - 2 * MAX_CLOCK_JUMP, ..new }.clock_jumped());
        assert!(ClockReading { read_at_system: new.read_at_system + 2 * MAX_CLOCK_JUMP, ..new }.clock_jumped());
    }
}
