//! The deadlines of calls: a hashed wheel.
