//! The BPF program that tells of every descriptor that is a socket. Pure: offsets in, instructions out.
//!
//! It runs once for each descriptor of each task, with `struct bpf_iter__task_file` (kernel/bpf/task_iter.c):
//! meta at 0, task at 8, descriptor at 16, file at 24. For a socket it writes a [`RECORD`].

use super::btf::Offsets;

/// Bytes of a record: inode u64, descriptor u32, pid u32, start u64 in nanoseconds since boot, name.
pub const RECORD: usize = 24 + COMM;
/// TASK_COMM_LEN, linux/sched.h: the name ends with a NUL.
const COMM: usize = 16;

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    pub inode: u64,
    pub fd: u32,
    /// In the reader's pid namespace.
    pub pid: u32,
    /// Nanoseconds since boot.
    pub start: u64,
    /// The process's name, as `/proc/PID/stat` has it.
    pub comm: &'a [u8],
}

/// Reads a record, in this machine's byte order.
pub fn decode_record(bytes: &[u8]) -> Option<Record<'_>> {
    let bytes: &[u8; RECORD] = bytes.try_into().ok()?;
    let (inode, rest) = bytes.split_first_chunk::<8>()?;
    let (fd, rest) = rest.split_first_chunk::<4>()?;
    let (pid, rest) = rest.split_first_chunk::<4>()?;
    let (start, comm) = rest.split_first_chunk::<8>()?;
    let length = comm
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(comm.len());
    Some(Record {
        comm: &comm[..length],
        inode: u64::from_ne_bytes(*inode),
        fd: u32::from_ne_bytes(*fd),
        pid: u32::from_ne_bytes(*pid),
        start: u64::from_ne_bytes(*start),
    })
}

/// Helpers, linux/bpf.h `___BPF_FUNC_MAPPER`.
const PROBE_READ_KERNEL: i32 = 113;
const SEQ_WRITE: i32 = 127;
const GET_CURRENT_TASK_BTF: i32 = 158;
const SOCK_FROM_FILE: i32 = 162;

/// Places on the stack, from its end.
const INODE: i16 = -48;
const FD: i16 = -40;
const PID: i16 = -36;
const START: i16 = -32;
const NAME: i16 = -24;
const SCRATCH: i16 = -8;

/// Bytes of `struct upid`: a number and a pointer to its namespace.
const UPID_SHIFT: i32 = 4;

/// The instructions, eight bytes each, in this machine's byte order.
pub fn assemble(offsets: &Offsets) -> Vec<u8> {
    let mut code = Code::default();
    let offset = |offset: u32| i16::try_from(offset).unwrap_or(i16::MAX);
    code.copy(6, 1);
    // Only sockets; at the end of a walk there is neither file nor task.
    code.load(8, 7, 6, 24);
    code.exit_if_zero(7);
    code.copy(1, 7);
    code.call(SOCK_FROM_FILE);
    code.exit_if_zero(0);
    code.load(8, 1, 7, offset(offsets.f_inode));
    code.load(8, 1, 1, offset(offsets.i_ino));
    code.store(8, INODE, 1);
    code.load(4, 1, 6, 16);
    code.store(4, FD, 1);
    // The level of the reader's pid namespace: reading runs as the reader.
    code.call(GET_CURRENT_TASK_BTF);
    code.load(8, 1, 0, offset(offsets.thread_pid));
    code.load(4, 8, 1, offset(offsets.level));
    // The process is the group's leader; start_boottime is what /proc/PID/stat tells in ticks.
    code.load(8, 7, 6, 8);
    code.exit_if_zero(7);
    code.load(8, 7, 7, offset(offsets.group_leader));
    code.load(8, 1, 7, offset(offsets.start_boottime));
    code.store(8, START, 1);
    code.copy(3, 7);
    code.add(3, i32::try_from(offsets.comm).unwrap_or(i32::MAX));
    code.probe_read(NAME, COMM as i32);
    // leader->thread_pid->numbers[level].nr, by a copy: the index is not known to the verifier.
    code.copy(3, 7);
    code.add(3, i32::try_from(offsets.thread_pid).unwrap_or(i32::MAX));
    code.probe_read(SCRATCH, 8);
    code.load(8, 3, 10, SCRATCH);
    code.exit_if_zero(3);
    code.shift_left(8, UPID_SHIFT);
    code.add_register(3, 8);
    code.add(3, i32::try_from(offsets.numbers).unwrap_or(i32::MAX));
    code.probe_read(PID, 4);
    code.load(8, 1, 6, 0);
    code.load(8, 1, 1, 0);
    code.copy(2, 10);
    code.add(2, i32::from(INODE));
    code.set(3, RECORD as i32);
    code.call(SEQ_WRITE);
    code.finish()
}

/// Instructions of `struct bpf_insn`: code u8, registers u8, offset i16, immediate i32.
#[derive(Default)]
struct Code {
    bytes: Vec<u8>,
    /// Places of jumps to the end.
    exits: Vec<usize>,
}

impl Code {
    fn push(&mut self, code: u8, to: u8, from: u8, offset: i16, immediate: i32) {
        let registers = if cfg!(target_endian = "big") {
            to << 4 | from
        } else {
            from << 4 | to
        };
        self.bytes.extend([code, registers]);
        self.bytes.extend(offset.to_ne_bytes());
        self.bytes.extend(immediate.to_ne_bytes());
    }

    /// `to = *(size *)(from + offset)`
    fn load(&mut self, size: u8, to: u8, from: u8, offset: i16) {
        self.push(if size == 8 { 0x79 } else { 0x61 }, to, from, offset, 0);
    }

    /// `*(size *)(stack + offset) = from`
    fn store(&mut self, size: u8, offset: i16, from: u8) {
        self.push(if size == 8 { 0x7b } else { 0x63 }, 10, from, offset, 0);
    }

    fn copy(&mut self, to: u8, from: u8) {
        self.push(0xbf, to, from, 0, 0);
    }

    fn set(&mut self, to: u8, value: i32) {
        self.push(0xb7, to, 0, 0, value);
    }

    fn add(&mut self, to: u8, value: i32) {
        self.push(0x07, to, 0, 0, value);
    }

    fn add_register(&mut self, to: u8, from: u8) {
        self.push(0x0f, to, from, 0, 0);
    }

    fn shift_left(&mut self, to: u8, bits: i32) {
        self.push(0x67, to, 0, 0, bits);
    }

    fn call(&mut self, helper: i32) {
        self.push(0x85, 0, 0, 0, helper);
    }

    /// Copies kernel memory at register 3 to the stack.
    fn probe_read(&mut self, to: i16, size: i32) {
        self.copy(1, 10);
        self.add(1, i32::from(to));
        self.set(2, size);
        self.call(PROBE_READ_KERNEL);
    }

    fn exit_if_zero(&mut self, register: u8) {
        self.exits.push(self.bytes.len());
        self.push(0x15, register, 0, 0, 0);
    }

    fn finish(mut self) -> Vec<u8> {
        let end = self.bytes.len();
        self.set(0, 0);
        self.push(0x95, 0, 0, 0, 0);
        for at in self.exits {
            // A jump counts instructions from the one after it.
            let distance = i16::try_from((end - at) / 8 - 1).unwrap_or(i16::MAX);
            self.bytes[at + 2..at + 4].copy_from_slice(&distance.to_ne_bytes());
        }
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_jump_leads_to_the_end() {
        let code = assemble(&Offsets::default());
        assert_eq!(code.len() % 8, 0);
        let count = code.len() / 8;
        let mut jumps = 0;
        for (at, instruction) in code.chunks_exact(8).enumerate() {
            if instruction[0] == 0x15 {
                let distance = i16::from_ne_bytes([instruction[2], instruction[3]]);
                assert_eq!(at + 1 + distance as usize, count - 2);
                jumps += 1;
            }
        }
        assert_eq!(jumps, 4);
        assert_eq!(code[code.len() - 8], 0x95);
    }

    #[test]
    fn a_record_is_read_back() {
        let mut bytes = 4711_u64.to_ne_bytes().to_vec();
        bytes.extend(3_u32.to_ne_bytes());
        bytes.extend(812_u32.to_ne_bytes());
        bytes.extend(5_000_000_000_u64.to_ne_bytes());
        bytes.extend(b"nginx\0stale\0\0\0\0\0");
        let record = Record {
            inode: 4711,
            fd: 3,
            pid: 812,
            start: 5_000_000_000,
            comm: b"nginx",
        };
        assert_eq!(decode_record(&bytes), Some(record));
        assert_eq!(decode_record(&bytes[..39]), None);
    }
}
