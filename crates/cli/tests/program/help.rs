//! Help, completions and manual pages.

use std::process::{Command, Stdio};

use crate::common::{Folder, taploom};

fn printed(arguments: &[&str]) -> String {
    let run = taploom(arguments);
    run.succeeds();
    String::from_utf8(run.stdout).unwrap()
}

/// The commands that the help lists.
fn commands() -> Vec<String> {
    let help = printed(&["--help"]);
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let lines = list.lines().take_while(|line| !line.is_empty());
    let named = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    named.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn every_command_has_examples_and_a_page() {
    let commands = commands();
    assert!(commands.len() >= 8, "{commands:?}");
    for command in commands.iter().filter(|command| *command != "help") {
        let help = printed(&[command, "--help"]);
        let (_, examples) =
            help.split_once("Examples:\n").unwrap_or_else(|| panic!("{command}: {help}"));
        assert!(examples.contains(&format!("taploom {command}")), "{help}");
        let page = printed(&["man", command]);
        assert!(page.contains(&format!(".TH taploom-{command} 1")), "{page}");
        assert!(page.contains("Examples:"), "{page}");
    }
    assert!(printed(&["man"]).contains(".TH taploom 1"));
    taploom(&["man", "encod"]).fails_with(2, &["\"encod\" is not a command", "encode, show"]);
}

/// The commands in the examples are parsed, even if their files don't exist.
#[test]
fn examples_are_command_lines() {
    let folder = Folder::new();
    for command in commands().iter().filter(|command| *command != "help") {
        let help = printed(&[command, "--help"]);
        let (_, examples) = help.split_once("Examples:\n").unwrap();
        for example in examples.lines().take_while(|line| line.starts_with("  ")) {
            // Commands that would run for long, or write outside of the folder.
            let long = ["~/", "bench", "bridge"].iter().any(|word| example.contains(word));
            if long {
                continue;
            }
            let script = example.replace("man -l -", "cat").replace("less -S", "cat");
            let output = Command::new("sh")
                .args(["-c", &format!("taploom() {{ \"$PROGRAM\" \"$@\"; }}; {script}")])
                .env("PROGRAM", env!("CARGO_BIN_EXE_taploom"))
                .current_dir(folder.path(""))
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(!said.contains("--help") && !said.contains("unexpected"), "{example}: {said}");
        }
    }
}

#[test]
fn bash_takes_the_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = printed(&["completions", shell]);
        assert!(script.contains("inspect") && !script.contains("bench-one"), "{shell}: {script}");
    }
    let script = printed(&["completions", "bash"]);
    let asked = format!(
        "{script}\nCOMP_WORDS=(taploom inspect --ver) COMP_CWORD=2\n_taploom taploom --ver inspect\necho \
         \"${{COMPREPLY[@]}}\""
    );
    let output = Command::new("bash").args(["-c", &asked]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "--verify", "{output:?}");
    taploom(&["completions", "tcsh"])
        .fails_with(2, &["tcsh", "bash", "taploom completions --help"]);
}

#[test]
fn quiet_says_nothing_but_errors() {
    let folder = Folder::new();
    let out = folder.path("out.csv");
    let arguments = ["encode", "demo", "--maxrec", "3", "-o", &out];
    taploom(&arguments).line_says(0, &["--maxrec"]);
    taploom(&[&arguments[..], &["--quiet"]].concat()).succeeds();
    taploom(&["encode", "demo", "--quiet", "-f", "nope"]).fails_with(2, &["nope"]);
}
