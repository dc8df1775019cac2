//! The BPF program that tells of every descriptor that is a socket. Pure: offsets in, instructions out.
//!
//! It runs once for each descriptor of each task, with `struct bpf_iter__task_file` (kernel/bpf/task_iter.c):
//! meta at 0, task at 8, descriptor at 16, file at 24. For a socket it writes a record, and with the
//! first of a process what there is to tell of that process (see [`decode`](super::record::decode)).

use super::btf::Offsets;
use super::record::{self, COMM, LONG, PATH, SHORT, UPID};

/// Helpers, linux/bpf.h `___BPF_FUNC_MAPPER`.
const PROBE_READ_KERNEL: i32 = 113;
const SEQ_WRITE: i32 = 127;
const GET_CURRENT_TASK_BTF: i32 = 158;
const SOCK_FROM_FILE: i32 = 162;

/// Where the record lies on the stack, counted from its end; below it a pointer that is followed.
const RECORD: i16 = -(LONG as i16);
const POINTER: i16 = RECORD - 8;

/// `struct upid`, a number and its namespace, is 16 bytes: the level of a namespace times this.
const UPID_SHIFT: i32 = 4;

/// Bytes of the map's one value: start and id of the process that was told of last.
pub const LAST: usize = 16;

/// A place on the stack, for one in the record.
const fn at(place: usize) -> i16 {
    RECORD + place as i16
}

/// The instructions, eight bytes each, in this machine's byte order. The map is an array of one value.
pub fn assemble(offsets: &Offsets, map: i32) -> Vec<u8> {
    let mut code = Code::default();
    code.copy(6, 1);
    // Only sockets; at the end of a walk there is neither file nor task.
    code.load(8, 7, 6, 24);
    code.exit_if_zero(7);
    code.copy(1, 7);
    code.call(SOCK_FROM_FILE);
    code.exit_if_zero(0);
    code.load(8, 1, 7, near(offsets.f_inode));
    code.load(8, 1, 1, near(offsets.i_ino));
    code.store(8, at(record::INODE), 1);
    code.load(4, 1, 6, 16);
    code.store(4, at(record::FD), 1);
    // The process is the group's leader; start_boottime is what /proc/PID/stat tells in ticks.
    code.load(8, 7, 6, 8);
    code.exit_if_zero(7);
    code.load(8, 7, 7, near(offsets.group_leader));
    code.load(8, 1, 7, near(offsets.start_boottime));
    code.store(8, at(record::START), 1);
    code.load(4, 2, 7, near(offsets.tgid));
    code.map_value(9, map);
    code.load(8, 3, 9, 0);
    let other_start = code.jump_unless_equal(3, 1);
    code.load(8, 3, 9, 8);
    let other_id = code.jump_unless_equal(3, 2);
    code.put(4, at(record::KIND), 0);
    code.write(SHORT);
    let told = code.jump();
    code.land(other_start);
    code.land(other_id);
    process(&mut code, offsets);
    code.write(LONG);
    // What did not fit is told again, and must be told whole.
    code.exit_unless_zero(0);
    code.load(8, 1, 10, at(record::START));
    code.store_at(9, 0, 1);
    code.load(4, 1, 7, near(offsets.tgid));
    code.store_at(9, 8, 1);
    code.land(told);
    code.finish()
}

/// Fills the record's part about the process, whose task is in register 7.
fn process(code: &mut Code, offsets: &Offsets) {
    for place in (record::COMM_AT..LONG).step_by(8) {
        code.put(8, at(place), 0);
    }
    code.put(4, at(record::KIND), 1);
    code.follow(&[offsets.comm], at(record::COMM_AT), COMM);
    // The level of the reader's pid namespace: reading runs as the reader.
    code.call(GET_CURRENT_TASK_BTF);
    code.load(8, 1, 0, near(offsets.thread_pid));
    code.load(4, 8, 1, near(offsets.level));
    code.shift_left(8, UPID_SHIFT);
    code.follow_upid(&[offsets.thread_pid], offsets.numbers, at(record::OWN));
    let Some(facts) = &offsets.facts else { return };
    code.put(4, at(record::HAS_FACTS), 1);
    let euid = [facts.real_cred, facts.euid];
    code.follow(&euid, at(record::UID), 4);
    code.follow(&[facts.cgroups], at(record::GROUPS), 8);
    code.follow(&[facts.nsproxy, facts.mnt_ns], at(record::MOUNTS), 8);
    code.follow(&[facts.fs, facts.pwd], at(record::DIRECTORY), PATH);
    code.follow(&[facts.fs, facts.root], at(record::ROOT), PATH);
}

/// An offset as an instruction has it.
fn near(offset: u32) -> i16 {
    i16::try_from(offset).unwrap_or(i16::MAX)
}

/// Instructions of `struct bpf_insn`: code u8, registers u8, offset i16, immediate i32.
#[derive(Default)]
struct Code {
    bytes: Vec<u8>,
    /// Places of jumps to the end.
    exits: Vec<Jump>,
}

/// The place of a jump whose target is not known yet.
#[derive(Clone, Copy)]
struct Jump(usize);

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

    /// `*(u64 *)(to + offset) = from`
    fn store_at(&mut self, to: u8, offset: i16, from: u8) {
        self.push(0x7b, to, from, offset, 0);
    }

    /// `*(size *)(stack + offset) = value`
    fn put(&mut self, size: u8, offset: i16, value: i32) {
        self.push(if size == 8 { 0x7a } else { 0x62 }, 10, 0, offset, value);
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

    /// Loads the address of an array's first value: two instructions, BPF_PSEUDO_MAP_VALUE.
    fn map_value(&mut self, to: u8, map: i32) {
        self.push(0x18, to, 2, 0, map);
        self.push(0, 0, 0, 0, 0);
    }

    /// Copies kernel memory at register 3 to the stack, or zeros where there is none.
    fn probe_read(&mut self, to: i16, size: usize) {
        self.copy(1, 10);
        self.add(1, i32::from(to));
        self.set(2, i32::try_from(size).unwrap_or(0));
        self.call(PROBE_READ_KERNEL);
    }

    /// Copies what lies at the end of a chain of pointers, which begins with a member of the task in
    /// register 7. Nothing is written where a pointer on the way is null.
    fn follow(&mut self, chain: &[u32], to: i16, size: usize) {
        let nulls = self.walk(chain);
        self.probe_read(to, size);
        nulls.into_iter().for_each(|jump| self.land(jump));
    }

    /// Copies the `struct upid` of the namespace in register 8, of the `struct pid` at a chain's end.
    fn follow_upid(&mut self, chain: &[u32], numbers: u32, to: i16) {
        let nulls = self.walk(&[chain, &[numbers]].concat());
        self.add_register(3, 8);
        self.probe_read(to, UPID);
        nulls.into_iter().for_each(|jump| self.land(jump));
    }

    /// Leaves in register 3 where the last member of a chain lies; gives the jumps for null pointers.
    fn walk(&mut self, chain: &[u32]) -> Vec<Jump> {
        let mut nulls = Vec::new();
        self.copy(3, 7);
        for (index, offset) in chain.iter().enumerate() {
            if index > 0 {
                self.probe_read(POINTER, 8);
                self.load(8, 3, 10, POINTER);
                nulls.push(self.jump_if(0x15, 3, 0));
            }
            self.add(3, i32::try_from(*offset).unwrap_or(i32::MAX));
        }
        nulls
    }

    /// Writes the beginning of the record; register 0 is not zero where it does not fit.
    fn write(&mut self, size: usize) {
        self.load(8, 1, 6, 0);
        self.load(8, 1, 1, 0);
        self.copy(2, 10);
        self.add(2, i32::from(RECORD));
        self.set(3, i32::try_from(size).unwrap_or(0));
        self.call(SEQ_WRITE);
    }

    fn jump(&mut self) -> Jump {
        self.jump_if(0x05, 0, 0)
    }

    fn jump_unless_equal(&mut self, one: u8, other: u8) -> Jump {
        self.jump_if(0x5d, one, other)
    }

    fn jump_if(&mut self, condition: u8, one: u8, other: u8) -> Jump {
        let jump = Jump(self.bytes.len());
        self.push(condition, one, other, 0, 0);
        jump
    }

    /// Lets a jump lead to the next instruction.
    fn land(&mut self, Jump(at): Jump) {
        // A jump counts instructions from the one after it.
        let distance = (self.bytes.len() - at) / 8 - 1;
        let distance = i16::try_from(distance).unwrap_or(i16::MAX);
        self.bytes[at + 2..at + 4].copy_from_slice(&distance.to_ne_bytes());
    }

    fn exit_if_zero(&mut self, register: u8) {
        let jump = self.jump_if(0x15, register, 0);
        self.exits.push(jump);
    }

    fn exit_unless_zero(&mut self, register: u8) {
        let jump = self.jump_if(0x55, register, 0);
        self.exits.push(jump);
    }

    fn finish(mut self) -> Vec<u8> {
        for jump in std::mem::take(&mut self.exits) {
            self.land(jump);
        }
        self.set(0, 0);
        self.push(0x95, 0, 0, 0, 0);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::linux::bpf::btf::FactOffsets;

    /// Instructions, each with the place that it jumps to.
    fn jumps(code: &[u8]) -> Vec<(u8, usize)> {
        let mut jumps = Vec::new();
        let mut at = 0;
        while let Some(instruction) = code.get(8 * at..8 * at + 8) {
            if matches!(instruction[0], 0x05 | 0x15 | 0x55 | 0x5d) {
                let distance = i16::from_ne_bytes([instruction[2], instruction[3]]);
                assert!(distance > 0, "no loops");
                jumps.push((instruction[0], at + 1 + distance as usize));
            }
            // The address of a map takes two.
            at += if instruction[0] == 0x18 { 2 } else { 1 };
        }
        jumps
    }

    #[test]
    fn every_jump_leads_forward_and_stays_inside() {
        let facts = Some(FactOffsets::default());
        for facts in [None, facts] {
            let offsets = Offsets {
                facts,
                ..Offsets::default()
            };
            let code = assemble(&offsets, 3);
            let count = code.len() / 8;
            assert_eq!(code.len() % 8, 0);
            let jumps = jumps(&code);
            assert!(jumps.iter().all(|(_, to)| *to <= count - 2), "{jumps:?}");
            let to_the_end = jumps.iter().filter(|(_, to)| *to == count - 2);
            assert_eq!(
                to_the_end.count(),
                5,
                "four that exit, and one that is done"
            );
            assert_eq!(code[code.len() - 8], 0x95);
        }
    }

    #[test]
    fn the_stack_has_room() {
        // MAX_BPF_STACK, linux/filter.h.
        let taken: usize = [LONG, 8].iter().sum();
        assert!(taken <= 512);
    }
}
