//! Scenes: processes that hold a known number of sockets and of other descriptors.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};

/// How much there is of everything.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub listeners: usize,
    pub connections: usize,
    pub processes: usize,
    /// Descriptors of each process beside its sockets.
    pub others: usize,
    /// Processes that hold most of the connections, and how many each.
    pub big: (usize, usize),
    pub time_wait: usize,
    pub udp: usize,
}

/// A scene by its name.
pub fn size(name: &str) -> Option<Size> {
    let small = Size {
        listeners: 10,
        connections: 50,
        processes: 50,
        others: 5,
        big: (0, 0),
        time_wait: 0,
        udp: 0,
    };
    match name {
        "S" => Some(small),
        "M" => Some(Size {
            listeners: 500,
            connections: 5000,
            processes: 500,
            others: 50,
            ..small
        }),
        "L" => Some(Size {
            listeners: 2000,
            connections: 50_000,
            processes: 2000,
            others: 10,
            big: (4, 9500),
            time_wait: 30_000,
            udp: 10_000,
        }),
        "T" => Some(Size {
            time_wait: 30_000,
            ..small
        }),
        _ => None,
    }
}

/// A scene that stands as long as this value.
pub struct Scene {
    workers: Vec<Child>,
    time_wait: usize,
    /// A port with a listener.
    pub port: u16,
}

impl Scene {
    pub fn build(size: Size) -> io::Result<Self> {
        let own = std::env::current_exe()?;
        let (big, each) = size.big;
        let ordinary = size.processes - big;
        let left = size.connections - big * each;
        let share = |total: usize, of: usize, at: usize| total / of + usize::from(at < total % of);
        let mut workers = Vec::with_capacity(size.processes);
        for at in 0..size.processes {
            let connections = match at.checked_sub(ordinary) {
                None => share(left, ordinary, at),
                Some(_) => each,
            };
            let listeners = share(size.listeners, size.processes, at);
            let udp = share(size.udp, size.processes, at);
            let numbers =
                [listeners, connections, size.others, udp].map(|number| number.to_string());
            let worker = Command::new(&own)
                .arg("worker")
                .args(numbers)
                .stdout(Stdio::piped())
                .stdin(Stdio::piped())
                .spawn()?;
            workers.push(worker);
        }
        let mut port = 0;
        for worker in &mut workers {
            let mut line = String::new();
            let told = worker.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
            BufReader::new(told).read_line(&mut line)?;
            let told: u16 = line.trim().parse().map_err(io::Error::other)?;
            port = if port == 0 { told } else { port };
        }
        Ok(Self {
            workers,
            time_wait: size.time_wait,
            port,
        })
    }

    /// Makes the connections in TIME_WAIT anew, which the kernel forgets after a minute.
    pub fn refresh(&self) -> io::Result<()> {
        // Two addresses for the source: one has too few ports.
        for half in [1, 2] {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let to = listener.local_addr()?;
            for _ in 0..self.time_wait / 2 {
                let client =
                    socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
                client.bind(&SocketAddr::from((Ipv4Addr::new(127, 0, 1, half), 0)).into())?;
                client.connect(&to.into())?;
                let (accepted, _) = listener.accept()?;
                drop(client);
                drop(accepted);
            }
        }
        Ok(())
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            let _ = worker.kill();
        }
        for worker in &mut self.workers {
            let _ = worker.wait();
        }
    }
}

/// Holds what the numbers say until its input ends; tells a port.
pub fn work(numbers: &[&str]) -> io::Result<()> {
    let [listeners, connections, others, udp] = numbers
        .iter()
        .map(|number| number.parse::<usize>().map_err(io::Error::other))
        .collect::<io::Result<Vec<_>>>()?
        .try_into()
        .map_err(|_| io::ErrorKind::InvalidInput)?;
    raise_limit();
    let mut held: Vec<TcpListener> = Vec::new();
    for _ in 0..listeners {
        held.push(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?);
    }
    let mut ends: Vec<TcpStream> = Vec::with_capacity(2 * connections);
    if connections > 0 {
        // A listener of its own for the time of connecting, where there is none to stay.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let to = listener.local_addr()?;
        for _ in 0..connections {
            ends.push(TcpStream::connect(to)?);
            ends.push(listener.accept()?.0);
        }
    }
    let files: Vec<File> = (0..others)
        .map(|_| File::open("/dev/null"))
        .collect::<io::Result<_>>()?;
    let datagrams: Vec<UdpSocket> = (0..udp)
        .map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect::<io::Result<_>>()?;
    let port = held
        .first()
        .map_or(Ok(0), |listener| listener.local_addr().map(|at| at.port()))?;
    let mut out = io::stdout().lock();
    writeln!(out, "{port}")?;
    out.flush()?;
    io::copy(&mut io::stdin().lock(), &mut io::sink())?;
    drop((held, ends, files, datagrams));
    Ok(())
}

/// As many descriptors as the system lets a process have.
fn raise_limit() {
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current = Some(1_000_000);
    limit.maximum = Some(1_000_000);
    let _ = rustix::process::setrlimit(rustix::process::Resource::Nofile, limit);
}
