//! The sample of a cache's keys, and the budget of the models that it feeds.

pub(crate) mod budget;
pub(crate) mod key_event;
pub(crate) mod key_sample;
pub(crate) mod key_statistics;
pub(crate) mod key_table;
pub(crate) mod sampler;
pub(crate) mod sampling_level;

pub(crate) use self::key_event::KeyEvent;
