//! One end of a socket: an address and, where the protocol has ports, a port.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Address family of a socket. A dual-stack socket is IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    Ipv4,
    Ipv6,
}

impl Family {
    /// The name in JSON and in column `family`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        }
    }
}

/// Whom a socket lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exposure {
    /// Only programs of its own network (`127.0.0.0/8`, `::1`, the loopback device).
    Loopback,
    /// Whoever reaches one address of this machine.
    Address,
    /// Whoever reaches any address of this machine (`0.0.0.0`, `::`).
    All,
}

impl Exposure {
    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::Address => "address",
            Self::All => "all",
        }
    }
}

/// An address with a port in host byte order; no port for raw sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    pub address: IpAddr,
    pub port: Option<u16>,
}

impl Endpoint {
    pub fn new(address: impl Into<IpAddr>, port: u16) -> Self {
        Self {
            address: address.into(),
            port: Some(port),
        }
    }

    pub fn family(&self) -> Family {
        match self.address {
            IpAddr::V4(_) => Family::Ipv4,
            IpAddr::V6(_) => Family::Ipv6,
        }
    }

    /// Whether the address stands for every address of its family.
    pub fn is_wildcard(&self) -> bool {
        self.address.is_unspecified()
    }

    /// Whether the kernel wrote an IPv4 address in IPv6 form (RFC 4291, 2.5.5.2).
    pub fn is_ipv4_mapped(&self) -> bool {
        matches!(self.address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some())
    }

    /// The address with an IPv4-mapped one in its IPv4 form.
    pub fn canonical(&self) -> IpAddr {
        self.address.to_canonical()
    }

    /// Whether there is nothing at this end: no address and no port.
    pub fn is_absent(&self) -> bool {
        self.canonical().is_unspecified() && self.port.unwrap_or(0) == 0
    }

    /// Whom the address alone lets in.
    pub fn exposure(&self) -> Exposure {
        let address = self.canonical();
        if address.is_loopback() {
            Exposure::Loopback
        } else if address.is_unspecified() {
            Exposure::All
        } else {
            Exposure::Address
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Endpoint {
        Endpoint::new(text.parse::<IpAddr>().unwrap(), 80)
    }

    #[test]
    fn exposure_follows_the_address() {
        for loopback in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(at(loopback).exposure(), Exposure::Loopback, "{loopback}");
        }
        for all in ["0.0.0.0", "::", "::ffff:0.0.0.0"] {
            assert_eq!(at(all).exposure(), Exposure::All, "{all}");
        }
        for one in ["10.0.0.1", "fe80::1", "::ffff:10.0.0.1"] {
            assert_eq!(at(one).exposure(), Exposure::Address, "{one}");
        }
    }

    #[test]
    fn a_mapped_address_has_its_ipv4_form() {
        assert!(at("::ffff:1.2.3.4").is_ipv4_mapped());
        assert_eq!(at("::ffff:1.2.3.4").canonical(), at("1.2.3.4").address);
        assert!(!at("::1").is_ipv4_mapped());
    }
}
