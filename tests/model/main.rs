//! Whatever callers do and however loads end, answers and counters are those of a model small enough to check by eye.

mod books;
mod expected;
mod places;

use std::array::from_fn;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use cachescope::{Cached, CallError, Clock, LoadOutcome, RequestResult, Stats, WaitOutcome, try_cached};
use cachescope_tests::results;
use proptest::prelude::*;

use crate::books::Line;
use crate::expected::Model;

/// Each has at most one request under way.
const CALLERS: usize = 5;
const KEYS: u8 = 2;
const SECOND: Duration = Duration::from_secs(1);
/// What a request has that waited too long, where it doesn't load.
const WAIT_ERROR: u64 = 999_999;

/// How a cache is built. Times are whole seconds.
#[derive(Clone, Debug)]
struct Rules {
    stale_after: Option<u64>,
    serve_stale_for: u64,
    serve_stale_on_error: u64,
    refresh_ahead: u64,
    cache_errors_for: Option<u64>,
    wait_for_load_timeout: Option<u64>,
    /// Who waited too long has an error, and doesn't load.
    fails_impatient: bool,
    load_concurrency: Option<usize>,
    finish_cancelled_loads: bool,
    refuses_sevenths: bool,
    /// What loads do, one after the other, and then from the start again.
    loads: Vec<Script>,
}

impl Rules {
    fn script(&self, load: u64) -> Script {
        self.loads[(load - 1) as usize % self.loads.len()]
    }

    fn remembers(&self, error: u64) -> bool {
        self.cache_errors_for.is_some() && !error.is_multiple_of(5)
    }

    fn refuses(&self, value: u64) -> bool {
        self.refuses_sevenths && value.is_multiple_of(7)
    }
}

/// A load stays pending for so many polls and then ends so.
#[derive(Clone, Copy, Debug)]
struct Script {
    polls: usize,
    outcome: LoadOutcome,
}

#[derive(Clone, Copy, Debug)]
enum Wish {
    None,
    MaxAge(u64),
    Bypass,
    Overwrite,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A caller makes a request, unless it has one under way.
    Ask(usize, u8, Wish),
    Poll(usize),
    Drop(usize),
    Advance(u64),
    Insert(u8),
    Invalidate(u8),
    InvalidateEven,
    Clear,
    ClearInFlight,
    /// A request that only looks.
    Look(u8),
    /// What was left to tasks runs, each to its end unless it waits for a place.
    RunTasks,
}

/// Values and errors are the numbers of their loads, so that a stale or mixed-up one shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Value(u64),
    Error(u64),
    Panicked,
}

type Call<'a> = Pin<Box<dyn Future<Output = Result<u64, CallError<u64>>> + 'a>>;

/// A request of the cache's, and whether it was woken since it was last polled.
struct Asking<'a> {
    call: Call<'a>,
    woken: Arc<Woken>,
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<'a> Asking<'a> {
    fn new(cache: &'a Cached<u8, u64, u64>, key: u8, wish: Wish) -> Self {
        let call: Call<'a> = match wish {
            Wish::None => Box::pin(cache.try_call(key)),
            Wish::MaxAge(seconds) => cache.try_request(key).max_age(Duration::from_secs(seconds)).into_future(),
            Wish::Bypass => cache.try_request(key).bypass().into_future(),
            Wish::Overwrite => cache.try_request(key).overwrite().into_future(),
        };
        Self { call, woken: Arc::default() }
    }

    fn poll(&mut self) -> Option<Answer> {
        self.woken.0.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&self.woken));
        let poll = AssertUnwindSafe(|| self.call.as_mut().poll(&mut Context::from_waker(&waker)));
        match catch_unwind(poll) {
            Ok(Poll::Pending) => None,
            Ok(Poll::Ready(Ok(value))) => Some(Answer::Value(value)),
            Ok(Poll::Ready(Err(error))) => error.load_error().copied().map(Answer::Error),
            Err(_) => Some(Answer::Panicked),
        }
    }
}

fn cache_by(rules: &Rules, clock: Clock) -> Cached<u8, u64, u64> {
    let (loads, scripted) = (AtomicU64::new(0), rules.clone());
    let mut builder = try_cached("model", move |_: u8| {
        let number = loads.fetch_add(1, Ordering::Relaxed) + 1;
        let Script { polls, outcome } = scripted.script(number);
        async move {
            for _ in 0..polls {
                tokio::task::yield_now().await;
            }
            match outcome {
                LoadOutcome::Loaded => Ok(number),
                LoadOutcome::Failed => Err(number),
                // Past the panic hook, which would print it.
                _ => resume_unwind(Box::new("on purpose")),
            }
        }
    })
    .clock(clock);
    if let Some(life) = rules.stale_after {
        builder = builder
            .stale_after(Duration::from_secs(life))
            .serve_stale_for(Duration::from_secs(rules.serve_stale_for))
            .serve_stale_on_error(Duration::from_secs(rules.serve_stale_on_error))
            .refresh_ahead(Duration::from_secs(rules.refresh_ahead));
    }
    if let Some(timeout) = rules.wait_for_load_timeout {
        builder = builder.wait_for_load_timeout(Duration::from_secs(timeout));
        if rules.fails_impatient {
            builder = builder.wait_timeout_error(|| WAIT_ERROR);
        }
    }
    if let Some(time) = rules.cache_errors_for {
        let rules = rules.clone();
        builder = builder.cache_errors_for(Duration::from_secs(time), move |error| rules.remembers(*error));
    }
    if let Some(loads) = rules.load_concurrency {
        builder = builder.load_concurrency(loads);
    }
    builder = builder.finish_cancelled_loads(rules.finish_cancelled_loads);
    let rules = rules.clone();
    builder.cache_if(move |value| !rules.refuses(*value)).build()
}

/// Long enough for every task to come to its end.
fn run_tasks(runtime: &tokio::runtime::Runtime) {
    runtime.block_on(async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    });
}

/// A cache, and what is done with it.
struct Case {
    rules: Rules,
    steps: Vec<Step>,
}

/// A step a line: this is what a failure is read from.
impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}", self.rules)?;
        self.steps.iter().try_for_each(|step| writeln!(f, "  {step:?}"))
    }
}

/// Takes the steps with a cache and with the model, and compares them after each.
fn compare(Case { rules, steps }: Case) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    // Where the tasks go that renew entries; they run when a step says so.
    let _entered = runtime.enter();
    let (clock, hands) = Clock::manual();
    let cache = cache_by(&rules, clock);
    let mut callers: [Option<Asking<'_>>; CALLERS] = from_fn(|_| None);
    let mut model = Model::new(rules);
    let at_the_end = (0..CALLERS).map(Step::Drop).chain([Step::RunTasks]);
    for (number, step) in (1_000..).zip(steps.into_iter().chain(at_the_end)) {
        match step {
            Step::Ask(caller, key, wish) => {
                if callers[caller].is_none() {
                    callers[caller] = Some(Asking::new(&cache, key, wish));
                    model.ask(caller, key, wish);
                }
            }
            Step::Poll(caller) => {
                if let Some(asking) = &mut callers[caller] {
                    let answer = asking.poll();
                    assert_eq!(answer, model.poll(caller), "{step:?}");
                    callers[caller].take_if(|_| answer.is_some());
                }
            }
            Step::Drop(caller) => {
                callers[caller] = None;
                model.drop(caller);
            }
            Step::Advance(seconds) => {
                hands.advance(SECOND * seconds as u32);
                model.now += seconds;
            }
            Step::Insert(key) => {
                cache.insert(key, number);
                model.insert(key, number);
            }
            Step::Invalidate(key) => {
                cache.invalidate(&key);
                model.invalidate(key);
            }
            Step::InvalidateEven => {
                assert_eq!(cache.invalidate_if(|_, value| value % 2 == 0), model.invalidate_even());
            }
            Step::Clear => {
                cache.clear();
                model.clear();
            }
            Step::ClearInFlight => {
                cache.clear_in_flight();
                model.clear_in_flight();
            }
            Step::Look(key) => assert_eq!(cache.get_if_present(&key), model.look(key), "{step:?}"),
            Step::RunTasks => {
                run_tasks(&runtime);
                model.run_behind();
            }
        }
        let stats = cache.metrics().stats();
        for line in Line::all() {
            assert_eq!(line.of(&stats), model.says(line), "{line:?} after {step:?}");
        }
        assert_timed(&stats);
        for (caller, asking) in callers.iter().enumerate().filter_map(|(at, asking)| Some((at, asking.as_ref()?))) {
            assert!(asking.woken.0.load(Ordering::Relaxed) || !model.is_due(caller), "{caller} sleeps after {step:?}");
        }
    }
    let stats = cache.metrics().stats();
    assert_eq!((stats.in_flight(), stats.loads_active(), stats.waits_active()), (0, 0, 0));
}

/// Whatever ends is timed; of hits only some are.
fn assert_timed(stats: &Stats) {
    for (result, count) in results(stats) {
        let timed = stats.latency(result).count();
        assert!(if result == RequestResult::Hit { timed <= count } else { timed == count }, "{result:?}: {timed}");
    }
    for outcome in WaitOutcome::ALL {
        assert_eq!(stats.wait_duration(outcome).count(), stats.waits(outcome), "{outcome:?}");
    }
}

/// Times are short, so that something is often done at the very moment at which it begins to matter.
fn rules() -> impl Strategy<Value = Rules> {
    let outcome = prop_oneof![
        5 => Just(LoadOutcome::Loaded),
        4 => Just(LoadOutcome::Failed),
        1 => Just(LoadOutcome::Panicked),
    ];
    let script = (0_usize..5, outcome).prop_map(|(polls, outcome)| Script { polls, outcome });
    let life = prop_oneof![1 => Just(None), 1 => Just(Some(0)), 4 => Just(Some(4))];
    let waits = prop_oneof![2 => Just(None), 1 => Just(Some(0)), 4 => Just(Some(3))];
    let scripts = prop::collection::vec(script, 1..10);
    let extra = |seconds| prop_oneof![Just(0_u64), Just(seconds)];
    let lives = (life, extra(2), extra(3), prop_oneof![Just(0_u64), Just(1), Just(9)]);
    let errors = prop_oneof![2 => Just(None), 2 => Just(Some(2)), 2 => Just(Some(9))];
    let places = prop_oneof![3 => Just(None), 1 => Just(Some(1)), 1 => Just(Some(2))];
    let waiting = (waits, any::<bool>(), places, any::<bool>());
    (lives, errors, waiting, any::<bool>(), scripts).prop_map(|(lives, errors, waiting, refuses_sevenths, loads)| {
        let (stale_after, serve_stale_for, serve_stale_on_error, refresh_ahead) = lives;
        let (wait_for_load_timeout, fails_impatient, load_concurrency, finish_cancelled_loads) = waiting;
        // What is fresh for ever is never past its time.
        let expires = |time: u64| if stale_after.is_some() { time } else { 0 };
        Rules {
            stale_after,
            serve_stale_for: expires(serve_stale_for),
            serve_stale_on_error: expires(serve_stale_on_error),
            refresh_ahead: expires(refresh_ahead),
            cache_errors_for: errors,
            wait_for_load_timeout,
            fails_impatient,
            load_concurrency,
            finish_cancelled_loads,
            refuses_sevenths,
            loads,
        }
    })
}

fn step() -> impl Strategy<Value = Step> {
    let wish = prop_oneof![
        6 => Just(Wish::None),
        2 => (0_u64..6).prop_map(Wish::MaxAge),
        1 => Just(Wish::Bypass),
        1 => Just(Wish::Overwrite),
    ];
    prop_oneof![
        8 => (0..CALLERS, 0..KEYS, wish).prop_map(|(caller, key, wish)| Step::Ask(caller, key, wish)),
        20 => (0..CALLERS).prop_map(Step::Poll),
        2 => (0..CALLERS).prop_map(Step::Drop),
        4 => (1_u64..5).prop_map(Step::Advance),
        1 => (0..KEYS).prop_map(Step::Insert),
        1 => (0..KEYS).prop_map(Step::Invalidate),
        1 => Just(Step::InvalidateEven),
        1 => Just(Step::Clear),
        1 => Just(Step::ClearInFlight),
        2 => (0..KEYS).prop_map(Step::Look),
        2 => Just(Step::RunTasks),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    (rules(), prop::collection::vec(step(), 1..100)).prop_map(|(rules, steps)| Case { rules, steps })
}

proptest! {
    // What fails is printed whole, in its smallest form: there is no need of a file to remember it by.
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_cache_does_what_the_model_does(case in case()) {
        compare(case);
    }
}

/// What went wrong once, and takes so much coming together that chance may miss it.
#[test]
fn what_once_went_wrong_goes_as_the_model_does() {
    use Step::{Advance, Ask, Drop, Invalidate, Poll};
    let made = |caller, wish| [Ask(caller, 0, wish), Poll(caller)];
    let plain = |caller| made(caller, Wish::None);
    let load = |polls, outcome| Script { polls, outcome };
    let rules = Rules {
        stale_after: Some(4),
        serve_stale_for: 0,
        serve_stale_on_error: 3,
        refresh_ahead: 0,
        cache_errors_for: None,
        wait_for_load_timeout: Some(3),
        fails_impatient: false,
        load_concurrency: None,
        finish_cancelled_loads: false,
        refuses_sevenths: false,
        loads: vec![load(3, LoadOutcome::Loaded), load(0, LoadOutcome::Loaded), load(0, LoadOutcome::Failed)],
    };
    let all_wait = [plain(0), plain(1), plain(2)].concat();
    for after in [
        // A leader that goes after another load has landed takes nothing from those who are yet to look.
        vec![Advance(3), Poll(1), Drop(0), Poll(2)],
        // A wait is a wait also where an invalidation has overtaken the load.
        vec![Invalidate(0), Advance(1)],
        // Nothing older than it wants answers a request, not even for an error.
        [vec![Advance(3), Poll(1), Poll(2), Advance(1)], made(3, Wish::MaxAge(0)).to_vec()].concat(),
    ] {
        let steps = all_wait.iter().copied().chain(after).collect();
        compare(Case { rules: rules.clone(), steps });
    }
}
