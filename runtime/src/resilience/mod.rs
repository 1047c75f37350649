//! What happens when the network does not behave.
