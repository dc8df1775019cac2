//! Names that tell nothing of whose machine it is: those of common system software and of usual
//! interfaces. All others are replaced.

/// Stems of units that distributions and well-known servers bring, without suffix and instance.
const UNITS: [&str; 112] = [
    "-",
    "accounts-daemon",
    "acpid",
    "apache2",
    "app",
    "apt-daily",
    "auditd",
    "avahi-daemon",
    "background",
    "bind9",
    "bluetooth",
    "caddy",
    "chrony",
    "chronyd",
    "cloud-init",
    "colord",
    "console-getty",
    "containerd",
    "cri-o",
    "cron",
    "crond",
    "cups",
    "cups-browsed",
    "dbus",
    "dbus-broker",
    "dhcpcd",
    "dirmngr",
    "dm-event",
    "dnsmasq",
    "docker",
    "dovecot",
    "elasticsearch",
    "etcd",
    "exim4",
    "fail2ban",
    "firewalld",
    "gdm",
    "getty",
    "gpg-agent",
    "gpg-agent-browser",
    "gpg-agent-extra",
    "gpg-agent-ssh",
    "grafana-server",
    "haproxy",
    "httpd",
    "init",
    "iscsid",
    "k3s",
    "kubelet",
    "libvirtd",
    "lightdm",
    "lvm2-lvmpolld",
    "machine",
    "mariadb",
    "memcached",
    "ModemManager",
    "mongod",
    "mosquitto",
    "mysql",
    "mysqld",
    "named",
    "NetworkManager",
    "networkd-dispatcher",
    "nfs-server",
    "nginx",
    "nmbd",
    "node_exporter",
    "nscd",
    "ntp",
    "ntpd",
    "openvpn",
    "pcscd",
    "php-fpm",
    "pipewire",
    "pipewire-pulse",
    "podman",
    "polkit",
    "postfix",
    "postgresql",
    "prometheus",
    "pulseaudio",
    "rabbitmq-server",
    "redis",
    "redis-server",
    "rpc-statd",
    "rpcbind",
    "rsync",
    "rsyslog",
    "serial-getty",
    "session",
    "slapd",
    "smbd",
    "snapd",
    "squid",
    "ssh",
    "sshd",
    "sshd-unix-local",
    "sssd",
    "strongswan",
    "system",
    "tailscaled",
    "tor",
    "unattended-upgrades",
    "unbound",
    "upower",
    "user",
    "uuidd",
    "virtlockd",
    "virtlogd",
    "vsftpd",
    "wpa_supplicant",
    "zabbix-agent",
];

/// Whether a unit's stem, without instance, is one that tells nothing.
pub fn is_unit(stem: &str) -> bool {
    UNITS.contains(&stem) || stem.starts_with("systemd-")
}

/// Whether a name is that of a program of common system software.
pub fn is_program(name: &str) -> bool {
    name == "systemd" || is_unit(name)
}

/// What a unit's name may end in, systemd.unit(5).
pub const SUFFIXES: [&str; 5] = ["service", "scope", "slice", "socket", "target"];

/// Services of Windows itself that listen or keep connections.
const SERVICES: [&str; 34] = [
    "BFE",
    "BITS",
    "CertSvc",
    "CryptSvc",
    "Dhcp",
    "DiagTrack",
    "DNS",
    "Dnscache",
    "DoSvc",
    "EventLog",
    "FDResPub",
    "iphlpsvc",
    "IKEEXT",
    "Kdc",
    "LanmanServer",
    "LanmanWorkstation",
    "lmhosts",
    "MpsSvc",
    "Netlogon",
    "NlaSvc",
    "NTDS",
    "PolicyAgent",
    "RpcEptMapper",
    "RpcSs",
    "SamSs",
    "Schedule",
    "SessionEnv",
    "Spooler",
    "SSDPSRV",
    "TermService",
    "upnphost",
    "W32Time",
    "W3SVC",
    "WinRM",
];

/// Whether a service of Windows comes with it.
pub fn is_service(name: &str) -> bool {
    let is_it = |known: &&str| known.eq_ignore_ascii_case(name);
    SERVICES.iter().any(is_it)
}

/// What systemd.service(5) knows as `Restart=`.
pub const POLICIES: [&str; 7] = [
    "no",
    "on-success",
    "on-failure",
    "on-abnormal",
    "on-watchdog",
    "on-abort",
    "always",
];

/// Beginnings of names that the kernel, udev and usual programs give, before a number.
const INTERFACES: [&str; 20] = [
    "awdl", "bond", "br", "bridge", "dummy", "en", "eno", "ens", "eth", "lo", "lxcbr", "ppp",
    "tap", "tun", "utun", "virbr", "wg", "wlan", "wwan", "docker",
];
/// Names that Windows gives, perhaps with a number after them.
const OF_WINDOWS: [&str; 3] = ["Ethernet", "Wi-Fi", "Loopback Pseudo-Interface"];

/// Kinds of devices that decide who reaches a socket, and the usual ones.
pub fn is_device_kind(kind: &str) -> bool {
    const KINDS: [&str; 12] = [
        "bond",
        "bridge",
        "dummy",
        "ifb",
        "ipvlan",
        "macvlan",
        "nlmon",
        "tun",
        "veth",
        "vlan",
        "vrf",
        "wireguard",
    ];
    KINDS.contains(&kind)
}

/// Whether an interface's name tells nothing: one that the system gives, with nothing of anybody's in it.
pub fn is_interface(name: &str) -> bool {
    let is_number = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_digit());
    let is_hex = |rest: &str| rest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let begins = |known: &&str| name.strip_prefix(*known).is_some_and(is_number);
    let of_windows = |known: &&str| {
        let rest = name.strip_prefix(*known);
        rest.is_some_and(|rest| is_number(rest.trim_start_matches(' ')))
    };
    let bridge = name.strip_prefix("br-");
    let pair = name.strip_prefix("veth");
    INTERFACES.iter().any(begins)
        || OF_WINDOWS.iter().any(of_windows)
        || bridge.is_some_and(|id| id.len() == 12 && is_hex(id))
        || pair.is_some_and(|id| id.len() >= 6 && is_hex(id))
        || is_by_slot(name)
}

/// `enp3s0`, `wlp0s20f3`: by the slot of its card, systemd.net-naming-scheme(7). By its hardware
/// address (`enx...`) it would tell the very card.
fn is_by_slot(name: &str) -> bool {
    let slot = ["en", "wl", "ww"]
        .iter()
        .find_map(|kind| name.strip_prefix(kind));
    let Some(mut rest) = slot.filter(|slot| slot.starts_with(['o', 's', 'p', 'P'])) else {
        return false;
    };
    while let Some(after) = rest.strip_prefix(['P', 'p', 's', 'f', 'd', 'o', 'u', 'n', 'v', 'i']) {
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        // A port of the card has a name, which begins with a letter as well: `np0`.
        if digits == 0 && !rest.starts_with('n') {
            return false;
        }
        rest = &after[digits..];
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_with_somebody_s_name_are_told_from_the_usual() {
        for name in [
            "lo",
            "lo0",
            "eth0",
            "enp3s0",
            "enP2p1s0f1np1",
            "eno1",
            "ens33",
            "en0",
            "wlan0",
            "wlp0s20f3",
            "docker0",
            "br-0123456789ab",
            "veth12ab34c",
            "virbr0",
            "Ethernet 2",
        ] {
            assert!(is_interface(name), "{name}");
        }
        for name in [
            "",
            "wg-customer",
            "br-acme",
            "br-cafe",
            "eth0.acme",
            "enx001122334455",
            "enacme",
            "enp3sx",
            "lan",
            "Ethernet acme",
            "vethacme",
        ] {
            assert!(!is_interface(name), "{name}");
        }
    }

    #[test]
    fn units_of_the_system_are_told_from_others() {
        for stem in ["nginx", "systemd-resolved", "user", "-"] {
            assert!(is_unit(stem), "{stem}");
        }
        for stem in ["", "acme-shop", "nginx-acme", "wg-quick"] {
            assert!(!is_unit(stem), "{stem}");
        }
        assert!(is_service("dnscache") && !is_service("AcmeSvc"));
    }
}
