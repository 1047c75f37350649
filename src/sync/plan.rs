//! What a sync would do, as a value: to look at, to print, to run.

use std::fmt;
use std::fmt::Write as _;

use super::entry::{Facts, SkippedName};
use super::job::Route;
use super::names::shown;
use super::{SyncReport, Way};
use crate::S3Error;

/// What is done with one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyncAction {
    /// A file becomes an object.
    Upload,
    /// An object becomes a file.
    Download,
    /// An object becomes another.
    Copy,
    /// Removed from the target.
    Delete,
}

impl SyncAction {
    /// In one lower-case word, as the plan's text and JSON have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Download => "download",
            Self::Copy => "copy",
            Self::Delete => "delete",
        }
    }
}

/// Why something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyncReason {
    /// The target does not have it.
    New,
    /// Its size is another.
    Size,
    /// The source changed later than the target.
    Newer,
    /// A checksum is another.
    Checksum,
    /// Nothing shows that the contents are the same.
    Unverified,
    /// Only the target has it.
    Extraneous,
}

impl SyncReason {
    /// In one lower-case word, as the JSON has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Size => "size",
            Self::Newer => "newer",
            Self::Checksum => "checksum",
            Self::Unverified => "unverified",
            Self::Extraneous => "extraneous",
        }
    }
}

impl fmt::Display for SyncReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::New => "new",
            Self::Size => "size differs",
            Self::Newer => "newer in the source",
            Self::Checksum => "checksum differs",
            Self::Unverified => "no checksum shows that it is the same",
            Self::Extraneous => "not in the source",
        })
    }
}

/// One thing to be done.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SyncItem {
    /// What to do.
    pub action: SyncAction,
    /// The name below both ends, with `/` between components.
    pub key: String,
    /// Bytes to move, or the size of what is deleted.
    pub bytes: u64,
    /// Why.
    pub reason: SyncReason,
    pub(super) facts: Facts,
}

/// What a sync would do, made by [`SyncJob::plan`](super::SyncJob::plan). Nothing has been written or deleted yet.
///
/// `Display` prints it as text, a line for each item; control characters in names are escaped. [`to_json`](Self::to_json)
/// is for programs. The items are in the order of their keys, and all in memory, about 200 bytes each.
///
/// ```
/// use integration_s3::sync::{SyncAction, SyncEnd};
/// # use integration_s3::{S3Client, S3Error};
///
/// # async fn example(client: &S3Client) -> Result<(), S3Error> {
/// let plan = client.sync(SyncEnd::path("/data"), SyncEnd::prefix("bucket", "backup/")).delete(true).plan().await?;
/// print!("{plan}");
/// if plan.items().iter().all(|item| item.action != SyncAction::Delete) {
///     plan.run().await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a plan does nothing until it is run"]
pub struct SyncPlan {
    pub(super) route: Route,
    pub(super) items: Vec<SyncItem>,
    pub(super) skipped: Vec<SkippedName>,
    pub(super) unchanged: u64,
    pub(super) withheld: Option<String>,
    pub(super) requests: u64,
}

impl SyncPlan {
    /// What is to be done, in the order of keys. Deletions that are [withheld](Self::deletions_withheld) are not among them.
    pub fn items(&self) -> &[SyncItem] {
        &self.items
    }

    /// What does not take part, and why.
    pub fn skipped(&self) -> &[SkippedName] {
        &self.skipped
    }

    /// How many are the same on both sides.
    pub fn unchanged(&self) -> u64 {
        self.unchanged
    }

    /// How many items have this action.
    pub fn count(&self, action: SyncAction) -> u64 {
        self.items.iter().filter(|item| item.action == action).count() as u64
    }

    /// Bytes to be moved.
    pub fn bytes(&self) -> u64 {
        self.items.iter().filter(|item| item.action != SyncAction::Delete).map(|item| item.bytes).sum()
    }

    /// Why nothing will be deleted although deleting was asked for; `None` if deletions are as asked.
    pub fn deletions_withheld(&self) -> Option<&str> {
        self.withheld.as_deref()
    }

    /// Requests made for this plan: pages of listings, and what checksums needed. Repeated attempts do not count.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Whether both sides are the same already.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Does what is planned. What changed since is dealt with item by item: a file that vanished or an object that is gone is a
    /// failure, a changed one is moved as it is now, and a local file that changed is not deleted.
    ///
    /// # Errors
    /// Only if nothing could be done at all, or the sync was cancelled. Failures of single items are in the report.
    pub async fn run(self) -> Result<SyncReport, S3Error> {
        super::run::planned(self).await
    }

    /// The plan as a JSON object: `version` (1), `from`, `to`, `items` (`action`, `key`, `bytes`, `reason`), `skipped` (`side`,
    /// `name`, `kind`, `why`), `deletions_withheld` (text or null) and `totals`.
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(128 + 96 * self.items.len());
        out.push_str("{\"version\":1,\"from\":");
        quote(&mut out, &self.route.source_text());
        out.push_str(",\"to\":");
        quote(&mut out, &self.route.target_text());
        out.push_str(",\"items\":[");
        for (at, item) in self.items.iter().enumerate() {
            out.push_str(if at == 0 { "\n" } else { ",\n" });
            let _ = write!(out, "{{\"action\":\"{}\",\"key\":", item.action.as_str());
            quote(&mut out, &item.key);
            let _ = write!(out, ",\"bytes\":{},\"reason\":\"{}\"}}", item.bytes, item.reason.as_str());
        }
        out.push_str("],\"skipped\":[");
        for (at, skip) in self.skipped.iter().enumerate() {
            out.push_str(if at == 0 { "\n" } else { ",\n" });
            let side = if skip.side == super::SyncSide::Source { "source" } else { "target" };
            let _ = write!(out, "{{\"side\":\"{side}\",\"name\":");
            quote(&mut out, &skip.name);
            let _ = write!(out, ",\"kind\":\"{}\",\"why\":", skip.kind.as_str());
            quote(&mut out, &skip.why);
            out.push('}');
        }
        out.push_str("],\"deletions_withheld\":");
        match &self.withheld {
            Some(why) => quote(&mut out, why),
            None => out.push_str("null"),
        }
        let deletions = self.count(SyncAction::Delete);
        let _ = write!(
            out,
            ",\"totals\":{{\"transfers\":{},\"bytes\":{},\"deletions\":{deletions},\"unchanged\":{},\"skipped\":{},\"requests\":{}}}}}",
            self.items.len() as u64 - deletions,
            self.bytes(),
            self.unchanged,
            self.skipped.len(),
            self.requests
        );
        out
    }
}

/// A JSON text.
fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' || c == '\u{7f}' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

impl fmt::Display for SyncPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} -> {}", shown(&self.route.source_text()), shown(&self.route.target_text()))?;
        for item in &self.items {
            writeln!(f, "{:<8} {}  ({}, {})", item.action.as_str(), shown(&item.key), Size(item.bytes), item.reason)?;
        }
        for skip in &self.skipped {
            writeln!(f, "{:<8} {skip}", "skip")?;
        }
        let verb = match self.route.way {
            Way::Up => "upload",
            Way::Down => "download",
            Way::Across => "copy",
        };
        let deletions = self.count(SyncAction::Delete);
        write!(f, "{} to {verb} ({})", self.items.len() as u64 - deletions, Size(self.bytes()))?;
        writeln!(f, ", {deletions} to delete, {} unchanged, {} skipped", self.unchanged, self.skipped.len())?;
        match &self.withheld {
            Some(why) => writeln!(f, "nothing will be deleted: {}", shown(why)),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for SyncPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncPlan")
            .field("items", &self.items.len())
            .field("skipped", &self.skipped.len())
            .field("unchanged", &self.unchanged)
            .field("withheld", &self.withheld)
            .finish_non_exhaustive()
    }
}

/// Bytes for people: `17 B`, `1.5 MiB`.
pub(super) struct Size(pub(super) u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1_024 {
            return write!(f, "{} B", self.0);
        }
        let mut value = self.0 as f64 / 1_024.0;
        let mut units = ["KiB", "MiB", "GiB", "TiB", "PiB"].into_iter();
        let mut unit = units.next().unwrap_or_default();
        for next in units {
            if value < 1_024.0 {
                break;
            }
            value /= 1_024.0;
            unit = next;
        }
        write!(f, "{value:.1} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        let texts: Vec<String> = [0, 1_023, 1_024, 1_536 << 10, 5 << 40].map(|it| Size(it).to_string()).into();
        assert_eq!(texts, ["0 B", "1023 B", "1.0 KiB", "1.5 MiB", "5.0 TiB"]);
    }

    #[test]
    fn any_text_becomes_json_that_a_parser_reads_back() {
        let text = "a\"b\\c\n\u{1}\u{7f}/ü\u{2028}";
        let mut out = String::new();
        quote(&mut out, text);
        assert_eq!(serde_json::from_str::<String>(&out).ok().as_deref(), Some(text));
    }
}
