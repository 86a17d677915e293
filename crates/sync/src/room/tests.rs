//! Room behaviour, by exact effects.
