//! Every variable, each value with its visible effect, and each wrong value with its message.

mod exporters;
mod otlp;
mod receiver;
mod sdk;
mod set_up;
mod wrong;
