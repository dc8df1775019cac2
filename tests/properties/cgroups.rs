//! `/proc/PID/cgroup` of any content: every name stands in the text.

use portwho::model::{ContainerId, Runtime};
use portwho::read::linux::cgroup::{container_from_mountinfo, parse_cgroup};

/// # Panics
/// Where a unit or a container is made up.
pub fn hold(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let found = parse_cgroup(bytes);
    if let Some(unit) = &found.unit {
        let name = unit.name.unclean();
        assert!(text.contains(name), "unit {name:?}");
        assert!(name.ends_with(".service") || name.ends_with(".scope"));
        assert!(!name.contains(['/', '\n', ' ']), "unit {name:?}");
        if let Some(slice) = &unit.slice {
            assert!(text.contains(slice.unclean()), "slice {slice:?}");
        }
    }
    if let Some(container) = &found.container {
        is_in(container, &text);
        // The others have names, whose escapes are undone.
        let has_name = matches!(
            container.runtime,
            Some(Runtime::Lxc | Runtime::SystemdNspawn)
        );
        assert!(has_name || is_id(container.id.unclean()), "{container:?}");
        assert!(!container.id.unclean().contains(['/', '\n']) || has_name);
        if let Some(user) = container.user {
            assert!(text.contains("user@"), "user {user}");
        }
    }
    if let Some(container) = container_from_mountinfo(bytes) {
        is_in(&container, &text);
        assert!(is_id(container.id.unclean()) && container.runtime.is_some());
    }
}

fn is_in(container: &ContainerId, text: &str) {
    let id = container.id.unclean();
    assert!(!id.is_empty());
    assert!(!is_id(id) || text.contains(id), "container {id:?}");
    if let Some(pod) = &container.pod_uid {
        let digits = pod.unclean().replace('-', "");
        assert!(digits.bytes().all(|b| b.is_ascii_hexdigit()), "pod {pod:?}");
    }
}

/// 64 hexadecimal digits; of Fargate's tasks 32 and a number.
fn is_id(id: &str) -> bool {
    let of_task = id.split_once('-').map_or(id, |(task, _)| task);
    matches!(of_task.len(), 32 | 64) && of_task.bytes().all(|b| b.is_ascii_hexdigit())
}
