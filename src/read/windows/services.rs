//! Which services run in which process, by EnumServicesStatusExW.

use std::collections::BTreeMap;
use std::ptr::{null, null_mut};

use windows_sys::Win32::System::Services::{
    CloseServiceHandle, ENUM_SERVICE_STATUS_PROCESSW, EnumServicesStatusExW, OpenSCManagerW,
    SC_ENUM_PROCESS_INFO, SC_HANDLE, SC_MANAGER_ENUMERATE_SERVICE, SERVICE_ACTIVE, SERVICE_WIN32,
};

/// The longest answer that the call gives in one piece, in bytes.
const LONGEST: usize = 256 * 1024;

/// Names of the running services by pid; none where the service manager does not answer.
#[allow(unsafe_code)]
pub fn running() -> BTreeMap<u32, Vec<String>> {
    let mut services: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    // SAFETY: null means this machine, and its active services.
    let manager = unsafe { OpenSCManagerW(null(), null(), SC_MANAGER_ENUMERATE_SERVICE) };
    if manager.is_null() {
        return services;
    }
    let mut resume = 0;
    while let Some(more) = read_some(manager, &mut resume, &mut services) {
        if !more {
            break;
        }
    }
    // SAFETY: the handle was opened above, and is used no more.
    unsafe { CloseServiceHandle(manager) };
    for names in services.values_mut() {
        names.sort_unstable();
    }
    services
}

/// Reads as many as fit; whether there are more, `None` where the call fails.
#[allow(unsafe_code)]
fn read_some(
    manager: SC_HANDLE,
    resume: &mut u32,
    services: &mut BTreeMap<u32, Vec<String>>,
) -> Option<bool> {
    // Words, because the structures in it hold pointers.
    let mut buffer = vec![0_u64; LONGEST / size_of::<u64>()];
    let (mut needed, mut count) = (0, 0);
    // SAFETY: the handle is open; the buffer has as many bytes as is said, and lives longer than what
    // points into it.
    let is_whole = unsafe {
        EnumServicesStatusExW(
            manager,
            SC_ENUM_PROCESS_INFO,
            SERVICE_WIN32,
            SERVICE_ACTIVE,
            buffer.as_mut_ptr().cast(),
            u32::try_from(LONGEST).ok()?,
            &raw mut needed,
            &raw mut count,
            resume,
            null_mut(),
        )
    } != 0;
    let is_more = !is_whole && count > 0 && *resume != 0;
    let entries = buffer.as_ptr().cast::<ENUM_SERVICE_STATUS_PROCESSW>();
    let room = LONGEST / size_of::<ENUM_SERVICE_STATUS_PROCESSW>();
    for at in 0..usize::try_from(count).ok()?.min(room) {
        // SAFETY: the call put `count` of these at the start of the buffer, which is aligned for them.
        let entry = unsafe { &*entries.add(at) };
        let pid = entry.ServiceStatusProcess.dwProcessId;
        if pid != 0 && !entry.lpServiceName.is_null() {
            // SAFETY: the name stands in the same buffer and ends with NUL.
            let name = unsafe { text(entry.lpServiceName) };
            services.entry(pid).or_default().push(name);
        }
    }
    (is_whole || is_more).then_some(is_more)
}

/// The text up to its NUL.
///
/// # Safety
/// The pointer must be one to characters that end with NUL.
#[allow(unsafe_code)]
unsafe fn text(start: *const u16) -> String {
    let mut length = 0;
    // SAFETY: nothing is read beyond the NUL.
    while unsafe { *start.add(length) } != 0 {
        length += 1;
    }
    // SAFETY: that many characters were just read.
    String::from_utf16_lossy(unsafe { std::slice::from_raw_parts(start, length) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_run_somewhere_and_have_names() {
        let services = running();
        assert!(!services.is_empty());
        let names = || services.values().flatten();
        assert!(names().all(|name| !name.is_empty()), "{services:?}");
        assert!(!services.contains_key(&0));
    }
}
