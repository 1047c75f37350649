//! Two ordered sides walked through together: what is to be done about each name. Reads nothing but the listings.

use super::compare::{Verdict, judge};
use super::entry::{Facts, Found, Side, SkipKind, SkippedName, SyncSide};
use super::names::{Spellings, shown};
use super::plan::SyncReason;
use super::{Compare, Way};
use crate::S3Error;

/// S3's limit for keys, in bytes.
const LONGEST_KEY: usize = 1_024;

/// What is to be done about one name.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Same,
    Transfer {
        key: String,
        source: Facts,
        reason: SyncReason,
    },
    /// As a transfer, unless the contents turn out to be the same.
    Ask {
        key: String,
        source: Facts,
        target: Facts,
        reason: SyncReason,
    },
    /// Only the target has it.
    Extra {
        key: String,
        target: Facts,
    },
    Skip(SkippedName),
}

/// Something in the way of names below it.
struct Blocker {
    key: String,
    /// `key` with `/` behind it, if anything may hide below.
    below: Option<String>,
    why: String,
    /// What it hides may be in the source, so the target's must stay.
    hides: bool,
}

pub(super) struct Merge {
    pub(super) source: Side,
    pub(super) target: Side,
    way: Way,
    compare: Compare,
    /// Bytes of the prefix that names get in the target.
    prefix: usize,
    in_source: Vec<Blocker>,
    in_target: Vec<Blocker>,
    spellings: Option<Spellings>,
}

impl Merge {
    pub(super) fn new(source: Side, target: Side, way: Way, compare: Compare, prefix: usize, fold_case: bool) -> Self {
        let spellings = fold_case.then(Spellings::default);
        Self { source, target, way, compare, prefix, in_source: Vec::new(), in_target: Vec::new(), spellings }
    }

    /// What comes next in the order of keys; `None` when both sides were seen to their end.
    pub(super) async fn next(&mut self) -> Result<Option<Step>, S3Error> {
        loop {
            if let Some(note) = note_of(self.source.peek().await?) {
                self.source.take();
                return Ok(Some(Step::Skip(note)));
            }
            if let Some(note) = note_of(self.target.peek().await?) {
                self.target.take();
                return Ok(Some(Step::Skip(note)));
            }
            let order = match (key_of(self.source.peek().await?), key_of(self.target.peek().await?)) {
                (None, None) => return Ok(None),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(source), Some(target)) => source.cmp(target),
            };
            let source = if order.is_le() { self.source.take() } else { None };
            let target = if order.is_ge() { self.target.take() } else { None };
            let step = match (source, target) {
                (Some(source), target) => self.in_both_or_source(source, target),
                (None, Some(target)) => self.only_in_target(target),
                (None, None) => None,
            };
            if let Some(step) = step {
                return Ok(Some(step));
            }
        }
    }

    fn in_both_or_source(&mut self, source: Found, target: Option<Found>) -> Option<Step> {
        let (key, facts) = match source {
            Found::File { key, facts } => (key, facts),
            Found::Barrier { key, below, skip } => {
                if let Some(Found::Barrier { key, below, skip }) = target {
                    block(&mut self.in_target, key, below, skip.why, false);
                }
                // Twins: what is there under the same name in the target is left alone, because it is not looked at.
                block(&mut self.in_source, key, below, skip.why.clone(), true);
                return Some(Step::Skip(skip));
            }
            Found::Note(skip) => return Some(Step::Skip(skip)),
        };
        let refused = self.refusal(&key);
        if self.way == Way::Down {
            block_below(&mut self.in_source, &key, "an object");
        }
        let refused = match (&target, refused) {
            (_, Some(refused)) => Some(refused),
            (Some(Found::Barrier { skip, .. }), None) => {
                Some((SkipKind::InTheWay, format!("the target has {}", skip.why)))
            }
            (_, None) => self.clash(&key),
        };
        if let Some(Found::Barrier { key, below, skip }) = &target {
            block(&mut self.in_target, key.clone(), below.clone(), skip.why.clone(), false);
        }
        if let Some((kind, why)) = refused {
            return Some(Step::Skip(SkippedName::new(SyncSide::Source, &key, kind, why)));
        }
        let Some(Found::File { facts: target, .. }) = target else {
            return Some(Step::Transfer { key, source: facts, reason: SyncReason::New });
        };
        Some(match judge(self.compare, self.way, &facts, &target) {
            Verdict::Same => Step::Same,
            Verdict::Differs(reason) => Step::Transfer { key, source: facts, reason },
            Verdict::Ask(reason) => Step::Ask { key, source: facts, target, reason },
        })
    }

    /// Why a file of the source cannot be brought to the target.
    fn refusal(&mut self, key: &str) -> Option<(SkipKind, String)> {
        if self.way != Way::Down && key.len() + self.prefix > LONGEST_KEY {
            let bytes = key.len() + self.prefix;
            return Some((
                SkipKind::Name,
                format!("its key would have {bytes} bytes, a key has at most {LONGEST_KEY}"),
            ));
        }
        let blocker = blocked(&mut self.in_source, key, false).or_else(|| blocked(&mut self.in_target, key, false));
        blocker.map(|it| {
            let name = shown(it.key.trim_end_matches('/'));
            (SkipKind::InTheWay, format!("`{name}` is in the way: {}", it.why))
        })
    }

    fn clash(&mut self, key: &str) -> Option<(SkipKind, String)> {
        let other = self.spellings.as_mut()?.clash(key)?;
        let why = format!("it differs only in case from `{}`, which the target does not tell apart", shown(&other));
        Some((SkipKind::InTheWay, why))
    }

    fn only_in_target(&mut self, target: Found) -> Option<Step> {
        let (key, facts) = match target {
            Found::File { key, facts } => (key, facts),
            Found::Barrier { key, below, skip } => {
                block(&mut self.in_target, key, below, skip.why.clone(), false);
                return Some(Step::Skip(skip));
            }
            Found::Note(skip) => return Some(Step::Skip(skip)),
        };
        if self.way == Way::Down {
            block_below(&mut self.in_target, &key, "a file of the target");
        }
        if let Some(it) = blocked(&mut self.in_source, &key, true) {
            let why =
                format!("not deleted, because of `{}` in the source: {}", shown(it.key.trim_end_matches('/')), it.why);
            return Some(Step::Skip(SkippedName::new(SyncSide::Target, &key, SkipKind::Kept, why)));
        }
        if let Some((_, why)) = self.clash(&key) {
            return Some(Step::Skip(SkippedName::new(
                SyncSide::Target,
                &key,
                SkipKind::Kept,
                format!("not deleted: {why}"),
            )));
        }
        Some(Step::Extra { key, target: facts })
    }
}

fn note_of(found: Option<&Found>) -> Option<SkippedName> {
    match found {
        Some(Found::Note(skip)) => Some(skip.clone()),
        _ => None,
    }
}

fn key_of(found: Option<&Found>) -> Option<&str> {
    match found {
        Some(Found::File { key, .. } | Found::Barrier { key, .. }) => Some(key),
        _ => None,
    }
}

fn block(blockers: &mut Vec<Blocker>, key: String, below: Option<String>, why: String, hides: bool) {
    blockers.push(Blocker { key, below, why, hides });
}

/// Where files are written, nothing can be below a file.
fn block_below(blockers: &mut Vec<Blocker>, key: &str, what: &str) {
    retire(blockers, key);
    let why = format!("it is {what}, and nothing can be below a file");
    block(blockers, key.to_owned(), Some(format!("{key}/")), why, false);
}

/// Forgets those that no later key can be below.
fn retire(blockers: &mut Vec<Blocker>, key: &str) {
    blockers.retain(|it| it.below.as_deref().is_some_and(|below| below > key || key.starts_with(below)));
}

fn blocked<'a>(blockers: &'a mut Vec<Blocker>, key: &str, hiding_only: bool) -> Option<&'a Blocker> {
    retire(blockers, key);
    blockers.iter().find(|it| (it.hides || !hiding_only) && it.below.as_deref().is_some_and(|it| key.starts_with(it)))
}
