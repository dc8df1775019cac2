//! One dump over netlink: sends a request, reads datagrams until the end, repeats what the kernel
//! interrupted. Knows no system calls: those are behind [`Link`].

use std::fmt;

use super::errno::Errno;
use super::inet_diag::decode_row;
use super::sctp;
use super::wire::{ByteOrder, Message, Messages, Request};
use crate::model::Protocol;
use crate::read::Visitor;

/// A netlink socket, as far as a dump needs one.
pub trait Link {
    fn send(&mut self, message: &[u8]) -> Result<(), Errno>;

    /// Receives one datagram into the buffer.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<Datagram, Errno>;

    /// Begins anew: a dump that broke off goes on in the kernel, which refuses another on the same
    /// socket (EBUSY).
    fn reopen(&mut self) -> Result<(), Errno>;
}

/// What is known of a received datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram {
    pub length: usize,
    /// The buffer was too small (MSG_TRUNC).
    pub truncated: bool,
    /// The sender is the kernel (port id 0).
    pub from_kernel: bool,
}

/// Why a dump gave no whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DumpError {
    /// The kernel refuses, or has no such table.
    Refused(Errno),
    /// Messages were lost or the table changed under the dump, again and again.
    Interrupted,
    /// An answer that cannot be read.
    Malformed,
}

impl fmt::Display for DumpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(errno) => errno.fmt(f),
            Self::Interrupted => f.write_str("the kernel's table kept changing while it was read"),
            Self::Malformed => f.write_str("the kernel's answer could not be understood"),
        }
    }
}

/// Attempts at one dump before it is given up.
const ATTEMPTS: u32 = 3;
/// Signals that may interrupt one call before it is given up.
const MOST_SIGNALS: u32 = 1000;
/// The kernel fills at most this much of a receive buffer (net/netlink/af_netlink.c).
pub const BUFFER: usize = 32 * 1024;

/// Dumps one table to a visitor. On an error the visitor has seen the rows of the last attempt: they
/// are right, but there may be more.
///
/// # Errors
/// Why the answer is not whole.
pub fn dump(
    link: &mut impl Link,
    buffer: &mut [u8],
    request: &Request<'_>,
    protocol: Protocol,
    sequence: &mut u32,
    visitor: &mut dyn Visitor,
) -> Result<(), DumpError> {
    let mut result = Ok(());
    for _ in 0..ATTEMPTS {
        *sequence = sequence.wrapping_add(1);
        visitor.forget();
        result = attempt(link, buffer, request, protocol, *sequence, visitor);
        if result != Err(DumpError::Interrupted) {
            break;
        }
    }
    result
}

fn attempt(
    link: &mut impl Link,
    buffer: &mut [u8],
    request: &Request<'_>,
    protocol: Protocol,
    sequence: u32,
    visitor: &mut dyn Visitor,
) -> Result<(), DumpError> {
    let message = request.encode(sequence);
    retry(|| link.send(&message))?;
    let mut interrupted = false;
    let mut malformed = false;
    loop {
        let datagram = match retry(|| link.receive(buffer)) {
            Ok(datagram) => datagram,
            Err(error) => {
                // Where that fails too, the next dump will say so.
                let _ = link.reopen();
                return Err(error);
            }
        };
        if !datagram.from_kernel {
            continue;
        }
        // An empty datagram would be the end of a stream; netlink has none.
        let bytes = buffer
            .get(..datagram.length)
            .filter(|bytes| !bytes.is_empty());
        let bytes = bytes.ok_or(DumpError::Malformed)?;
        malformed |= datagram.truncated;
        let mut messages = Messages::new(bytes, sequence, ByteOrder::NATIVE);
        while let Some(message) = messages.next() {
            interrupted |= messages.was_interrupted();
            match message {
                Message::Row(body) if protocol == Protocol::Sctp => {
                    match sctp::decode_rows(body, ByteOrder::NATIVE) {
                        Some(rows) => rows.into_iter().for_each(|row| visitor.see(row)),
                        None => malformed = true,
                    }
                }
                Message::Row(body) => match decode_row(body, protocol, ByteOrder::NATIVE) {
                    Some(row) => visitor.see(row),
                    None => malformed = true,
                },
                Message::End { errno: 0 } if interrupted => return Err(DumpError::Interrupted),
                Message::End { errno: 0 } if malformed => return Err(DumpError::Malformed),
                Message::End { errno: 0 } => return Ok(()),
                Message::End { errno } => return Err(refusal(Errno(errno))),
                Message::Stray => {}
                Message::Malformed => malformed = true,
            }
        }
    }
}

fn refusal(errno: Errno) -> DumpError {
    if errno == Errno::NOBUFS {
        DumpError::Interrupted
    } else {
        DumpError::Refused(errno)
    }
}

fn retry<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, DumpError> {
    for _ in 0..MOST_SIGNALS {
        match call() {
            Err(Errno::INTR) => {}
            other => return other.map_err(refusal),
        }
    }
    Err(DumpError::Refused(Errno::INTR))
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::read::linux::tables::Collected;

    /// Plays back results of `receive`, patching the sequence number that was sent.
    #[derive(Default)]
    struct Script {
        answers: VecDeque<Result<Vec<u8>, Errno>>,
        sends: VecDeque<Errno>,
        sequence: [u8; 4],
        sent: usize,
        truncated: bool,
        stranger: bool,
        reopened: usize,
    }

    impl Link for Script {
        fn send(&mut self, message: &[u8]) -> Result<(), Errno> {
            self.sequence.copy_from_slice(&message[8..12]);
            self.sent += 1;
            self.sends.pop_front().map_or(Ok(()), Err)
        }

        fn receive(&mut self, buffer: &mut [u8]) -> Result<Datagram, Errno> {
            let mut bytes = self.answers.pop_front().expect("read past the end")?;
            if bytes.len() >= 12 {
                bytes[8..12].copy_from_slice(&self.sequence);
            }
            buffer[..bytes.len()].copy_from_slice(&bytes);
            let from_kernel = !std::mem::take(&mut self.stranger);
            Ok(Datagram {
                length: bytes.len(),
                truncated: self.truncated,
                from_kernel,
            })
        }

        fn reopen(&mut self) -> Result<(), Errno> {
            self.reopened += 1;
            Ok(())
        }
    }

    fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = ((16 + body.len()) as u32).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend(body);
        bytes
    }

    fn row() -> Vec<u8> {
        let mut body = vec![0; 72];
        (body[0], body[1]) = (2, 10);
        message(20, 2, &body)
    }

    fn done(errno: i32) -> Vec<u8> {
        message(3, 2, &(-errno).to_ne_bytes())
    }

    fn play(script: &mut Script) -> (usize, Result<(), DumpError>) {
        let request = Request {
            family: Some(2),
            protocol: 6,
            states: 1 << 10,
            ports: None,
            other_ends: false,
        };
        let mut rows = Collected::default();
        let result = dump(
            script,
            &mut vec![0; BUFFER],
            &request,
            Protocol::Tcp,
            &mut 0,
            &mut rows,
        );
        (rows.fresh.len(), result)
    }

    fn script(answers: impl IntoIterator<Item = Result<Vec<u8>, Errno>>) -> Script {
        Script {
            answers: answers.into_iter().collect(),
            ..Script::default()
        }
    }

    #[test]
    fn rows_are_read_until_done() {
        assert_eq!(
            play(&mut script([Ok(row()), Ok(row()), Ok(done(0))])),
            (2, Ok(()))
        );
    }

    #[test]
    fn an_errno_in_done_is_a_refusal_not_an_empty_table() {
        let refused = Err(DumpError::Refused(Errno::NOENT));
        assert_eq!(play(&mut script([Ok(done(2))])), (0, refused));
        assert_eq!(
            play(&mut script([Ok(message(2, 0, &(-2i32).to_ne_bytes()))])),
            (0, refused)
        );
    }

    #[test]
    fn signals_are_ridden_out() {
        let mut script = script([Err(Errno::INTR), Ok(row()), Err(Errno::INTR), Ok(done(0))]);
        script.sends.extend([Errno::INTR, Errno::INTR]);
        assert_eq!(play(&mut script), (1, Ok(())));
    }

    #[test]
    fn lost_messages_repeat_the_dump_without_repeating_rows() {
        let mut script = script([Ok(row()), Err(Errno::NOBUFS), Ok(row()), Ok(done(0))]);
        assert_eq!(play(&mut script), (1, Ok(())));
        assert_eq!((script.sent, script.reopened), (2, 1));
    }

    /// What was kept of another table before stays.
    #[test]
    fn a_visitor_forgets_the_rows_of_an_attempt_that_broke_off() {
        let answers = [
            Ok(row()),
            Ok(row()),
            Err(Errno::NOBUFS),
            Ok(row()),
            Ok(done(0)),
        ];
        let mut rows = Collected::default();
        rows.kept.push(Vec::new());
        let request = Request {
            family: None,
            protocol: 6,
            states: 1 << 10,
            ports: None,
            other_ends: false,
        };
        let mut buffer = vec![0; BUFFER];
        let mut link = script(answers);
        let result = dump(
            &mut link,
            &mut buffer,
            &request,
            Protocol::Tcp,
            &mut 0,
            &mut rows,
        );
        assert_eq!((result, rows.fresh.len(), rows.kept.len()), (Ok(()), 1, 1));
    }

    #[test]
    fn a_table_that_keeps_changing_is_given_up_with_its_rows() {
        let mut interrupted = row();
        interrupted[6..8].copy_from_slice(&(2_u16 | 0x10).to_ne_bytes());
        let answers = (0..3).flat_map(|_| [Ok(interrupted.clone()), Ok(done(0))]);
        let mut script = script(answers);
        assert_eq!(play(&mut script), (1, Err(DumpError::Interrupted)));
        assert_eq!(script.sent, 3);
    }

    #[test]
    fn refused_calls_are_refusals() {
        let mut sending = script([]);
        sending.sends.push_back(Errno(111));
        assert_eq!(play(&mut sending), (0, Err(DumpError::Refused(Errno(111)))));
        assert_eq!(
            play(&mut script([Err(Errno(12))])),
            (0, Err(DumpError::Refused(Errno(12))))
        );
    }

    #[test]
    fn a_truncated_answer_is_not_whole() {
        let mut script = script([Ok(row()), Ok(done(0))]);
        script.truncated = true;
        assert_eq!(play(&mut script), (1, Err(DumpError::Malformed)));
    }

    #[test]
    fn a_stranger_on_the_socket_is_not_listened_to() {
        let mut script = script([Ok(row()), Ok(row()), Ok(done(0))]);
        script.stranger = true;
        assert_eq!(play(&mut script), (1, Ok(())));
    }

    #[test]
    fn an_empty_datagram_ends_the_dump_as_malformed() {
        assert_eq!(
            play(&mut script([Ok(row()), Ok(vec![])])).1,
            Err(DumpError::Malformed)
        );
    }
}
