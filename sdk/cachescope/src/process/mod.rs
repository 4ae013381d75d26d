//! The shared parts of all caches in a process: the registry, the switch, the defaults and the maintenance thread.

pub(crate) mod defaults;
pub(crate) mod maintenance;
pub(crate) mod registry;
pub(crate) mod switch;
