//! The groups' lines in the root `Cargo.toml`, between two markers. The rest of that file belongs to people.

use crate::diag::Diagnostic;
use crate::ir::Group;
use std::fmt::Write;

const BEGIN: &str = "# <groups> kept by codegen\n";
const END: &str = "# </groups>";

/// The manifest with one feature for each group, `default-groups` and `full-groups` between the markers.
pub fn with_groups(manifest: &str, groups: &[Group]) -> Result<String, Diagnostic> {
    let manifest = manifest.replace("\r\n", "\n");
    let parts = manifest.split_once(BEGIN).and_then(|(head, rest)| rest.split_once(END).map(|(_, tail)| (head, tail)));
    let Some((head, tail)) = parts else {
        let help = format!("put the lines `{}` and `{END}` into [features]; the groups go between them", BEGIN.trim());
        return Err(Diagnostic::whole("Cargo.toml", "the markers of the groups are missing", help));
    };
    let rest: toml::Table = format!("{head}{tail}").parse().map_err(|error: toml::de::Error| {
        let message = format!("this is not TOML: {}", error.message());
        Diagnostic::whole("Cargo.toml", message, "repair the lines outside the markers")
    })?;
    let features = rest.get("features").and_then(toml::Value::as_table);
    if let Some(group) = groups.iter().find(|group| features.is_some_and(|table| table.contains_key(&group.name))) {
        let message = format!("the feature `{}` is also the name of a group", group.name);
        return Err(Diagnostic::whole("Cargo.toml", message, "rename the group in model/service.toml"));
    }
    Ok(format!("{head}{BEGIN}{}{END}{tail}", lines(groups)))
}

fn lines(groups: &[Group]) -> String {
    let mut out = String::new();
    for group in groups {
        for line in group.doc.lines() {
            let _ = writeln!(out, "{}", format!("## {}", line.trim()).trim_end());
        }
        let _ = writeln!(out, "{} = []", group.name);
    }
    let list = |keep: fn(&Group) -> bool| {
        let names: Vec<String> =
            groups.iter().filter(|group| keep(group)).map(|group| format!("{:?}", group.name)).collect();
        names.join(", ")
    };
    let _ = writeln!(
        out,
        "## The groups that are on unless switched off.\ndefault-groups = [{}]",
        list(|group| group.default)
    );
    let _ = writeln!(out, "## All groups.\nfull-groups = [{}]", list(|_| true));
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn groups() -> Vec<Group> {
        let group = |name: &str, default| Group { name: name.into(), doc: "For tests.".into(), default };
        vec![group("objects", true), group("admin", false)]
    }

    #[test]
    fn writes_between_the_markers_only() {
        let manifest = "[features]\njson = []\n# <groups> kept by codegen\nold = []\n# </groups>\n\n[dependencies]\n";
        let wanted = "[features]\njson = []\n# <groups> kept by codegen\n## For tests.\nobjects = []\n## For tests.\nadmin = []\n\
                      ## The groups that are on unless switched off.\ndefault-groups = [\"objects\"]\n## All groups.\n\
                      full-groups = [\"objects\", \"admin\"]\n# </groups>\n\n[dependencies]\n";
        let once = with_groups(manifest, &groups()).unwrap();
        assert_eq!(once, wanted);
        assert_eq!(with_groups(&once, &groups()).unwrap(), wanted);
    }

    #[test]
    fn refuses_a_group_that_is_a_feature_already_and_a_manifest_without_markers() {
        let clash = with_groups("[features]\nadmin = []\n# <groups> kept by codegen\n# </groups>\n", &groups());
        assert_eq!(clash.unwrap_err().message, "the feature `admin` is also the name of a group");
        assert_eq!(
            with_groups("[features]\n", &groups()).unwrap_err().message,
            "the markers of the groups are missing"
        );
    }
}
