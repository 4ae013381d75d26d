//! Without a collector, or with a faulty one, a program runs, answers, ends in time and takes no more memory. It logs
//! the fault once. When the collector is back, its numbers are right.

mod behaviour;
mod overload;
mod receiver;
mod recovery;
mod service;
mod shutdown;
