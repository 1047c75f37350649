//! One call from request value to answer.
