//! Sentences of errors: what is wrong, and what can be done.

use crate::common::{Folder, taploom};

#[test]
fn members_of_structs_are_refused_with_what_can_be_done() {
    let folder = Folder::new();
    let source = folder.write("s.jsonl", "{\"s\": {\"x\": 1}, \"n\": 1}\n");
    for (option, text) in [
        ("--where", "s.x = 1"),
        ("--where", "n = 1 AND S.x.y > 2"),
        ("--where", "s['x'] = 1"),
        ("--select", "n, s.x"),
        ("--select", "s['x'] AS x"),
    ] {
        taploom(&["encode", &source, "-f", "jsonl", option, text])
            .fails_with(2, &["members of structs", "only the whole column can be selected"]);
    }
    taploom(&["encode", &source, "-f", "jsonl", "--where", "s.x IS NULL OR s IS NULL"])
        .fails_with(2, &["members of structs"]);
    let whole = ["--where", "s IS NOT NULL", "--select", "n"];
    assert_eq!(
        taploom(&[&["encode", &source, "-f", "jsonl"], &whole[..]].concat()).status,
        Some(0)
    );
}

#[test]
fn a_folder_that_does_not_exist_is_named() {
    let folder = Folder::new();
    for name in ["no/x.csv", "no/parts/"] {
        let out = folder.path(name);
        let missing = folder.path("no");
        let words =
            format!("can't write {out}: the folder {missing} does not exist; create it first");
        let arguments = ["encode", "demo", "-f", "csv", "-o", &out];
        taploom(&arguments).fails_with(2, &[&words]);
        let summary =
            ["encode", "demo", "-f", "csv", "-o", &folder.path("x.csv"), "--summary", &out];
        taploom(&summary).fails_with(2, &[]);
    }
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn numbers_that_are_not_possible_are_answered_by_those_that_are() {
    let folder = Folder::new();
    let out = folder.path("x.csv");
    for (arguments, words) in [
        (&["show", "demo", "-n", "-1"][..], "a whole number from 0 to 10000; taploom encode"),
        (&["show", "demo", "-n", "10001"], "a whole number from 0 to 10000; taploom encode"),
        (&["encode", "demo", "-o", &out, "--maxrec", "-1"], "a whole number from 0"),
        (&["encode", "demo", "-o", &out, "--batch-rows", "-1"], "a whole number from 1"),
        (&["encode", "demo", "-o", &out, "--threads", "-2"], "a whole number from 1"),
        (&["encode", "demo", "-o", &out, "--memory-budget", "-1"], "a number with a unit"),
        (&["encode", "demo", "-o", &out, "--split-rows", "-1"], "a whole number from 1"),
        (
            &["sample", "demo", "-g", "con", "-i", "hip", "-n", "-1", "-o", &out],
            "a whole number from 1",
        ),
        (&["bench", "--rows", "-1"], "a whole number from 1"),
    ] {
        taploom(arguments).fails_with(2, &[words, "--help"]);
    }
}

#[test]
fn one_of_something_is_not_called_several() {
    let folder = Folder::new();
    let one = folder.write("1.csv", "a\n1\n");
    let two = folder.write("2.csv", "a,b\n1,2\n");
    taploom(&["encode", &one, &two, "-f", "csv"])
        .fails_with(2, &["it has 2 columns", "and 1 is in"]);
    taploom(&["encode", &two, &one, "-f", "csv"])
        .fails_with(2, &["it has 1 column (", "and 2 are in"]);
    let names = ["--input-format", "csv;names=x,y"];
    taploom(&[&["encode", &one, "-f", "csv"], &names[..]].concat())
        .fails_with(2, &["has 1 value, and names=... gives 2 names"]);
    let vot = folder.write(
        "1.vot",
        "<VOTABLE><RESOURCE><TABLE><FIELD name='a' datatype='int'/><DATA><TABLEDATA>\
         <TR><TD>1</TD><TD>2</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>",
    );
    taploom(&["encode", &vot, "-f", "csv", "-o", &folder.path("x.csv")])
        .fails_with(1, &["and the TABLE 1 FIELD"]);
}

/// The crate that reads YAML draws the place of an error.
#[test]
fn an_error_in_yaml_is_one_line_without_a_drawing() {
    let folder = Folder::new();
    let text = "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: a, datatype: int64\n# - x\na\n1\n";
    let source = folder.write("a.ecsv", text);
    let run = taploom(&["show", &source]);
    run.fails_with(1, &["a.ecsv", "its header is not the header of an ECSV file", "line"]);
    for drawn in ["-->", " | ", "^", "  "] {
        assert!(!run.stderr.contains(drawn), "{drawn:?} is in: {}", run.stderr);
    }
}

/// Rust reads arguments as UTF-8 by default, and clap's message does not show an argument that is not UTF-8.
#[test]
#[cfg(unix)]
fn an_argument_that_is_not_utf_8_is_shown_with_its_option() {
    use std::ffi::{OsStr, OsString};
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::process::Command;

    let folder = Folder::new();
    let name = OsStr::from_bytes(b"caf\xe9.csv");
    let path = std::path::Path::new(&folder.path("")).join(name);
    std::fs::write(&path, "a\n1\n").unwrap();
    let run = |arguments: &[&OsStr]| {
        let run = Command::new(env!("CARGO_BIN_EXE_taploom")).args(arguments).output().unwrap();
        (run.status.code(), String::from_utf8(run.stderr).unwrap())
    };
    let refused = |arguments: &[&OsStr], words: &[&str]| {
        let (status, stderr) = run(arguments);
        assert_eq!((status, stderr.lines().count()), (Some(2), 1), "{stderr}");
        for words in words {
            assert!(stderr.contains(words), "no {words:?} in: {stderr}");
        }
    };
    for (command, place) in
        [("encode", "'<SOURCE>...'"), ("show", "'<SOURCE>'"), ("inspect", "'<FILE>...'")]
    {
        let words = [place, "caf\\xE9.csv\" is not UTF-8", "rename the file", "encode - < FILE"];
        refused(&[OsStr::new(command), path.as_os_str()], &words);
    }
    // The output may have any name, and is not named in its place.
    let demo = ["encode", "demo", "-o"].map(OsStr::new);
    let demo = [&demo[..], &[path.as_os_str()]].concat();
    for (before, after, words) in [
        (&["--query"][..], "SELECT '\u{e9}'", "'--query <SQL>': \"SELECT '\\xE9'\" is not UTF-8"),
        (&["-q"], "\u{e9}", "'--query <SQL>': \"\\xE9\" is not UTF-8"),
        (&[], "--where=name = '\u{e9}'", "'--where <CONDITION>': \"--where=name"),
        (&[], "-q\u{e9}", "'--query <SQL>': \"-q\\xE9\" is not UTF-8"),
        (&["--maxrec"], "\u{e9}", "'--maxrec <N>': \"\\xE9\" is not UTF-8"),
    ] {
        let latin = after.chars().map(|c| u8::try_from(c).unwrap()).collect();
        let latin = OsString::from_vec(latin);
        let before: Vec<&OsStr> = before.iter().map(OsStr::new).collect();
        refused(&[&demo[..], &before, &[latin.as_os_str()]].concat(), &[words]);
    }
    assert_eq!(run(&demo), (Some(0), String::new()));
    // Among the files of a folder.
    taploom(&["encode", &folder.path(""), "-f", "csv"])
        .fails_with(2, &["caf", ".csv: its name is not UTF-8; rename the file"]);
}
