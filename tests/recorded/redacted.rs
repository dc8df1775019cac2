//! A redacted recording tells nothing about people, and the same about ports.

use portwho::read::capture::Capture;

use crate::{portwho_fed, replay};

fn redacted() -> String {
    let mut capture =
        Capture::read(&mut std::fs::File::open(crate::capture("web1")).unwrap()).unwrap();
    capture.redact();
    let mut text = Vec::new();
    capture.write(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn names_of_people_hosts_arguments_and_directories_are_gone() {
    let text = redacted();
    let whole = std::fs::read_to_string(crate::capture("web1")).unwrap();
    for secret in [
        "web1",
        "anna",
        "server.js",
        "/srv/shop",
        "/srv/app",
        "10.0.0.5",
        "2001:db8::5",
    ] {
        assert!(whole.contains(secret), "{secret}");
        assert!(!text.contains(secret), "{secret}");
    }
    assert!(
        text.contains("127.0.0.1") && text.contains("nginx"),
        "what tells about ports stays"
    );
}

#[test]
fn the_same_ports_states_and_programs_are_told() {
    let columns = [
        "-a",
        "--format",
        "plain",
        "--columns",
        "port,state,process,pid,owners",
    ];
    let whole = replay("web1", &columns).stdout;
    let arguments: Vec<&str> = ["--from", "-"].iter().chain(&columns).copied().collect();
    let hidden = portwho_fed(&arguments, redacted().as_bytes()).stdout;
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&hidden), sorted(&whole));
}
