//! Servers that lie, stumble, never end or want to be followed: hand-written HTTP over a loopback socket. Whatever comes,
//! the SDK answers in bounded time and memory, with one line that names the operation and the request, and shows no secret.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "hostile/answers.rs"]
mod answers;
#[path = "hostile/documents.rs"]
mod documents;
#[path = "hostile/input.rs"]
mod input;
#[path = "hostile/server.rs"]
mod server;
#[path = "hostile/streams.rs"]
mod streams;
