//! Finds members of structures and a function in BTF, the kernel's description of its own types
//! (Documentation/bpf/btf.rst). Pure: takes bytes in this machine's order, as the kernel gives them.

/// `struct btf_header`, linux/btf.h.
const MAGIC: u16 = 0xeb9f;
/// Words of `struct btf_type`.
const TYPE: usize = 3;

/// What is looked for, and then found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Offsets {
    /// BTF id of the function `bpf_iter_task_file`.
    pub iterator: u32,
    /// `struct task_struct`.
    pub group_leader: u32,
    pub thread_pid: u32,
    pub start_boottime: u32,
    pub comm: u32,
    /// `struct pid`.
    pub level: u32,
    pub numbers: u32,
    /// `struct file` and `struct inode`.
    pub f_inode: u32,
    pub i_ino: u32,
}

/// Kinds of types that matter here, and those that carry more words than the usual three.
mod kind {
    pub const INT: u32 = 1;
    pub const ARRAY: u32 = 3;
    pub const STRUCT: u32 = 4;
    pub const UNION: u32 = 5;
    pub const ENUM: u32 = 6;
    pub const FUNC: u32 = 12;
    pub const FUNC_PROTO: u32 = 13;
    pub const VAR: u32 = 14;
    pub const DATASEC: u32 = 15;
    pub const DECL_TAG: u32 = 17;
    pub const ENUM64: u32 = 19;
}

/// Finds all offsets in one pass over the types; `None` when one is missing.
pub fn find(btf: &[u8]) -> Option<Offsets> {
    let half = |at: usize| Some(u16::from_ne_bytes(btf.get(at..at + 2)?.try_into().ok()?));
    let word = |at: usize| Some(u32::from_ne_bytes(btf.get(at..at + 4)?.try_into().ok()?));
    if half(0)? != MAGIC {
        return None;
    }
    let header = word(4)? as usize;
    let section = |offset: usize, length: usize| {
        let start = header.checked_add(word(offset)? as usize)?;
        btf.get(start..start.checked_add(word(length)? as usize)?)
    };
    let (types, strings) = (section(8, 12)?, section(16, 20)?);
    let mut search = Search {
        types,
        strings,
        found: Found::default(),
    };
    search.run();
    search.found.whole()
}

#[derive(Default)]
struct Found {
    iterator: Option<u32>,
    group_leader: Option<u32>,
    thread_pid: Option<u32>,
    start_boottime: Option<u32>,
    comm: Option<u32>,
    level: Option<u32>,
    numbers: Option<u32>,
    f_inode: Option<u32>,
    i_ino: Option<u32>,
}

impl Found {
    fn whole(self) -> Option<Offsets> {
        Some(Offsets {
            iterator: self.iterator?,
            group_leader: self.group_leader?,
            thread_pid: self.thread_pid?,
            start_boottime: self.start_boottime?,
            comm: self.comm?,
            level: self.level?,
            numbers: self.numbers?,
            f_inode: self.f_inode?,
            i_ino: self.i_ino?,
        })
    }
}

struct Search<'a> {
    types: &'a [u8],
    strings: &'a [u8],
    found: Found,
}

impl Search<'_> {
    fn run(&mut self) {
        let mut at = 0;
        // Id 0 is void and has no entry.
        let mut id = 1;
        while let Some([name, info, _]) = self.words::<TYPE>(at) {
            let (kind, count) = (info >> 24 & 0x1f, (info & 0xffff) as usize);
            let rest = at + 4 * TYPE;
            match kind {
                kind::FUNC if self.is_named(name, b"bpf_iter_task_file") => {
                    self.found.iterator = Some(id);
                }
                kind::STRUCT => self.structure(name, rest, count, info >> 31 != 0),
                _ => {}
            }
            let more = match kind {
                kind::INT | kind::VAR | kind::DECL_TAG => 1,
                kind::ARRAY => 3,
                kind::STRUCT | kind::UNION | kind::DATASEC | kind::ENUM64 => 3 * count,
                kind::ENUM | kind::FUNC_PROTO => 2 * count,
                _ => 0,
            };
            at = rest + 4 * more;
            id += 1;
        }
    }

    fn structure(&mut self, name: u32, at: usize, count: usize, has_bitfields: bool) {
        type Member<'m> = (&'m [u8], &'m mut Option<u32>);
        let found = &mut self.found;
        let mut wanted: Vec<Member> = if named(self.strings, name, b"task_struct") {
            vec![
                (b"group_leader", &mut found.group_leader),
                (b"thread_pid", &mut found.thread_pid),
                (b"start_boottime", &mut found.start_boottime),
                (b"comm", &mut found.comm),
            ]
        } else if named(self.strings, name, b"pid") {
            vec![
                (b"level", &mut found.level),
                (b"numbers", &mut found.numbers),
            ]
        } else if named(self.strings, name, b"file") {
            vec![(b"f_inode", &mut found.f_inode)]
        } else if named(self.strings, name, b"inode") {
            vec![(b"i_ino", &mut found.i_ino)]
        } else {
            return;
        };
        for index in 0..count {
            let Some([name, _, offset]) = words::<3>(self.types, at + 12 * index) else {
                return;
            };
            // With bitfields the upper byte is a width.
            let bits = if has_bitfields {
                offset & 0x00ff_ffff
            } else {
                offset
            };
            for (member, place) in &mut wanted {
                if named(self.strings, name, member) {
                    **place = Some(bits / 8);
                }
            }
        }
    }

    fn words<const N: usize>(&self, at: usize) -> Option<[u32; N]> {
        words(self.types, at)
    }

    fn is_named(&self, offset: u32, name: &[u8]) -> bool {
        named(self.strings, offset, name)
    }
}

fn words<const N: usize>(bytes: &[u8], at: usize) -> Option<[u32; N]> {
    let bytes = bytes.get(at..at.checked_add(4 * N)?)?;
    let mut words = [0; N];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(4)) {
        *word = u32::from_ne_bytes(bytes.try_into().ok()?);
    }
    Some(words)
}

/// Whether the string at an offset is this one; strings end with a NUL.
fn named(strings: &[u8], offset: u32, name: &[u8]) -> bool {
    let start = offset as usize;
    let end = start.saturating_add(name.len());
    strings.get(start..end) == Some(name) && strings.get(end) == Some(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes BTF with the types that are looked for, and some that are in the way.
    #[derive(Default)]
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
            let name = self.name(name);
            let flag = u32::from(has_bitfields) << 31;
            self.push(&[name, kind::STRUCT << 24 | members.len() as u32 | flag, 8]);
            for (member, offset) in members {
                let member = self.name(member);
                self.push(&[member, 1, *offset]);
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
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_cut_short_or_no_btf_is_none() {
        let bytes = whole().finish();
        for length in 0..bytes.len() - 1 {
            assert_eq!(find(&bytes[..length]), None, "{length}");
        }
        assert_eq!(find(&[0; 64]), None);
    }
}
