//! Names of services by port: the names of IANA's registry (RFC 6335) that people meet, as a table of
//! this program, so that an answer does not depend on the machine and no name service is asked.

use Transport::{Both, Tcp, Udp};

use super::Protocol;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    Tcp,
    Udp,
    Both,
}

impl Transport {
    fn covers(self, protocol: Protocol) -> bool {
        match protocol.port_space() {
            Protocol::Tcp => self != Udp,
            Protocol::Udp => self != Tcp,
            _ => false,
        }
    }
}

/// The service that a port is registered for. What really runs there may be another.
pub fn service_of(protocol: Protocol, port: u16) -> Option<&'static str> {
    let first = SERVICES.partition_point(|(number, _, _)| *number < port);
    SERVICES[first..]
        .iter()
        .take_while(|(number, _, _)| *number == port)
        .find(|(_, transport, _)| transport.covers(protocol))
        .map(|(_, _, name)| *name)
}

/// The ports that a service name means, ascending (`http-alt` has two); aliases that people type are
/// known too.
pub fn port_of(name: &str) -> Vec<u16> {
    let name = name.to_ascii_lowercase();
    let name = ALIASES
        .iter()
        .find(|(alias, _)| *alias == name)
        .map_or(name.as_str(), |(_, name)| name);
    let mut ports: Vec<u16> = SERVICES
        .iter()
        .filter(|(_, _, service)| *service == name)
        .map(|(port, _, _)| *port)
        .collect();
    ports.dedup();
    ports
}

/// What people say for a registered name.
const ALIASES: [(&str, &str); 15] = [
    ("www", "http"),
    ("dns", "domain"),
    ("mail", "smtp"),
    ("smtps", "submissions"),
    ("postgres", "postgresql"),
    ("mongo", "mongodb"),
    ("memcached", "memcache"),
    ("rdp", "ms-wbt-server"),
    ("vnc", "rfb"),
    ("smb", "microsoft-ds"),
    ("mssql", "ms-sql-s"),
    ("mqtts", "secure-mqtt"),
    ("etcd", "etcd-client"),
    ("dhcp", "bootps"),
    ("xmpp", "xmpp-client"),
];

/// In ascending order of port.
#[rustfmt::skip]
const SERVICES: &[(u16, Transport, &str)] = &[
    (1, Tcp, "tcpmux"),
    (7, Both, "echo"),
    (9, Both, "discard"),
    (11, Tcp, "systat"),
    (13, Both, "daytime"),
    (15, Tcp, "netstat"),
    (17, Both, "qotd"),
    (19, Both, "chargen"),
    (20, Tcp, "ftp-data"),
    (21, Tcp, "ftp"),
    (22, Tcp, "ssh"),
    (23, Tcp, "telnet"),
    (25, Tcp, "smtp"),
    (37, Both, "time"),
    (43, Tcp, "whois"),
    (49, Both, "tacacs"),
    (53, Both, "domain"),
    (67, Udp, "bootps"),
    (68, Udp, "bootpc"),
    (69, Udp, "tftp"),
    (70, Tcp, "gopher"),
    (79, Tcp, "finger"),
    (80, Both, "http"),
    (88, Both, "kerberos"),
    (102, Tcp, "iso-tsap"),
    (104, Tcp, "acr-nema"),
    (110, Tcp, "pop3"),
    (111, Both, "sunrpc"),
    (113, Tcp, "auth"),
    (119, Tcp, "nntp"),
    (123, Udp, "ntp"),
    (135, Both, "epmap"),
    (137, Both, "netbios-ns"),
    (138, Both, "netbios-dgm"),
    (139, Both, "netbios-ssn"),
    (143, Tcp, "imap"),
    (161, Both, "snmp"),
    (162, Both, "snmptrap"),
    (163, Tcp, "cmip-man"),
    (177, Both, "xdmcp"),
    (179, Tcp, "bgp"),
    (194, Both, "irc"),
    (199, Tcp, "smux"),
    (201, Both, "at-rtmp"),
    (209, Tcp, "qmtp"),
    (210, Tcp, "z3950"),
    (213, Both, "ipx"),
    (319, Udp, "ptp-event"),
    (320, Udp, "ptp-general"),
    (369, Both, "rpc2portmap"),
    (370, Both, "codaauth2"),
    (371, Udp, "clearcase"),
    (389, Both, "ldap"),
    (427, Both, "svrloc"),
    (443, Both, "https"),
    (444, Tcp, "snpp"),
    (445, Both, "microsoft-ds"),
    (464, Both, "kpasswd"),
    (465, Tcp, "submissions"),
    (487, Tcp, "saft"),
    (500, Udp, "isakmp"),
    (502, Both, "mbap"),
    (512, Udp, "biff"),
    (512, Tcp, "exec"),
    (513, Tcp, "login"),
    (513, Udp, "who"),
    (514, Tcp, "shell"),
    (514, Udp, "syslog"),
    (515, Tcp, "printer"),
    (517, Udp, "talk"),
    (518, Udp, "ntalk"),
    (520, Udp, "route"),
    (521, Udp, "ripng"),
    (538, Both, "gdomap"),
    (540, Tcp, "uucp"),
    (543, Tcp, "klogin"),
    (544, Tcp, "kshell"),
    (546, Udp, "dhcpv6-client"),
    (547, Udp, "dhcpv6-server"),
    (548, Tcp, "afpovertcp"),
    (554, Both, "rtsp"),
    (563, Tcp, "nntps"),
    (587, Tcp, "submission"),
    (607, Tcp, "nqs"),
    (623, Udp, "asf-rmcp"),
    (628, Tcp, "qmqp"),
    (631, Both, "ipp"),
    (636, Both, "ldaps"),
    (646, Both, "ldp"),
    (655, Both, "tinc"),
    (657, Both, "rmc"),
    (674, Tcp, "acap"),
    (749, Tcp, "kerberos-adm"),
    (750, Both, "kerberos4"),
    (783, Tcp, "spamd"),
    (830, Both, "netconf-ssh"),
    (847, Both, "dhcp-failover2"),
    (853, Both, "domain-s"),
    (860, Both, "iscsi"),
    (873, Tcp, "rsync"),
    (989, Tcp, "ftps-data"),
    (990, Tcp, "ftps"),
    (992, Tcp, "telnets"),
    (993, Tcp, "imaps"),
    (995, Tcp, "pop3s"),
    (1080, Both, "socks"),
    (1099, Both, "rmiregistry"),
    (1190, Both, "skkserv"),
    (1194, Both, "openvpn"),
    (1220, Both, "qt-serveradmin"),
    (1241, Both, "nessus"),
    (1352, Both, "lotusnote"),
    (1433, Both, "ms-sql-s"),
    (1434, Both, "ms-sql-m"),
    (1512, Both, "wins"),
    (1521, Both, "ncube-lm"),
    (1701, Both, "l2f"),
    (1720, Both, "h323hostcall"),
    (1723, Both, "pptp"),
    (1755, Both, "ms-streaming"),
    (1812, Both, "radius"),
    (1813, Both, "radius-acct"),
    (1883, Both, "mqtt"),
    (1900, Both, "ssdp"),
    (1935, Both, "macromedia-fcs"),
    (1985, Both, "hsrp"),
    (2000, Both, "cisco-sccp"),
    (2049, Both, "nfs"),
    (2086, Both, "gnunet"),
    (2101, Both, "rtcm-sc104"),
    (2119, Both, "gsigatekeeper"),
    (2135, Both, "gris"),
    (2375, Tcp, "docker"),
    (2376, Tcp, "docker-s"),
    (2377, Tcp, "swarm"),
    (2379, Tcp, "etcd-client"),
    (2380, Tcp, "etcd-server"),
    (2401, Both, "cvspserver"),
    (2430, Both, "venus"),
    (2628, Both, "dict"),
    (2811, Both, "gsiftp"),
    (2947, Both, "gpsd"),
    (3050, Both, "gds-db"),
    (3130, Both, "icpv2"),
    (3205, Both, "isns"),
    (3260, Both, "iscsi-target"),
    (3268, Both, "msft-gc"),
    (3269, Both, "msft-gc-ssl"),
    (3306, Both, "mysql"),
    (3389, Both, "ms-wbt-server"),
    (3478, Both, "stun"),
    (3493, Both, "nut"),
    (3632, Both, "distcc"),
    (3689, Both, "daap"),
    (3690, Both, "svn"),
    (3702, Both, "ws-discovery"),
    (4031, Both, "suucp"),
    (4094, Both, "sysrqd"),
    (4190, Tcp, "sieve"),
    (4369, Both, "epmd"),
    (4373, Both, "remctl"),
    (4444, Both, "krb524"),
    (4500, Udp, "ipsec-nat-t"),
    (4569, Both, "iax"),
    (4691, Both, "mtn"),
    (4789, Udp, "vxlan"),
    (4840, Both, "opcua-tcp"),
    (4899, Both, "radmin-port"),
    (4949, Both, "munin"),
    (5000, Both, "commplex-main"),
    (5004, Both, "avt-profile-1"),
    (5005, Both, "avt-profile-2"),
    (5060, Both, "sip"),
    (5061, Both, "sips"),
    (5190, Both, "aol"),
    (5222, Both, "xmpp-client"),
    (5269, Both, "xmpp-server"),
    (5308, Both, "cfengine"),
    (5349, Both, "stuns"),
    (5353, Both, "mdns"),
    (5355, Both, "llmnr"),
    (5432, Both, "postgresql"),
    (5666, Both, "nrpe"),
    (5667, Both, "nsca"),
    (5671, Both, "amqps"),
    (5672, Both, "amqp"),
    (5683, Both, "coap"),
    (5684, Both, "coaps"),
    (5900, Both, "rfb"),
    (5938, Both, "teamviewer"),
    (5984, Both, "couchdb"),
    (5985, Both, "wsman"),
    (5986, Both, "wsmans"),
    (6000, Tcp, "x11"),
    (6001, Tcp, "x11-1"),
    (6081, Udp, "geneve"),
    (6343, Both, "sflow"),
    (6379, Tcp, "redis"),
    (6443, Both, "sun-sr-https"),
    (6444, Both, "sge-qmaster"),
    (6445, Both, "sge-execd"),
    (6446, Both, "mysql-proxy"),
    (6514, Both, "syslog-tls"),
    (6566, Both, "sane-port"),
    (6653, Both, "openflow"),
    (6667, Tcp, "ircu"),
    (6697, Tcp, "ircs-u"),
    (7000, Both, "afs3-fileserver"),
    (7001, Both, "afs3-callback"),
    (7002, Both, "afs3-prserver"),
    (7100, Both, "font-service"),
    (7474, Both, "neo4j"),
    (8000, Both, "irdmi"),
    (8008, Both, "http-alt"),
    (8080, Both, "http-alt"),
    (8081, Both, "sunproxyadmin"),
    (8140, Tcp, "puppet"),
    (8443, Both, "pcsync-https"),
    (8883, Both, "secure-mqtt"),
    (8888, Both, "ddi-tcp-1"),
    (9000, Both, "cslistener"),
    (9090, Both, "websm"),
    (9091, Both, "xmltec-xmlmail"),
    (9100, Both, "pdl-datastream"),
    (9101, Both, "bacula-dir"),
    (9102, Both, "bacula-fd"),
    (9103, Both, "bacula-sd"),
    (9200, Both, "wap-wsp"),
    (9418, Both, "git"),
    (9443, Both, "tungsten-https"),
    (10000, Both, "ndmp"),
    (10050, Both, "zabbix-agent"),
    (10051, Both, "zabbix-trapper"),
    (11211, Both, "memcache"),
    (13720, Both, "bprd"),
    (17500, Both, "db-lsp"),
    (20000, Both, "dnp"),
    (20048, Both, "mountd"),
    (24465, Both, "tinc"),
    (27017, Tcp, "mongodb"),
    (33060, Tcp, "mysqlx"),
    (33434, Both, "traceroute"),
    (60177, Both, "tfido"),
    (60179, Both, "fido"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(SERVICES.is_sorted_by_key(|(port, _, _)| *port));
    }

    #[test]
    fn every_name_leads_back_to_its_port() {
        for (port, _, name) in SERVICES {
            assert!(port_of(name).contains(port), "{name}");
        }
        for (alias, name) in ALIASES {
            assert_eq!(port_of(alias), port_of(name), "{alias}");
            assert!(!port_of(alias).is_empty(), "{alias}");
        }
    }

    #[test]
    fn transports_are_told_apart() {
        assert_eq!(service_of(Protocol::Tcp, 512), Some("exec"));
        assert_eq!(service_of(Protocol::Udp, 512), Some("biff"));
        assert_eq!(service_of(Protocol::Udp, 22), None);
        assert_eq!(service_of(Protocol::Mptcp, 443), Some("https"));
        assert_eq!(service_of(Protocol::Tcp, 4), None);
        assert_eq!(service_of(Protocol::Raw, 1), None);
    }
}
