//! What bites, and what does not.

use super::*;

fn codes(rows: &[Row]) -> Vec<&'static str> {
    conflicts(rows, &limits())
        .0
        .iter()
        .map(|finding| finding.code.as_str())
        .collect()
}

#[test]
fn localhost_with_two_answers_is_a_conflict_unless_one_program_gives_both() {
    let split = |six: &str| {
        [
            listener("127.0.0.1", None, "node", 1),
            listener("::1", Some(true), six, 2),
        ]
    };
    assert_eq!(codes(&split("java")), ["split-localhost"]);
    assert!(codes(&split("node")).is_empty());
    let wild = [
        listener("127.0.0.1", None, "node", 1),
        listener("::", Some(true), "java", 2),
    ];
    assert_eq!(codes(&wild), ["split-localhost"]);
}

#[test]
fn a_specific_address_shadows_anothers_wildcard() {
    let rows = [
        listener("0.0.0.0", None, "nginx", 1),
        listener("10.0.0.1", None, "node", 2),
    ];
    assert_eq!(codes(&rows), ["shadowed-wildcard"]);
    let dual = [
        listener("::", Some(false), "nginx", 1),
        listener("10.0.0.1", None, "node", 2),
    ];
    assert_eq!(codes(&dual), ["shadowed-wildcard"]);
    let apart = [
        listener("::", Some(true), "nginx", 1),
        listener("10.0.0.1", None, "node", 2),
    ];
    assert!(codes(&apart).is_empty());
}

#[test]
fn a_connection_of_a_tcp_socket_to_itself_is_a_conflict() {
    let to_itself = |protocol| {
        let mut socket = socket(protocol, State::Established, "127.0.0.1", None);
        socket.peer = Some(socket.local);
        [row(socket, Some(("node", 1)))]
    };
    let tcp = to_itself(Protocol::Tcp);
    assert_eq!(codes(&tcp), ["self-connection"]);
    let (findings, _) = conflicts(&tcp, &limits());
    assert_eq!(findings[0].severity(), Severity::Warning);
    assert!(codes(&to_itself(Protocol::Udp)).is_empty());
}

#[test]
fn a_group_of_one_program_is_no_conflict() {
    let group = |second: &str| {
        [
            listener("0.0.0.0", None, "nginx", 1),
            listener("0.0.0.0", None, second, 2),
        ]
    };
    assert!(codes(&group("nginx")).is_empty());
    assert_eq!(codes(&group("evil")), ["mixed-group"]);
}

#[test]
fn listeners_in_the_ephemeral_range_and_bound_sockets_are_told() {
    let limits = Limits {
        ephemeral: Some((50, 90)),
        ..limits()
    };
    let rows = [listener("127.0.0.1", None, "node", 1)];
    assert_eq!(
        conflicts(&rows, &limits).0[0].code,
        FindingCode::EphemeralListener
    );
    let reserved = Limits {
        reserved: vec![(80, 80)],
        ..limits
    };
    assert!(conflicts(&rows, &reserved).0.is_empty());
    let bound = [row(
        socket(Protocol::Tcp, State::Bound, "127.0.0.1", None),
        Some(("x", 1)),
    )];
    assert_eq!(codes(&bound), ["bound-only"]);
}

#[test]
fn hidden_owners_keep_a_clean_bill_from_being_given() {
    let hidden = |address| row(socket(Protocol::Tcp, State::Listen, address, None), None);
    let (findings, is_blind) = conflicts(&[hidden("127.0.0.1"), hidden("::1")], &limits());
    assert!(findings.is_empty() && is_blind);
    assert!(
        !conflicts(&[hidden("127.0.0.1")], &limits()).1,
        "one listener conflicts with nobody"
    );
}

fn udp(address: &str, program: &str, pid: u32, uid: u32) -> Row {
    let mut one = socket(Protocol::Udp, State::Unconnected, address, None);
    one.user = Some(Rc::new(User { uid, name: None }));
    row(one, Some((program, pid)))
}

/// Two sockets on one UDP port: who gets a datagram hangs on options that no table shows.
#[test]
fn two_programs_on_one_udp_port_are_a_conflict_and_nothing_is_said_that_may_be_wrong() {
    let found = |rows: &[Row]| {
        let all = conflicts(rows, &limits()).0;
        let one = all.first()?;
        assert_eq!(
            (all.len(), one.code),
            (1, FindingCode::MixedGroup),
            "{all:?}"
        );
        Some((one.severity(), one.sharing, one.advice()))
    };
    let pair = |address, uid| [udp(address, "left", 1, 1000), udp(address, "right", 2, uid)];
    let (severity, sharing, advice) = found(&pair("0.0.0.0", 1000)).unwrap();
    assert_eq!((severity, sharing), (Severity::Warning, Sharing::Either));
    assert!(advice.contains("bound last") && advice.contains("if all of them set SO_REUSEPORT"));
    // A group is of one user.
    let (severity, sharing, advice) = found(&pair("127.0.0.1", 33)).unwrap();
    assert_eq!((severity, sharing), (Severity::Warning, Sharing::Address));
    assert!(advice.contains("bound last") && !advice.contains("spreads"));
    for multicast in ["224.0.0.251", "ff02::fb", "::ffff:239.1.2.3"] {
        let (severity, sharing, _) = found(&pair(multicast, 33)).unwrap();
        assert_eq!((severity, sharing), (Severity::Info, Sharing::Multicast));
    }
    let one = [
        udp("0.0.0.0", "same", 1, 1000),
        udp("0.0.0.0", "same", 2, 1000),
    ];
    assert_eq!(found(&one), None);
}

/// Workers differ in a number; two projects may differ in as little as one argument or the folder.
#[test]
fn two_projects_of_one_shell_are_no_pool() {
    let start = |mut row: Row, words: &[&str], folder: &str| {
        let of_start = |owner: &Owner| {
            let mut owner = owner.clone();
            let process = Rc::make_mut(&mut owner.process);
            process.command = Some(words.iter().map(|word| Foreign::new(*word)).collect());
            process.working_directory = Some(Foreign::new(folder));
            process.parent_pid = Some(7);
            owner
        };
        row.owners = row.owners.iter().map(of_start).collect();
        row
    };
    let codes_of = |one: &[&str], other: &[&str], folder: &str| {
        codes(&[
            start(listener("127.0.0.1", None, "node", 11), one, "/src/shop"),
            start(listener("::1", Some(true), "node", 12), other, folder),
        ])
    };
    let (shop, blog) = ("/src/shop", "/src/blog");
    let split = ["split-localhost"];
    assert!(codes_of(&["node", "w", "9"], &["node", "w", "10"], shop).is_empty());
    assert!(codes_of(&["node", "--id=w9-a"], &["node", "--id=w10-a"], shop).is_empty());
    for (one, other, folder) in [
        (&["node", "shop"][..], &["node", "blog"][..], shop),
        (&["node", "w", "127.0.0.1"], &["node", "w", "::1"], shop),
        (&["node", "w"], &["node", "w"], blog),
        (&["node", "w", "9"], &["node", "w", "10"], blog),
        (&["node", "w9"], &["node", "w"], shop),
        (&["node", "1", "1"], &["node", "2", "2"], shop),
        (&["node", "1-1"], &["node", "2-2"], shop),
        (&["node", "w9a"], &["node", "w9b"], shop),
    ] {
        assert_eq!(codes_of(one, other, folder), split, "{one:?} {other:?}");
    }
}

/// Two servers of one interpreter, each started by hand: what a person calls two programs.
#[test]
fn one_interpreter_with_two_scripts_is_two_programs() {
    let with = |mut row: Row, command: &[&str], parent: u32| {
        let of_command = |owner: &Owner| {
            let mut owner = owner.clone();
            let process = Rc::make_mut(&mut owner.process);
            process.command = Some(command.iter().map(|word| Foreign::new(*word)).collect());
            process.parent_pid = Some(parent);
            owner
        };
        row.owners = row.owners.iter().map(of_command).collect();
        row
    };
    let four = || listener("127.0.0.1", None, "node", 11);
    let six = || listener("::1", Some(true), "node", 12);
    let apart = [
        with(four(), &["node", "a.js"], 1),
        with(six(), &["node", "b.js", "-v"], 1),
    ];
    assert_eq!(codes(&apart), ["split-localhost"]);
    let twice = [
        with(four(), &["node", "a.js"], 1),
        with(six(), &["node", "a.js"], 1),
    ];
    assert!(codes(&twice).is_empty());
    let workers = [
        with(four(), &["node", "w", "1"], 7),
        with(six(), &["node", "w", "2"], 7),
    ];
    assert!(codes(&workers).is_empty(), "of one parent");
    let child = [
        with(four(), &["node", "a.js"], 1),
        with(six(), &["node", "b.js", "-v"], 11),
    ];
    assert!(codes(&child).is_empty(), "one is the other's child");
}

/// Two instances of one unit's template, on both loopbacks: either may answer localhost.
#[test]
fn one_program_in_two_services_is_two_servers() {
    let with = |mut row: Row, unit: &str| {
        let of_unit = |owner: &Owner| {
            let mut owner = owner.clone();
            let process = Rc::make_mut(&mut owner.process);
            process.uid = Some(1000);
            process.command = Some(vec![Foreign::new("web")]);
            process.meaning.unit = Some(crate::model::Unit {
                name: Foreign::new(unit),
                slice: None,
                manager: crate::model::Manager::System,
                user: None,
                claimed: false,
            });
            owner
        };
        row.owners = row.owners.iter().map(of_unit).collect();
        row
    };
    let rows = |second: &str| {
        [
            with(listener("127.0.0.1", None, "web", 11), "web@1.service"),
            with(listener("::1", Some(true), "web", 12), second),
        ]
    };
    assert_eq!(codes(&rows("web@2.service")), ["split-localhost"]);
    assert!(codes(&rows("web@1.service")).is_empty());
}
