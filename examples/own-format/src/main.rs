//! The program of Taploom with an additional format.

// The crate is named so that the linker keeps its registration.
use own_format as _;

fn main() -> std::process::ExitCode {
    taploom_cli::main()
}
