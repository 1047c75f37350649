//! Checks of input before a byte is sent.
