//! Public value types with a wire form of their own: byte ranges and copy sources.
