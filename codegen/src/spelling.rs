//! Words: turning one spelling into another, and finding the word somebody meant.

use crate::ir::names;

/// `ListObjectsV2` to `list_objects_v2`; a run of capitals is one word.
pub(crate) fn snake(pascal: &str) -> String {
    let chars: Vec<char> = pascal.chars().collect();
    let mut out = String::new();
    for (at, c) in chars.iter().enumerate() {
        let after_small = at > 0 && !chars[at - 1].is_uppercase();
        let before_small = chars.get(at + 1).is_some_and(|next| next.is_lowercase());
        if c.is_uppercase() && at > 0 && (after_small || before_small) {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

/// The name of an enumeration's value: `STANDARD_IA` to `StandardIa`, `aws:kms` to `AwsKms`, `eTag` to `ETag`.
pub(crate) fn value_name(wire: &str) -> String {
    let words = wire.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| capitalized(&names::pascal(word))).collect()
}

fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
}

/// `[a-z][a-z0-9]*` words joined by single underscores.
pub(crate) fn is_snake(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('_')
        && !name.contains("__")
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// A capital, then letters and digits.
pub(crate) fn is_pascal(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(|c| c.is_ascii_alphanumeric())
}

/// The known word closest to a misspelt one, if any is close.
pub(crate) fn nearest<'w>(wrong: &str, known: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let wrong_small = wrong.to_ascii_lowercase();
    let limit = (wrong.len() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|word| (distance(&wrong_small, &word.to_ascii_lowercase(), limit), word))
        .filter(|(far, _)| *far <= limit)
        .min_by_key(|(far, word)| (*far, word.len().abs_diff(wrong.len())))
        .map(|(_, word)| word)
}

/// How many letters have to be inserted, deleted, replaced or swapped with their neighbour; capped just above `limit`.
fn distance(a: &str, b: &str, limit: usize) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > limit || a.len() > 100 {
        return limit + 1;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (above[j] + 1).min(row[j - 1] + 1).min(above[j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

/// "did you mean `x`?", or all that would be right if few, or how to add it.
pub(crate) fn suggestion<'w>(wrong: &str, known: impl IntoIterator<Item = &'w str>, otherwise: &str) -> String {
    match nearest(wrong, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => otherwise.to_owned(),
    }
}
