//! What bind(2) and listen(2) say, and whether portwho says the same.

use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use super::held::kernel_is;
use crate::answer::{portwho, turn};
use crate::scene::until;

const V4: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)),
    // LOOPBACK4_IPV6 of net/ipv6.h: what IPv6 sockets have for an IPv4 address.
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, 6)),
    IpAddr::V4(Ipv4Addr::UNSPECIFIED),
];
const V6: [IpAddr; 2] = [
    IpAddr::V6(Ipv6Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::UNSPECIFIED),
];
const KINDS: [(Type, &str); 2] = [(Type::STREAM, "tcp"), (Type::DGRAM, "udp")];

/// What a server sets before it binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    pub reuse_addr: bool,
    pub reuse_port: bool,
}

pub const PLAIN: Options = Options {
    reuse_addr: false,
    reuse_port: false,
};
pub const REUSE: Options = Options {
    reuse_addr: true,
    reuse_port: false,
};
pub const GROUP: Options = Options {
    reuse_addr: false,
    reuse_port: true,
};
pub const BOTH: Options = Options {
    reuse_addr: true,
    reuse_port: true,
};

impl Options {
    /// Options of `portwho check` for such a server, over TCP and over UDP.
    fn arguments(self) -> Vec<&'static str> {
        let address = if self.reuse_addr {
            "--reuse-addr"
        } else {
            "--no-reuse-addr"
        };
        let port = self.reuse_port.then_some("--reuse-port");
        [Some(address), port].into_iter().flatten().collect()
    }

    pub fn set(self, socket: &Socket) -> io::Result<()> {
        socket.set_reuse_address(self.reuse_addr)?;
        socket.set_reuse_port(self.reuse_port)
    }
}

/// What a server would bind, in the words of portwho and for the kernel.
#[derive(Debug, Clone)]
struct Claim {
    spec: String,
    kind: Type,
    address: SocketAddr,
}

impl Claim {
    fn all(port: u16) -> Vec<Self> {
        let has_ipv6 = std::net::UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
        let addresses = V4.iter().chain(if has_ipv6 { &V6[..] } else { &[] });
        let mut all = Vec::new();
        for (kind, protocol) in KINDS {
            all.extend(addresses.clone().map(|ip| {
                let address = SocketAddr::new(*ip, port);
                let spec = format!("{protocol}:{address}");
                Self {
                    spec,
                    kind,
                    address,
                }
            }));
            // Without an address, all of them.
            let any = if has_ipv6 { V6[1] } else { V4[3] };
            all.push(Self {
                spec: format!("{protocol}:{port}"),
                kind,
                address: SocketAddr::new(any, port),
            });
        }
        all
    }

    /// What the kernel says. Nothing stays of the socket: it had no connection.
    fn truth(&self, options: Options) -> &'static str {
        match self.try_listen(options) {
            Ok(()) => "free",
            Err(why) if why.kind() == io::ErrorKind::AddrInUse => "taken",
            Err(why) => panic!("{self:?}: {why}"),
        }
    }

    fn try_listen(&self, options: Options) -> io::Result<()> {
        let socket = Socket::new(Domain::for_address(self.address), self.kind, None)?;
        if self.address.is_ipv6() {
            socket.set_only_v6(false)?;
        }
        options.set(&socket)?;
        socket.bind(&self.address.into())?;
        match self.kind {
            Type::STREAM => socket.listen(1),
            _ => Ok(()),
        }
    }
}

fn truths(claims: &[Claim], options: Options) -> Vec<&'static str> {
    // A process that is just being started would have a claim's socket a little longer than its truth.
    let _turn = turn();
    claims.iter().map(|claim| claim.truth(options)).collect()
}

/// The verdicts of one run, in the order of the claims.
fn verdicts(claims: &[Claim], options: Options, look: Option<&str>) -> Vec<Value> {
    let mut arguments = vec!["check", "--json"];
    arguments.extend(options.arguments());
    arguments.extend(look);
    arguments.extend(claims.iter().map(|claim| claim.spec.as_str()));
    let answer = portwho(&arguments);
    let checks = answer.json()["checks"].as_array().unwrap().clone();
    assert_eq!(checks.len(), claims.len(), "{answer:?}");
    let is = |word: &str| checks.iter().any(|check| check["verdict"] == word);
    let code = match (is("taken") || is("refused"), is("unknown")) {
        (true, _) => 1,
        (false, true) => 3,
        (false, false) => 0,
    };
    assert_eq!(answer.code, Some(code), "{answer:?}");
    checks
}

/// Asserts that every verdict on a port is what the kernel says, whoever asks, however portwho looks.
#[track_caller]
pub fn assert_agrees(scene: &str, port: u16) {
    let claims = Claim::all(port);
    let mut wrong = String::new();
    let all = [None, Some("--no-probe"), Some("--probe")];
    for (options, looks) in [
        (PLAIN, &all[..]),
        (REUSE, &all),
        (GROUP, &all[..1]),
        (BOTH, &all[..1]),
    ] {
        for look in looks.iter().copied() {
            // Another program may come or go between.
            let (truths, verdicts) = until("a port that stays as it is", || {
                let before = truths(&claims, options);
                let verdicts = verdicts(&claims, options, look);
                (truths(&claims, options) == before).then_some((before, verdicts))
            });
            for ((claim, truth), verdict) in claims.iter().zip(truths).zip(&verdicts) {
                if let Some(why) = fault(verdict, truth, options, look) {
                    let message = &verdict["message"];
                    let spec = &claim.spec;
                    writeln!(
                        wrong,
                        "{scene}: {spec} {options:?} {look:?}: {why}, {message}"
                    )
                    .unwrap();
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// What is wrong with a verdict.
fn fault(verdict: &Value, truth: &str, options: Options, look: Option<&str>) -> Option<String> {
    let said = verdict["verdict"].as_str().unwrap();
    let by = verdict["decided_by"].as_str().unwrap();
    let may_not_know = look == Some("--no-probe") && hides_something(verdict, options);
    if said != truth && !(said == "unknown" && may_not_know) {
        return Some(format!("said to be {said}, is {truth}"));
    }
    match look {
        Some("--no-probe") if by != "table" => Some("bound all the same".into()),
        Some("--probe") if by != "bind" => Some("not confirmed".into()),
        // These tests can see every holder.
        _ if said == "taken" && verdict["reason"] != "held" => Some("by nobody".into()),
        _ => None,
    }
}

/// Whether the verdict hangs on what the kernel does not show: the options of holders, whether a
/// connection of IPv6 takes IPv4, on old kernels sockets that are bound alone.
fn hides_something(verdict: &Value, options: Options) -> bool {
    let holders = verdict["holders"].as_array().unwrap();
    let may_take_ipv4 =
        |holder: &Value| holder["family"] == "ipv6" && holder["v6only"] == Value::Null;
    options != PLAIN || holders.iter().any(may_take_ipv4) || !kernel_is((6, 8))
}
