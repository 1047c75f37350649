//! `bench/results.json`: the last figures of every command, each with the date and the machine.

use serde_json::{Map, Value, json};

use crate::machine;

/// Replaces one section and leaves the others.
pub fn store(section: &str, figures: Value) -> Result<(), String> {
    let path = machine::root().join("bench/results.json");
    let old = std::fs::read_to_string(&path).ok().and_then(|text| serde_json::from_str(&text).ok());
    let mut all: Map<String, Value> = old.unwrap_or_default();
    let taken: Map<String, Value> =
        machine::describe()?.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    all.insert(section.to_owned(), json!({ "taken": taken, "figures": figures }));
    let text = serde_json::to_string_pretty(&all).map_err(|error| error.to_string())? + "\n";
    std::fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}
