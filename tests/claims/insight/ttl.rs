//! The predicted hit rates of other TTLs, compared with runs that use these TTLs.

use std::time::Duration;

use super::feed::{Feed, Storage};
use super::trace;

/// TTLs as multiples of the present one; three of them lie between the points of the curve.
const MULTIPLES: [f64; 5] = [0.25, 0.4, 0.7, 2.0, 3.0];

#[test]
fn curve_predicts_the_hit_rates_of_other_ttls() {
    let capacity = 1_000;
    let traces = trace::synthetic(capacity)
        .into_iter()
        .filter(|trace| ["zipf 0.8", "mixed", "shifting"].contains(&&*trace.name));
    let traces = traces.map(|trace| (trace, vec![capacity, 1_000_000]));
    let named = trace::named().map(|trace| (trace, vec![4_096, 65_536, 1_000_000]));
    for (trace, capacities) in traces.chain(named) {
        let mut errors = Vec::new();
        for capacity in capacities {
            for seconds in [10, 60] {
                let ttl = Duration::from_secs(seconds);
                let storage = Storage::QuickCache;
                let feed = Feed { storage, capacity, ttl: Some(ttl), insight: true, keys: &trace.keys };
                let ttl_curve = feed.run().ttl_curve.expect("enough was seen");
                let each = MULTIPLES.map(|multiple| {
                    let ttl = ttl.mul_f64(multiple);
                    let real = Feed { ttl: Some(ttl), insight: false, ..feed }.run().hit_rate();
                    100.0 * (ttl_curve.hit_rate_with_ttl(ttl).expect("within the points") - real)
                });
                println!("{} {capacity} {ttl:?}: {each:+.2?}", trace.name);
                errors.extend(each);
            }
        }
        let mean = errors.iter().map(|error: &f64| error.abs()).sum::<f64>() / errors.len() as f64;
        println!("{}: mean {mean:.2}", trace.name);
        assert!(mean <= 1.0, "{}: mean {mean}", trace.name);
    }
}
