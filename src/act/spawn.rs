//! Runs a command for the user, with something in its environment.

use std::io;
use std::process::{Command, ExitStatus};

/// Runs the command and waits for it; gives its exit code, 128 and the signal where one ended it.
///
/// # Errors
/// What the start of the command says.
pub fn run_with(command: &[String], environment: &[(&str, String)]) -> io::Result<u8> {
    let (program, arguments) = command
        .split_first()
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let environment = environment.iter().map(|(name, value)| (name, value));
    let status = Command::new(program)
        .args(arguments)
        .envs(environment)
        .status()?;
    Ok(code(status))
}

fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    status
        .code()
        .and_then(|code| u8::try_from(code & 0xff).ok())
        .unwrap_or(u8::MAX)
}
