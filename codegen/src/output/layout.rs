//! Rust source as a person would lay it out, up to what `rustfmt` does.
//!
//! The printer knows no blank lines, readers need them: one goes before every item and member function, and before
//! imports of another origin; fields, variants, constants in a row and statements stay together. They travel through the
//! printer as documentation lines of their own, which are emptied afterwards.

use syn::parse::Parser;
use syn::{Attribute, File, ImplItem, Item, TraitItem, UseTree, Visibility};

const MARK: &str = "~blank line~";

/// Parses the source and prints it with blank lines between its items.
///
/// # Errors
/// Why it is not Rust: a mistake of an emitter.
pub fn layout(source: &str) -> Result<String, syn::Error> {
    let mut file = syn::parse_file(source)?;
    let mark = Attribute::parse_outer.parse_str(&format!("///{MARK}"))?;
    mark_file(&mut file, &mark);
    let printed = prettyplease::unparse(&file);
    let line = format!("///{MARK}");
    let lines = printed.lines().map(|it| if it.trim_start() == line { "" } else { it });
    let lines: Vec<&str> = lines.collect();
    Ok(short_arms(&lines))
}

/// Columns the formatter allows.
const WIDTH: usize = 120;

/// The lines as text, with arms of one assignment on one line: the printer breaks them earlier than `rustfmt` would,
/// which then leaves the braces alone.
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

/// What stays together with its like.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Use(u8),
    Export,
    Module,
    Constant,
    Type,
    Other,
}

fn mark_file(file: &mut File, mark: &[Attribute]) {
    let mut before = (!file.attrs.is_empty()).then_some(Kind::Other);
    mark_items(&mut file.items, &mut before, mark);
}

fn mark_items(items: &mut [Item], before: &mut Option<Kind>, mark: &[Attribute]) {
    for item in items {
        let kind = match item {
            Item::Use(it) if matches!(it.vis, Visibility::Inherited) => Kind::Use(origin(&it.tree)),
            Item::Use(_) => Kind::Export,
            Item::Mod(it) if it.content.is_none() => Kind::Module,
            Item::Const(_) => Kind::Constant,
            _ => Kind::Other,
        };
        let gap = gap_of(before, kind);
        match item {
            Item::Use(it) => put(gap, &mut it.attrs, mark),
            Item::Mod(it) => {
                put(gap, &mut it.attrs, mark);
                if let Some((_, items)) = &mut it.content {
                    mark_items(items, &mut None, mark);
                }
            }
            Item::Const(it) => put(gap, &mut it.attrs, mark),
            Item::Static(it) => put(gap, &mut it.attrs, mark),
            Item::Struct(it) => put(gap, &mut it.attrs, mark),
            Item::Enum(it) => put(gap, &mut it.attrs, mark),
            Item::Fn(it) => put(gap, &mut it.attrs, mark),
            Item::Impl(it) => {
                put(gap, &mut it.attrs, mark);
                let mut before = None;
                for item in &mut it.items {
                    match item {
                        ImplItem::Fn(it) => put(gap_of(&mut before, Kind::Other), &mut it.attrs, mark),
                        ImplItem::Const(it) => put(gap_of(&mut before, Kind::Constant), &mut it.attrs, mark),
                        ImplItem::Type(it) => put(gap_of(&mut before, Kind::Type), &mut it.attrs, mark),
                        _ => {}
                    }
                }
            }
            Item::Trait(it) => {
                put(gap, &mut it.attrs, mark);
                let mut before = None;
                for item in &mut it.items {
                    if let TraitItem::Fn(it) = item {
                        put(gap_of(&mut before, Kind::Other), &mut it.attrs, mark);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Whether a blank line goes before something of this kind, which is then what went before.
fn gap_of(before: &mut Option<Kind>, kind: Kind) -> bool {
    before.replace(kind).is_some_and(|before| before != kind || kind == Kind::Other)
}

fn put(gap: bool, attributes: &mut Vec<Attribute>, mark: &[Attribute]) {
    if gap {
        attributes.splice(0..0, mark.iter().cloned());
    }
}

/// The standard library, other crates, this crate.
fn origin(tree: &UseTree) -> u8 {
    let UseTree::Path(path) = tree else { return 1 };
    match path.ident.to_string().as_str() {
        "std" => 0,
        "crate" | "super" | "self" => 2,
        _ => 1,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::layout;

    #[test]
    fn separates_items_and_keeps_rows_together() {
        let source = "//! Head.\nuse std::fmt; use a::b; use a::c; use crate::d; mod x; mod y; const A: u8 = 1; const B: u8 = 2;
            /// Doc.
            struct S { a: u8, b: u8 } impl S { const C: u8 = 1; fn a() { one(); two(); } /// Doc.
            fn b() {} }";
        let wanted = "//! Head.\n\nuse std::fmt;\n\nuse a::b;\nuse a::c;\n\nuse crate::d;\n\nmod x;\nmod y;\n\nconst A: u8 = 1;\nconst B: u8 = 2;\n
/// Doc.\nstruct S {\n    a: u8,\n    b: u8,\n}\n\nimpl S {\n    const C: u8 = 1;\n\n    fn a() {\n        one();\n        two();\n    }\n
    /// Doc.\n    fn b() {}\n}\n";
        assert_eq!(layout(source).unwrap(), wanted);
    }
}
