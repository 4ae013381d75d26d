//! Without a collector, or with a bad one, the program runs, answers and ends in time, takes no more memory, and says
//! once what is wrong; and once the collector is back, its numbers are right.

mod ending;
mod full_speed;
mod manner;
mod receiver;
mod returning;
mod service;
