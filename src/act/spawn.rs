//! Runs a command for the user, with something in its environment.

use std::io;
use std::process::Command;

/// Runs the command in place of this program: what signals this process, ends the command. Where the
/// system cannot replace a program (Windows), the command is waited for, and its exit code given.
///
/// # Errors
/// What the start of the command says. On Unix this returns for no other reason.
pub fn run_instead(command: &[String], environment: &[(&str, String)]) -> io::Result<u8> {
    let (program, arguments) = command
        .split_first()
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let mut command = Command::new(program);
    command.args(arguments);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    #[cfg(unix)]
    {
        Err(std::os::unix::process::CommandExt::exec(&mut command))
    }
    #[cfg(not(unix))]
    {
        let code = command.status()?.code();
        Ok(code
            .and_then(|code| u8::try_from(code & 0xff).ok())
            .unwrap_or(u8::MAX))
    }
}
