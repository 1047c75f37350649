//! Which files take part: include and exclude patterns.

use glob::{MatchOptions, Pattern};

use crate::S3Error;
use crate::error::RequestError;

const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: false };

#[derive(Clone, Debug)]
struct Rule {
    pattern: Pattern,
    include: bool,
    /// It has no `/`: it is held against names, at any depth.
    name_only: bool,
    /// It ended with `/`: only directories, and so what is below them.
    directories: bool,
}

/// The rules in the order they were given.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    rules: Vec<Rule>,
}

impl Filter {
    /// Adds a rule behind the others.
    ///
    /// # Errors
    /// A pattern that is none, by name.
    pub(super) fn push(&mut self, text: &str, include: bool) -> Result<(), S3Error> {
        let what = if include { "include" } else { "exclude" };
        let invalid = |why: &str| {
            S3Error::new(RequestError::Validation, format!("the {what} pattern `{text}` is not valid: {why}"))
                .with_suggestion(
                    "`*` and `?` match within a name, `**` stands for any directories, `[a-z]` for one character",
                )
                .with_target("Sync", None, None)
        };
        let directories = text.ends_with('/');
        let inner = text.trim_end_matches('/');
        let anchored = inner.trim_start_matches('/');
        if anchored.is_empty() {
            return Err(invalid("it is empty"));
        }
        let pattern = Pattern::new(anchored).map_err(|error| invalid(error.msg))?;
        self.rules.push(Rule { pattern, include, name_only: !inner.contains('/'), directories });
        Ok(())
    }

    /// Whether this file takes part.
    pub(super) fn takes(&self, relative: &str) -> bool {
        match self.rules.iter().rev().find(|rule| rule.covers(relative, false)) {
            Some(rule) => rule.include,
            None => self.by_default(),
        }
    }

    /// Whether nothing below this directory can take part, so that it need not be read.
    pub(super) fn prunes(&self, directory: &str) -> bool {
        match self.rules.iter().rposition(|rule| rule.covers(directory, true)) {
            // A later include may still match something below.
            Some(at) => !self.rules[at].include && !self.rules[at..].iter().any(|rule| rule.include),
            None => false,
        }
    }

    /// What happens to files no rule speaks of: only with an include first are they left out.
    fn by_default(&self) -> bool {
        !self.rules.first().is_some_and(|rule| rule.include)
    }
}

impl Rule {
    /// Whether it matches the path or a directory above it.
    fn covers(&self, path: &str, is_directory: bool) -> bool {
        let mut start = 0;
        let cuts = path.match_indices('/').map(|(at, _)| at);
        for end in cuts.chain([path.len()]) {
            let whole = end == path.len();
            if !(whole && self.directories && !is_directory) {
                let text = if self.name_only { &path[start..end] } else { &path[..end] };
                if self.pattern.matches_with(text, OPTIONS) {
                    return true;
                }
            }
            start = end + 1;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// `+` includes, `-` excludes.
    fn filter(rules: &[&str]) -> Filter {
        let mut filter = Filter::default();
        for rule in rules {
            filter.push(&rule[1..], rule.starts_with('+')).unwrap();
        }
        filter
    }

    #[test]
    fn the_last_rule_that_matches_decides() {
        let it = filter(&["-*", "+*.jpg", "-tmp/**"]);
        assert!(it.takes("a.jpg") && it.takes("b/c/a.jpg"));
        assert!(!it.takes("a.png") && !it.takes("tmp/a.jpg") && !it.takes("tmp/x/a.jpg"));
        assert!(it.takes("x/tmp/a.jpg"), "a pattern with a slash begins at the root");
    }

    #[test]
    fn an_include_first_leaves_the_rest_out_and_an_exclude_first_does_not() {
        let only = filter(&["+**/*.jpg", "-tmp/**"]);
        assert!(only.takes("a.jpg") && only.takes("x/a.jpg") && !only.takes("a.txt") && !only.takes("tmp/a.jpg"));
        let but = filter(&["-*.log"]);
        assert!(but.takes("a.txt") && !but.takes("x/a.log"));
        assert!(filter(&[]).takes("anything"));
    }

    #[test]
    fn a_directory_stands_for_what_is_below_it() {
        let it = filter(&["-node_modules", "-/build", "-cache/"]);
        assert!(!it.takes("node_modules/a") && !it.takes("x/node_modules/y/z"));
        assert!(!it.takes("build/a") && it.takes("x/build/a"));
        assert!(!it.takes("x/cache/a") && it.takes("x/cache"), "a trailing slash means directories only");
    }

    #[test]
    fn stars_stay_within_a_name() {
        let it = filter(&["-a/*.txt", "-b/**/z"]);
        assert!(!it.takes("a/x.txt") && it.takes("a/b/x.txt"));
        assert!(!it.takes("b/z") && !it.takes("b/c/d/z") && it.takes("b/c/y"));
        assert!(!filter(&["-*.txt"]).takes(".txt"), "a leading dot is nothing special");
    }

    #[test]
    fn directories_are_passed_over_only_when_nothing_below_can_take_part() {
        assert!(filter(&["-tmp"]).prunes("x/tmp"));
        assert!(filter(&["-tmp/"]).prunes("tmp"));
        assert!(!filter(&["-tmp/**"]).prunes("tmp"), "only what is below matches");
        assert!(filter(&["-tmp/**"]).prunes("tmp/x"));
        assert!(!filter(&["-tmp", "+keep.txt"]).prunes("tmp"));
        assert!(!filter(&["+a"]).prunes("b"));
    }

    #[test]
    fn a_pattern_that_is_none_is_named() {
        let error = Filter::default().push("a[", false).unwrap_err().to_string();
        assert!(error.contains("exclude pattern `a[`"), "{error}");
        let error = Filter::default().push("a**b", true).unwrap_err().to_string();
        assert!(error.contains("include pattern `a**b`"), "{error}");
        assert!(Filter::default().push("", true).is_err() && Filter::default().push("/", true).is_err());
    }
}
