//! For random operations and outcomes of loads, answers and counts are those of a model that is small enough to review.

mod counts;
mod expected;
mod queue;

use std::array::from_fn;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use cachescope::metrics::{LoadOutcome, RequestResult, WaitOutcome};
use cachescope::{Cached, CallError, Clock, Stats, try_cached};
use cachescope_tests::results;
use proptest::prelude::*;

use self::counts::Count;
use self::expected::Model;

/// The number of callers; each has at most one request in flight.
const CALLERS: usize = 5;
const KEYS: u8 = 2;
const SECOND: Duration = Duration::from_secs(1);
/// The error of a request after the wait timeout, if it doesn't load then.
const WAIT_ERROR: u64 = 999_999;

/// The settings of a cache. Times are whole seconds.
#[derive(Clone, Debug)]
struct Rules {
    stale_after: Option<u64>,
    serve_stale_for: u64,
    serve_stale_on_error: u64,
    refresh_ahead: u64,
    cache_errors_for: Option<u64>,
    wait_for_load_timeout: Option<u64>,
    /// Whether a request gets an error after the wait timeout, instead of a load.
    fails_impatient: bool,
    load_concurrency: Option<usize>,
    finish_cancelled_loads: bool,
    refuses_sevenths: bool,
    /// The scripts of loads, which repeat after the last.
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

/// A load that is pending for `polls` polls and then ends with `outcome`.
#[derive(Clone, Copy, Debug)]
struct Script {
    polls: usize,
    outcome: LoadOutcome,
}

#[derive(Clone, Copy, Debug)]
enum Options {
    None,
    MaxAge(u64),
    Bypass,
    Overwrite,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A caller makes a request, unless it has one in flight.
    Ask(usize, u8, Options),
    Poll(usize),
    Drop(usize),
    Advance(u64),
    Insert(u8),
    Invalidate(u8),
    InvalidateEven,
    Clear,
    ClearInFlight,
    /// A request without a load.
    Look(u8),
    /// Background tasks run until they end or wait for a slot.
    RunTasks,
}

/// An answer. Values and errors are the numbers of their loads, so that a wrong one shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Value(u64),
    Error(u64),
    Panicked,
}

type Call<'a> = Pin<Box<dyn Future<Output = Result<u64, CallError<u64>>> + 'a>>;

/// A request, and whether it was woken since its last poll.
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
    fn new(cache: &'a Cached<u8, u64, u64>, key: u8, options: Options) -> Self {
        let call: Call<'a> = match options {
            Options::None => Box::pin(cache.try_call(key)),
            Options::MaxAge(seconds) => cache.try_request(key).max_age(Duration::from_secs(seconds)).into_future(),
            Options::Bypass => cache.try_request(key).bypass().into_future(),
            Options::Overwrite => cache.try_request(key).overwrite().into_future(),
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
                // Without the panic hook, which would print the panic.
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

/// Yields often enough for every task to end.
fn run_tasks(runtime: &tokio::runtime::Runtime) {
    runtime.block_on(async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    });
}

/// A cache and the steps to take.
struct Case {
    rules: Rules,
    steps: Vec<Step>,
}

/// One step a line, for the message of a failure.
impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}", self.rules)?;
        self.steps.iter().try_for_each(|step| writeln!(f, "  {step:?}"))
    }
}

/// Takes the steps with a cache and with the model, and compares both after each.
fn compare(Case { rules, steps }: Case) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    // Refreshes are tasks of this runtime, which run during `Step::RunTasks`.
    let _entered = runtime.enter();
    let (clock, hands) = Clock::manual();
    let cache = cache_by(&rules, clock);
    let mut callers: [Option<Asking<'_>>; CALLERS] = from_fn(|_| None);
    let mut model = Model::new(rules);
    let at_the_end = (0..CALLERS).map(Step::Drop).chain([Step::RunTasks]);
    for (number, step) in (1_000..).zip(steps.into_iter().chain(at_the_end)) {
        match step {
            Step::Ask(caller, key, options) => {
                if callers[caller].is_none() {
                    callers[caller] = Some(Asking::new(&cache, key, options));
                    model.ask(caller, key, options);
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
                model.run_background();
            }
        }
        let stats = cache.metrics().stats();
        for count in Count::all() {
            assert_eq!(count.of(&stats), model.expects(count), "{count:?} after {step:?}");
        }
        assert_timed(&stats);
        for (caller, asking) in callers.iter().enumerate().filter_map(|(at, asking)| Some((at, asking.as_ref()?))) {
            assert!(asking.woken.0.load(Ordering::Relaxed) || !model.is_due(caller), "{caller} sleeps after {step:?}");
        }
    }
    let stats = cache.metrics().stats();
    assert_eq!((stats.in_flight(), stats.loads_active(), stats.waits_active()), (0, 0, 0));
}

/// Checks that all requests are timed except some hits.
fn assert_timed(stats: &Stats) {
    for (result, count) in results(stats) {
        let timed = stats.latency(result).count();
        assert!(if result == RequestResult::Hit { timed <= count } else { timed == count }, "{result:?}: {timed}");
    }
    for outcome in WaitOutcome::ALL {
        assert_eq!(stats.wait_duration(outcome).count(), stats.waits(outcome), "{outcome:?}");
    }
}

/// Times are short, so that steps often happen exactly at a limit.
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
    let ttls = (life, extra(2), extra(3), prop_oneof![Just(0_u64), Just(1), Just(9)]);
    let errors = prop_oneof![2 => Just(None), 2 => Just(Some(2)), 2 => Just(Some(9))];
    let places = prop_oneof![3 => Just(None), 1 => Just(Some(1)), 1 => Just(Some(2))];
    let waiting = (waits, any::<bool>(), places, any::<bool>());
    (ttls, errors, waiting, any::<bool>(), scripts).prop_map(|(ttls, errors, waiting, refuses_sevenths, loads)| {
        let (stale_after, serve_stale_for, serve_stale_on_error, refresh_ahead) = ttls;
        let (wait_for_load_timeout, fails_impatient, load_concurrency, finish_cancelled_loads) = waiting;
        // An entry without a TTL never expires.
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
    let options = prop_oneof![
        6 => Just(Options::None),
        2 => (0_u64..6).prop_map(Options::MaxAge),
        1 => Just(Options::Bypass),
        1 => Just(Options::Overwrite),
    ];
    prop_oneof![
        8 => (0..CALLERS, 0..KEYS, options).prop_map(|(caller, key, options)| Step::Ask(caller, key, options)),
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
    // A failure prints its smallest case completely, so no file needs to keep it.
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cache_agrees_with_the_model_after_every_step(case in case()) {
        compare(case);
    }
}

/// Earlier faults that need many steps, and that random cases may miss.
#[test]
fn cache_agrees_with_the_model_in_cases_of_earlier_faults() {
    use Step::{Advance, Ask, Drop, Invalidate, Poll};
    let made = |caller, options| [Ask(caller, 0, options), Poll(caller)];
    let plain = |caller| made(caller, Options::None);
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
        // A leader that is dropped after another load has ended takes nothing from the other followers.
        vec![Advance(3), Poll(1), Drop(0), Poll(2)],
        // A wait counts also if an invalidation has overtaken the load.
        vec![Invalidate(0), Advance(1)],
        // An entry older than `max_age` doesn't answer a request, also not instead of an error.
        [vec![Advance(3), Poll(1), Poll(2), Advance(1)], made(3, Options::MaxAge(0)).to_vec()].concat(),
    ] {
        let steps = all_wait.iter().copied().chain(after).collect();
        compare(Case { rules: rules.clone(), steps });
    }
}
