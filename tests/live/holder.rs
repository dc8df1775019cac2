//! Holds sockets in ways that a test cannot: in workers that it forks, in a thread with descriptors
//! of its own, in a process whose first thread has ended. It tells its port, and who has it.

#[cfg(target_os = "linux")]
mod silent_fuse;

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
fn main() {
    // Of the other arguments, some are no UTF-8.
    let case = std::env::args_os().nth(1).unwrap_or_default();
    match case.to_str().unwrap_or_default() {
        "workers" => linux::workers(),
        "thread" => linux::thread(),
        "threads" => linux::threads(),
        "lent" => linux::lent(),
        "leaderless" => linux::leaderless(),
        "closed" => linux::closed(),
        "message" => linux::message(),
        "line" => linux::line(),
        "relay" => linux::relay(),
        "chroot" => linux::chroot(),
        "--port" => linux::serve(),
        "silent" => {
            let folder = std::env::args_os().nth(2).expect("a folder");
            silent_fuse::hold(folder.as_ref());
        }
        // Holds what it was given as standard input.
        _ => linux::rest(),
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io::{Error, IoSlice, Write};
    use std::mem::MaybeUninit;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::{AsFd, AsRawFd};
    use std::os::unix::net::UnixStream;
    use std::os::unix::process::parent_id;
    use std::process::{Command, exit, id};
    use std::ptr::null_mut;
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Duration;

    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

    /// Long enough for a test; the test ends the process much earlier.
    const LIFE: Duration = Duration::from_secs(600);

    pub fn rest() {
        thread::sleep(LIFE);
    }

    /// A server on the port of the second argument, on every address.
    pub fn serve() {
        let port = std::env::args()
            .nth(2)
            .expect("a port")
            .parse()
            .expect("a number");
        let _listener = TcpListener::bind(("0.0.0.0", port)).expect("a listener");
        thread::sleep(LIFE);
    }

    /// Listens as often as the second argument says, and is connected to each port of the others, as a
    /// proxy is. It tells its ports.
    pub fn relay() {
        let mut numbers = std::env::args().skip(2).map(|text| text.parse::<u16>());
        let mut number = || numbers.next().map(|number| number.expect("a number"));
        let count = number().expect("a count");
        let listeners: Vec<TcpListener> = (0..count).map(|_| listener()).collect();
        let connect = |port| TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        let _connections: Vec<TcpStream> = std::iter::from_fn(number).map(connect).collect();
        let port = |listener: &TcpListener| listener.local_addr().expect("an address").port();
        let ports: Vec<String> = listeners.iter().map(|one| port(one).to_string()).collect();
        // A relay that listens nowhere still has to say that it is ready.
        let line = if ports.is_empty() {
            "0".to_owned()
        } else {
            ports.join(" ")
        };
        for listener in listeners {
            thread::spawn(move || {
                let held: Vec<_> = listener.incoming().collect();
                drop(held);
            });
        }
        writeln!(std::io::stdout(), "{line}").expect("a reader");
        rest();
    }

    /// Rests in a root of its own, the second argument, and there in the directory of the third.
    pub fn chroot() {
        let mut arguments = std::env::args_os().skip(2);
        let mut path = || arguments.next().expect("a path");
        let (root, directory) = (path(), path());
        std::os::unix::fs::chroot(root).expect("another root");
        std::env::set_current_dir(directory).expect("a directory there");
        writeln!(std::io::stdout(), "0").expect("a reader");
        rest();
    }

    fn listener() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").expect("a listener")
    }

    /// One line: the port, then pids.
    fn tell(listener: &TcpListener, pids: &[i32]) {
        let port = listener.local_addr().expect("an address").port();
        let mut line = port.to_string();
        for pid in pids {
            line.push_str(&format!(" {pid}"));
        }
        writeln!(std::io::stdout(), "{line}").expect("a reader");
    }

    /// A listener, and three workers that have it too: as prefork servers do.
    pub fn workers() {
        let listener = listener();
        let parent = id();
        let mut pids = Vec::new();
        for _ in 0..3 {
            // SAFETY: this program has one thread, so the child finds every lock free.
            let pid = unsafe { libc::fork() };
            match pid {
                -1 => panic!("fork: {}", Error::last_os_error()),
                0 => {
                    end_with(parent);
                    rest();
                }
                pid => pids.push(pid),
            }
        }
        tell(&listener, &pids);
        rest();
    }

    /// Lets this process end when its parent does.
    fn end_with(parent: u32) {
        // SAFETY: prctl takes integers alone here.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        if parent_id() != parent {
            exit(0);
        }
    }

    /// A line of processes, each the parent of the next: the programs of the arguments. The last has
    /// a listener, and tells its own pid.
    pub fn line() {
        let mut programs = std::env::args_os().skip(2);
        // The first is the test's to end.
        let parent = std::env::var("PARENT").ok();
        if let Some(parent) = parent.and_then(|pid| pid.parse().ok()) {
            end_with(parent);
        }
        let Some(next) = programs.next() else {
            let listener = listener();
            tell(&listener, &[i32::try_from(id()).expect("a pid")]);
            return rest();
        };
        let mut command = Command::new(next);
        command.arg("line").args(programs);
        let ended = command.env("PARENT", id().to_string()).status();
        exit(ended.expect("the next program").code().unwrap_or(1));
    }

    /// A listener that only one thread has: its table of descriptors is its own.
    pub fn thread() {
        thread::spawn(|| {
            // SAFETY: what this thread opens from here on is used by this thread alone.
            let done = unsafe { libc::unshare(libc::CLONE_FILES) };
            assert_eq!(done, 0, "unshare: {}", Error::last_os_error());
            let listener = listener();
            tell(&listener, &[]);
            rest();
        });
        rest();
    }

    /// Three threads with a listener each, which they alone have with another thread, and as many
    /// descriptors as the process.
    pub fn threads() {
        let (tell, told) = channel();
        for _ in 0..3 {
            let tell = tell.clone();
            thread::spawn(move || {
                // SAFETY: what this thread has from here on is its own; nobody reads its standard input.
                let done = unsafe { (libc::unshare(libc::CLONE_FILES), libc::close(0)) };
                assert_eq!(done, (0, 0), "{}", Error::last_os_error());
                let listener = listener();
                let port = listener.local_addr().expect("an address").port();
                thread::spawn(rest);
                tell.send(port.to_string()).expect("a reader");
                rest();
            });
        }
        let ports: Vec<String> = told.iter().take(3).collect();
        println!("{}", ports.join(" "));
        rest();
    }

    /// What it was given as standard input, in the table of one thread alone.
    pub fn lent() {
        let apart = thread::spawn(|| {
            // SAFETY: what this thread has from here on is its own; it uses none of it.
            let done = unsafe { libc::unshare(libc::CLONE_FILES) };
            assert_eq!(done, 0, "unshare: {}", Error::last_os_error());
            thread::spawn(rest);
        });
        apart.join().expect("a thread of its own");
        // SAFETY: nobody here reads standard input.
        unsafe { libc::close(0) };
        println!("{}", id());
        rest();
    }

    /// A listener whose descriptor is closed while a thread waits in accept(): the kernel keeps it for as
    /// long as that thread waits.
    pub fn closed() {
        let listener = listener();
        let (tell, told) = channel();
        let descriptor = listener.as_raw_fd();
        thread::spawn(move || {
            // SAFETY: gettid has no arguments; accept writes no address where it is given none.
            unsafe {
                tell.send(libc::gettid()).expect("a reader");
                libc::accept(descriptor, null_mut(), null_mut());
            }
        });
        let thread = told.recv().expect("a thread");
        let path = format!("/proc/self/task/{thread}/syscall");
        let waiting = format!("0x{descriptor:x}");
        let waits = || {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            text.split_whitespace().nth(1) == Some(&waiting)
        };
        while !waits() {
            thread::sleep(Duration::from_millis(5));
        }
        tell_port(listener);
        rest();
    }

    /// A listener whose one descriptor is in a message that nobody has received.
    pub fn message() {
        let listener = listener();
        let (sender, receiver) = UnixStream::pair().expect("a pair");
        let descriptors = [listener.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
        sendmsg(
            &sender,
            &[IoSlice::new(b"x")],
            &mut control,
            SendFlags::empty(),
        )
        .expect("a message");
        tell_port(listener);
        rest();
        drop((sender, receiver));
    }

    /// Closes the listener, and tells its port then.
    fn tell_port(listener: TcpListener) {
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        writeln!(std::io::stdout(), "{port}").expect("a reader");
    }

    /// A listener in a process that lives on, though the thread that it began with has ended.
    pub fn leaderless() {
        thread::spawn(|| {
            let listener = listener();
            // Of the process, this file tells the state of the first thread.
            let is_zombie = || {
                let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
                stat.contains(") Z ")
            };
            while !is_zombie() {
                thread::sleep(Duration::from_millis(5));
            }
            tell(&listener, &[]);
            rest();
        });
        // SAFETY: ends this thread alone, exit(2); nothing on its stack is used by another.
        unsafe { libc::syscall(libc::SYS_exit, 0) };
    }
}
