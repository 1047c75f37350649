//! What a client tells about itself.
