//! `/proc/PID/mountinfo` of any content.

use portwho::read::linux::proc_text::hides_processes;
use portwho::read::project::manifest::remote_mounts;

/// # Panics
/// Where there are more mount points than lines.
pub fn hold(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    assert!(remote_mounts(&text).len() <= text.lines().count());
    if hides_processes(bytes) {
        assert!(text.contains("hidepid="));
    }
}
