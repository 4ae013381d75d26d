//! Every store keeps the contract, the same caches work over all of them, and no fault of a server costs an answer.

mod books;
mod contract;
mod faults;
