//! The model: a cache by its documentation, single-threaded, with whole numbers for time.

use std::collections::{BTreeMap, HashMap};

use cachescope::metrics::{
    EvictionReason, Failure, LoadOutcome, LoadTrigger, MissReason, Operation, RejectionReason, RequestOutcome,
    RequestResult, StaleEvent, WaitOutcome,
};

use super::counts::Count;
use super::queue::Places;
use super::{Answer, CALLERS, KEYS, Options, Rules, WAIT_ERROR};

/// The model of a cache and its callers.
pub(crate) struct Model {
    rules: Rules,
    pub(crate) now: u64,
    entries: BTreeMap<u8, Entry>,
    /// Cached errors: the number of the load, and the time.
    errors: BTreeMap<u8, (u64, u64)>,
    /// Every load that others can wait for; its index is its id.
    flights: Vec<Flight>,
    /// The flight of each key, which requests join and which may store.
    current: BTreeMap<u8, usize>,
    places: Places,
    /// Loads in the background, in the order of their start.
    background: Vec<Background>,
    loads: u64,
    asked: [Asked; CALLERS],
    counts: HashMap<Count, u64>,
    /// The reason why each missing key would miss.
    left: HashMap<u8, MissReason>,
}

#[derive(Clone, Copy)]
struct Entry {
    value: u64,
    stored_at: u64,
    /// The time from which a hit starts a refresh.
    renew_from: u64,
    /// The time of expiry; `u64::MAX` is never.
    fresh_until: u64,
}

/// A load that no request waits for.
#[derive(Clone, Copy)]
struct Background {
    key: u8,
    flight: usize,
    /// The expiry of the entry that it replaces.
    renews: Option<u64>,
    work: Work,
}

#[derive(Clone, Copy)]
enum Work {
    /// A refresh, which queues for a slot if it has a ticket.
    Refresh(Option<u64>),
    /// A load whose request was dropped.
    Finish { number: u64, trigger: LoadTrigger },
}

enum Flight {
    Loading,
    Landed(Answer),
    Abandoned,
}

/// The request of a caller.
#[derive(Clone, Copy)]
struct Asked {
    key: u8,
    options: Options,
    /// The outcome if it loads.
    ending: RequestOutcome,
    /// The expiry of the entry that it found.
    renews: Option<u64>,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    /// The caller has no request.
    Idle,
    /// Created, and begun by the first poll.
    Made,
    Waiting {
        flight: usize,
        since: u64,
    },
    /// It waits for a slot to load in.
    Queueing {
        ticket: u64,
        since: u64,
        lands: Lands,
    },
    /// It polls its own load, which is pending for `polls` more polls.
    Loading {
        number: u64,
        polls: usize,
        lands: Lands,
    },
    Done(Answer),
}

/// The effect of a loaded value on other requests.
#[derive(Clone, Copy)]
enum Lands {
    /// None.
    Nowhere,
    /// It ends the flight that they wait for.
    Leading(usize),
    /// It began after the wait timeout of that flight.
    Beside(usize),
}

impl Model {
    pub(crate) fn new(rules: Rules) -> Self {
        let ending = RequestOutcome::miss(MissReason::Unknown);
        let idle = Asked { key: 0, options: Options::None, ending, renews: None, state: State::Idle };
        Self {
            places: Places::new(rules.load_concurrency),
            rules,
            now: 0,
            entries: BTreeMap::new(),
            errors: BTreeMap::new(),
            flights: Vec::new(),
            current: BTreeMap::new(),
            background: Vec::new(),
            loads: 0,
            asked: [idle; CALLERS],
            counts: HashMap::new(),
            left: HashMap::new(),
        }
    }

    fn count(&mut self, line: Count) {
        *self.counts.entry(line).or_default() += 1;
    }

    fn ended(&mut self, result: RequestResult) {
        self.count(Count::Ended(RequestOutcome::new(result)));
    }

    /// The expected value of a count.
    pub(crate) fn expects(&self, count: Count) -> u64 {
        let states = || self.asked.iter().map(|asked| asked.state);
        let loading = states().filter(|state| matches!(state, State::Loading { .. })).count() as u64;
        let is_waiting = |state: &State| matches!(state, State::Waiting { .. } | State::Queueing { .. });
        let waiting = states().filter(is_waiting).count() as u64;
        let detached =
            self.background.iter().filter(|detached| matches!(detached.work, Work::Finish { .. })).count() as u64;
        match count {
            Count::InFlight => loading + waiting,
            Count::LoadsActive => loading + detached,
            Count::WaitsActive => waiting,
            Count::LongestWait => {
                states().filter_map(|state| self.waits_since(state)).map(|s| self.now - s).max().unwrap_or(0)
            }
            Count::Entries => self.entries.len() as u64,
            counted => self.counts.get(&counted).copied().unwrap_or(0),
        }
    }

    /// The time since which a request waits for a running load.
    fn waits_since(&self, state: State) -> Option<u64> {
        match state {
            State::Waiting { flight, since } if matches!(self.flights[flight], Flight::Loading) => Some(since),
            State::Queueing { since, .. } => Some(since),
            _ => None,
        }
    }

    /// Whether the wait of a caller's request is over, so that it must be woken.
    pub(crate) fn is_due(&self, caller: usize) -> bool {
        match self.asked[caller].state {
            State::Queueing { ticket, .. } => self.places.is_granted(ticket),
            state @ State::Waiting { .. } => self.waits_since(state).is_none_or(|since| self.is_too_long(since)),
            _ => false,
        }
    }

    fn is_too_long(&self, since: u64) -> bool {
        self.rules.wait_for_load_timeout.is_some_and(|timeout| self.now - since >= timeout)
    }

    pub(crate) fn ask(&mut self, caller: usize, key: u8, options: Options) {
        self.asked[caller] = Asked { key, options, state: State::Made, renews: None, ..self.asked[caller] };
    }

    pub(crate) fn drop(&mut self, caller: usize) {
        let asked = self.asked[caller];
        match asked.state {
            State::Idle | State::Made | State::Done(_) => {}
            State::Waiting { .. } => {
                self.count(Count::Wait(WaitOutcome::Cancelled));
                self.ended(RequestResult::Cancelled);
            }
            State::Queueing { ticket, lands, .. } => {
                self.places.give_up(ticket);
                self.count(Count::Wait(WaitOutcome::Cancelled));
                self.ended(RequestResult::Cancelled);
                self.abandon(asked.key, lands);
            }
            State::Loading { lands: Lands::Leading(flight), number, .. } if self.rules.finish_cancelled_loads => {
                self.ended(RequestResult::Cancelled);
                let work = Work::Finish { number, trigger: trigger_of(asked.ending) };
                self.background.push(Background { key: asked.key, flight, renews: asked.renews, work });
            }
            State::Loading { lands, .. } => {
                self.ended(RequestResult::Cancelled);
                self.load_ended(trigger_of(asked.ending), LoadOutcome::Cancelled);
                self.abandon(asked.key, lands);
            }
        }
        self.asked[caller].state = State::Idle;
    }

    fn abandon(&mut self, key: u8, lands: Lands) {
        if let Lands::Leading(flight) = lands {
            self.end_flight(key, flight, Flight::Abandoned);
        }
    }

    pub(crate) fn poll(&mut self, caller: usize) -> Option<Answer> {
        let mut asked = self.asked[caller];
        let answer = loop {
            asked.state = match asked.state {
                State::Idle => break None,
                State::Made => self.begin(&mut asked),
                State::Done(answer) => break Some(answer),
                State::Waiting { flight, since } => match self.flights[flight] {
                    Flight::Landed(answer) => {
                        self.count(Count::Wait(WaitOutcome::Shared));
                        asked.ending = RequestOutcome::new(RequestResult::Coalesced);
                        State::Done(self.settle(&asked, answer))
                    }
                    Flight::Abandoned => {
                        self.count(Count::Wait(WaitOutcome::LeaderFailed));
                        self.join(&asked)
                    }
                    Flight::Loading if self.is_too_long(since) => {
                        self.count(Count::Wait(WaitOutcome::Timeout));
                        if self.rules.fails_impatient {
                            asked.ending = RequestOutcome::new(RequestResult::Coalesced);
                            State::Done(self.settle(&asked, Answer::Error(WAIT_ERROR)))
                        } else {
                            self.load(Lands::Beside(flight))
                        }
                    }
                    Flight::Loading => break None,
                },
                State::Queueing { ticket, lands, .. } => {
                    if !self.places.claim(ticket) {
                        break None;
                    }
                    self.count(Count::Wait(WaitOutcome::Admitted));
                    self.start(lands)
                }
                State::Loading { polls: 0, number, lands } => State::Done(self.loaded(&asked, number, lands)),
                State::Loading { ref mut polls, .. } => {
                    *polls -= 1;
                    break None;
                }
            };
        };
        self.asked[caller] = asked;
        answer
    }

    fn begin(&mut self, asked: &mut Asked) -> State {
        self.count(Count::Requests);
        match asked.options {
            Options::Bypass => {
                asked.ending = RequestOutcome::new(RequestResult::Bypass);
                return self.load(Lands::Nowhere);
            }
            Options::Overwrite => {
                // An earlier load doesn't count, and the entry isn't looked up.
                self.current.remove(&asked.key);
                asked.ending = RequestOutcome::new(RequestResult::Bypass);
                let flight = self.depart(asked.key);
                return self.load(Lands::Leading(flight));
            }
            Options::None | Options::MaxAge(_) => {}
        }
        let Some(entry) = self.entries.get(&asked.key).copied() else {
            asked.ending = RequestOutcome::miss(self.left.get(&asked.key).copied().unwrap_or(MissReason::Cold));
            return self.join(asked);
        };
        asked.ending = RequestOutcome::miss(MissReason::Expired);
        asked.renews = Some(entry.fresh_until);
        if self.may_answer(entry, asked.options, 0) {
            if self.now >= entry.renew_from {
                self.renew(asked.key, entry);
            }
            return self.hit(entry);
        }
        if !self.may_answer(entry, asked.options, self.rules.serve_stale_for) {
            return self.join(asked);
        }
        self.renew(asked.key, entry);
        self.count(Count::Stale(StaleEvent::Served));
        self.ended(RequestResult::Stale);
        State::Done(Answer::Value(entry.value))
    }

    /// Starts a refresh of an entry, unless its key is being loaded or has a cached error.
    fn renew(&mut self, key: u8, entry: Entry) {
        if self.current.contains_key(&key) || self.remembered(key, Options::None).is_some() {
            return;
        }
        let flight = self.depart(key);
        self.background.push(Background { key, flight, renews: Some(entry.fresh_until), work: Work::Refresh(None) });
    }

    /// A request without a load.
    pub(crate) fn look(&mut self, key: u8) -> Option<u64> {
        self.count(Count::Requests);
        let entry = self.entries.get(&key).copied();
        let found = entry.filter(|entry| self.may_answer(*entry, Options::None, self.rules.serve_stale_for));
        match found {
            None => self.ended(RequestResult::Absent),
            Some(entry) if self.may_answer(entry, Options::None, 0) => self.ended(RequestResult::Hit),
            Some(_) => {
                self.count(Count::Stale(StaleEvent::Served));
                self.ended(RequestResult::Stale);
            }
        }
        found.map(|entry| entry.value)
    }

    /// The cached error that answers a request: the number of its load.
    fn remembered(&self, key: u8, options: Options) -> Option<u64> {
        let (number, since) = *self.errors.get(&key)?;
        let young = !matches!(options, Options::MaxAge(age) if self.now - since > age);
        (young && self.now < since + self.rules.cache_errors_for?).then_some(number)
    }

    /// Whether an entry that is fresh, or expired for less than `extra`, may answer a request.
    fn may_answer(&self, entry: Entry, options: Options, extra: u64) -> bool {
        let young = !matches!(options, Options::MaxAge(age) if self.now - entry.stored_at > age);
        young && (entry.fresh_until == u64::MAX || self.now < entry.fresh_until + extra)
    }

    /// Answers with a fresh entry, or else with a load, which another request may have started.
    fn join(&mut self, asked: &Asked) -> State {
        if let Some(flight) = self.current.get(&asked.key) {
            return State::Waiting { flight: *flight, since: self.now };
        }
        if asked.ending.result != RequestResult::Bypass {
            let entry = self.entries.get(&asked.key).copied();
            if let Some(entry) = entry.filter(|entry| self.may_answer(*entry, asked.options, 0)) {
                return self.hit(entry);
            }
            if let Some(number) = self.remembered(asked.key, asked.options) {
                let hit = Asked { ending: RequestOutcome::new(RequestResult::Hit), ..*asked };
                return State::Done(self.settle(&hit, Answer::Error(number)));
            }
        }
        let flight = self.depart(asked.key);
        self.load(Lands::Leading(flight))
    }

    fn hit(&mut self, entry: Entry) -> State {
        self.ended(RequestResult::Hit);
        State::Done(Answer::Value(entry.value))
    }

    /// Starts a flight.
    fn depart(&mut self, key: u8) -> usize {
        self.flights.push(Flight::Loading);
        self.current.insert(key, self.flights.len() - 1);
        self.flights.len() - 1
    }

    fn load(&mut self, lands: Lands) -> State {
        match self.places.take() {
            None => self.start(lands),
            Some(ticket) => State::Queueing { ticket, since: self.now, lands },
        }
    }

    fn start(&mut self, lands: Lands) -> State {
        self.loads += 1;
        State::Loading { number: self.loads, polls: self.rules.script(self.loads).polls, lands }
    }

    fn load_ended(&mut self, trigger: LoadTrigger, outcome: LoadOutcome) {
        self.places.release();
        self.count(Count::Loads(trigger));
        if trigger == LoadTrigger::Miss {
            self.count(Count::Load(outcome));
        }
    }

    /// Ends the load of a request.
    fn loaded(&mut self, asked: &Asked, number: u64, lands: Lands) -> Answer {
        let outcome = self.rules.script(number).outcome;
        self.load_ended(trigger_of(asked.ending), outcome);
        let answer = answer_of(outcome, number);
        self.reloaded(asked.renews, outcome);
        match lands {
            Lands::Leading(flight) => self.land(asked.key, flight, answer),
            // An error doesn't end the flight: the leader may succeed.
            Lands::Beside(flight) if outcome == LoadOutcome::Loaded && self.is_current(asked.key, flight) => {
                self.land(asked.key, flight, answer);
            }
            Lands::Beside(_) | Lands::Nowhere => {}
        }
        self.settle(asked, answer)
    }

    /// Counts a value that replaced an expired entry.
    fn reloaded(&mut self, renews: Option<u64>, outcome: LoadOutcome) {
        if outcome == LoadOutcome::Loaded && renews.is_some_and(|fresh_until| self.now >= fresh_until) {
            self.count(Count::Stale(StaleEvent::Reloaded));
        }
    }

    fn is_current(&self, key: u8, flight: usize) -> bool {
        self.current.get(&key) == Some(&flight)
    }

    /// Gives the answer of a load to its followers, and stores it unless the flight was overtaken.
    fn land(&mut self, key: u8, flight: usize, answer: Answer) {
        match answer {
            Answer::Value(value) if self.is_current(key, flight) => self.store(key, value),
            Answer::Error(number) if self.is_current(key, flight) && self.rules.remembers(number) => {
                self.errors.insert(key, (number, self.now));
            }
            _ => {}
        }
        // Followers don't get a panic.
        let end = if answer == Answer::Panicked { Flight::Abandoned } else { Flight::Landed(answer) };
        self.end_flight(key, flight, end);
    }

    /// Ends a flight; the first end counts.
    fn end_flight(&mut self, key: u8, flight: usize, end: Flight) {
        if self.is_current(key, flight) {
            self.current.remove(&key);
        }
        if matches!(self.flights[flight], Flight::Loading) {
            self.flights[flight] = end;
        }
    }

    /// Ends a request with the answer of a load.
    fn settle(&mut self, asked: &Asked, answer: Answer) -> Answer {
        let (ending, answer) = match answer {
            Answer::Value(_) => (asked.ending, answer),
            Answer::Panicked => (asked.ending.with_failure(Failure::Panic), answer),
            Answer::Error(_) => match self.last_good(asked) {
                Some(value) => {
                    self.count(Count::Stale(StaleEvent::Served));
                    (RequestOutcome::new(RequestResult::Stale).with_failure(Failure::Error), Answer::Value(value))
                }
                None => (asked.ending.with_failure(Failure::Error), answer),
            },
        };
        self.count(Count::Ended(ending));
        answer
    }

    /// The stale value that may answer instead of an error.
    fn last_good(&self, asked: &Asked) -> Option<u64> {
        let extra = self.rules.serve_stale_on_error;
        let entry = self.entries.get(&asked.key)?;
        let wanted = extra > 0 && asked.ending.result != RequestResult::Bypass;
        (wanted && self.may_answer(*entry, asked.options, extra)).then_some(entry.value)
    }

    fn store(&mut self, key: u8, value: u64) {
        self.errors.remove(&key);
        if self.rules.refuses(value) {
            self.left.insert(key, MissReason::Rejected);
            return self.count(Count::Rejected(RejectionReason::Refused));
        }
        self.count(Count::Store(Operation::Put));
        let life = self.rules.stale_after.unwrap_or(u64::MAX - self.now);
        let ahead = if self.rules.stale_after.is_some() { self.rules.refresh_ahead.min(life / 2) } else { 0 };
        let (renew_from, fresh_until) = (self.now + life - ahead, self.now + life);
        if self.entries.insert(key, Entry { value, stored_at: self.now, renew_from, fresh_until }).is_some() {
            self.count(Count::Evicted(EvictionReason::Replaced));
        }
    }

    pub(crate) fn insert(&mut self, key: u8, value: u64) {
        self.current.remove(&key);
        self.store(key, value);
    }

    pub(crate) fn invalidate(&mut self, key: u8) {
        self.count(Count::Store(Operation::Remove));
        self.forget(key);
    }

    pub(crate) fn clear(&mut self) {
        self.count(Count::Store(Operation::Clear));
        (0..KEYS).for_each(|key| self.forget(key));
    }

    /// Drops an entry and its error. A running load of the key isn't stored.
    fn forget(&mut self, key: u8) {
        self.current.remove(&key);
        self.errors.remove(&key);
        if self.entries.remove(&key).is_some() {
            self.left.insert(key, MissReason::Invalidated);
            self.count(Count::Evicted(EvictionReason::Invalidated));
        }
    }

    /// Drops all entries with even values. No running load of any key is stored.
    pub(crate) fn invalidate_even(&mut self) -> u64 {
        self.count(Count::Store(Operation::Remove));
        self.current.clear();
        let even: Vec<u8> = self.entries.iter().filter(|(_, held)| held.value % 2 == 0).map(|(key, _)| *key).collect();
        even.iter().for_each(|key| {
            self.entries.remove(key);
            self.left.insert(*key, MissReason::Invalidated);
            self.errors.remove(key);
            self.count(Count::Evicted(EvictionReason::Invalidated));
        });
        even.len() as u64
    }

    pub(crate) fn clear_in_flight(&mut self) {
        self.current.clear();
    }

    /// Runs the loads in the background until they end or wait for a slot.
    pub(crate) fn run_background(&mut self) {
        loop {
            let (tasks, mut goes_on) = (std::mem::take(&mut self.background), false);
            for mut task in tasks {
                let (number, trigger) = match &mut task.work {
                    Work::Finish { number, trigger } => (*number, *trigger),
                    Work::Refresh(ticket) => {
                        let waits = match *ticket {
                            None => {
                                *ticket = self.places.take();
                                ticket.is_some()
                            }
                            Some(ticket) => !self.places.claim(ticket),
                        };
                        if waits {
                            self.background.push(task);
                            continue;
                        }
                        self.loads += 1;
                        (self.loads, LoadTrigger::Refresh)
                    }
                };
                goes_on = true;
                let outcome = self.rules.script(number).outcome;
                self.load_ended(trigger, outcome);
                self.reloaded(task.renews, outcome);
                self.land(task.key, task.flight, answer_of(outcome, number));
            }
            if !goes_on {
                return;
            }
        }
    }
}

fn trigger_of(ending: RequestOutcome) -> LoadTrigger {
    if ending.reason.is_some() { LoadTrigger::Miss } else { LoadTrigger::Bypass }
}

fn answer_of(outcome: LoadOutcome, number: u64) -> Answer {
    match outcome {
        LoadOutcome::Loaded => Answer::Value(number),
        LoadOutcome::Failed => Answer::Error(number),
        _ => Answer::Panicked,
    }
}
