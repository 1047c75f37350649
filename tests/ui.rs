//! What the compiler tells a user who forgot something. The messages are part of the design: read them when they change.
//!
//! Another compiler may word them differently: set `UI_TESTS=skip` to leave them out there.

#![allow(missing_docs)]

#[test]
fn messages_name_what_is_missing() {
    if std::env::var("UI_TESTS").as_deref() == Ok("skip") {
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
