//! The contract of detection, a sentence a test, on histories written by hand.

mod base;
mod counters;
mod inside;
mod lists;
mod writes;
