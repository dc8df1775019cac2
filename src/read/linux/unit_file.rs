//! Decodes unit files of systemd, systemd.syntax(7): which sockets a unit asks for, and whether a
//! service is started again. Pure.

use std::net::{IpAddr, Ipv6Addr};

use crate::model::Protocol;
use crate::read::raw::RawListen;

/// The sockets that a socket unit asks for, systemd.socket(5), from its file and then its drop-ins.
/// Those without a port (paths, netlink, vsock) are left out.
pub fn listens<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<RawListen> {
    let mut found = Vec::new();
    for (key, value) in assignments(texts, "Socket") {
        let protocol = match key.as_str() {
            "ListenStream" => Protocol::Tcp,
            "ListenDatagram" => Protocol::Udp,
            _ => continue,
        };
        if value.is_empty() {
            // An empty value takes back what stands before it, of every kind.
            found.clear();
        }
        found.extend(parse_listen(protocol, &value));
    }
    found
}

/// What `Restart=` says of a service, systemd.service(5); the last one counts.
pub fn restart<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let all = assignments(texts, "Service");
    let last = all.into_iter().rfind(|(key, _)| key == "Restart");
    last.map(|(_, value)| value)
        .filter(|value| !value.is_empty())
}

/// `8080`, `127.0.0.1:8080`, `[::1]:8080`, and an interface after `%`.
fn parse_listen(protocol: Protocol, value: &str) -> Option<RawListen> {
    let value = value.split('%').next()?;
    let (address, port) = match value.rsplit_once(':') {
        None => (None, value),
        Some((address, port)) => {
            let address: IpAddr = match address
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
            {
                Some(v6) => v6.parse::<Ipv6Addr>().ok()?.into(),
                None => address.parse().ok()?,
            };
            (Some(address), port)
        }
    };
    Some(RawListen {
        protocol,
        address,
        port: port.parse().ok().filter(|port| *port > 0)?,
    })
}

/// The assignments of a section, in their order.
fn assignments<'a>(
    texts: impl IntoIterator<Item = &'a str>,
    section: &str,
) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for text in texts {
        let mut is_inside = false;
        for line in joined_lines(text) {
            let line = line.trim();
            if let Some(name) = line
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
            {
                is_inside = name == section;
            } else if let Some((key, value)) = line.split_once('=')
                && is_inside
            {
                found.push((key.trim_end().to_owned(), value.trim_start().to_owned()));
            }
        }
    }
    found
}

/// The lines without comments; one that ends with a backslash goes on in the next, a space in place of
/// the backslash, systemd.syntax(7). A backslash before a backslash is none (`config_parse` in systemd's
/// conf-parser.c).
fn joined_lines(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut begun = String::new();
    for line in text.lines() {
        let line = line.trim_start();
        if line.starts_with(['#', ';']) {
            continue;
        }
        begun.push_str(line);
        let backslashes = line.len() - line.trim_end_matches('\\').len();
        if backslashes.is_multiple_of(2) {
            all.push(std::mem::take(&mut begun));
        } else {
            begun.pop();
            begun.push(' ');
        }
    }
    all.push(begun);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(texts: &[&str]) -> Vec<String> {
        let found = listens(texts.iter().copied());
        let one = |listen: &RawListen| {
            let address = listen.address.map(|address| address.to_string());
            let address = address.unwrap_or_else(|| "*".into());
            format!("{} {address} {}", listen.protocol, listen.port)
        };
        found.iter().map(one).collect()
    }

    #[test]
    fn sockets_with_ports_are_found() {
        let text = "[Unit]\nDescription=x\nListenStream=1\n[Socket]\n# ListenStream=2\n; no\n\
                    ListenStream=80\nListenStream=127.0.0.1:81\nListenStream=[::1]:82\n\
                    ListenDatagram = 0.0.0.0:53 \nListenStream=/run/x.sock\nListenStream=@abstract\n\
                    ListenStream=vsock:2:1234\nListenStream=[fe80::1]:83%eth0\nListenNetlink=audit 1\n\
                    [Install]\nWantedBy=sockets.target\n";
        assert_eq!(
            shown(&[text]),
            [
                "tcp * 80",
                "tcp 127.0.0.1 81",
                "tcp ::1 82",
                "udp 0.0.0.0 53",
                "tcp fe80::1 83"
            ]
        );
    }

    #[test]
    fn a_drop_in_may_take_back_what_the_file_says() {
        let file = "[Socket]\nListenStream=80\n";
        assert_eq!(
            shown(&[file, "[Socket]\nListenStream=\nListenStream=8080\n"]),
            ["tcp * 8080"]
        );
        assert_eq!(
            shown(&[file, "[Socket]\nListenStream=8080\n"]),
            ["tcp * 80", "tcp * 8080"]
        );
    }

    #[test]
    fn what_is_no_port_is_no_socket() {
        for value in ["0", "65536", "x", "1.2.3:80", "[::1]", ":80", "80:"] {
            assert_eq!(
                shown(&[&format!("[Socket]\nListenStream={value}\n")]),
                Vec::<String>::new(),
                "{value}"
            );
        }
    }

    #[test]
    fn the_last_restart_counts() {
        let file = "[Service]\nExecStart=/bin/a \\\n  Restart=no\nRestart=on-failure\n";
        assert_eq!(restart([file]), Some("on-failure".into()));
        assert_eq!(
            restart([file, "[Service]\nRestart=always\n"]),
            Some("always".into())
        );
        assert_eq!(restart([file, "[Service]\nRestart=\n"]), None);
        assert_eq!(restart(["[Unit]\nRestart=always\n"]), None);
    }

    #[test]
    fn a_value_goes_on_in_the_next_line_that_is_no_comment() {
        let restart = |text: &str| restart([format!("[Service]\n{text}").as_str()]);
        for (text, expected) in [
            ("Restart=\\\n  # why\n; and how\n  always\n", Some("always")),
            (
                "Restart=always\nExecStart=a \\\n# Restart=no\nRestart=no\n",
                Some("always"),
            ),
            ("Restart=always\nX=two\\\\\nRestart=no\n", Some("no")),
            ("Restart=no \\", Some("no")),
            ("Restart=no\nRestart=\\\n\n", None),
        ] {
            assert_eq!(restart(text).as_deref(), expected, "{text}");
        }
        let text = "[Socket]\nListenStream=80\nListenStream=\\\n\nListenStream=81\n";
        assert_eq!(shown(&[text]), ["tcp * 81"], "an empty value takes back");
    }
}
