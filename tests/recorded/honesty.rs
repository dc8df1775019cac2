//! What could not be seen is said: no owner is invented, no socket dropped, and the way out is named.

use serde_json::{Value, json};

use crate::contract::{document, end, list, sockets, text};
use crate::{capture, portwho_fed, replay};

/// `22/tcp 0.0.0.0: hidden`, for every row of `-a`.
fn statuses(capture: &str) -> Vec<String> {
    sockets(capture, &["-a"])
        .iter()
        .map(|socket| format!("{}: {}", end(socket), text(socket, "owner_status")))
        .collect()
}

fn codes(document: &Value) -> Vec<&str> {
    list(&document["notes"])
        .iter()
        .map(|note| text(note, "code"))
        .collect()
}

#[test]
fn an_ordinary_user_sees_every_socket_and_the_own_owners() {
    let expected = [
        "22/tcp 0.0.0.0: hidden",
        "22/tcp 10.0.0.5: none",
        "68/udp 0.0.0.0: hidden",
        "3000/tcp 127.0.0.1: partial",
        "5432/tcp ::: hidden",
    ];
    assert_eq!(statuses("ordinary-user"), expected);
    assert_eq!(statuses("hidepid"), expected);
    let document = document("ordinary-user", &[]);
    assert_eq!(document["complete"], false);
    assert_eq!(codes(&document), ["owners-hidden", "processes-refused"]);
    assert_eq!(document["notes"][0]["count"], 3);
    assert_eq!(document["notes"][1]["count"], 41);
}

#[test]
fn where_nobody_could_be_looked_into_every_owner_is_hidden() {
    for capture in ["no-ptrace", "no-proc"] {
        for line in statuses(capture) {
            let status = if line.starts_with("22/tcp 10.0.0.5") {
                "none"
            } else {
                "hidden"
            };
            assert!(line.ends_with(status), "{capture}: {line}");
        }
    }
}

/// That no process has it is no proof that the kernel serves it: a thread may wait on a descriptor that is
/// closed. Ending the process would free the port then.
#[test]
fn a_socket_that_no_process_has_is_the_kernels_only_with_proof() {
    let whole = std::fs::read_to_string(capture("web1")).unwrap();
    let mut recording: Value = serde_json::from_str(&whole).unwrap();
    let ask = |recording: &Value, line: &str| {
        let arguments = [&*crate::words(line), &["--from", "-"]].concat();
        portwho_fed(&arguments, &serde_json::to_vec(recording).unwrap())
    };
    let proven = ask(&recording, "tcp:2049 --json");
    let proven: Value = serde_json::from_str(&proven.stdout).unwrap();
    assert_eq!(proven["complete"], true);
    assert_eq!(proven["sockets"][0]["owner_status"], "none");
    recording["holders"]
        .as_object_mut()
        .unwrap()
        .remove("kernel");
    let found = ask(&recording, "tcp:2049 --json");
    let found: Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!(found["complete"], false);
    assert_eq!(codes(&found), ["owners-not-found"]);
    assert_eq!(found["notes"][0]["count"], 2);
    for socket in list(&found["sockets"]) {
        assert_eq!(socket["owner_status"], "hidden", "{socket}");
    }
    for line in ["tcp:2049", "why tcp:2049", "-l", "map", "conflicts"] {
        let answer = ask(&recording, line);
        let said = format!("{}{}", answer.stdout, answer.stderr);
        assert!(!said.contains("kernel owns"), "{line}: {said}");
        assert!(!said.contains("kernel serves the port"), "{line}: {said}");
        assert!(!said.contains("(kernel)"), "{line}: {said}");
        assert!(
            answer.stderr.contains("no owner that could be found"),
            "{line}: {said}"
        );
    }
    // A process that was not found may be the one that is asked for.
    let other = ask(&recording, "pid=1 tcp:2049");
    assert_eq!((other.code, &*other.stdout), (3, ""), "{other:?}");
    recording["holders"]["suspects"] = json!([
        {"process": {"pid": 77, "start": 5}, "comm": "exports", "call": "accept"}
    ]);
    let named = ask(&recording, "tcp:2049");
    assert!(
        named.stderr.contains("exports (pid 77) in accept()"),
        "{named:?}"
    );
}

#[test]
fn a_containers_own_owners_are_known_and_others_hidden() {
    assert_eq!(
        statuses("container"),
        ["8080/tcp 0.0.0.0: known", "40317/tcp 127.0.0.11: hidden"]
    );
}

/// Where kcmp(2) is refused, a thread that was not looked into may have what nobody else has.
#[test]
fn an_owner_may_be_among_threads_that_were_not_looked_into() {
    let recorded = std::fs::read_to_string(capture("container")).unwrap();
    let recorded = recorded.replace("pid-namespace", "threads");
    let answer = portwho_fed(&["--from", "-", "-a", "--json"], recorded.as_bytes());
    let document: Value = serde_json::from_str(&answer.stdout).unwrap();
    let sockets = list(&document["sockets"]).iter();
    let statuses: Vec<_> = sockets.map(|socket| text(socket, "owner_status")).collect();
    assert_eq!(statuses, ["known", "hidden"]);
    let told = text(&document["notes"][0], "message");
    assert!(told.contains("kcmp(2) is refused"), "{told}");
}

#[test]
fn where_everything_was_read_nobody_is_hidden() {
    for socket in sockets("web1", &["-a"]) {
        let status = text(&socket, "owner_status");
        let is_kernels = socket["local_port"] == 2049;
        let has_none = is_kernels || socket["inode"].is_null();
        let expected = if has_none { "none" } else { "known" };
        assert_eq!(status, expected, "{}", end(&socket));
    }
}

#[test]
fn nobody_looked_is_not_nobody() {
    for socket in sockets("web1", &["--no-owners"]) {
        assert_eq!(text(&socket, "owner_status"), "skipped");
        assert_eq!(socket["owners"], json!([]));
    }
    assert_eq!(
        document("ordinary-user", &["--no-owners"])["notes"],
        json!([])
    );
}

#[test]
fn the_note_names_the_way_out() {
    for (capture, words) in [
        (
            "ordinary-user",
            "the owners of 3 sockets cannot be seen: run portwho with sudo to see them",
        ),
        (
            "hidepid",
            "the owners of 3 sockets cannot be seen: run portwho with sudo to see them",
        ),
        (
            "no-ptrace",
            "the owners of 4 sockets cannot be seen: root lacks CAP_SYS_PTRACE, or a capability that their owners have",
        ),
        (
            "no-proc",
            "the owners of 4 sockets cannot be seen: /proc is not mounted",
        ),
        (
            "container",
            "the owner of 1 socket cannot be seen: they live outside this container's pid namespace; run portwho on the host to see them",
        ),
    ] {
        let answer = replay(capture, &[]);
        assert_eq!(answer.stderr, format!("portwho: note: {words}\n"));
        assert_eq!(document(capture, &[])["notes"][0]["message"], words);
    }
}

#[test]
fn a_table_that_was_lost_is_told_with_its_reason() {
    let answer = replay("unknown-table", &[]);
    let why = "sock_diag: permission denied (EACCES); /proc/net/udp: permission denied";
    let line = |family| format!("portwho: note: udp over {family}: cannot be read: {why}\n");
    assert_eq!(answer.stderr, line("IPv4") + &line("IPv6"));
    assert_eq!(codes(&document("unknown-table", &[])), ["table-unknown"; 2]);
    assert_eq!(codes(&document("partial-table", &[])), ["table-partial"]);
    assert_eq!(document("partial-table", &[])["complete"], false);
    let quiet = replay("unknown-table", &["tcp"]);
    assert_eq!(quiet.stderr, "", "a table that was not asked for");
}

#[test]
fn the_second_best_way_loses_nothing_and_is_told_when_asked() {
    let quiet = replay("fallback", &[]);
    assert_eq!((quiet.code, quiet.stderr.as_str()), (0, ""));
    let verbose = replay("fallback", &["-v"]).stderr;
    assert!(
        verbose.contains("read by /proc/net; 2 sockets; complete"),
        "{verbose}"
    );
    assert!(
        verbose.contains("tcp over IPv4: read from /proc/net"),
        "{verbose}"
    );
    let document = document("fallback", &[]);
    assert_eq!(document["complete"], true);
    assert_eq!(document["source"], "/proc/net");
    assert_eq!(codes(&document), ["table-fallback"; 4]);
}

#[test]
fn an_unknown_v6only_is_null_and_takes_ipv4() {
    let found = sockets("fallback", &["127.0.0.1:5432"]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["v6only"], Value::Null);
    let table = replay("fallback", &[]).shown();
    assert!(table.contains("[::] +IPv4?"), "it may: {table}");
    let card = replay("fallback", &[":5432"]).shown();
    assert!(card.contains("whether on IPv4 too is unknown"), "{card}");
}

#[test]
fn a_system_that_hides_bound_sockets_cannot_tell_that_a_port_is_unused() {
    let answer = replay("fallback", &[":81"]);
    assert_eq!(answer.code, 3);
    assert!(
        answer
            .stderr
            .contains("bound without listening cannot be seen"),
        "{}",
        answer.stderr
    );
    let document = document("fallback", &[":81"]);
    assert!(codes(&document).contains(&"bound-unseen"));
}

#[test]
fn verbose_says_how_the_answer_was_found() {
    let answer = replay("web1", &["-v"]);
    assert_eq!(
        answer.stderr,
        "portwho: note: read by sock_diag; 22 sockets; complete\n"
    );
    let answer = replay("web1", &["-v", "-a"]);
    assert!(
        answer.stderr.contains("sock_diag, /proc/net"),
        "{}",
        answer.stderr
    );
}

#[test]
fn json_holds_its_notes_itself_and_rows_leave_them_to_the_error_stream() {
    assert_eq!(replay("ordinary-user", &["--json"]).stderr, "");
    for format in ["ndjson", "csv", "plain", "table"] {
        let answer = replay("ordinary-user", &["--format", format]);
        assert!(answer.stderr.contains("sudo"), "{format}");
    }
}

/// A namespace that was not entered may have the port that nobody has here.
#[test]
fn a_port_that_nobody_has_is_unknown_where_namespaces_may_have_been_missed() {
    let text = std::fs::read_to_string(crate::capture("empty")).unwrap();
    let mut recording: serde_json::Value = serde_json::from_str(&text).unwrap();
    let ask = |recording: &serde_json::Value| {
        let text = recording.to_string();
        crate::portwho_fed(&[":45999", "--from", "-"], text.as_bytes())
    };
    assert_eq!(ask(&recording).code, 1);
    recording["sockets"]["namespaces_refused"] = serde_json::json!(3);
    let answer = ask(&recording);
    assert_eq!((answer.code, answer.stdout.as_str()), (3, ""), "{answer:?}");
    assert!(answer.stderr.contains("3 processes"), "{answer:?}");
    assert!(answer.stderr.contains("cannot tell"), "{answer:?}");
}

#[test]
fn a_recording_of_one_network_namespace_cannot_tell_of_others() {
    for arguments in [&[":9", "--all-netns"][..], &["name=nobody", "--all-netns"]] {
        let answer = replay("web1", arguments);
        assert_eq!((answer.code, answer.stdout.as_str()), (3, ""), "{answer:?}");
        assert!(
            answer.stderr.contains("one network namespace alone"),
            "{answer:?}"
        );
    }
    assert_eq!(replay("web1", &[":80", "--all-netns"]).code, 0);
}

/// A recording holds no rules of other namespaces: they may send a port elsewhere.
#[test]
fn rules_of_other_namespaces_that_are_not_read_leave_a_port_unknown() {
    let text = std::fs::read_to_string(crate::capture("web1")).unwrap();
    let mut capture: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut far = capture["sockets"].clone();
    for table in far["tables"].as_array_mut().unwrap() {
        table["sockets"] = serde_json::json!([]);
    }
    far["netns"] = 7.into();
    capture["all_namespaces"] = true.into();
    capture["sockets"]["elsewhere"] =
        serde_json::json!([{ "name": "blue", "container": null, "sockets": far }]);
    let fed = serde_json::to_vec(&capture).unwrap();
    let told = |arguments: &str| {
        let words: Vec<&str> = arguments.split(' ').collect();
        crate::portwho_fed(&[&words[..], &["--from", "-"]].concat(), &fed)
    };
    let note = "the DNAT rules of another network namespace are not read";
    for question in [":9 --all-netns", "why :9 --all-netns", "map :9 --all-netns"] {
        let answer = told(question);
        assert_eq!(answer.code, 3, "{answer:?}");
        assert_eq!(answer.stderr.matches(note).count(), 1, "{answer:?}");
        let document = told(&format!("{question} --json"));
        assert!(
            document.stdout.contains("\"complete\": false"),
            "{document:?}"
        );
    }
    assert_eq!(told(":9").code, 1);
    assert_eq!(told(":80 --all-netns").code, 0);
}

#[test]
fn rules_that_could_not_be_read_are_told_where_packets_are_sent_on() {
    let text = std::fs::read_to_string(crate::capture("web1")).unwrap();
    let mut capture: Value = serde_json::from_str(&text).unwrap();
    capture["limits"]["uid"] = 1000.into();
    let mut told = |sends_on: bool, arguments: &[&str]| {
        capture["forwards"] = json!({
            "forwards": [], "not_understood": 0, "refused": "not permitted (EPERM)",
            "sends_on": sends_on,
        });
        let fed = serde_json::to_vec(&capture).unwrap();
        let answer = crate::portwho_fed(&[arguments, &["--from", "-"]].concat(), &fed);
        (answer.code, answer.stderr)
    };
    let nothing = "portwho: nothing uses port 9\n";
    let note = |way: &str| {
        format!(
            "portwho: note: this machine sends packets on, and the rules that say where could \
             not be read: {way}\n"
        )
    };
    assert_eq!(told(false, &[":9"]), (1, nothing.to_owned()));
    let way = note("'sudo portwho :9' reads them");
    let unknown =
        "portwho: cannot tell: no socket has port 9, but packets may be sent past all sockets\n";
    assert_eq!(told(true, &[":9"]), (3, format!("{unknown}{way}")));
    assert_eq!(told(true, &[":9", "--json"]), (3, unknown.to_owned()));
    for verb in ["why", "map"] {
        assert_eq!(
            (told(false, &[verb, ":9"]).0, told(true, &[verb, ":9"]).0),
            (1, 3)
        );
    }
    // A rule keeps no server from binding.
    let check = ["check", "9", "--no-probe"];
    assert_eq!(told(true, &check), told(false, &check));
    // No rule has a name, and a listing of what is there looks at no rules.
    assert!(!told(true, &[":9", "nginx"]).1.contains("sends packets on"));
    assert_eq!(told(true, &[":80"]), (0, String::new()));
    let way = note("'sudo portwho why :80' reads them");
    assert_eq!(told(true, &["why", ":80"]), (0, way));
    assert_eq!(told(false, &["why", ":80"]), (0, String::new()));
}

/// What macOS tells who is not root: it finds sockets by way of the processes that have them.
#[test]
fn where_only_own_processes_can_be_seen_the_rest_is_hidden_and_that_is_said() {
    let text = std::fs::read_to_string(crate::capture("windows")).unwrap();
    let mut capture: Value = serde_json::from_str(&text).unwrap();
    let why = "only those of your own processes can be seen; run portwho with sudo to see all";
    for table in capture["sockets"]["tables"].as_array_mut().unwrap() {
        table["outcome"] = json!({ "partial": { "why": why } });
    }
    capture["holders"]["blind"] = json!(["unsaid"]);
    let fed = serde_json::to_vec(&capture).unwrap();
    let ask =
        |arguments: &[&str]| crate::portwho_fed(&[arguments, &["--from", "-"]].concat(), &fed);
    let own = ask(&[":5432", "--json"]);
    assert_eq!(own.code, 0, "{own:?}");
    let document: Value = serde_json::from_str(&own.stdout).unwrap();
    assert_eq!(document["complete"], false);
    // Somebody else may have it too.
    assert_eq!(document["sockets"][0]["owner_status"], "partial");
    assert!(codes(&document).contains(&"table-partial"), "{document:#}");
    let inherited = ask(&[":9000"]);
    assert!(
        inherited
            .stderr
            .contains("the owner of 1 socket cannot be seen"),
        "{inherited:?}"
    );
    for arguments in [&[":81"][..], &["name=postgres", ":9000"]] {
        let answer = ask(arguments);
        assert_eq!((answer.code, answer.stdout.as_str()), (3, ""), "{answer:?}");
        assert!(answer.stderr.contains(why), "{answer:?}");
    }
}
