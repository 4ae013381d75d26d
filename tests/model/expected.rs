//! What a cache does, by its documentation: one thing after the other, with numbers for time.

use std::collections::{BTreeMap, HashMap};

use cachescope::{
    Ending, EvictionReason, Failure, LoadOutcome, LoadTrigger, MissReason, Operation, RejectionReason, RequestResult,
    StaleEvent, WaitOutcome,
};

use crate::books::Line;
use crate::{Answer, CALLERS, KEYS, Rules, Wish};

/// A cache and its callers.
pub(crate) struct Model {
    rules: Rules,
    pub(crate) now: u64,
    entries: BTreeMap<u8, Entry>,
    /// Every load that others could wait for; its index is its name.
    flights: Vec<Flight>,
    /// The one that a request of the key joins, and that may store.
    current: BTreeMap<u8, usize>,
    /// Asked for by requests that were served a stale entry: the key, and the flight.
    refreshes: Vec<(u8, usize)>,
    loads: u64,
    asked: [Asked; CALLERS],
    books: HashMap<Line, u64>,
}

#[derive(Clone, Copy)]
struct Entry {
    value: u64,
    stored_at: u64,
    /// `u64::MAX` is for ever.
    fresh_until: u64,
}

enum Flight {
    Loading,
    Landed(Answer),
    Abandoned,
}

/// A caller's request.
#[derive(Clone, Copy)]
struct Asked {
    key: u8,
    wish: Wish,
    /// How it ends if it loads.
    ending: Ending,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    /// The caller has none.
    Idle,
    /// Made, and not begun before it is polled.
    Made,
    Waiting {
        flight: usize,
        since: u64,
    },
    /// It polls a load of its own, this often before that ends.
    Loading {
        number: u64,
        polls: usize,
        lands: Lands,
    },
    Done(Answer),
}

/// What a load that returned a value does for others.
#[derive(Clone, Copy)]
enum Lands {
    /// Nothing.
    Nowhere,
    /// It is the one they wait for.
    Leading(usize),
    /// It began beside that one, which took too long.
    Beside(usize),
}

impl Model {
    pub(crate) fn new(rules: Rules) -> Self {
        let ending = Ending::miss(MissReason::Unknown);
        let idle = Asked { key: 0, wish: Wish::None, ending, state: State::Idle };
        let (entries, current, books) = (BTreeMap::new(), BTreeMap::new(), HashMap::new());
        let (flights, refreshes) = (Vec::new(), Vec::new());
        Self { rules, now: 0, entries, flights, current, refreshes, loads: 0, asked: [idle; CALLERS], books }
    }

    fn count(&mut self, line: Line) {
        *self.books.entry(line).or_default() += 1;
    }

    fn ended(&mut self, result: RequestResult) {
        self.count(Line::Ended(Ending::of(result)));
    }

    /// What the books are to say.
    pub(crate) fn says(&self, line: Line) -> u64 {
        let states = || self.asked.iter().map(|asked| asked.state);
        let loading = states().filter(|state| matches!(state, State::Loading { .. })).count() as u64;
        let waiting = states().filter(|state| matches!(state, State::Waiting { .. })).count() as u64;
        match line {
            Line::InFlight => loading + waiting,
            Line::LoadsActive => loading,
            Line::WaitsActive => waiting,
            Line::LongestWait => {
                states().filter_map(|state| self.waits_since(state)).map(|s| self.now - s).max().unwrap_or(0)
            }
            Line::Entries => self.entries.len() as u64,
            counted => self.books.get(&counted).copied().unwrap_or(0),
        }
    }

    /// Since when a request waits for a load that still runs.
    fn waits_since(&self, state: State) -> Option<u64> {
        match state {
            State::Waiting { flight, since } if matches!(self.flights[flight], Flight::Loading) => Some(since),
            _ => None,
        }
    }

    /// Whether a caller's request waits for nothing more, and has to be woken.
    pub(crate) fn is_due(&self, caller: usize) -> bool {
        let state = self.asked[caller].state;
        matches!(state, State::Waiting { .. }) && self.waits_since(state).is_none_or(|since| self.is_too_long(since))
    }

    fn is_too_long(&self, since: u64) -> bool {
        self.rules.wait_for_load_timeout.is_some_and(|timeout| self.now - since >= timeout)
    }

    pub(crate) fn ask(&mut self, caller: usize, key: u8, wish: Wish) {
        self.asked[caller] = Asked { key, wish, state: State::Made, ..self.asked[caller] };
    }

    pub(crate) fn drop(&mut self, caller: usize) {
        let asked = self.asked[caller];
        match asked.state {
            State::Idle | State::Made | State::Done(_) => {}
            State::Waiting { .. } => {
                self.count(Line::Wait(WaitOutcome::Cancelled));
                self.ended(RequestResult::Cancelled);
            }
            State::Loading { lands, .. } => {
                self.ended(RequestResult::Cancelled);
                self.load_ended(trigger_of(asked.ending), LoadOutcome::Cancelled);
                if let Lands::Leading(flight) = lands {
                    self.end_flight(asked.key, flight, Flight::Abandoned);
                }
            }
        }
        self.asked[caller].state = State::Idle;
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
                        self.count(Line::Wait(WaitOutcome::Shared));
                        asked.ending = Ending::of(RequestResult::Coalesced);
                        State::Done(self.settle(&asked, answer))
                    }
                    Flight::Abandoned => {
                        self.count(Line::Wait(WaitOutcome::LeaderFailed));
                        self.join(&asked)
                    }
                    Flight::Loading if self.is_too_long(since) => {
                        self.count(Line::Wait(WaitOutcome::Timeout));
                        self.load(Lands::Beside(flight))
                    }
                    Flight::Loading => break None,
                },
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
        self.count(Line::Requests);
        match asked.wish {
            Wish::Bypass => {
                asked.ending = Ending::of(RequestResult::Bypass);
                return self.load(Lands::Nowhere);
            }
            Wish::Overwrite => {
                // A load that began before doesn't count, and what is there isn't looked at.
                self.current.remove(&asked.key);
                asked.ending = Ending::of(RequestResult::Bypass);
                let flight = self.depart(asked.key);
                return self.load(Lands::Leading(flight));
            }
            Wish::None | Wish::MaxAge(_) => {}
        }
        let Some(entry) = self.entries.get(&asked.key).copied() else {
            asked.ending = Ending::miss(MissReason::Unknown);
            return self.join(asked);
        };
        asked.ending = Ending::miss(MissReason::Expired);
        if self.may_answer(entry, asked.wish, 0) {
            return self.hit(entry);
        }
        if !self.may_answer(entry, asked.wish, self.rules.serve_stale_for) {
            return self.join(asked);
        }
        self.count(Line::Stale(StaleEvent::Served));
        self.ended(RequestResult::Stale);
        if !self.current.contains_key(&asked.key) {
            let flight = self.depart(asked.key);
            self.refreshes.push((asked.key, flight));
        }
        State::Done(Answer::Value(entry.value))
    }

    /// Whether an entry that is past its time by less than `extra`, or not at all, is one a request would take.
    fn may_answer(&self, entry: Entry, wish: Wish, extra: u64) -> bool {
        let young = !matches!(wish, Wish::MaxAge(age) if self.now - entry.stored_at > age);
        young && (entry.fresh_until == u64::MAX || self.now < entry.fresh_until + extra)
    }

    /// A fresh entry answers; else a load does, another's if one runs.
    fn join(&mut self, asked: &Asked) -> State {
        if let Some(flight) = self.current.get(&asked.key) {
            return State::Waiting { flight: *flight, since: self.now };
        }
        match self.entries.get(&asked.key).copied().filter(|entry| self.may_answer(*entry, asked.wish, 0)) {
            Some(entry) => self.hit(entry),
            None => {
                let flight = self.depart(asked.key);
                self.load(Lands::Leading(flight))
            }
        }
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
        self.loads += 1;
        State::Loading { number: self.loads, polls: self.rules.script(self.loads).polls, lands }
    }

    fn load_ended(&mut self, trigger: LoadTrigger, outcome: LoadOutcome) {
        self.count(Line::Loads(trigger));
        if trigger == LoadTrigger::Miss {
            self.count(Line::Load(outcome));
        }
    }

    /// A request's own load has ended.
    fn loaded(&mut self, asked: &Asked, number: u64, lands: Lands) -> Answer {
        let outcome = self.rules.script(number).outcome;
        self.load_ended(trigger_of(asked.ending), outcome);
        let answer = answer_of(outcome, number);
        if asked.ending.reason == Some(MissReason::Expired) && outcome == LoadOutcome::Loaded {
            self.count(Line::Stale(StaleEvent::Reloaded));
        }
        match lands {
            Lands::Leading(flight) => self.land(asked.key, flight, answer),
            // An error is left to the leader, which may do better.
            Lands::Beside(flight) if outcome == LoadOutcome::Loaded && self.is_current(asked.key, flight) => {
                self.land(asked.key, flight, answer);
            }
            Lands::Beside(_) | Lands::Nowhere => {}
        }
        self.settle(asked, answer)
    }

    fn is_current(&self, key: u8, flight: usize) -> bool {
        self.current.get(&key) == Some(&flight)
    }

    /// A load's answer is for those who wait for it, and is stored unless it was overtaken.
    fn land(&mut self, key: u8, flight: usize, answer: Answer) {
        if let (Answer::Value(value), true) = (answer, self.is_current(key, flight)) {
            self.store(key, value);
        }
        // Nobody inherits a panic.
        let end = if answer == Answer::Panicked { Flight::Abandoned } else { Flight::Landed(answer) };
        self.end_flight(key, flight, end);
    }

    /// Whoever ends it first, ends it.
    fn end_flight(&mut self, key: u8, flight: usize, end: Flight) {
        if self.is_current(key, flight) {
            self.current.remove(&key);
        }
        if matches!(self.flights[flight], Flight::Loading) {
            self.flights[flight] = end;
        }
    }

    /// Ends a request with what a load gave.
    fn settle(&mut self, asked: &Asked, answer: Answer) -> Answer {
        let (ending, answer) = match answer {
            Answer::Value(_) => (asked.ending, answer),
            Answer::Panicked => (asked.ending.with_failure(Failure::Panic), answer),
            Answer::Error(_) => match self.last_good(asked) {
                Some(value) => {
                    self.count(Line::Stale(StaleEvent::Served));
                    (Ending::of(RequestResult::Stale).with_failure(Failure::Error), Answer::Value(value))
                }
                None => (asked.ending.with_failure(Failure::Error), answer),
            },
        };
        self.count(Line::Ended(ending));
        answer
    }

    /// What may answer instead of an error.
    fn last_good(&self, asked: &Asked) -> Option<u64> {
        let extra = self.rules.serve_stale_on_error;
        let entry = self.entries.get(&asked.key)?;
        let wanted = extra > 0 && asked.ending.result != RequestResult::Bypass;
        (wanted && self.may_answer(*entry, asked.wish, extra)).then_some(entry.value)
    }

    fn store(&mut self, key: u8, value: u64) {
        if self.rules.refuses(value) {
            return self.count(Line::Rejected(RejectionReason::Refused));
        }
        self.count(Line::Store(Operation::Put));
        let fresh_until = self.rules.stale_after.map_or(u64::MAX, |life| self.now + life);
        if self.entries.insert(key, Entry { value, stored_at: self.now, fresh_until }).is_some() {
            self.count(Line::Evicted(EvictionReason::Replaced));
        }
    }

    pub(crate) fn insert(&mut self, key: u8, value: u64) {
        self.current.remove(&key);
        self.store(key, value);
    }

    pub(crate) fn invalidate(&mut self, key: u8) {
        self.count(Line::Store(Operation::Remove));
        self.forget(key);
    }

    pub(crate) fn clear(&mut self) {
        self.count(Line::Store(Operation::Clear));
        (0..KEYS).for_each(|key| self.forget(key));
    }

    /// What was being loaded is not stored either.
    fn forget(&mut self, key: u8) {
        self.current.remove(&key);
        if self.entries.remove(&key).is_some() {
            self.count(Line::Evicted(EvictionReason::Invalidated));
        }
    }

    pub(crate) fn run_refreshes(&mut self) {
        for (key, flight) in std::mem::take(&mut self.refreshes) {
            self.loads += 1;
            let outcome = self.rules.script(self.loads).outcome;
            self.load_ended(LoadTrigger::Refresh, outcome);
            if outcome == LoadOutcome::Loaded {
                self.count(Line::Stale(StaleEvent::Reloaded));
            }
            self.land(key, flight, answer_of(outcome, self.loads));
        }
    }
}

fn trigger_of(ending: Ending) -> LoadTrigger {
    if ending.reason.is_some() { LoadTrigger::Miss } else { LoadTrigger::Bypass }
}

fn answer_of(outcome: LoadOutcome, number: u64) -> Answer {
    match outcome {
        LoadOutcome::Loaded => Answer::Value(number),
        LoadOutcome::Failed => Answer::Error(number),
        _ => Answer::Panicked,
    }
}
