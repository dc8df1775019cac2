//! Virtual services of the kernel's load balancer as `/proc/net/ip_vs` lists them (`ip_vs_info_seq_show` in
//! net/netfilter/ipvs/ip_vs_ctl.c): text in, forwarded ports out. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::{Destinations, Diverter, Family, Protocol};
use crate::read::raw::{RawForward, RawForwards, RawMark};

/// A virtual service, and its real servers.
struct Service {
    on: On,
    servers: Vec<(IpAddr, u16)>,
}

enum On {
    /// Port 0 stands for every port that has no service of its own.
    Port(Protocol, IpAddr, u16),
    Mark(u32),
    /// Of a protocol that is not asked for.
    Other,
}

/// Adds what the services of a list do with these destinations; `None` where a line is not understood.
pub fn decode(text: &str, asked: &Destinations, found: &mut RawForwards) -> Option<()> {
    let mut is_whole = true;
    let mut services: Vec<Service> = Vec::new();
    // The first lines are the version and the titles of the columns.
    for line in text.lines().skip(2).filter(|line| !line.trim().is_empty()) {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        let place = words.next().unwrap_or_default();
        if first == "->" {
            match (services.last_mut(), parse_end(place)) {
                // The titles have a second line.
                (None, _) if place == "RemoteAddress:Port" => {}
                (Some(service), Some(end)) => service.servers.push(end),
                _ => is_whole = false,
            }
            continue;
        }
        match parse_service(first, place) {
            Some(on) => services.push(Service {
                on,
                servers: Vec::new(),
            }),
            None => is_whole = false,
        }
    }
    for service in services {
        add(service, asked, found);
    }
    is_whole.then_some(())
}

fn parse_service(kind: &str, place: &str) -> Option<On> {
    let protocol = match kind {
        "TCP" => Protocol::Tcp,
        "UDP" => Protocol::Udp,
        "SCTP" => return Some(On::Other),
        "FWM" => return u32::from_str_radix(place, 16).ok().map(On::Mark),
        _ => return None,
    };
    let (address, port) = parse_end(place)?;
    Some(On::Port(protocol, address, port))
}

/// `0A600008:0050` or `[2001:0db8:0000:0000:0000:0000:0000:0001]:0050`.
fn parse_end(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.rsplit_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let address = match address.strip_prefix('[') {
        Some(v6) => v6.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?.into(),
        None if address.len() == 8 => {
            Ipv4Addr::from_bits(u32::from_str_radix(address, 16).ok()?).into()
        }
        None => return None,
    };
    Some((address, port))
}

fn add(service: Service, asked: &Destinations, found: &mut RawForwards) {
    let (protocol, address, port) = match service.on {
        On::Other => return,
        On::Mark(mark) => {
            let servers = service.servers;
            found.marks.push(RawMark { mark, servers });
            return;
        }
        On::Port(protocol, address, port) => (protocol, address, port),
    };
    let wanted: Vec<(u16, u16)> = match port {
        0 => asked.ports.ranges().to_vec(),
        port if asked.ports.contains(port) => vec![(port, port)],
        _ => Vec::new(),
    };
    let is_asked = asked.protocols.contains(protocol)
        && asked.addresses.as_ref().is_none_or(|all| {
            let mut ranges = all.iter();
            ranges.any(|(first, last)| (*first..=*last).contains(&address))
        });
    for ports in wanted.into_iter().filter(|_| is_asked) {
        let forward = |(to, to_port): &(IpAddr, u16)| RawForward {
            protocol,
            family: Some(match address {
                IpAddr::V4(_) => Family::Ipv4,
                IpAddr::V6(_) => Family::Ipv6,
            }),
            address: Some(address),
            among: Vec::new(),
            ports,
            to: Some(*to),
            to_last: None,
            to_ports: Some((*to_port, *to_port)).filter(|_| *to_port != 0),
            by: Diverter::Ipvs,
        };
        found.forwards.extend(service.servers.iter().map(forward));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PortSet;

    /// As `ip_vs_info_seq_show` writes it; the load balancer need not be there where tests run.
    const LIST: &str = "\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0A600008:0050 rr  
  -> 0A0A0009:1F90      Masq    1      0          0         
  -> 0A0A0008:1F90      Masq    1      2          0         
UDP  0A60000A:0035 rr  ops 
  -> 0A0A0003:0035      Masq    1      0          0         
TCP  [fd00:0000:0000:0000:0000:0000:0000:0001]:01BB rr  
  -> [fd00:0000:0000:0000:0000:0000:0000:0002]:20FB      Masq    1      0          0         
TCP  0A000005:0000 rr  persistent 10800 
  -> 0A0A0007:0000      Route   1      0          0         
FWM  0000000F wlc  
  -> 0A0A0006:0000      Route   1      0          0         
";

    fn lines(asked: &Destinations) -> Vec<String> {
        let mut found = RawForwards::default();
        assert_eq!(decode(LIST, asked, &mut found), Some(()));
        let marks: Vec<u32> = found.marks.iter().map(|mark| mark.mark).collect();
        assert_eq!(marks, [15]);
        let line = |it: &RawForward| {
            let (address, to) = (it.address.unwrap(), it.to.unwrap());
            let (ports, to_ports) = (it.ports, it.to_ports);
            format!("{} {address} {ports:?} {to} {to_ports:?}", it.protocol)
        };
        found.forwards.iter().map(line).collect()
    }

    fn port(port: u16) -> Destinations {
        Destinations {
            ports: PortSet::one(port),
            ..Destinations::everywhere()
        }
    }

    #[test]
    fn every_real_server_of_a_service_is_named() {
        let any_port = "tcp 10.0.0.5 (80, 80) 10.10.0.7 None";
        assert_eq!(
            lines(&port(80)),
            [
                "tcp 10.96.0.8 (80, 80) 10.10.0.9 Some((8080, 8080))",
                "tcp 10.96.0.8 (80, 80) 10.10.0.8 Some((8080, 8080))",
                any_port,
            ]
        );
        let at = |address: [u8; 4]| Destinations {
            addresses: Some(vec![(address.into(), address.into())]),
            ..port(80)
        };
        assert_eq!(lines(&at([10, 0, 0, 5])), [any_port]);
        assert_eq!(lines(&at([10, 0, 0, 6])), [""; 0]);
        assert_eq!(
            lines(&port(443))[0],
            "tcp fd00::1 (443, 443) fd00::2 Some((8443, 8443))"
        );
        assert_eq!(
            lines(&port(53))[0],
            "udp 10.96.0.10 (53, 53) 10.10.0.3 Some((53, 53))"
        );
    }

    #[test]
    fn a_list_that_is_not_understood_is_not_taken_for_whole() {
        let decode = |text: &str| decode(text, &port(80), &mut RawForwards::default());
        assert_eq!(decode(""), Some(()));
        assert_eq!(decode("a\nb\nTCP  nonsense rr\n"), None);
        assert_eq!(decode("a\nb\n  -> 0A0A0009:1F90 Masq\n"), None);
        assert_eq!(decode("a\nb\nXYZ  0A600008:0050 rr\n"), None);
        for cut in 0..LIST.len() {
            decode(&LIST[..cut]);
        }
    }
}
