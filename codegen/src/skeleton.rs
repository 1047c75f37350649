//! `new NAME`: a commented model file to fill in.

use crate::diag::Diagnostic;
use crate::ir::names::pascal_of_snake;
use crate::spelling;
use std::fs;
use std::path::Path;

/// Writes `model/operations/<name>.toml` and gives back its path.
pub(crate) fn create(root: &Path, name: &str) -> Result<String, Diagnostic> {
    let stem = if spelling::is_pascal(name) { spelling::snake(name) } else { name.to_owned() };
    let path = format!("model/operations/{stem}.toml");
    if !spelling::is_snake(&stem) || stem.len() > 80 {
        let help = "write it in snake_case, such as `get_bucket_policy`";
        return Err(Diagnostic::whole("", format!("`{name}` is not a name for an operation"), help));
    }
    let full = root.join(&path);
    if full.exists() {
        let help = format!("edit it, or look at what it means: `cargo run -p codegen -- explain {stem}`");
        return Err(Diagnostic::whole(&path, "this file exists already", help));
    }
    let done = full.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&full, text(&stem)));
    done.map(|()| path.clone()).map_err(|error| {
        Diagnostic::whole(&path, format!("cannot be written: {error}"), "see to the folder's permissions and space")
    })
}

fn text(stem: &str) -> String {
    let name = pascal_of_snake(stem);
    format!(
        r#"# {name}: what it does, in one line.

# Verb, path and what is constant of the query. Labels are {{bucket}} and {{key}}; a name without `=` is a flag: ?tagging
http   = "GET /{{bucket}}/{{key}}"
# One of the groups of model/service.toml.
group  = "objects"
# Own words: what it does, limits, consequences. The first sentence is the summary.
doc    = ""
link   = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_{name}.html"
# Codes of model/errors.toml a caller should expect.
errors = []

# Only if it applies:
# root = "{name}Result"                  the XML element the output's fields stand in
# presign = true                         a URL can be made of it
# idempotent = true                      sending twice is the same as once; POST is not unless said
# checksum = {{ required = true }}         the request carries a checksum; `algorithm` names the input field that selects it;
#                                        announced = true: it has no body to check and names the algorithm others use
# validate = "checksum_mode"             the input field that asks for the stored checksum
# error_in_200 = true                    a 200 may hold an error document
# pages = {{ tokens = {{ marker = "next_marker" }}, items = ["contents"], more = "is_truncated" }}

[input]
# name = {{ PLACE, type = "String", required = true, doc = ".." }}
# PLACE is header = "x-amz-..", query = "prefix" or payload = "stream", "text" or "xml"; labels have none.
bucket = {{ doc = "Bucket the object is in." }}
key = {{ doc = "Key of the object." }}

[output]
# PLACE is header or payload as above, or xml = "Name", "Items[]", "Outer/Item[]", "."; without one it is the XML
# element of the same name in PascalCase.

# Then add model/cases/{stem}.toml with an example of the request and one of the answer.
"#
    )
}
