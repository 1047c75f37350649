//! Progress as a bar in a terminal, drawn by the crate `indicatif`.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::{Phase, Progress, ProgressListener};

/// Shows a transfer's progress in a terminal: a bar, or a spinner while the total is unknown, with bytes, rate and time left.
///
/// It draws to stderr, and nothing at all where that is no terminal. When the transfer ends, the line says how and stays.
///
/// ```
/// use integration_s3::transfer::Bar;
///
/// # async fn example(bucket: integration_s3::Bucket) -> Result<(), integration_s3::S3Error> {
/// bucket.copy("images/big.iso", "big.iso").progress(Bar::new("big.iso")).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// A bar on stderr with a name before it.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self::with(ProgressBar::no_length().with_prefix(one_line(name.into())))
    }

    /// On a bar of the caller's, one of a `MultiProgress` for example. Its style, length, position and message are this
    /// type's from now on; its prefix is the name.
    pub fn with(bar: ProgressBar) -> Self {
        bar.set_style(spinner());
        Self { bar }
    }

    /// What it draws on: to print lines above it, or to hide it.
    pub fn inner(&self) -> &ProgressBar {
        &self.bar
    }
}

impl ProgressListener for Bar {
    fn progress(&self, progress: &Progress) {
        if self.bar.length() != progress.total {
            match progress.total {
                Some(total) => {
                    self.bar.set_style(bar());
                    self.bar.set_length(total);
                }
                None => {
                    self.bar.set_style(spinner());
                    self.bar.unset_length();
                }
            }
        }
        self.bar.set_message(line(progress));
        self.bar.set_position(progress.bytes);
        match progress.phase {
            // The position stays where it was: a bar that failed is not full.
            Phase::Done | Phase::Failed | Phase::Cancelled => self.bar.abandon(),
            _ => self.bar.tick(),
        }
    }
}

impl fmt::Debug for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bar").field("bytes", &self.bar.position()).field("total", &self.bar.length()).finish()
    }
}

fn bar() -> ProgressStyle {
    let style = ProgressStyle::with_template("{prefix} [{bar:24}] {percent:>3}% {msg}");
    style.map_or_else(|_| ProgressStyle::default_bar(), |style| style.progress_chars("=> "))
}

fn spinner() -> ProgressStyle {
    ProgressStyle::with_template("{prefix} {spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// Everything but the bar itself.
fn line(progress: &Progress) -> String {
    let (bytes, rate) = (size(progress.bytes), size(progress.bytes_per_second as u64));
    let of = match progress.total {
        Some(total) => format!("{bytes} of {}", size(total)),
        None => bytes.clone(),
    };
    let mut line = match progress.phase {
        Phase::Waiting => "waiting".to_owned(),
        Phase::Paused => format!("{of}, paused"),
        Phase::Finishing => format!("{of}, finishing"),
        Phase::Done => format!("{bytes} in {}, {rate}/s", time(progress.elapsed)),
        Phase::Failed => format!("failed at {of}"),
        Phase::Cancelled => format!("cancelled at {of}"),
        _ => match progress.eta {
            Some(eta) => format!("{of}, {rate}/s, {} left", time(eta)),
            None => format!("{of}, {rate}/s"),
        },
    };
    if progress.resumed > 0 {
        line.push_str(&format!(" (went on from {})", size(progress.resumed)));
    }
    line
}

/// In units of 1,024.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in UNITS {
        if value < 1023.95 {
            break;
        }
        (value, unit) = (value / 1024.0, next);
    }
    format!("{value:.1} {unit}")
}

fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{}:{:02} min", seconds / 60, seconds % 60),
        _ => format!("{}:{:02} h", seconds / 3_600, seconds / 60 % 60),
    }
}

/// A name is anybody's text; a line break in it would tear the bar.
fn one_line(name: Cow<'static, str>) -> Cow<'static, str> {
    match name.contains(char::is_control) {
        true => name.escape_debug().to_string().into(),
        false => name,
    }
}

#[cfg(test)]
mod tests {
    use indicatif::ProgressDrawTarget;

    use super::*;

    fn at(phase: Phase) -> Progress {
        let (bytes, total, bytes_per_second) = (300 << 20, Some(1 << 30), (50 << 20) as f64);
        Progress { phase, bytes, total, bytes_per_second, elapsed: Duration::from_secs(6), ..Progress::default() }
    }

    #[test]
    fn each_state_reads_as_what_it_is() {
        let running = Progress { eta: Some(Duration::from_secs(74)), ..at(Phase::Running) };
        assert_eq!(line(&running), "300.0 MiB of 1.0 GiB, 50.0 MiB/s, 1:14 min left");
        assert_eq!(line(&Progress { total: None, ..at(Phase::Running) }), "300.0 MiB, 50.0 MiB/s");
        assert_eq!(line(&at(Phase::Paused)), "300.0 MiB of 1.0 GiB, paused");
        assert_eq!(line(&at(Phase::Failed)), "failed at 300.0 MiB of 1.0 GiB");
        let resumed = Progress { resumed: 200 << 20, ..at(Phase::Done) };
        assert_eq!(line(&resumed), "300.0 MiB in 6 s, 50.0 MiB/s (went on from 200.0 MiB)");
    }

    #[test]
    fn sizes_change_their_unit_before_four_digits_show() {
        let shown: Vec<String> = [0, 1_023, 1_024, (1 << 20) - 1, 1 << 40, u64::MAX].map(size).into();
        assert_eq!(shown, ["0 B", "1023 B", "1.0 KiB", "1.0 MiB", "1.0 TiB", "16.0 EiB"]);
    }

    #[test]
    fn a_bar_follows_and_a_failed_one_is_not_full() {
        let bar = Bar::with(ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()));
        bar.progress(&Progress { total: None, ..at(Phase::Running) });
        assert_eq!((bar.inner().position(), bar.inner().length()), (300 << 20, None));
        bar.progress(&at(Phase::Failed));
        assert_eq!((bar.inner().position(), bar.inner().length()), (300 << 20, Some(1 << 30)));
        assert!(bar.inner().is_finished());
    }
}
