//! Sessions at a terminal of 80 columns, through a pty: what is visible, and that nothing is garbled.

use std::fs::File;
use std::io::Read;
use std::num::NonZero;
use std::process::Command;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::common::{Folder, taploom};

/// The screen after a command, its exit status, and all bytes that it sent.
struct Session {
    screen: Vec<String>,
    status: Option<i32>,
    bytes: Vec<u8>,
}

fn emulator(lines: u16, columns: u16) -> vt100::Parser {
    let [lines, columns] = [lines, columns].map(|size| NonZero::new(size).unwrap());
    vt100::Parser::new(lines, columns, 0)
}

/// Runs the program in a terminal of 80 columns.
fn session(folder: &Folder, arguments: &[&str]) -> Session {
    session_of(80, folder, arguments)
}

fn session_of(columns: u16, folder: &Folder, arguments: &[&str]) -> Session {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let size = Winsize { ws_row: 60, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&ours, size).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let theirs = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    let theirs = File::from(theirs);
    let mut child = Command::new(env!("CARGO_BIN_EXE_taploom"))
        .args(arguments)
        .current_dir(folder.path(""))
        .env("TERM", "xterm-256color")
        .stdin(theirs.try_clone().unwrap())
        .stdout(theirs.try_clone().unwrap())
        .stderr(theirs)
        .spawn()
        .unwrap();
    let mut reader = File::from(ours);
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    // Linux returns an error once the program has ended.
    while let Ok(read) = reader.read(&mut piece) {
        if read == 0 {
            break;
        }
        bytes.extend_from_slice(&piece[..read]);
    }
    let status = child.wait().unwrap().code();
    let mut parser = emulator(60, columns);
    parser.process(&bytes);
    let screen = parser.screen().rows(0, columns).map(|line| line.trim_end().to_owned());
    let mut screen: Vec<String> = screen.collect();
    while screen.last().is_some_and(String::is_empty) {
        screen.pop();
    }
    Session { screen, status, bytes }
}

#[test]
fn a_session_is_not_garbled() {
    let folder = Folder::new();
    // The first example of the introduction: the rows are on the terminal, without progress lines among
    // them.
    let csv = session(
        &folder,
        &["encode", "demo", "-q", "SELECT name, vmag FROM stars WHERE vmag < -0.5", "-f", "csv"],
    );
    assert_eq!(csv.screen, ["name,vmag", "Canopus,-0.62", "Sirius,-1.44"]);
    assert!(!csv.bytes.contains(&0x1b), "{:?}", String::from_utf8_lossy(&csv.bytes));

    let encode = session(&folder, &["encode", "demo", "-o", "stars.parquet"]);
    assert_eq!((encode.status, encode.screen.len()), (Some(0), 1), "{:?}", encode.screen);
    assert!(encode.screen[0].starts_with("401 rows, "), "{:?}", encode.screen);
    assert!(encode.screen[0].contains(" s ("), "{:?}", encode.screen);
    let parts =
        session(&folder, &["encode", "demo", "-f", "csv", "-o", "parts/", "--split-rows", "100"]);
    assert_eq!((parts.status, parts.screen.len()), (Some(0), 1), "{:?}", parts.screen);
    assert!(parts.screen[0].starts_with("5 files, 401 rows, "), "{:?}", parts.screen);
    let quiet = session(&folder, &["encode", "demo", "-o", "stars.vot", "--quiet"]);
    assert_eq!((quiet.status, quiet.bytes.len()), (Some(0), 0));

    let show = session(&folder, &["show", "stars.parquet", "-n", "3"]);
    assert_eq!(show.status, Some(0));
    assert!(show.screen[0].trim_start().starts_with("hip"), "{:#?}", show.screen);
    assert!(
        show.screen.iter().any(|line| line == "first 3 of 401 rows, 13 columns"),
        "{:#?}",
        show.screen
    );
    // A line that is too wide would be wrapped, and shift the columns.
    assert!(show.screen[2].chars().all(|c| c == '─' || c == ' '), "{:#?}", show.screen);

    let inspect = session(&folder, &["inspect", "stars.parquet"]);
    assert_eq!(inspect.status, Some(0));
    assert!(inspect.screen[0].starts_with("stars.parquet: Parquet, "), "{:#?}", inspect.screen);

    for (arguments, line) in [
        (&["encode", "demo", "-f", "cvs"][..], "taploom: format \"cvs\" is unknown"),
        (&["shwo", "demo"], "taploom: unrecognized subcommand 'shwo'"),
        (&["inspect", "nothing.parquet"], "taploom: can't read the file nothing.parquet"),
    ] {
        let wrong = session(&folder, arguments);
        assert_eq!(wrong.status, Some(2), "{:?}", wrong.screen);
        assert!(wrong.screen[0].starts_with(line), "{:?}", wrong.screen);
        assert!(!wrong.bytes.contains(&0x1b), "{:?}", wrong.screen);
    }
}

/// Text of a file does not shift the columns of a table, whatever characters it has.
#[test]
fn tables_are_aligned_whatever_their_texts_have() {
    let folder = Folder::new();
    let texts =
        ["plain", "z\u{200b}w", "cafe\u{301}", "\u{301}first", "e\u{1b}[31msc", "soft\u{ad}", "星"];
    let rows: String = texts.iter().map(|text| format!("{text},7\n")).collect();
    folder.write("x.csv", &format!("text,n\n{rows}"));
    let show = session(&folder, &["show", "x.csv"]);
    assert!(!show.bytes.contains(&0x1b), "{:?}", String::from_utf8_lossy(&show.bytes));
    // The emulator does not show this character at all.
    let shown = String::from_utf8(show.bytes).unwrap().replace('\u{fffd}', "?");
    let mut parser = emulator(60, 80);
    parser.process(shown.as_bytes());
    for row in 2..9 {
        let cell = parser.screen().cell(row, 10).unwrap();
        assert_eq!(cell.contents(), "7", "{:#?}", show.screen);
    }
    assert!(show.screen.iter().any(|line| line.starts_with("cafe\u{301} ")), "{:#?}", show.screen);
}

/// `cargo xtask test quick` leaves these out.
mod slow {
    use super::*;

    #[test]
    fn progress_takes_one_line_and_leaves_none() {
        let folder = Folder::new();
        let source = format!("synth:{}?rows=400000", folder.columns());
        // The size of this input is known, and the number of its rows is not.
        let csv = folder.path("rows.csv");
        taploom(&["encode", &source, "-o", &csv, "--maxrec", "50000"]);
        for (source, output, line) in [
            (&source, &["-o", "rows.vot"][..], "400,000 rows, "),
            (&source, &["-o", "rows.vot/", "--split-rows", "100000"], "4 files, 400,000 rows, "),
            (&csv, &["-o", "rows.vot/", "--split-rows", "10000"], "5 files, 50,000 rows, "),
        ] {
            for columns in [40, 80] {
                let long = session_of(columns, &folder, &[&["encode", source], output].concat());
                assert_eq!(long.status, Some(0));
                let screen = long.screen.concat();
                assert_eq!(long.screen.len(), screen.len().div_ceil(columns.into()), "{screen}");
                assert!(screen.starts_with(line), "{screen}");
                // No progress line exceeded a line of the terminal.
                let mut parser = emulator(4, columns);
                let mut seen = Vec::new();
                for byte in &long.bytes {
                    parser.process(&[*byte]);
                    let lines = parser.screen().rows(0, columns);
                    let used: Vec<String> = lines.filter(|line| !line.trim().is_empty()).collect();
                    let is_progress =
                        used.first().is_some_and(|line| !line.starts_with(&screen[..9]));
                    assert!(used.len() <= 1 || !is_progress, "{used:#?}");
                    seen.extend(used.into_iter().filter(|_| is_progress));
                }
                let has = |words: &str| seen.iter().any(|line| line.contains(words));
                assert!(has("%") && has(" left"), "{seen:#?}");
                assert_eq!(
                    has(", file "),
                    output.len() > 2,
                    "the progress names the file: {seen:#?}"
                );
                assert_eq!(has("█"), columns > 40, "{seen:#?}");
                let _ = std::fs::remove_file(folder.path("rows.vot"));
                let _ = std::fs::remove_dir_all(folder.path("rows.vot"));
            }
        }
    }
}
