//! What a hit costs, as ratios in one run and as instruction counts.
