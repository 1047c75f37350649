//! The `http` line: verb, path and constant query.

use super::types::Refusal;
use crate::ir::Verb;
use crate::spelling;

/// A taken-apart `http` line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Route {
    pub verb: Verb,
    /// `bucket`, or `bucket` and `key`, or nothing.
    pub labels: &'static [&'static str],
    pub constants: Vec<(String, Option<String>)>,
}

const SHAPE: &str = "write it like `GET /{bucket}/{key}?tagging`: a verb, a path, and what is constant of the query";

pub(super) fn parse(line: &str) -> Result<Route, Refusal> {
    let Some((verb, target)) = line.trim().split_once(' ') else {
        return Err((format!("`{line}` is not a verb and a path"), SHAPE.into()));
    };
    let verb = match verb {
        "GET" => Verb::Get,
        "PUT" => Verb::Put,
        "POST" => Verb::Post,
        "DELETE" => Verb::Delete,
        "HEAD" => Verb::Head,
        other => {
            let known = ["GET", "PUT", "POST", "DELETE", "HEAD"];
            let help = spelling::suggestion(other, known, "verbs are GET, PUT, POST, DELETE and HEAD");
            return Err((format!("unknown verb `{other}`"), help));
        }
    };
    let target = target.trim();
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let labels: &[&str] = match path {
        "/" => &[],
        "/{bucket}" => &["bucket"],
        "/{bucket}/{key}" => &["bucket", "key"],
        _ => {
            let message = format!("the path `{path}` is none of the three there are");
            return Err((message, "write `/`, `/{bucket}` or `/{bucket}/{key}`".into()));
        }
    };
    Ok(Route { verb, labels, constants: constants(query)? })
}

fn constants(query: Option<&str>) -> Result<Vec<(String, Option<String>)>, Refusal> {
    let mut constants: Vec<(String, Option<String>)> = Vec::new();
    for part in query.into_iter().flat_map(|query| query.split('&')) {
        let (name, value) = part.split_once('=').map_or((part, None), |(name, value)| (name, Some(value)));
        let plain = |text: &str| text.chars().all(is_plain);
        if name.is_empty() || !plain(name) || !value.is_none_or(plain) {
            let help = "parts are `name` or `name=value`, joined by `&`, of letters, digits, `-`, `.`, `_` and `~`";
            return Err((format!("`{part}` cannot be part of the constant query"), help.into()));
        }
        if constants.iter().any(|(known, _)| known == name) {
            return Err((format!("the query has `{name}` twice"), "delete one of the two".into()));
        }
        constants.push((name.to_owned(), value.map(str::to_owned)));
    }
    Ok(constants)
}

/// Characters that stand for themselves in a query.
pub(super) fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~')
}
