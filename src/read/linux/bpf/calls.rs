//! The calls of bpf(2) that an iterator takes, and those that name attached programs.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Commands and types, linux/bpf.h.
const BPF_MAP_CREATE: libc::c_long = 0;
const BPF_PROG_LOAD: libc::c_long = 5;
const BPF_PROG_GET_FD_BY_ID: libc::c_long = 13;
const BPF_OBJ_GET_INFO_BY_FD: libc::c_long = 15;
const BPF_PROG_QUERY: libc::c_long = 16;
const BPF_LINK_CREATE: libc::c_long = 28;
const BPF_ITER_CREATE: libc::c_long = 33;
const BPF_MAP_TYPE_ARRAY: u32 = 2;
const BPF_PROG_TYPE_TRACING: u32 = 26;
const BPF_TRACE_ITER: u32 = 28;

/// The helpers that the program calls ask for a licence that goes with the GPL.
const LICENSE: &std::ffi::CStr = c"Dual MIT/GPL";

/// The part of `union bpf_attr` for BPF_MAP_CREATE, up to `max_entries`.
#[repr(C)]
#[derive(Default)]
struct MapCreate {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
}

/// The part of `union bpf_attr` for BPF_PROG_LOAD, up to `attach_btf_id`.
#[repr(C)]
#[derive(Default)]
struct ProgramLoad {
    program_type: u32,
    instruction_count: u32,
    instructions: u64,
    license: u64,
    log: [u32; 4],
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
    interface: u32,
    expected_attach_type: u32,
    btf_and_infos: [u32; 9],
    attach_btf_id: u32,
}

/// The part of `union bpf_attr` for BPF_LINK_CREATE and BPF_ITER_CREATE.
#[repr(C)]
#[derive(Default)]
struct Create {
    from: i32,
    target: u32,
    attach_type: u32,
    flags: u32,
    rest: [u64; 2],
}

/// Makes an array with one value of this many bytes, all zero.
pub fn create_map(value: usize) -> io::Result<OwnedFd> {
    let create = MapCreate {
        map_type: BPF_MAP_TYPE_ARRAY,
        key_size: 4,
        value_size: u32::try_from(value).map_err(io::Error::other)?,
        max_entries: 1,
    };
    bpf(BPF_MAP_CREATE, &create)
}

/// Loads the program and opens an iterator that runs it.
pub fn open_iterator(instructions: &[u8], function: u32) -> io::Result<OwnedFd> {
    let load = ProgramLoad {
        program_type: BPF_PROG_TYPE_TRACING,
        instruction_count: u32::try_from(instructions.len() / 8).map_err(io::Error::other)?,
        instructions: instructions.as_ptr() as u64,
        license: LICENSE.as_ptr() as u64,
        expected_attach_type: BPF_TRACE_ITER,
        attach_btf_id: function,
        ..ProgramLoad::default()
    };
    let program = bpf(BPF_PROG_LOAD, &load)?;
    let attach = Create {
        from: program.as_raw_fd(),
        attach_type: BPF_TRACE_ITER,
        ..Create::default()
    };
    let link = bpf(BPF_LINK_CREATE, &attach)?;
    bpf(
        BPF_ITER_CREATE,
        &Create {
            from: link.as_raw_fd(),
            ..Create::default()
        },
    )
}

/// The part of `union bpf_attr` for BPF_PROG_QUERY, up to `prog_cnt`.
#[repr(C)]
#[derive(Default)]
struct Query {
    target: i32,
    attach_type: u32,
    flags: [u32; 2],
    identifiers: u64,
    count: u32,
    padding: u32,
}

/// The part of `union bpf_attr` for BPF_PROG_GET_FD_BY_ID.
#[repr(C)]
#[derive(Default)]
struct ById {
    identifier: u32,
    next: u32,
    flags: u32,
}

/// The part of `union bpf_attr` for BPF_OBJ_GET_INFO_BY_FD.
#[repr(C)]
struct GetInfo {
    descriptor: i32,
    length: u32,
    place: u64,
}

/// The numbers of the programs that are attached to a network namespace in this way, as many as fit.
pub fn attached(namespace: &impl AsRawFd, attach_type: u32) -> io::Result<Vec<u32>> {
    let mut identifiers = [0_u32; 64];
    let mut query = Query {
        target: namespace.as_raw_fd(),
        attach_type,
        identifiers: identifiers.as_mut_ptr() as u64,
        count: 64,
        ..Query::default()
    };
    call(BPF_PROG_QUERY, &mut query)?;
    let count = usize::try_from(query.count).unwrap_or(0);
    Ok(identifiers.into_iter().take(count).collect())
}

/// The name of a program: takes CAP_SYS_ADMIN.
pub fn name_of_program(identifier: u32) -> io::Result<Vec<u8>> {
    /// `name` of `struct bpf_prog_info`.
    const NAME: usize = 64;
    let program = bpf(
        BPF_PROG_GET_FD_BY_ID,
        &ById {
            identifier,
            ..ById::default()
        },
    )?;
    let mut told = [0_u8; NAME + 16];
    let mut get = GetInfo {
        descriptor: program.as_raw_fd(),
        length: u32::try_from(told.len()).map_err(io::Error::other)?,
        place: told.as_mut_ptr() as u64,
    };
    call(BPF_OBJ_GET_INFO_BY_FD, &mut get)?;
    let name = told.iter().skip(NAME).take_while(|byte| **byte != 0);
    Ok(name.copied().collect())
}

/// bpf(2) for a command that writes into its attributes, or where they point to.
#[allow(unsafe_code)]
fn call<T>(command: libc::c_long, attributes: &mut T) -> io::Result<()> {
    let size = libc::c_long::try_from(size_of::<T>()).map_err(io::Error::other)?;
    // SAFETY: the attributes are a plain structure of the size that is told, and point to room of the
    // length that they tell; the kernel writes no further, and all outlives the call.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(attributes), size) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// bpf(2) for a command that gives a descriptor.
#[allow(unsafe_code)]
fn bpf<T>(command: libc::c_long, attributes: &T) -> io::Result<OwnedFd> {
    let size = libc::c_long::try_from(size_of::<T>()).map_err(io::Error::other)?;
    // SAFETY: the attributes are a plain structure of the size that is told; the kernel reads it, and
    // the instructions and the licence that it points to, which all outlive the call.
    let descriptor =
        unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(attributes), size) };
    match i32::try_from(descriptor) {
        // SAFETY: these commands give a new descriptor, which nobody else has.
        Ok(descriptor) if descriptor >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(descriptor) }),
        _ => Err(io::Error::last_os_error()),
    }
}
