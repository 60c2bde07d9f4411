//! The program `taploom`.

fn main() -> std::process::ExitCode {
    taploom_cli::main()
}
