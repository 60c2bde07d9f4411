//! Creates a crate for a new format. It compiles, registers its format, and fails the conformance suite
//! with messages that say what is missing.

use std::fs;
use std::path::Path;

use crate::Outcome;
use crate::command::cargo;
use crate::folders::{root, target};

/// The files of the crate, with their templates.
const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../templates/format/Cargo.toml.in")),
    ("README.md", include_str!("../templates/format/README.md")),
    ("src/lib.rs", include_str!("../templates/format/src/lib.rs")),
    ("src/encoder.rs", include_str!("../templates/format/src/encoder.rs")),
    ("tests/conformance.rs", include_str!("../templates/format/tests/conformance.rs")),
];

/// Messages of the suite about a new crate.
const MISSING: &[&str] = &[
    "not filled in: write_batch writes no rows (src/encoder.rs)",
    "not filled in: the oracle decodes nothing (tests/conformance.rs)",
];

/// Makes the crate in a folder that does not exist yet.
pub(crate) fn run(name: &str, out: &str) -> Outcome {
    let out = Path::new(out);
    make(name, out)?;
    let out = out.display();
    println!(
        "made {out}; `cargo test --manifest-path {out}/Cargo.toml` says what is missing, and \
         docs/src/adding-a-format.md explains how to fill it in"
    );
    Ok(())
}

/// Makes a crate and runs its tests: it has to compile and to be registered, and the suite has to say
/// what is missing.
pub(crate) fn check() -> Outcome {
    let out = target().join("new-format");
    if out.exists() {
        fs::remove_dir_all(&out).map_err(|error| format!("{}: {error}", out.display()))?;
    }
    make("probe", &out)?;
    let manifest = out.join("Cargo.toml").display().to_string();
    let target = target().display().to_string();
    let arguments =
        ["test", "--manifest-path", &manifest, "--target-dir", &target, "--no-fail-fast"];
    // The profile of this workspace, so that crates which its tests have compiled are used again.
    let profile = ["--config", "profile.dev.debug=false"];
    let tested = cargo(&[&arguments[..], &profile].concat())
        .output()
        .map_err(|error| format!("can't run cargo: {error}"))?;
    let said = String::from_utf8_lossy(&[tested.stdout, tested.stderr].concat()).into_owned();
    let expected = ["the_format_is_registered ... ok", "the_format_passes_the_suite ... FAILED"];
    match expected.iter().chain(MISSING).find(|text| !said.contains(**text)) {
        None => Ok(()),
        Some(text) => Err(format!("the tests of a new format do not say {text:?}:\n{said}")),
    }
}

fn make(name: &str, out: &Path) -> Outcome {
    check_name(name)?;
    if out.exists() {
        return Err(format!("{} exists already; name a folder that does not", out.display()));
    }
    for (path, template) in FILES {
        write(&out.join(path), &filled_in(template, name))?;
    }
    // The versions of dependencies with which Taploom is tested.
    let locked = fs::read_to_string(root().join("Cargo.lock"))
        .map_err(|error| format!("can't read Cargo.lock: {error}"))?;
    write(&out.join("Cargo.lock"), &locked)
}

fn filled_in(template: &str, name: &str) -> String {
    let type_name = name.split('-').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    });
    template
        .replace("{{name}}", name)
        .replace("{{Type}}", &type_name.collect::<String>())
        .replace("{{crate}}", &format!("{}_format", name.replace('-', "_")))
        .replace("{{taploom}}", &root().display().to_string())
}

/// Checks that a name is valid as an id of a format, and as a part of the names of a crate and a
/// type.
fn check_name(name: &str) -> Outcome {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    if name.split('-').all(is_word) {
        return Ok(());
    }
    Err(format!("{name:?} is not the name of a format: lower-case words, joined by hyphens"))
}

fn write(path: &Path, text: &str) -> Outcome {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, text))
        .map_err(|error| format!("can't write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_of_a_template_is_filled_in() {
        for (path, template) in FILES {
            let text = filled_in(template, "my-lines2");
            assert!(!text.contains("{{"), "{path}: {text}");
        }
        let lib = filled_in(FILES[2].1, "my-lines2");
        assert!(lib.contains("pub struct MyLines2;") && lib.contains("\"my-lines2\""), "{lib}");
    }

    #[test]
    fn a_name_that_is_not_an_id_is_refused() {
        for name in ["", "Html", "a b", "-a", "a-", "9p", "a_b", "é"] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        assert!(check_name("html").is_ok() && check_name("my-lines2").is_ok());
    }
}
