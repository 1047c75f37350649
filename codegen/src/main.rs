//! The command line of the generator; see the crate's documentation for what it does.

use codegen::{Mode, diag, run};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo run -p codegen [-- COMMAND]

  (nothing)            write what changed, remove what is no longer emitted
  --check              write nothing; exit 1 and name the files that are stale
  new NAME             a commented model file to fill in
  explain NAME         what was understood of an operation or a shape
  import FILE NAME..   model files out of a Smithy JSON AST (not built yet)
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(mode) = mode(&arguments) else {
        let asked = arguments.iter().any(|argument| matches!(argument.as_str(), "help" | "--help" | "-h"));
        if asked {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    let check = mode == Mode::Check;
    match run(&root(), mode) {
        Ok(report) => {
            for path in &report.written {
                println!("  wrote   {path}");
            }
            for path in &report.removed {
                println!("  removed {path}");
            }
            print!("{}", report.text);
            ExitCode::SUCCESS
        }
        Err(mistakes) => {
            eprint!("{}", diag::render(&mistakes));
            if check {
                eprintln!("to bring generated/ up to date: cargo run -p codegen");
            }
            ExitCode::FAILURE
        }
    }
}

fn mode(arguments: &[String]) -> Option<Mode> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Some(match words.as_slice() {
        [] => Mode::Generate,
        ["--check"] => Mode::Check,
        ["new", name] => Mode::New((*name).to_owned()),
        ["explain", name] => Mode::Explain((*name).to_owned()),
        ["import", file, names @ ..] => {
            Mode::Import { file: (*file).to_owned(), operations: names.iter().map(|name| (*name).to_owned()).collect() }
        }
        _ => return None,
    })
}

/// The closest folder above the current one that has a model, else the one the generator was built in.
fn root() -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let above = here.ancestors().find(|folder| folder.join("model/service.toml").is_file());
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    above.or(built).unwrap_or(&here).to_owned()
}
