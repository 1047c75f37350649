//! What the store must hold, key by key. A write that failed may have happened or not; everything else is certain.

use std::collections::BTreeMap;
use std::sync::Arc;

pub type Content = Arc<Vec<u8>>;

/// The keys of one writer. Nobody else writes them.
#[derive(Default)]
pub struct Model {
    keys: BTreeMap<String, Vec<Option<Content>>>,
}

impl Model {
    /// What may be there: one state if it is certain.
    pub fn states(&self, key: &str) -> Vec<Option<Content>> {
        self.keys.get(key).cloned().unwrap_or_else(|| vec![None])
    }

    pub fn keys(&self) -> impl Iterator<Item = &String> {
        self.keys.keys()
    }

    /// The content, if there is certainly some.
    pub fn certain(&self, key: &str) -> Option<Content> {
        match self.keys.get(key).map(Vec::as_slice) {
            Some([Some(content)]) => Some(content.clone()),
            _ => None,
        }
    }

    /// A write (`None`: a deletion) succeeded.
    pub fn wrote(&mut self, key: &str, content: Option<Content>) {
        self.keys.insert(key.to_owned(), vec![content]);
    }

    /// A write failed: it happened, or it did not.
    pub fn perhaps_wrote(&mut self, key: &str, content: Option<Content>) {
        let mut states = self.states(key);
        if !states.contains(&content) {
            states.push(content);
        }
        self.keys.insert(key.to_owned(), states);
    }

    /// Somebody looked. What was seen is certain from now on.
    pub fn saw(&mut self, key: &str, seen: Option<&[u8]>) -> Result<(), String> {
        self.settle(key, &format!("{}", Shown(seen)), |state| state.as_ref().map(|c| c.as_slice()) == seen)
    }

    /// Somebody saw a part of it.
    pub fn saw_range(&mut self, key: &str, from: usize, seen: &[u8]) -> Result<(), String> {
        self.settle(key, &format!("from {from} {}", Shown(Some(seen))), |state| {
            let Some(content) = state else { return false };
            let to = (from + seen.len()).min(content.len());
            content.get(from..to) == Some(seen)
        })
    }

    /// A listing showed the key with this size, or did not show it.
    pub fn saw_size(&mut self, key: &str, size: Option<usize>) -> Result<(), String> {
        self.settle(key, &format!("size {size:?}"), |state| state.as_ref().map(|c| c.len()) == size)
    }

    fn settle(&mut self, key: &str, seen: &str, fits: impl Fn(&Option<Content>) -> bool) -> Result<(), String> {
        let states = self.states(key);
        let left: Vec<_> = states.iter().filter(|state| fits(state)).cloned().collect();
        if left.is_empty() {
            let may: Vec<String> = states.iter().map(|s| Shown(s.as_ref().map(|c| c.as_slice())).to_string()).collect();
            return Err(format!("{key}: saw {seen}, may be {}", may.join(" or ")));
        }
        self.keys.insert(key.to_owned(), left);
        Ok(())
    }
}

struct Shown<'a>(Option<&'a [u8]>);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            None => f.write_str("nothing"),
            Some(bytes) => write!(f, "{} bytes {:02x?}..", bytes.len(), &bytes[..bytes.len().min(6)]),
        }
    }
}
