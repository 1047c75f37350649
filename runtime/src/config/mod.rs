//! Options of a client.
