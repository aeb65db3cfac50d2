//! The output of a connection.
