//! What a recording of Windows tells, on any system.

use crate::{portwho, replay, words};

fn windows(line: &str) -> crate::Answer {
    replay("windows", &words(line))
}

#[test]
fn services_in_a_process_are_told_with_its_account() {
    let card = windows(":135").shown();
    assert_eq!(
        card,
        "tcp 0.0.0.0:135  (epmap)  LISTEN  reachable on every IPv4 address\n  \
         svchost   pid 900   user NETWORK SERVICE   since 01:53 (11 h)\n    \
         command    C:\\Windows\\system32\\svchost.exe -k RPCSS -p\n    \
         hosts      RpcEptMapper, RpcSs\n    \
         in         C:\\Windows\\system32\\\n"
    );
}

#[test]
fn a_program_is_named_without_its_ending_and_found_with_and_without_it() {
    for name in ["nginx", "name=nginx.exe", "name=NGINX"] {
        let listed = windows(&format!(
            "{name} --format plain --no-header --columns port,process"
        ));
        assert_eq!(listed.stdout, "8080/tcp\tnginx\n", "{name}");
    }
}

#[test]
fn a_user_is_found_by_the_name_of_the_account() {
    let listed = windows("user=anna --format plain --no-header --columns port,user");
    assert_eq!(listed.stdout, "5432/tcp\tanna\n8080/tcp\tanna\n");
}

#[test]
fn whoever_inherited_a_socket_is_hidden_and_its_owner_is_known() {
    let hidden = windows(":9000");
    assert_eq!(hidden.code, 0);
    assert!(
        hidden.stdout.contains("the owner cannot be seen"),
        "{hidden:?}"
    );
    let why = "the process that opened it has ended, and the system names no other";
    assert!(hidden.stderr.contains(why), "{hidden:?}");
    for (port, status) in [(9000, "hidden"), (445, "known")] {
        let row = windows(&format!(":{port} --format ndjson")).stdout;
        let row: serde_json::Value = serde_json::from_str(&row).unwrap();
        assert_eq!(row["owner_status"], status);
    }
}

/// What hides the owner of one socket, whose process has ended, hides none of another.
#[test]
fn a_socket_has_one_status_in_every_answer() {
    let file = crate::capture("windows");
    let read = |asked: &str| -> serde_json::Value {
        let arguments = [asked, "--json", "--from", file.to_str().unwrap()];
        serde_json::from_str(&portwho(arguments).stdout).unwrap()
    };
    let row = &read("tcp:50100")["sockets"][0];
    assert_eq!(row["owner_status"], "known", "{row:#}");
    let document = read("ephemeral");
    let budgets = document["budgets"].as_array().unwrap().iter();
    let statuses = |protocol: &str| -> Vec<&serde_json::Value> {
        let mine = budgets.clone().filter(|one| one["protocol"] == protocol);
        mine.map(|one| &one["owner_status"]).collect()
    };
    assert_eq!(statuses("tcp"), ["none", "known"], "{document:#}");
    assert_eq!(statuses("udp"), ["known"], "{document:#}");
}

#[test]
fn a_bound_socket_may_be_there_unseen() {
    let answer = windows(":81");
    assert_eq!((answer.code, answer.stdout.as_str()), (3, ""), "{answer:?}");
}

#[test]
fn only_the_very_address_is_taken_by_the_tables() {
    let check = |spec: &str| {
        let file = crate::capture("windows");
        portwho(["check", "--from", file.to_str().unwrap(), spec])
    };
    assert_eq!(check("127.0.0.1:5432").code, 1);
    for spec in ["5432", "0.0.0.0:5432", "127.0.0.1:9000", "7", "udp:7"] {
        let answer = check(spec);
        assert_eq!(answer.code, 3, "{spec}: {answer:?}");
        assert!(
            answer.stdout.contains("only a bind would tell"),
            "{answer:?}"
        );
    }
}

#[test]
fn a_redacted_recording_tells_of_programs_and_not_of_people() {
    let file = std::fs::File::open(crate::capture("windows")).unwrap();
    let mut capture = portwho::read::capture::Capture::read(&mut { file }).unwrap();
    capture.redact();
    let mut text = Vec::new();
    capture.write(&mut text).unwrap();
    let lossy = String::from_utf8_lossy(&text);
    for secret in ["anna", "desk1", "pgsql", "10.0.0.5", "localhost"] {
        assert!(!lossy.contains(secret), "{secret}");
    }
    let arguments = [
        "--from",
        "-",
        "--format",
        "plain",
        "--columns",
        "port,process",
    ];
    let told = crate::portwho_fed(&arguments, &text);
    let whole = windows("--format plain --columns port,process");
    assert_eq!(told.stdout, whole.stdout);
}
