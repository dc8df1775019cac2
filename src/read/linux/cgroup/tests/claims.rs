//! Groups that another user than root may have made.

use super::*;

/// Below a user's manager that user makes the groups.
#[test]
fn nothing_below_a_users_manager_is_the_machines() {
    let user = "0::/user.slice/user-1000.slice/user@1000.service";
    let inner = parse_cgroup(format!("{user}/app.slice/x.scope/ssh.service\n").as_bytes());
    let unit = inner.unit.unwrap();
    assert_eq!(
        (unit.name.unclean(), unit.manager, unit.user),
        ("x.scope", Manager::User, Some(1000))
    );
    let docker = parse_cgroup(format!("{user}/docker-{ID}.scope\n").as_bytes());
    assert_eq!(docker.container.unwrap().user, Some(1000));
    let pod = "kubepods-pod01234567_89ab_cdef_0123_456789abcdef.slice";
    let pod = parse_cgroup(format!("{user}/{pod}/cri-containerd-{ID}.scope\n").as_bytes());
    let container = pod.container.unwrap();
    assert_eq!((container.pod_uid, container.user), (None, Some(1000)));
    let machine = parse_cgroup(format!("0::/system.slice/docker-{ID}.scope\n").as_bytes());
    assert_eq!(machine.container.unwrap().user, None);
}

/// A service that may make groups of its own (Delegate=yes) may give them any name.
#[test]
fn the_outermost_unit_counts() {
    for (path, expected) in [
        (
            "/system.slice/runner.service/ssh.service",
            "runner.service in system.slice of system",
        ),
        (
            "/system.slice/runner.service/system.slice/ssh.service",
            "runner.service in system.slice of system",
        ),
        (
            "/system.slice/runner.service/user.slice/user-0.slice/user@0.service/x.service",
            "runner.service in system.slice of system",
        ),
        (
            "/system.slice/runner.service/docker-$ID.scope/ssh.service",
            "runner.service in system.slice of system",
        ),
        (
            "/system.slice/runner.service/lxc.payload.x/ssh.service",
            "runner.service in system.slice of system",
        ),
        (
            "/user.slice/user-7.slice/session-2.scope/ssh.service",
            "session-2.scope in user-7.slice of system",
        ),
        // systemd makes units below slices alone.
        ("/jobs/ssh.service", ""),
        (
            "/../system.slice/x.service",
            "x.service in system.slice of system",
        ),
    ] {
        assert_eq!(unit(&of_path(path)), expected, "{path}");
    }
}

#[test]
fn a_container_below_a_service_that_is_no_runtime_is_a_claim() {
    for (path, is_claimed) in [
        ("/docker/$ID", false),
        ("/system.slice/docker-$ID.scope", false),
        ("/system.slice/docker.service/docker/$ID", false),
        ("/system.slice/k3s.service/kubepods/$ID", false),
        ("/system.slice/lxc@web.service/lxc.payload.web", false),
        (
            "/user.slice/user-1000.slice/user@1000.service/docker-$ID.scope",
            false,
        ),
        ("/docker/$ID/system.slice/x.service/docker-$IN.scope", false),
        ("/system.slice/runner.service/docker-$ID.scope", true),
        ("/system.slice/runner.service/lxc.payload.x", true),
        (
            "/system.slice/runner.service/user@0.service/docker-$ID.scope",
            true,
        ),
        (
            "/user.slice/user-7.slice/session-2.scope/docker-$ID.scope",
            true,
        ),
    ] {
        let container = of_path(path).container.unwrap();
        assert_eq!(container.claimed, is_claimed, "{path}");
    }
}

#[test]
fn a_group_in_a_folder_that_root_does_not_own_is_a_claim() {
    let owned = |path: &str, folder: &str, user: u32| {
        let text = format!("0::{}\n", path.replace("$ID", ID));
        membership(text.as_bytes(), &mut |_, path| {
            Some(if path.starts_with(folder) { user } else { 0 })
        })
    };
    let (unit, container) = ("/jobs.slice/ssh.service", "/jobs.slice/docker-$ID.scope");
    assert!(owned(unit, "/jobs.slice", 1000).unit.unwrap().claimed);
    assert!(!owned(unit, "/other", 1000).unit.unwrap().claimed);
    // The name of a group is made in the folder that holds it.
    assert!(!owned(unit, unit, 1000).unit.unwrap().claimed);
    let found = owned(container, "/jobs.slice", 1000).container.unwrap();
    assert_eq!((found.claimed, found.user), (true, Some(1000)));
    let found = owned(container, "/other", 1000).container.unwrap();
    assert_eq!((found.claimed, found.user), (false, None));
    // A user's own manager is that user's.
    let manager = "/user.slice/user-1000.slice/user@1000.service";
    let own = format!("{manager}/app.slice/app.service");
    assert!(!owned(&own, manager, 1000).unit.unwrap().claimed);
    assert!(owned(&own, manager, 1001).unit.unwrap().claimed);
    let own = format!("{manager}/docker-$ID.scope");
    assert!(!owned(&own, manager, 1000).container.unwrap().claimed);
    // Podman runs containers below the units of others, where these ask for it.
    let split = "/system.slice/web.service/libpod-payload-$ID";
    assert!(!owned(split, "/other", 1000).container.unwrap().claimed);
    let service = "/system.slice/web.service";
    assert!(owned(split, service, 1000).container.unwrap().claimed);
    let other = "/system.slice/web.service/docker-$ID.scope";
    assert!(owned(other, "/other", 1000).container.unwrap().claimed);
}
