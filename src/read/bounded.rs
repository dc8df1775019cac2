//! Reads what may have no end: up to a bound, however many pieces it comes in.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Reads to the end.
///
/// # Errors
/// What the reader says, or that there is more than so many bytes.
pub fn read(input: &mut dyn Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(too_long(most));
    }
    Ok(bytes)
}

/// Reads a file that was named on the command line; "-" is standard input. A file that says that it is
/// longer is not begun.
///
/// # Errors
/// What the system says, or that there is more than so many bytes.
pub fn read_named(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    if path == Path::new("-") {
        return read(&mut io::stdin().lock(), most);
    }
    let mut file = File::open(path)?;
    let found = file.metadata()?;
    if found.is_file() && found.len() > most {
        return Err(too_long(most));
    }
    read(&mut file, most)
}

fn too_long(most: u64) -> io::Error {
    let size = match most >> 20 {
        0 => format!("{} KiB", most >> 10),
        mebibytes => format!("{mebibytes} MiB"),
    };
    io::Error::new(
        io::ErrorKind::FileTooLarge,
        format!("it is longer than {size}, and nothing beyond that is read"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, as a pipe may.
    struct Drops(u64);

    impl Read for Drops {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0 == 0 || buffer.is_empty() {
                return Ok(0);
            }
            self.0 -= 1;
            buffer[0] = b'x';
            Ok(1)
        }
    }

    #[test]
    fn what_comes_in_pieces_is_read_whole_up_to_the_bound() {
        assert_eq!(read(&mut Drops(3000), 3000).unwrap().len(), 3000);
        let error = read(&mut Drops(3001), 3000).unwrap_err();
        assert!(error.to_string().contains("longer than 2 KiB"), "{error}");
    }

    #[test]
    fn what_never_ends_is_given_up() {
        let error = read(&mut io::repeat(0), 1 << 20).unwrap_err();
        assert!(error.to_string().contains("longer than 1 MiB"), "{error}");
    }
}
