//! Counts what happened and shows it as two tables.

use std::collections::BTreeMap;
use std::fmt;

use integration_s3::S3Error;

use super::faults::Fault;

#[derive(Default, Clone)]
struct Fate {
    injected: usize,
    mended: usize,
    surfaced: BTreeMap<String, usize>,
}

#[derive(Default, Clone)]
pub struct Report {
    faults: BTreeMap<Fault, Fate>,
    /// Succeeded, surfaced.
    operations: BTreeMap<String, (usize, usize)>,
    /// Errors of operations that met no fault themselves: a connection another one's fault had spoiled.
    pub unprovoked: BTreeMap<String, usize>,
}

impl Report {
    pub fn succeeded(&mut self, operation: &str, faults: &[(Fault, String)]) {
        self.operations.entry(operation.to_owned()).or_default().0 += 1;
        for (fault, _) in faults {
            let fate = self.faults.entry(*fault).or_default();
            fate.injected += 1;
            fate.mended += 1;
        }
    }

    /// Faults met while an operation that had failed was cleaned up after.
    pub fn cleaned_up(&mut self, faults: &[(Fault, String)]) {
        for (fault, _) in faults {
            let fate = self.faults.entry(*fault).or_default();
            fate.injected += 1;
            *fate.surfaced.entry("(in clean-up)".to_owned()).or_default() += 1;
        }
    }

    /// Changed bytes were handed on as good.
    pub fn not_caught(&mut self, operation: &str, faults: &[(Fault, String)]) {
        self.operations.entry(operation.to_owned()).or_default().1 += 1;
        for (fault, _) in faults {
            let fate = self.faults.entry(*fault).or_default();
            fate.injected += 1;
            *fate.surfaced.entry("NOT CAUGHT".to_owned()).or_default() += 1;
        }
    }

    /// The last fault is the one that surfaced; those before it were mended.
    pub fn surfaced(&mut self, operation: &str, faults: &[(Fault, String)], error: &S3Error) {
        self.operations.entry(operation.to_owned()).or_default().1 += 1;
        let kind = format!("{:?}", error.kind());
        let Some(((last, _), before)) = faults.split_last() else {
            *self.unprovoked.entry(kind).or_default() += 1;
            return;
        };
        for (fault, _) in before {
            let fate = self.faults.entry(*fault).or_default();
            fate.injected += 1;
            fate.mended += 1;
        }
        let fate = self.faults.entry(*last).or_default();
        fate.injected += 1;
        *fate.surfaced.entry(kind).or_default() += 1;
    }

    pub fn add(&mut self, other: &Report) {
        for (fault, fate) in &other.faults {
            let mine = self.faults.entry(*fault).or_default();
            mine.injected += fate.injected;
            mine.mended += fate.mended;
            fate.surfaced.iter().for_each(|(kind, n)| *mine.surfaced.entry(kind.clone()).or_default() += n);
        }
        for (operation, (ok, failed)) in &other.operations {
            let mine = self.operations.entry(operation.clone()).or_default();
            *mine = (mine.0 + ok, mine.1 + failed);
        }
        other.unprovoked.iter().for_each(|(kind, n)| *self.unprovoked.entry(kind.clone()).or_default() += n);
    }

    pub fn injected(&self) -> usize {
        self.faults.values().map(|fate| fate.injected).sum()
    }

    pub fn operations(&self) -> usize {
        self.operations.values().map(|(ok, failed)| ok + failed).sum()
    }

    pub fn unprovoked(&self) -> usize {
        self.unprovoked.values().sum()
    }
}

fn kinds(of: &BTreeMap<String, usize>) -> String {
    of.iter().map(|(kind, n)| format!("{n} {kind}")).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| fault                | injected | mended | surfaced as |")?;
        writeln!(f, "|----------------------|---------:|-------:|-------------|")?;
        for (fault, fate) in &self.faults {
            let name = format!("{fault:?}");
            writeln!(f, "| {name:<20} | {:>8} | {:>6} | {} |", fate.injected, fate.mended, kinds(&fate.surfaced))?;
        }
        let mended: usize = self.faults.values().map(|fate| fate.mended).sum();
        writeln!(f, "| all                  | {:>8} | {mended:>6} | |", self.injected())?;
        writeln!(f, "\n| operation    | succeeded | failed |")?;
        writeln!(f, "|--------------|----------:|-------:|")?;
        for (operation, (ok, failed)) in &self.operations {
            writeln!(f, "| {operation:<12} | {ok:>9} | {failed:>6} |")?;
        }
        let failed: usize = self.operations.values().map(|(_, failed)| failed).sum();
        writeln!(f, "| all          | {:>9} | {failed:>6} |", self.operations() - failed)?;
        write!(f, "\nfailed without a fault of their own: {} {}", self.unprovoked(), kinds(&self.unprovoked))
    }
}
