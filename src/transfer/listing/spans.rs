//! Who lists what: a bucket's keys cut into spans that are listed at the same time. No I/O, no clock.
//!
//! A span is "behind this key, up to and including that one". Whatever the cut, a key falls into exactly one span, so
//! where to cut is only a question of speed: at folders where a listing with a delimiter shows some, else behind everything
//! that shares a character with the key reached.

use std::collections::VecDeque;

use crate::S3Error;
use crate::error::ResponseError;
use crate::types::Object;

/// Guesses in a row that found nothing, after which a span is left in one piece.
const VAIN: u32 = 48;

/// What is to be asked next. Answers come back with the same `span`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ask {
    pub(super) span: u64,
    pub(super) what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// The next page of the span.
    Page { after: Option<String>, token: Option<String> },
    /// Folders below `base` behind this key.
    Folders { base: String, after: String },
    /// A first page behind this key, in the hope that there is one.
    Beyond { after: String },
}

/// One page, or what is known of a listing with a delimiter.
#[derive(Clone, Debug, Default)]
pub(super) struct Page {
    pub(super) objects: Vec<Object>,
    pub(super) folders: Vec<String>,
    pub(super) token: Option<String>,
    pub(super) truncated: bool,
}

struct Span {
    id: u64,
    /// The last key seen, or where the span begins; nothing at the very beginning.
    reached: Option<String>,
    /// The last key that can belong to it.
    upto: Option<String>,
    token: Option<String>,
    asked: bool,
    ended: bool,
    /// It has shown a full page, so there is something to cut.
    large: bool,
    cutting: bool,
    vain: u32,
    /// Where to look for folders next; `None` when there is no deeper place.
    base: Option<String>,
    /// At this byte keys are known to differ.
    fan: Option<usize>,
    ready: VecDeque<Vec<Object>>,
}

pub(super) struct Spans {
    prefix: String,
    delimiter: String,
    concurrency: usize,
    ordered: bool,
    /// Pages that may wait for the reader, those on their way included.
    room: usize,
    spans: VecDeque<Span>,
    asked: usize,
    next_id: u64,
}

impl Spans {
    pub(super) fn new(
        prefix: String,
        delimiter: String,
        after: Option<String>,
        concurrency: usize,
        ordered: bool,
        room: usize,
    ) -> Self {
        let mut it = Self {
            prefix,
            delimiter,
            concurrency: concurrency.max(1),
            ordered,
            room: room.max(1),
            spans: VecDeque::new(),
            asked: 0,
            next_id: 0,
        };
        let span = it.span(after, None);
        it.spans.push_back(span);
        it
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn delimiter(&self) -> &str {
        &self.delimiter
    }

    fn span(&mut self, after: Option<String>, upto: Option<String>) -> Span {
        let id = self.next_id;
        self.next_id += 1;
        let common = match (&after, &upto) {
            (Some(after), Some(upto)) => shared(after, upto).max(self.prefix.len()),
            _ => self.prefix.len(),
        };
        let shared = after.as_deref().and_then(|after| after.get(..common)).filter(|it| it.starts_with(&self.prefix));
        let base = shared.map_or(self.prefix.as_str(), |text| self.folder_of(text)).to_owned();
        Span {
            id,
            reached: after,
            upto,
            token: None,
            asked: false,
            ended: false,
            large: false,
            cutting: false,
            vain: 0,
            base: (!self.delimiter.is_empty()).then_some(base),
            fan: None,
            ready: VecDeque::new(),
        }
    }

    /// The text up to its last delimiter, but never less than the prefix.
    fn folder_of<'a>(&'a self, text: &'a str) -> &'a str {
        match text.rfind(&self.delimiter) {
            Some(at) if at + self.delimiter.len() >= self.prefix.len() => &text[..at + self.delimiter.len()],
            _ => &self.prefix,
        }
    }

    /// What to ask now; nothing while enough is on its way or waits for the reader.
    pub(super) fn ask(&mut self) -> Option<Ask> {
        if self.asked >= self.concurrency {
            return None;
        }
        let waiting: usize = self.spans.iter().map(|span| span.ready.len()).sum();
        let full = waiting + self.asked >= self.room;
        // The reader of an ordered listing waits for the front: it may always ask, or nobody would go on.
        let idle = |span: &Span| !span.ended && !span.asked;
        let front = self.ordered.then(|| self.spans.front()).flatten();
        let front_waits = front.is_some_and(|span| idle(span) && span.ready.is_empty());
        // More spans first: what cuts the rest in two is worth more than the next page.
        let few = self.spans.iter().filter(|span| !span.ended).count() < self.concurrency;
        if few
            && !full
            && let Some(ask) = self.cut()
        {
            return Some(ask);
        }
        let found = match full {
            true if front_waits => self.spans.front_mut(),
            true => None,
            false => self.spans.iter_mut().find(|span| idle(span)),
        };
        if let Some(span) = found {
            span.asked = true;
            self.asked += 1;
            let what = What::Page { after: span.reached.clone(), token: span.token.clone() };
            return Some(Ask { span: span.id, what });
        }
        if full { None } else { self.cut() }
    }

    /// A question whose answer may show where to cut a span. The one is taken that reaches farthest, as far as that can be
    /// known: whose two ends have least in common.
    fn cut(&mut self) -> Option<Ask> {
        let able = |span: &Span| !span.ended && span.large && !span.cutting && span.vain < VAIN;
        let level = |span: &Span| match (&span.reached, &span.upto) {
            (Some(reached), Some(upto)) => shared(reached, upto) + 1,
            _ => 0,
        };
        let mut candidates: Vec<(usize, usize)> =
            self.spans.iter().enumerate().filter(|(_, span)| able(span)).map(|(at, span)| (level(span), at)).collect();
        candidates.sort_unstable();
        for (_, at) in candidates {
            let span = &self.spans[at];
            let what = match (&span.base, &span.reached) {
                (Some(base), Some(reached)) => What::Folders { base: base.clone(), after: reached.clone() },
                _ => match self.beyond(span) {
                    Some(after) => What::Beyond { after },
                    None => continue,
                },
            };
            let span = &mut self.spans[at];
            span.cutting = true;
            self.asked += 1;
            return Some(Ask { span: span.id, what });
        }
        None
    }

    /// A point inside the span that leaves out all that begins as the key reached does. At the character where keys are
    /// known to differ it lies in the middle of what is possible, so that both sides get their share.
    fn beyond(&self, span: &Span) -> Option<String> {
        let (reached, upto) = (span.reached.as_deref()?, span.upto.as_deref());
        let common = upto.map_or(0, |upto| shared(reached, upto)).max(self.prefix.len());
        for (at, c) in reached.get(common..)?.char_indices() {
            let known = &reached[..common + at];
            let top = upto.and_then(|upto| upto.strip_prefix(known)).and_then(|rest| rest.chars().next());
            let middle = (span.fan == Some(known.len())).then(|| middle(c, top)).flatten();
            for next in [middle, following(c)].into_iter().flatten() {
                let point = format!("{known}{next}");
                if upto.is_none_or(|upto| point.as_str() < upto) {
                    return Some(point);
                }
            }
        }
        None
    }

    /// Takes an answer in.
    pub(super) fn answer(&mut self, ask: Ask, page: Page) -> Result<(), S3Error> {
        self.asked -= 1;
        let Some(at) = self.spans.iter().position(|span| span.id == ask.span) else { return Ok(()) };
        match ask.what {
            What::Page { after, token } => {
                let span = &mut self.spans[at];
                span.asked = false;
                if page.truncated && page.token.is_none() && page.objects.is_empty() {
                    return Err(endless());
                }
                if page.truncated && page.token.is_some() && page.token == token {
                    return Err(endless());
                }
                in_order(&page.objects, after.as_deref(), &self.prefix)?;
                take(span, page);
            }
            What::Folders { base, .. } => self.cut_at_folders(at, &base, page),
            What::Beyond { after } => {
                in_order(&page.objects, Some(&after), &self.prefix)?;
                self.cut_beyond(at, after, page);
            }
        }
        self.forget_ended();
        Ok(())
    }

    fn cut_at_folders(&mut self, at: usize, base: &str, page: Page) {
        let many = self.concurrency * 2;
        let span = &mut self.spans[at];
        span.cutting = false;
        let (reached, upto) = (span.reached.clone().unwrap_or_default(), span.upto.clone());
        let inside = |folder: &String| *folder > reached && upto.as_ref().is_none_or(|upto| folder < upto);
        let mut points: Vec<String> = page.folders.into_iter().filter(inside).collect();
        points.sort_unstable();
        points.dedup();
        if points.is_empty() {
            span.vain += 1;
            // One level down, towards the key reached; at the bottom characters are tried.
            let rest = reached.get(base.len()..).unwrap_or_default();
            let below = reached.starts_with(base).then(|| rest.find(&self.delimiter)).flatten();
            span.base = below.map(|to| reached[..base.len() + to + self.delimiter.len()].to_owned());
            return;
        }
        if span.ended {
            return;
        }
        if page.truncated {
            // So many folders that the next thousand say little: leaps reach farther.
            span.base = None;
            return;
        }
        span.vain = 0;
        let step = points.len().div_ceil(many).max(1);
        let points: Vec<String> = points.into_iter().step_by(step).collect();
        let mut upto = span.upto.take();
        span.upto = points.first().cloned();
        for point in points.into_iter().rev() {
            let right = self.span(Some(point.clone()), upto);
            self.spans.insert(at + 1, right);
            upto = Some(point);
        }
    }

    fn cut_beyond(&mut self, at: usize, point: String, page: Page) {
        let span = &mut self.spans[at];
        span.cutting = false;
        // The span's own listing was faster.
        if span.ended || span.reached.as_ref().is_some_and(|reached| *reached >= point) {
            return;
        }
        let fan = point.char_indices().next_back().map(|(at, _)| at);
        let upto = span.upto.replace(point.clone());
        let mut right = Span { large: true, ..self.span(Some(point), upto) };
        take(&mut right, page);
        let span = &mut self.spans[at];
        if right.ready.is_empty() && right.ended {
            // Nothing lies behind: the span is known to be shorter.
            span.vain += 1;
            return;
        }
        span.vain = 0;
        span.fan = fan;
        right.fan = fan;
        self.spans.insert(at + 1, right);
    }

    /// The next entries to hand out.
    pub(super) fn ready(&mut self) -> Option<Vec<Object>> {
        let found = match self.ordered {
            true => self.spans.front_mut().and_then(|span| span.ready.pop_front()),
            false => self.spans.iter_mut().find_map(|span| span.ready.pop_front()),
        };
        self.forget_ended();
        found
    }

    fn forget_ended(&mut self) {
        match self.ordered {
            true => {
                while self.spans.front().is_some_and(|span| span.ended && span.ready.is_empty()) {
                    self.spans.pop_front();
                }
            }
            false => self.spans.retain(|span| !span.ended || !span.ready.is_empty()),
        }
    }

    /// Everything was asked for, answered and handed out.
    pub(super) fn is_done(&self) -> bool {
        self.spans.is_empty()
    }
}

/// Puts the entries of a page that belong to the span into it, and notes how far it came.
fn take(span: &mut Span, mut page: Page) {
    let all = page.objects.len();
    if let Some(upto) = &span.upto {
        let inside = page.objects.partition_point(|object| object.key <= *upto);
        page.objects.truncate(inside);
    }
    span.ended = !page.truncated || page.objects.len() < all;
    span.large |= !span.ended;
    span.token = page.token;
    if let Some(last) = page.objects.last() {
        span.reached = Some(last.key.clone());
        span.ready.push_back(page.objects);
    }
}

/// Cutting stands on the order of keys and on `start-after`: a store that keeps neither must not lose entries in silence.
fn in_order(objects: &[Object], after: Option<&str>, prefix: &str) -> Result<(), S3Error> {
    let mut before = after;
    for object in objects {
        let wrong = match before {
            Some(before) if object.key.as_str() <= before => "the store does not list keys in the order of their bytes",
            _ if !object.key.starts_with(prefix) => "the store lists keys that do not begin with the prefix",
            _ => {
                before = Some(&object.key);
                continue;
            }
        };
        return Err(
            S3Error::new(ResponseError::InvalidResponse, wrong).with_suggestion("list this store with list_objects_v2")
        );
    }
    Ok(())
}

fn endless() -> S3Error {
    S3Error::new(
        ResponseError::InvalidResponse,
        "the server says there are more pages but does not say where they begin",
    )
}

/// How many bytes two texts have in common at their beginning, in whole characters.
fn shared(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(c, _)| c.len_utf8()).sum()
}

/// A character half way to `top`, in the range the first one is of.
fn middle(c: char, top: Option<char>) -> Option<char> {
    let last = if c.is_ascii() { 0x80 } else { u32::from(char::MAX) };
    let top = top.map_or(last, |top| u32::from(top).min(last));
    char::from_u32((u32::from(c) + top).div_ceil(2)).filter(|middle| *middle > c && !is_odd(*middle))
}

/// The next character that can stand in a query and in XML.
fn following(c: char) -> Option<char> {
    (c..=char::MAX).skip(1).find(|c| !is_odd(*c))
}

/// Control characters and those that are none.
fn is_odd(c: char) -> bool {
    c.is_control() || u32::from(c) & 0xfffe == 0xfffe || ('\u{fdd0}'..='\u{fdef}').contains(&c)
}

#[cfg(test)]
#[path = "spans_tests.rs"]
mod tests;
