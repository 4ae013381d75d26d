//! What a cache does, by its documentation: one thing after the other, with numbers for time.

use std::collections::{BTreeMap, HashMap};

use cachescope::{
    Ending, EvictionReason, Failure, LoadOutcome, LoadTrigger, MissReason, Operation, RejectionReason, RequestResult,
    StaleEvent, WaitOutcome,
};

use crate::books::Line;
use crate::places::Places;
use crate::{Answer, CALLERS, KEYS, Rules, WAIT_ERROR, Wish};

/// A cache and its callers.
pub(crate) struct Model {
    rules: Rules,
    pub(crate) now: u64,
    entries: BTreeMap<u8, Entry>,
    /// Remembered errors: the number of the load, and since when.
    errors: BTreeMap<u8, (u64, u64)>,
    /// Every load that others could wait for; its index is its name.
    flights: Vec<Flight>,
    /// The one that a request of the key joins, and that may store.
    current: BTreeMap<u8, usize>,
    places: Places,
    /// What runs behind requests, in the order it was begun.
    behind: Vec<Behind>,
    loads: u64,
    asked: [Asked; CALLERS],
    books: HashMap<Line, u64>,
    /// What became last of a key's value that isn't held.
    left: HashMap<u8, MissReason>,
}

#[derive(Clone, Copy)]
struct Entry {
    value: u64,
    stored_at: u64,
    /// From when on a hit has it renewed.
    renew_from: u64,
    /// `u64::MAX` is for ever.
    fresh_until: u64,
}

/// A load that no request waits for.
#[derive(Clone, Copy)]
struct Behind {
    key: u8,
    flight: usize,
    /// Until when the entry was fresh that it takes the place of.
    renews: Option<u64>,
    work: Work,
}

#[derive(Clone, Copy)]
enum Work {
    /// It renews an entry, and queues for a place if it has a ticket.
    Refresh(Option<u64>),
    /// Its request is gone.
    Finish { number: u64, trigger: LoadTrigger },
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
    /// Until when the entry was fresh that it found.
    renews: Option<u64>,
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
    /// It waits for a place to load in.
    Queueing {
        ticket: u64,
        since: u64,
        lands: Lands,
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
        let idle = Asked { key: 0, wish: Wish::None, ending, renews: None, state: State::Idle };
        Self {
            places: Places::new(rules.load_concurrency),
            rules,
            now: 0,
            entries: BTreeMap::new(),
            errors: BTreeMap::new(),
            flights: Vec::new(),
            current: BTreeMap::new(),
            behind: Vec::new(),
            loads: 0,
            asked: [idle; CALLERS],
            books: HashMap::new(),
            left: HashMap::new(),
        }
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
        let is_waiting = |state: &State| matches!(state, State::Waiting { .. } | State::Queueing { .. });
        let waiting = states().filter(is_waiting).count() as u64;
        let behind = self.behind.iter().filter(|behind| matches!(behind.work, Work::Finish { .. })).count() as u64;
        match line {
            Line::InFlight => loading + waiting,
            Line::LoadsActive => loading + behind,
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
            State::Queueing { since, .. } => Some(since),
            _ => None,
        }
    }

    /// Whether a caller's request waits for nothing more, and has to be woken.
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

    pub(crate) fn ask(&mut self, caller: usize, key: u8, wish: Wish) {
        self.asked[caller] = Asked { key, wish, state: State::Made, renews: None, ..self.asked[caller] };
    }

    pub(crate) fn drop(&mut self, caller: usize) {
        let asked = self.asked[caller];
        match asked.state {
            State::Idle | State::Made | State::Done(_) => {}
            State::Waiting { .. } => {
                self.count(Line::Wait(WaitOutcome::Cancelled));
                self.ended(RequestResult::Cancelled);
            }
            State::Queueing { ticket, lands, .. } => {
                self.places.give_up(ticket);
                self.count(Line::Wait(WaitOutcome::Cancelled));
                self.ended(RequestResult::Cancelled);
                self.abandon(asked.key, lands);
            }
            State::Loading { lands: Lands::Leading(flight), number, .. } if self.rules.finish_cancelled_loads => {
                self.ended(RequestResult::Cancelled);
                let work = Work::Finish { number, trigger: trigger_of(asked.ending) };
                self.behind.push(Behind { key: asked.key, flight, renews: asked.renews, work });
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
                        if self.rules.fails_impatient {
                            asked.ending = Ending::of(RequestResult::Coalesced);
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
                    self.count(Line::Wait(WaitOutcome::Admitted));
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
            asked.ending = Ending::miss(self.left.get(&asked.key).copied().unwrap_or(MissReason::Cold));
            return self.join(asked);
        };
        asked.ending = Ending::miss(MissReason::Expired);
        asked.renews = Some(entry.fresh_until);
        if self.may_answer(entry, asked.wish, 0) {
            if self.now >= entry.renew_from {
                self.renew(asked.key, entry);
            }
            return self.hit(entry);
        }
        if !self.may_answer(entry, asked.wish, self.rules.serve_stale_for) {
            return self.join(asked);
        }
        self.renew(asked.key, entry);
        self.count(Line::Stale(StaleEvent::Served));
        self.ended(RequestResult::Stale);
        State::Done(Answer::Value(entry.value))
    }

    /// Has an entry renewed, unless its key is being loaded, or an error says that there is no use.
    fn renew(&mut self, key: u8, entry: Entry) {
        if self.current.contains_key(&key) || self.remembered(key, Wish::None).is_some() {
            return;
        }
        let flight = self.depart(key);
        self.behind.push(Behind { key, flight, renews: Some(entry.fresh_until), work: Work::Refresh(None) });
    }

    /// A request that only looks.
    pub(crate) fn look(&mut self, key: u8) -> Option<u64> {
        self.count(Line::Requests);
        let entry = self.entries.get(&key).copied();
        let found = entry.filter(|entry| self.may_answer(*entry, Wish::None, self.rules.serve_stale_for));
        match found {
            None => self.ended(RequestResult::Absent),
            Some(entry) if self.may_answer(entry, Wish::None, 0) => self.ended(RequestResult::Hit),
            Some(_) => {
                self.count(Line::Stale(StaleEvent::Served));
                self.ended(RequestResult::Stale);
            }
        }
        found.map(|entry| entry.value)
    }

    /// The error that answers a request, the number of its load.
    fn remembered(&self, key: u8, wish: Wish) -> Option<u64> {
        let (number, since) = *self.errors.get(&key)?;
        let young = !matches!(wish, Wish::MaxAge(age) if self.now - since > age);
        (young && self.now < since + self.rules.cache_errors_for?).then_some(number)
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
        if asked.ending.result != RequestResult::Bypass {
            let entry = self.entries.get(&asked.key).copied();
            if let Some(entry) = entry.filter(|entry| self.may_answer(*entry, asked.wish, 0)) {
                return self.hit(entry);
            }
            if let Some(number) = self.remembered(asked.key, asked.wish) {
                let hit = Asked { ending: Ending::of(RequestResult::Hit), ..*asked };
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
        self.reloaded(asked.renews, outcome);
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

    /// A value took the place of an entry that is past its time by now.
    fn reloaded(&mut self, renews: Option<u64>, outcome: LoadOutcome) {
        if outcome == LoadOutcome::Loaded && renews.is_some_and(|fresh_until| self.now >= fresh_until) {
            self.count(Line::Stale(StaleEvent::Reloaded));
        }
    }

    fn is_current(&self, key: u8, flight: usize) -> bool {
        self.current.get(&key) == Some(&flight)
    }

    /// A load's answer is for those who wait for it, and is stored unless it was overtaken.
    fn land(&mut self, key: u8, flight: usize, answer: Answer) {
        match answer {
            Answer::Value(value) if self.is_current(key, flight) => self.store(key, value),
            Answer::Error(number) if self.is_current(key, flight) && self.rules.remembers(number) => {
                self.errors.insert(key, (number, self.now));
            }
            _ => {}
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
        self.errors.remove(&key);
        if self.rules.refuses(value) {
            self.left.insert(key, MissReason::Rejected);
            return self.count(Line::Rejected(RejectionReason::Refused));
        }
        self.count(Line::Store(Operation::Put));
        let life = self.rules.stale_after.unwrap_or(u64::MAX - self.now);
        let ahead = if self.rules.stale_after.is_some() { self.rules.refresh_ahead.min(life / 2) } else { 0 };
        let (renew_from, fresh_until) = (self.now + life - ahead, self.now + life);
        if self.entries.insert(key, Entry { value, stored_at: self.now, renew_from, fresh_until }).is_some() {
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
        self.errors.remove(&key);
        if self.entries.remove(&key).is_some() {
            self.left.insert(key, MissReason::Invalidated);
            self.count(Line::Evicted(EvictionReason::Invalidated));
        }
    }

    /// Drops what has an even value; what is being loaded isn't stored, of whatever key.
    pub(crate) fn invalidate_even(&mut self) -> u64 {
        self.count(Line::Store(Operation::Remove));
        self.current.clear();
        let even: Vec<u8> = self.entries.iter().filter(|(_, held)| held.value % 2 == 0).map(|(key, _)| *key).collect();
        even.iter().for_each(|key| {
            self.entries.remove(key);
            self.left.insert(*key, MissReason::Invalidated);
            self.errors.remove(key);
            self.count(Line::Evicted(EvictionReason::Invalidated));
        });
        even.len() as u64
    }

    pub(crate) fn clear_in_flight(&mut self) {
        self.current.clear();
    }

    /// What runs behind requests goes on until it is over, or waits for a place.
    pub(crate) fn run_behind(&mut self) {
        loop {
            let (tasks, mut goes_on) = (std::mem::take(&mut self.behind), false);
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
                            self.behind.push(task);
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
