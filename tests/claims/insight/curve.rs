//! The hit-ratio curve of one run, compared with runs of other capacities.

use super::feed::{Feed, Storage};
use super::trace::{self, Trace};

/// The limits of the mean and of the ninth decile of errors, in points of hit rate: half more than usual, as each run
/// samples other keys.
const GOALS: [(Storage, f64, f64); 2] = [(Storage::QuickCache, 0.9, 1.5), (Storage::Moka, 1.5, 3.0)];

/// Errors in points of hit rate, by the multiple of the capacity.
struct Errors(Vec<(f64, f64)>);

/// Predicts the hit rates of other capacities from one run, and measures them.
fn errors(storage: Storage, capacity: u64, trace: &Trace) -> Errors {
    let feed = Feed { storage, capacity, ttl: None, insight: true, keys: &trace.keys };
    let curve = feed.run().curve.expect("enough was seen");
    assert!(curve.own_policy && curve.capacity == capacity);
    let errors = curve.points.iter().filter(|point| point.multiple != 1.0).map(|point| {
        let real = Feed { capacity: point.capacity, insight: false, ..feed }.run().hit_rate();
        (point.multiple, 100.0 * (point.hit_rate - real))
    });
    let errors = Errors(errors.collect());
    let shown: Vec<String> = errors.0.iter().map(|(multiple, error)| format!("{multiple}x {error:+.2}")).collect();
    println!("{storage:?} {capacity:>6} {:<10} sampled {:.3}: {}", trace.name, curve.sampling_rate, shown.join(", "));
    errors
}

/// The mean and the ninth decile of the absolute errors at half, twice and four times the capacity.
fn summary(storage: Storage, all: &[Errors]) -> (f64, f64) {
    let near = all.iter().flat_map(|errors| &errors.0).filter(|(multiple, _)| [0.5, 2.0, 4.0].contains(multiple));
    let mut near: Vec<f64> = near.map(|(_, error)| error.abs()).collect();
    near.sort_by(f64::total_cmp);
    let (mean, decile) = (near.iter().sum::<f64>() / near.len() as f64, near[near.len() * 9 / 10]);
    println!("{storage:?}: mean {mean:.2}, 90 % within {decile:.2}, worst {:.2}", near[near.len() - 1]);
    (mean, decile)
}

#[test]
fn curve_predicts_the_hit_rates_of_other_capacities() {
    for (storage, mean_goal, decile_goal) in GOALS {
        let all: Vec<Errors> = trace::synthetic(1_000).iter().map(|trace| errors(storage, 1_000, trace)).collect();
        let (mean, decile) = summary(storage, &all);
        assert!(mean <= mean_goal && decile <= decile_goal, "{storage:?}: mean {mean}, ninth decile {decile}");
    }
}

#[test]
fn curve_of_few_keys_in_a_large_cache_is_flat_and_certain() {
    let keys: Vec<u64> = cachescope_tests::access_trace::zipf(0.8, 50, 2_000, 1).collect();
    for storage in Storage::ALL {
        let fed = Feed { storage, capacity: 10_000, ttl: None, insight: true, keys: &keys }.run();
        let curve = fed.curve.as_ref().expect("two thousand requests are enough");
        assert_eq!(curve.points.len(), 6);
        for point in &curve.points {
            // Except for the first requests.
            let error = (point.hit_rate - fed.hit_rate()).abs();
            assert!(point.settled && point.margin == 0.0 && error < 0.005, "{storage:?} {point:?}");
        }
    }
}

#[test]
fn curve_predicts_the_hit_rates_of_the_named_trace() {
    let Some(trace) = trace::named() else { return };
    for (storage, mean_goal, _) in GOALS {
        let all: Vec<Errors> = [1_000, 4_096, 16_384].map(|capacity| errors(storage, capacity, &trace)).into();
        let (mean, _) = summary(storage, &all);
        assert!(mean <= mean_goal, "{storage:?}: mean {mean}");
    }
}
