//! Tests that limit real time. Nothing else runs in this process that could keep the machine busy meanwhile.

mod outage;
mod tiers;
