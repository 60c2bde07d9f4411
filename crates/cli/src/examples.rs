//! The examples in the help of every command.

/// The examples of each command, one per line. They call the program `taploom`.
const EXAMPLES: &[(&str, &[&str])] = &[
    (
        "encode",
        &[
            "taploom encode demo -o stars.vot",
            "taploom encode demo -q \"SELECT name, ra, dec FROM stars WHERE vmag < 2\" -f csv",
            "taploom encode stars.parquet --select \"ra, dec\" --where \"vmag < 2\" -o bright.csv",
            "taploom encode stars.vot -f parquet --option \"compression=zstd(3)\" -o stars.parquet",
            "taploom encode survey.csv -f parquet --split-rows 1000000 -o survey/",
            "taploom encode sqlite:survey.db -q \"SELECT * FROM objects\" --maxrec 1000 -o objects.fits",
        ],
    ),
    (
        "show",
        &[
            "taploom show demo",
            "taploom show stars.parquet -n 50 --width 0 | less -S",
            "taploom show stars.vot --json",
        ],
    ),
    (
        "inspect",
        &[
            "taploom inspect stars.parquet",
            "taploom inspect --verify part-*.parquet",
            "taploom inspect stars.parquet --plot stars.svg",
        ],
    ),
    (
        "sample",
        &[
            "taploom sample demo -g con -i name -n 1 -f csv",
            "taploom sample sources.parquet -g field -i object --number 10 --stats -o sample.parquet",
        ],
    ),
    ("formats", &["taploom formats", "taploom formats --json"]),
    ("bench", &["taploom bench", "taploom bench stars.parquet -f csv -f votable --plot bench.svg"]),
    ("job", &["taploom job job.json --database mysql://reader@localhost/survey"]),
    (
        "worker",
        &[
            "taploom worker --spool jobs --results results --database mysql://reader@localhost/survey",
        ],
    ),
    ("bridge", &["taploom bridge --config worker.toml"]),
    (
        "completions",
        &[
            "taploom completions bash > ~/.local/share/bash-completion/completions/taploom",
            "taploom completions zsh > ~/.zfunc/_taploom",
        ],
    ),
    ("man", &["taploom man | man -l -", "taploom man encode > taploom-encode.1"]),
];

/// The examples in the help of the program itself.
const PROGRAM: &[&str] =
    &["taploom show demo", "taploom encode demo -o stars.parquet", "taploom inspect stars.parquet"];

/// The examples for the help of a command, or of the program for `None`.
pub(crate) fn of(command: Option<&str>, program: &str) -> String {
    let lines = match command {
        None => PROGRAM,
        Some(command) => {
            let found = EXAMPLES.iter().find(|(name, _)| *name == command);
            found.map_or(&[][..], |(_, lines)| lines)
        }
    };
    if lines.is_empty() {
        return String::new();
    }
    let lines = lines
        .iter()
        .map(|line| format!("\n  {}", line.replacen("taploom ", &format!("{program} "), 1)));
    format!("Examples:{}", lines.collect::<String>())
}
