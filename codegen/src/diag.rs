//! Mistakes in the model, and how they are shown: what is wrong, where, and the way out.
//!
//! A [`Diagnostic`] carries the line it is about, so it can be printed anywhere without the file. It decides nothing:
//! what is a mistake is settled in `model` (spelling) and `lower` (meaning).

use std::fmt;
use std::ops::Range;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Path relative to the repository root, with `/`; empty if no file is to blame.
    pub file: String,
    /// Where in the file; `None` if it is about the file as a whole.
    pub place: Option<Place>,
    /// What is wrong, one clause without a full stop.
    pub message: String,
    /// The way out.
    pub help: Option<String>,
}

/// A spot in a file, with the line it is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// How many characters to underline, at least 1.
    pub width: usize,
    /// The line itself.
    pub source: String,
}

/// The longest stretch of a line that is shown; documentation lines can have hundreds of characters.
const WINDOW: usize = 110;

impl Diagnostic {
    /// A mistake at a byte range of a file's text. Ranges that lie outside the text are moved to its end.
    pub fn at(file: &str, text: &str, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            place: Some(Place::of(text, span)),
            message: message.into(),
            help: Some(help.into()).filter(|help: &String| !help.is_empty()),
        }
    }

    /// A mistake of a file as a whole, or of none.
    pub fn whole(file: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            place: None,
            message: message.into(),
            help: Some(help.into()).filter(|help: &String| !help.is_empty()),
        }
    }

    /// By file, then line, then column.
    pub(crate) fn order(&self) -> (&str, usize, usize, &str) {
        let (line, column) = self.place.as_ref().map_or((0, 0), |place| (place.line, place.column));
        (&self.file, line, column, &self.message)
    }
}

impl Place {
    fn of(text: &str, span: Range<usize>) -> Self {
        let mut start = span.start.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let head = &text[..start];
        let line_start = head.rfind('\n').map_or(0, |at| at + 1);
        let rest = &text[line_start..];
        let source = rest.split('\n').next().unwrap_or_default().trim_end_matches('\r');
        let column = text[line_start..start].chars().count();
        let mut end = span.end.clamp(start, text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let width = text[start..end].split(['\n', '\r']).next().unwrap_or_default().chars().count().max(1);
        Self { line: head.matches('\n').count() + 1, column: column + 1, width, source: source.to_owned() }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "error: {}", self.message)?;
        let margin = match &self.place {
            Some(place) => {
                let number = place.line.to_string();
                let margin = " ".repeat(number.len());
                let (source, column, width) = window(place);
                writeln!(out, "{margin}--> {}:{}:{}", self.file, place.line, place.column)?;
                writeln!(out, "{margin} |")?;
                writeln!(out, "{number} | {source}")?;
                writeln!(out, "{margin} | {}{}", " ".repeat(column), "^".repeat(width))?;
                margin
            }
            None if self.file.is_empty() => String::new(),
            None => {
                writeln!(out, " --> {}", self.file)?;
                " ".to_owned()
            }
        };
        if let Some(help) = &self.help {
            writeln!(out, "{margin} = help: {help}")?;
        }
        Ok(())
    }
}

/// The part of the line to show, and where in it the underlined part begins and how long it is.
fn window(place: &Place) -> (String, usize, usize) {
    let shown: Vec<char> = place.source.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let column = (place.column - 1).min(shown.len());
    if shown.len() <= WINDOW {
        return (shown.iter().collect(), column, place.width.min(shown.len() - column).max(1));
    }
    let from = if column < WINDOW / 2 { 0 } else { column - WINDOW / 4 };
    let to = (from + WINDOW).min(shown.len());
    let before = if from > 0 { "..." } else { "" };
    let after = if to < shown.len() { "..." } else { "" };
    let text = shown[from..to].iter().collect::<String>();
    let width = place.width.min(to - column.min(to)).max(1);
    (format!("{before}{text}{after}"), column - from + before.len(), width)
}

/// All mistakes, sorted, each followed by an empty line, and a closing line that says that nothing was written.
pub fn render(mistakes: &[Diagnostic]) -> String {
    let mut sorted: Vec<&Diagnostic> = mistakes.iter().collect();
    sorted.sort_by(|a, b| a.order().cmp(&b.order()));
    let mut out: String = sorted.iter().map(|mistake| format!("{mistake}\n")).collect();
    let count = mistakes.len();
    out.push_str(&format!("{count} mistake{}, nothing was written\n", if count == 1 { "" } else { "s" }));
    out
}
