//! From the IR to files. Nothing here reads a model file or writes to disk.
//!
//! Each emitter is one function that sees the [`Api`] and returns [`File`]s; none sees another, and none contains the
//! name of an operation or a field. To add an emitter, write the function and add its line to [`EMITTERS`].
//!
//! Rust is made with `quote!` (in `rust/`), everything else with a template of `templates/`.

mod reference;
mod rust;
mod schema;

use crate::ir::Api;
use crate::output::File;

/// All emitters, with the name that stands in messages.
#[allow(clippy::type_complexity)]
pub const EMITTERS: &[(&str, fn(&Api) -> Vec<File>)] = &[
    ("operations", rust::operation::emit),
    ("types", rust::shapes::emit),
    ("errors", rust::errors::emit),
    ("providers", rust::providers::emit),
    ("missing", rust::missing::emit),
    ("api", rust::api::emit),
    ("modules", rust::modules::emit),
    ("cases", rust::cases::emit),
    ("reference", reference::emit),
    ("schema", schema::emit),
];
