//! Tokens to text a person likes to read: parsed, laid out with blank lines between items, and run through `rustfmt`.
//!
//! `prettyplease` alone would be the same on every machine, but not what `cargo fmt --check` wants of the files; so
//! `rustfmt` of the toolchain has the last word.

use crate::diag::Diagnostic;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, io, thread};
use syn::{Attribute, File, ImplItem, Item, TraitItem, UseTree, parse_quote};

/// A comment that stands for an empty line until the text is made; tokens cannot hold one.
const BLANK: &str = "~blank~";

const EDITION: &str = "2024";

/// Columns of a line, as in `rustfmt.toml`.
const WIDTH: usize = 120;

/// Formats `(path, source)` pairs of Rust; the outcome is in the same order.
pub(super) fn format(root: &Path, files: &[(String, String)]) -> Result<Vec<String>, Vec<Diagnostic>> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let laid_out = in_parallel(files, |(path, source)| lay_out(path, source))?;
    let all: Vec<(&str, String)> = files.iter().map(|(path, _)| path.as_str()).zip(laid_out).collect();
    run(root, &all).map_err(|error| {
        let help = "it comes with the toolchain: `rustup component add rustfmt`";
        vec![Diagnostic::whole("", format!("rustfmt cannot be used: {error}"), help)]
    })
}

/// Spreads work over a few threads; the first file's mistakes come first.
fn in_parallel<T: Sync>(
    items: &[T],
    each: impl Fn(&T) -> Result<String, Diagnostic> + Sync,
) -> Result<Vec<String>, Vec<Diagnostic>> {
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get().min(8));
    let share = items.len().div_ceil(cores).max(1);
    let results: Vec<Result<String, Diagnostic>> = thread::scope(|scope| {
        let each = &each;
        let workers: Vec<_> =
            items.chunks(share).map(|chunk| scope.spawn(move || chunk.iter().map(each).collect::<Vec<_>>())).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    let (texts, mistakes): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    if mistakes.is_empty() && texts.len() == items.len() {
        return Ok(texts.into_iter().filter_map(Result::ok).collect());
    }
    let mut mistakes: Vec<Diagnostic> = mistakes.into_iter().filter_map(Result::err).collect();
    if mistakes.is_empty() {
        mistakes.push(Diagnostic::whole(
            "",
            "formatting broke down",
            "this is a mistake of the generator; please report it",
        ));
    }
    Err(mistakes)
}

fn lay_out(path: &str, source: &str) -> Result<String, Diagnostic> {
    let mut file = syn::parse_file(source).map_err(|error| {
        let saved = std::env::temp_dir().join(path.replace('/', "-"));
        let where_to_look = match fs::write(&saved, source) {
            Ok(()) => format!("; what was emitted is in {}", saved.display()),
            Err(_) => String::new(),
        };
        Diagnostic::whole(
            path,
            format!("the emitted Rust does not parse: {error}"),
            format!("this is a mistake of an emitter{where_to_look}"),
        )
    })?;
    spread(&mut file);
    let text = prettyplease::unparse(&file);
    let lines = text.lines().map(|line| if line.trim_start().trim_start_matches('/') == BLANK { "" } else { line });
    Ok(short_arms(&lines.collect::<Vec<_>>()))
}

/// The lines as text, with arms of one assignment on one line: `prettyplease` breaks them earlier than `rustfmt`
/// would, and `rustfmt` then leaves their braces alone.
fn short_arms(lines: &[&str]) -> String {
    let mut out = String::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let statement = lines.get(at + 1).and_then(|line| line.trim().strip_suffix(';'));
        let is_closed = lines.get(at + 2).is_some_and(|line| line.trim() == "}");
        match (line.strip_suffix(" => {"), statement) {
            (Some(pattern), Some(statement))
                if is_closed && pattern.len() + statement.len() < WIDTH - 5 && !statement.starts_with("let ") =>
            {
                out.push_str(&format!("{pattern} => {statement},\n"));
                at += 3;
            }
            _ => {
                out.push_str(line);
                out.push('\n');
                at += 1;
            }
        }
    }
    out
}

/// Puts an empty line between items, except between those that are read as one block.
fn spread(file: &mut File) {
    if !file.attrs.is_empty() {
        mark(file.items.first_mut());
    }
    spread_items(&mut file.items);
}

fn spread_items(items: &mut [Item]) {
    let mut before: Option<u8> = None;
    for item in items {
        let kind = block(item);
        let apart = before.is_some_and(|before| before == 0 || before != kind);
        before = Some(kind);
        match item {
            Item::Impl(it) => it.items.iter_mut().skip(1).for_each(mark_impl),
            Item::Trait(it) => it.items.iter_mut().skip(1).for_each(mark_trait),
            Item::Mod(it) => it.content.iter_mut().for_each(|(_, items)| spread_items(items)),
            _ => {}
        }
        if apart {
            mark(Some(item));
        }
    }
}

/// Items of the same number, other than 0, follow each other without a gap.
fn block(item: &Item) -> u8 {
    let documented = |attrs: &[Attribute]| attrs.iter().any(|attr| attr.path().is_ident("doc"));
    match item {
        Item::Use(it) => {
            if matches!(it.vis, syn::Visibility::Inherited) {
                origin(&it.tree)
            } else {
                2
            }
        }
        Item::Mod(it) if it.content.is_none() => 3,
        Item::Const(it) if !documented(&it.attrs) => 4,
        _ => 0,
    }
}

/// Imports of the standard library, of other crates and of this one are three blocks.
fn origin(tree: &UseTree) -> u8 {
    let UseTree::Path(path) = tree else { return 1 };
    match path.ident.to_string().as_str() {
        "std" => 5,
        "crate" | "super" | "self" => 6,
        _ => 1,
    }
}

fn mark(item: Option<&mut Item>) {
    let attrs = match item {
        Some(Item::Const(it)) => &mut it.attrs,
        Some(Item::Enum(it)) => &mut it.attrs,
        Some(Item::Fn(it)) => &mut it.attrs,
        Some(Item::Impl(it)) => &mut it.attrs,
        Some(Item::Macro(it)) => &mut it.attrs,
        Some(Item::Mod(it)) => &mut it.attrs,
        Some(Item::Static(it)) => &mut it.attrs,
        Some(Item::Struct(it)) => &mut it.attrs,
        Some(Item::Trait(it)) => &mut it.attrs,
        Some(Item::Type(it)) => &mut it.attrs,
        Some(Item::Use(it)) => &mut it.attrs,
        _ => return,
    };
    attrs.insert(0, blank());
}

fn mark_impl(item: &mut ImplItem) {
    // Constants and types of a trait are its head and stay together.
    if let ImplItem::Fn(it) = item {
        it.attrs.insert(0, blank());
    }
}

fn mark_trait(item: &mut TraitItem) {
    if let TraitItem::Fn(it) = item {
        it.attrs.insert(0, blank());
    }
}

fn blank() -> Attribute {
    parse_quote!(#[doc = "~blank~"])
}

/// Runs `rustfmt` with the repository's settings. Files that declare other files go through standard input, where
/// `rustfmt` does not follow the declarations; all others share one run over a folder of their own.
fn run(root: &Path, files: &[(&str, String)]) -> io::Result<Vec<String>> {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("codegen-{}-{run}", std::process::id()));
    let declares = |text: &str| {
        text.lines().any(|line| {
            let words = line.trim().trim_start_matches("pub ").trim_start_matches("pub(crate) ");
            words.starts_with("mod ") && words.ends_with(';')
        })
    };
    fs::create_dir_all(&folder)?;
    let outcome = (|| {
        let mut together = Vec::new();
        for (index, (_, text)) in files.iter().enumerate() {
            if !declares(text) {
                let path = folder.join(format!("f{index}.rs"));
                fs::write(&path, text)?;
                together.push(path);
            }
        }
        if !together.is_empty() {
            let output = rustfmt(root).args(&together).output()?;
            told(&output)?;
        }
        let mut texts = Vec::new();
        for (index, (_, text)) in files.iter().enumerate() {
            let text = if declares(text) {
                piped(root, text)?
            } else {
                fs::read_to_string(folder.join(format!("f{index}.rs")))?
            };
            texts.push(text.replace("\r\n", "\n"));
        }
        Ok(texts)
    })();
    let _ = fs::remove_dir_all(&folder);
    outcome
}

fn rustfmt(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("RUSTFMT").unwrap_or_else(|| "rustfmt".into()));
    command.args(["--edition", EDITION, "--quiet"]);
    let settings = root.join("rustfmt.toml");
    if settings.is_file() {
        command.arg("--config-path").arg(settings);
    }
    command
}

fn piped(root: &Path, text: &str) -> io::Result<String> {
    let mut child = rustfmt(root).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut into = child.stdin.take();
    let owned = text.to_owned();
    let writer =
        thread::spawn(move || into.as_mut().map_or(Ok(()), |into| io::Write::write_all(into, owned.as_bytes())));
    let output = child.wait_with_output()?;
    let _ = writer.join();
    told(&output)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn told(output: &std::process::Output) -> io::Result<()> {
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(words.trim().lines().take(8).collect::<Vec<_>>().join("; ")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn leaves_a_line_between_items_but_not_between_uses() {
        let source = "#![doc = \" Head.\"] use a :: b ; use c :: d ; const A : u8 = 1 ; const B : u8 = 2 ; \
                      struct S ; impl S { fn a () { } fn b () { let x = \"~blank~\" ; } }";
        let text = lay_out("x.rs", source).unwrap();
        let wanted = "//! Head.\n\nuse a::b;\nuse c::d;\n\nconst A: u8 = 1;\nconst B: u8 = 2;\n\nstruct S;\n\nimpl S {\n    \
                      fn a() {}\n\n    fn b() {\n        let x = \"~blank~\";\n    }\n}\n";
        assert_eq!(text, wanted);
    }

    #[test]
    fn says_which_file_does_not_parse() {
        let mistake = lay_out("x.rs", "fn (").unwrap_err();
        assert_eq!(mistake.file, "x.rs");
        assert!(mistake.message.starts_with("the emitted Rust does not parse"));
    }
}
