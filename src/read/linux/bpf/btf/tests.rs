//! BTF made by hand.

use super::*;

/// Writes BTF with the types that are looked for, and some that are in the way.
#[derive(Clone, Default)]
struct Writer {
    types: Vec<u8>,
    strings: Vec<u8>,
}

impl Writer {
    fn name(&mut self, name: &str) -> u32 {
        let at = self.strings.len() as u32;
        self.strings.extend(name.as_bytes());
        self.strings.push(0);
        at
    }

    fn push(&mut self, words: &[u32]) {
        self.types
            .extend(words.iter().flat_map(|word| word.to_ne_bytes()));
    }

    fn structure(&mut self, name: &str, members: &[(&str, u32)], has_bitfields: bool) {
        let members: Vec<_> = members
            .iter()
            .map(|(name, bits)| (*name, 1, *bits))
            .collect();
        self.compound(kind::STRUCT, name, &members, has_bitfields);
    }

    /// Members with the ids of their types.
    fn compound(&mut self, kind: u32, name: &str, members: &[(&str, u32, u32)], flag: bool) {
        let name = if name.is_empty() { 0 } else { self.name(name) };
        let flag = u32::from(flag) << 31;
        self.push(&[name, kind << 24 | members.len() as u32 | flag, 8]);
        for (member, id, offset) in members {
            let member = if member.is_empty() {
                0
            } else {
                self.name(member)
            };
            self.push(&[member, *id, *offset]);
        }
    }

    fn finish(self) -> Vec<u8> {
        let mut bytes = MAGIC.to_ne_bytes().to_vec();
        bytes.extend([1, 0]);
        let (types, strings) = (self.types.len() as u32, self.strings.len() as u32);
        for word in [24, 0, types, types, strings] {
            bytes.extend(u32::to_ne_bytes(word));
        }
        bytes.extend(self.types);
        bytes.extend(self.strings);
        bytes
    }
}

fn whole() -> Writer {
    let mut writer = Writer::default();
    writer.name("");
    writer.push(&[0, kind::INT << 24, 4, 32]);
    writer.push(&[0, kind::ENUM << 24 | 2, 4, 0, 0, 0, 1]);
    let tasks = [
        ("group_leader", 64),
        ("thread_pid", 128),
        ("start_boottime", 0x0100_0000 | 192),
        ("comm", 256),
        ("tgid", 2560),
    ];
    writer.structure("task_struct", &tasks, true);
    writer.structure(
        "pid",
        &[("count", 0), ("level", 32), ("numbers", 640)],
        false,
    );
    writer.structure("file", &[("f_inode", 320)], false);
    writer.structure("inode", &[("i_ino", 512)], false);
    let name = writer.name("bpf_iter_task_file");
    writer.push(&[name, kind::FUNC << 24, 1]);
    writer
}

#[test]
fn members_and_the_function_are_found() {
    let found = find(&whole().finish()).unwrap();
    let expected = Offsets {
        iterator: 7,
        group_leader: 8,
        thread_pid: 16,
        start_boottime: 24,
        comm: 32,
        level: 4,
        numbers: 80,
        f_inode: 40,
        i_ino: 64,
        tgid: 320,
        facts: None,
    };
    assert_eq!(found, expected);
}

#[test]
fn members_of_what_has_no_name_are_those_of_the_structure() {
    let mut writer = whole();
    // A union that stands before the structure that it is part of, and a structure after it.
    let users = [("euid", 1, 0), ("__euid", 1, 0)];
    writer.compound(kind::UNION, "", &users, false);
    let cred = [("uid", 1, 32), ("", 8, 64)];
    writer.compound(kind::STRUCT, "cred", &cred, false);
    let places = [("root", 1, 64), ("", 11, 128)];
    writer.compound(kind::STRUCT, "fs_struct", &places, false);
    writer.compound(
        kind::STRUCT,
        "",
        &[("in_exec", 1, 0), ("pwd", 1, 64)],
        false,
    );
    let names = ["real_cred", "cgroups", "nsproxy", "fs"];
    let tasks: Vec<_> = names.into_iter().zip((1000..).step_by(8)).collect();
    let tasks: Vec<_> = tasks.iter().map(|(name, at)| (*name, at * 8)).collect();
    writer.structure("task_struct", &tasks, false);
    let found = find(&writer.clone().finish()).unwrap();
    assert_eq!(found.facts, None, "a member is missing");
    writer.structure("nsproxy", &[("mnt_ns", 192)], false);
    let expected = FactOffsets {
        real_cred: 1000,
        cgroups: 1008,
        nsproxy: 1016,
        fs: 1024,
        euid: 8,
        mnt_ns: 24,
        pwd: 24,
        root: 8,
    };
    let found = find(&writer.finish()).unwrap();
    assert_eq!(found.facts, Some(expected));
}

#[test]
fn what_is_part_of_itself_comes_to_an_end() {
    let mut writer = whole();
    writer.compound(kind::STRUCT, "fs_struct", &[("", 9, 0)], false);
    writer.compound(kind::STRUCT, "", &[("", 9, 0), ("", 9, 0)], false);
    assert!(find(&writer.finish()).is_some());
}

#[test]
fn what_is_cut_short_or_no_btf_is_none() {
    let bytes = whole().finish();
    for length in 0..bytes.len() - 1 {
        assert_eq!(find(&bytes[..length]), None, "{length}");
    }
    assert_eq!(find(&[0; 64]), None);
}
