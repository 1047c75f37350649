//! `bench/results.json`: the last figures of every command with the tables that were printed; and the tables' way into
//! `docs/performance.md`.

use serde_json::{Map, Value, json};

use crate::{Outcome, machine};

const DOCUMENT: &str = "docs/performance.md";

/// Prints tables and stores them with their figures, as one section in place of the old one.
pub fn publish(section: &str, figures: Value, tables: &str) -> Result<(), String> {
    let taken = machine::describe()?;
    let line: Vec<&str> = taken.iter().map(|(_, value)| value.as_str()).collect();
    let tables = format!("Taken {}.\n{}", line.join("; "), tables.trim_end());
    println!("{tables}");
    let mut all = load().unwrap_or_default();
    let taken: Map<String, Value> = taken.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    let lines: Vec<&str> = tables.lines().collect();
    all.insert(section.to_owned(), json!({ "taken": taken, "figures": figures, "tables": lines }));
    let text = serde_json::to_string_pretty(&all).map_err(|error| error.to_string())? + "\n";
    let path = machine::root().join("bench/results.json");
    std::fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Puts the tables of `bench/results.json` between the marks of the document.
pub fn document() -> Outcome {
    let path = machine::root().join(DOCUMENT);
    let mut text = std::fs::read_to_string(&path).map_err(|error| format!("cannot read {DOCUMENT}: {error}"))?;
    for (section, stored) in load()? {
        let lines = stored.get("tables").and_then(Value::as_array).into_iter().flatten();
        let tables: Vec<&str> = lines.filter_map(Value::as_str).collect();
        text = between(&text, &section, &tables.join("\n"))?;
    }
    std::fs::write(&path, text).map_err(|error| format!("cannot write {DOCUMENT}: {error}"))?;
    println!("{DOCUMENT} has the tables of bench/results.json");
    Ok(true)
}

fn load() -> Result<Map<String, Value>, String> {
    let text = std::fs::read_to_string(machine::root().join("bench/results.json"))
        .map_err(|error| format!("cannot read bench/results.json: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("bench/results.json: {error}"))
}

/// `text` with `tables` between the marks of `section`.
fn between(text: &str, section: &str, tables: &str) -> Result<String, String> {
    let (begin, end) = (format!("<!-- bench {section} -->"), format!("<!-- end {section} -->"));
    let parts = text.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let (before, after) = parts.ok_or_else(|| format!("{DOCUMENT} has no {begin} with an {end} behind it"))?;
    Ok(format!("{before}{begin}\n{tables}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_replace_what_stood_between_their_marks_and_nothing_else() {
        let text = "a\n<!-- bench x -->\nold\n<!-- end x -->\nb\n<!-- bench y -->\nkept\n<!-- end y -->\n";
        let new = between(text, "x", "| new |").unwrap_or_default();
        assert_eq!(new, text.replace("old", "| new |"));
        assert_eq!(between(&new, "x", "| new |"), Ok(new));
        assert!(between(text, "z", "").is_err());
    }
}
