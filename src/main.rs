//! The program: hands arguments to the library and gives its exit code to the system.

use std::process::ExitCode;

fn main() -> ExitCode {
    portwho::cli::run(std::env::args_os()).into()
}
