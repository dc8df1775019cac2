//! A file system that never gives a file's content, fuse(4), and a process that waits for it.

use std::fs::File;
use std::io::{Error, PipeWriter, Read, Write};
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Command, exit};
use std::ptr::null_mut;
use std::thread;
use std::time::Duration;

/// Operations of linux/fuse.h.
const LOOKUP: u32 = 1;
const FORGET: u32 = 2;
const GETATTR: u32 = 3;
const OPEN: u32 = 14;
const READ: u32 = 15;
const INIT: u32 = 26;
const INTERRUPT: u32 = 36;
const BATCH_FORGET: u32 = 42;

const SIZE: u64 = 1 << 20;

/// Holds a listener, and keeps everybody waiting who reads this process's memory: one thread holds its
/// lock for a page of a file that never comes, and another waits to change the map. Tells the port
/// when that is about to begin. Ends with a line that says why not.
pub fn hold(folder: &Path) {
    let device = mount(folder).unwrap_or_else(|why| {
        println!("{why}");
        exit(1);
    });
    let (mut told, asked) = std::io::pipe().expect("a pipe");
    // A process of its own: the connection breaks, and lets this one end, when it has been killed.
    // SAFETY: there is one thread yet.
    match unsafe { libc::fork() } {
        0 => {
            // SAFETY: prctl takes integers alone here.
            unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
            drop(told);
            serve(device, asked);
            exit(0);
        }
        -1 => panic!("fork: {}", Error::last_os_error()),
        _ => drop((device, asked)),
    }
    let file = File::open(folder.join("file")).expect("a file");
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a listener");
    let length = 4096;
    let map = move |fd, flags| {
        // SAFETY: the kernel chooses a place where nothing is.
        unsafe { libc::mmap(null_mut(), length, libc::PROT_READ, flags, fd, 0) }
    };
    let place = map(file.as_raw_fd(), libc::MAP_SHARED);
    assert_ne!(place, libc::MAP_FAILED, "{}", Error::last_os_error());
    let place = place as usize;
    thread::spawn(move || {
        // SAFETY: the page is mapped for reading, and stays so.
        unsafe { std::ptr::read_volatile(place as *const u8) }
    });
    // The first readings fail, upon which the kernel asks again with the lock held.
    told.read_exact(&mut [0])
        .expect("a reading that nobody answers");
    println!("{}", listener.local_addr().expect("an address").port());
    map(-1, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    thread::sleep(Duration::from_mins(10));
}

/// Mounts it for this process alone.
fn mount(folder: &Path) -> Result<File, String> {
    // SAFETY: there is one thread yet.
    if unsafe { libc::unshare(libc::CLONE_NEWNS) } != 0 {
        return Err(format!("unshare: {}", Error::last_os_error()));
    }
    let device = File::options().read(true).write(true).open("/dev/fuse");
    let device = device.map_err(|why| format!("/dev/fuse: {why}"))?;
    // SAFETY: the descriptor is open; mount(8) is to have it too.
    unsafe { libc::fcntl(device.as_raw_fd(), libc::F_SETFD, 0) };
    let options = format!(
        "fd={},rootmode=40000,user_id=0,group_id=0,allow_other",
        device.as_raw_fd()
    );
    for arguments in [
        &["--make-rprivate", "/"][..],
        &["-i", "-t", "fuse", "-o", &options, "silent"],
    ] {
        let mut command = Command::new("mount");
        command.args(arguments);
        if arguments[0] == "-i" {
            command.arg(folder);
        }
        let status = command.status().map_err(|why| format!("mount: {why}"))?;
        if !status.success() {
            return Err(format!("mount: {status}"));
        }
    }
    Ok(device)
}

/// Answers everything but readings; of these the first two fail, and the others are only told of.
fn serve(mut device: File, mut asked: PipeWriter) {
    let mut request = vec![0; 1 << 17];
    let mut readings = 0;
    while let Ok(length) = device.read(&mut request) {
        let number = |at: usize| u32::from_ne_bytes(request[at..at + 4].try_into().expect("four"));
        assert!(length >= 40, "a header");
        let (operation, unique) = (number(4), &request[8..16]);
        let node = u64::from_ne_bytes(request[16..24].try_into().expect("eight"));
        let (error, answer) = match operation {
            INIT => (
                0,
                words(&[7, 31, 1 << 16, 0, 0, 1 << 16, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            ),
            LOOKUP if request[40..].starts_with(b"file\0") => {
                let head = words(&[2, 0, 1, 0, 1000, 0, 1000, 0, 0, 0]);
                (0, [head, attributes(2)].concat())
            }
            LOOKUP => (-libc::ENOENT, Vec::new()),
            GETATTR => (0, [words(&[1000, 0, 0, 0]), attributes(node)].concat()),
            OPEN => (0, words(&[1, 0, 0, 0])),
            READ if readings < 2 => {
                readings += 1;
                (-libc::EIO, Vec::new())
            }
            READ => {
                let _ = asked.write_all(&[1]);
                continue;
            }
            FORGET | INTERRUPT | BATCH_FORGET => continue,
            _ => (-libc::ENOSYS, Vec::new()),
        };
        let length = u32::try_from(16 + answer.len()).expect("a short answer");
        let head = [&length.to_ne_bytes()[..], &error.to_ne_bytes(), unique].concat();
        if device.write_all(&[head, answer].concat()).is_err() {
            return;
        }
    }
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// `struct fuse_attr` of the root or of the one file.
fn attributes(node: u64) -> Vec<u8> {
    let (mode, links) = if node == 1 {
        (0o040_755, 2)
    } else {
        (0o100_644, 1)
    };
    let long = |number: u64| number.to_ne_bytes().to_vec();
    let head = [node, SIZE, 0, 0, 0, 0].map(long).concat();
    [head, words(&[0, 0, 0, mode, links, 0, 0, 0, 4096, 0])].concat()
}
