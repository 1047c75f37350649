//! Sending one HTTP request.
