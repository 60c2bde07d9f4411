//! The program of Taploom, with one more format.

// Named, so that the linker keeps what it registers.
use own_format as _;

fn main() -> std::process::ExitCode {
    taploom_cli::main()
}
