//! The numbers of loads, and of waits for the loads of other requests.

use std::time::Duration;

use cachescope_core::{LoadOutcome, LoadTrigger, WaitOutcome, WaitScope};
use cachescope_telemetry::Durations;

use crate::metrics::Stats;

impl Stats {
    /// Returns the loads by misses with this outcome.
    #[must_use]
    pub fn loads(&self, outcome: LoadOutcome) -> u64 {
        self.loads_by(LoadTrigger::Miss, outcome)
    }

    /// Returns the loads by this trigger with this outcome.
    #[must_use]
    pub fn loads_by(&self, trigger: LoadTrigger, outcome: LoadOutcome) -> u64 {
        self.counts.loads(trigger, outcome)
    }

    /// Returns the number of running loads.
    #[must_use]
    pub fn loads_active(&self) -> u64 {
        self.counts.loads_active
    }

    /// Returns the durations of loads by misses, with any outcome.
    #[must_use]
    pub fn load_duration(&self) -> &Durations {
        self.load_duration_by(LoadTrigger::Miss)
    }

    /// Returns the durations of loads by this trigger, with any outcome.
    #[must_use]
    pub fn load_duration_by(&self, trigger: LoadTrigger) -> &Durations {
        self.counts.load_durations(trigger)
    }

    /// Returns the waits for another request's load with this outcome.
    #[doc(alias = "single_flight")]
    #[doc(alias = "thundering_herd")]
    #[must_use]
    pub fn waits(&self, outcome: WaitOutcome) -> u64 {
        self.counts.waits(WaitScope::Process, outcome)
    }

    /// Returns the durations of waits for another request's load with this outcome.
    #[must_use]
    pub fn wait_duration(&self, outcome: WaitOutcome) -> &Durations {
        self.counts.wait_durations(WaitScope::Process, outcome)
    }

    /// Returns the number of requests that wait for another's load.
    #[must_use]
    pub fn waits_active(&self) -> u64 {
        self.counts.waits_active
    }

    /// Returns how long the oldest waiting request has waited.
    #[must_use]
    pub fn longest_wait(&self) -> Duration {
        self.longest_wait
    }
}
