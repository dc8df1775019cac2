//! One request over a Unix socket that must be answered by a deadline.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::net::sockopt::socket_peercred;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use super::http::{Answer, decode, request};

/// Asks for a path, where a user listens who is believed; `None` where none answers in time with a success.
/// With the answer, that user.
pub fn get(
    socket: &Path,
    path: &str,
    deadline: Instant,
    is_believed: impl FnOnce(u32) -> bool,
) -> Option<(u32, Vec<u8>)> {
    let mut stream = open(socket)?;
    // Who called listen(2), unix(7); of a socket unit that is systemd.
    let user = socket_peercred(&stream).ok()?.uid.as_raw();
    if !is_believed(user) {
        return None;
    }
    stream.set_write_timeout(Some(left(deadline)?)).ok()?;
    stream.write_all(request(path).as_bytes()).ok()?;
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        stream.set_read_timeout(Some(left(deadline)?)).ok()?;
        let has_ended = match stream.read(&mut buffer) {
            Ok(0) => true,
            Ok(length) => {
                bytes.extend(buffer.get(..length)?);
                false
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => return None,
        };
        match decode(&bytes, has_ended) {
            Answer::More => {}
            Answer::Body(body) => return Some((user, body)),
            Answer::Bad => return None,
        }
    }
}

/// Connects without waiting: a server that is too busy to take the connection would hold us up.
fn open(path: &Path) -> Option<UnixStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).ok()?;
    connect(&socket, &SocketAddrUnix::new(path).ok()?).ok()?;
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false).ok()?;
    Some(stream)
}

fn left(deadline: Instant) -> Option<Duration> {
    deadline
        .checked_duration_since(Instant::now())
        .filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;
    use std::thread;

    use super::*;

    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

    /// Asks a server that does this with its one connection.
    fn asked(limit: Duration, serve: impl FnOnce(UnixStream) + Send) -> Option<Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        let path: PathBuf = folder.path().join("docker.sock");
        let listener = UnixListener::bind(&path).unwrap();
        thread::scope(|scope| {
            scope.spawn(move || serve(listener.accept().unwrap().0));
            get(&path, "/containers/json", Instant::now() + limit, |_| true).map(|told| told.1)
        })
    }

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(50);

    fn read_request(stream: &mut UnixStream) -> String {
        let mut buffer = [0; 1024];
        let length = stream.read(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn an_answer_in_chunks_is_read_though_the_server_keeps_the_connection() {
        let (told, heard) = std::sync::mpsc::channel();
        let body = asked(LONG, |mut stream| {
            told.send(read_request(&mut stream)).unwrap();
            for part in [HEAD, b"1\r\n[\r\n", b"1\r\n", b"]\r\n0\r\n", b"\r\n"] {
                stream.write_all(part).unwrap();
            }
            // Until the other side closes.
            let _ = stream.read(&mut [0]);
        });
        assert_eq!(body.as_deref(), Some(&b"[]"[..]));
        let request = heard.recv().unwrap();
        assert!(
            request.starts_with("GET /containers/json HTTP/1.1\r\n"),
            "{request}"
        );
    }

    #[test]
    fn a_server_of_a_user_who_is_not_believed_is_not_even_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path: PathBuf = folder.path().join("docker.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let own = rustix::process::geteuid().as_raw();
        let mut told = None;
        let answer = get(&path, "/", Instant::now() + LONG, |user| {
            told = Some(user);
            false
        });
        assert_eq!((answer, told), (None, Some(own)));
        let mut asked = Vec::new();
        let mut stream = listener.accept().unwrap().0;
        stream.read_to_end(&mut asked).unwrap();
        assert_eq!(asked, b"");
    }

    #[test]
    fn a_server_that_never_answers_is_left() {
        let body = asked(SHORT, |mut stream| {
            read_request(&mut stream);
            let _ = stream.read(&mut [0]);
        });
        assert_eq!(body, None);
    }

    #[test]
    fn a_server_that_sends_byte_after_byte_is_left() {
        let body = asked(SHORT, |mut stream| {
            read_request(&mut stream);
            stream.write_all(HEAD).unwrap();
            stream.write_all(b"100000\r\n").unwrap();
            while stream.write_all(b"x").is_ok() {
                thread::sleep(Duration::from_millis(1));
            }
        });
        assert_eq!(body, None);
    }

    #[test]
    fn a_body_without_an_end_is_bounded() {
        let body = asked(LONG, |mut stream| {
            read_request(&mut stream);
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            while stream.write_all(&[b'x'; 64 * 1024]).is_ok() {}
        });
        assert_eq!(body, None);
    }

    #[test]
    fn a_server_that_takes_no_connection_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("busy.sock");
        let listener = UnixListener::bind(&path).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let waiting: Vec<_> = (0..16).map_while(|_| open(&path)).collect();
        assert!(waiting.len() < 16);
        assert_eq!(get(&path, "/", Instant::now() + LONG, |_| true), None);
        drop((waiting, listener));
        assert_eq!(get(&path, "/", Instant::now() + LONG, |_| true), None);
        assert_eq!(
            get(
                Path::new("/nowhere.sock"),
                "/",
                Instant::now() + LONG,
                |_| true
            ),
            None
        );
    }
}
