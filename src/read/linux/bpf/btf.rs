//! Finds members of structures and a function in BTF, the kernel's description of its own types
//! (Documentation/bpf/btf.rst). Pure: takes bytes in this machine's order, as the kernel gives them.

#[cfg(test)]
mod tests;

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
    pub tgid: u32,
    /// `struct pid`.
    pub level: u32,
    pub numbers: u32,
    /// `struct file` and `struct inode`.
    pub f_inode: u32,
    pub i_ino: u32,
    /// `None` where one of its members is missing: owners are found without them.
    pub facts: Option<FactOffsets>,
}

/// Where the kernel keeps what processes are and what they share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FactOffsets {
    /// `struct task_struct`.
    pub real_cred: u32,
    pub cgroups: u32,
    pub nsproxy: u32,
    pub fs: u32,
    /// `struct cred`.
    pub euid: u32,
    /// `struct nsproxy`.
    pub mnt_ns: u32,
    /// `struct fs_struct`.
    pub pwd: u32,
    pub root: u32,
}

/// Structures, and the members of them that are looked for.
const WANTED: [(&str, &[&str]); 7] = [
    (
        "task_struct",
        &[
            "group_leader",
            "thread_pid",
            "start_boottime",
            "comm",
            "tgid",
            "real_cred",
            "cgroups",
            "nsproxy",
            "fs",
        ],
    ),
    ("pid", &["level", "numbers"]),
    ("file", &["f_inode"]),
    ("inode", &["i_ino"]),
    ("cred", &["euid"]),
    ("nsproxy", &["mnt_ns"]),
    ("fs_struct", &["pwd", "root"]),
];

/// Members without a name that are looked into: beyond all that the wanted structures have.
const MOST_NESTED: usize = 256;

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
        ..Search::default()
    };
    search.run();
    search.look_into_nested();
    search.offsets()
}

#[derive(Default)]
struct Search<'a> {
    types: &'a [u8],
    strings: &'a [u8],
    iterator: Option<u32>,
    /// Name of the member, index of its structure among the wanted, offset in bytes.
    found: Vec<(&'static str, usize, u32)>,
    /// Id and place of each structure and union without a name, in ascending order.
    nameless: Vec<(u32, usize)>,
    nested: Vec<Nested>,
}

/// A member without a name of a wanted structure: its members count as that one's.
#[derive(Clone, Copy)]
struct Nested {
    id: u32,
    structure: usize,
    base: u32,
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
                kind::FUNC if self.is_named(name, "bpf_iter_task_file") => {
                    self.iterator = Some(id);
                }
                kind::STRUCT | kind::UNION if self.is_named(name, "") => {
                    self.nameless.push((id, at));
                }
                kind::STRUCT => {
                    let is_this = |(wanted, _): &(&str, _)| self.is_named(name, wanted);
                    if let Some(structure) = WANTED.iter().position(is_this) {
                        self.members(at, structure, 0);
                    }
                }
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

    fn look_into_nested(&mut self) {
        for _ in 0..MOST_NESTED {
            let Some(Nested {
                id,
                structure,
                base,
            }) = self.nested.pop()
            else {
                return;
            };
            if let Ok(index) = self.nameless.binary_search_by_key(&id, |(id, _)| *id) {
                self.members(self.nameless[index].1, structure, base);
            }
        }
    }

    /// Notes the wanted members of the type at `at`, which lies `base` bytes into the structure.
    fn members(&mut self, at: usize, structure: usize, base: u32) {
        let Some([_, info, _]) = self.words::<TYPE>(at) else {
            return;
        };
        let has_bitfields = info >> 31 != 0;
        for index in 0..(info & 0xffff) as usize {
            let Some([name, id, offset]) = self.words::<3>(at + 4 * (TYPE + 3 * index)) else {
                return;
            };
            // With bitfields the upper byte is a width.
            let bits = if has_bitfields {
                offset & 0x00ff_ffff
            } else {
                offset
            };
            let offset = base.saturating_add(bits / 8);
            if self.is_named(name, "") {
                self.nested.push(Nested {
                    id,
                    structure,
                    base: offset,
                });
            }
            let mut wanted = WANTED[structure].1.iter();
            if let Some(member) = wanted.find(|member| self.is_named(name, member)) {
                self.found.push((member, structure, offset));
            }
        }
    }

    fn offsets(&self) -> Option<Offsets> {
        let of = |structure: &str, member: &str| {
            let is_this =
                |(name, at, _): &&(_, usize, _)| *name == member && WANTED[*at].0 == structure;
            self.found
                .iter()
                .rfind(is_this)
                .map(|(_, _, offset)| *offset)
        };
        let task = |member| of("task_struct", member);
        let facts = || {
            Some(FactOffsets {
                real_cred: task("real_cred")?,
                cgroups: task("cgroups")?,
                nsproxy: task("nsproxy")?,
                fs: task("fs")?,
                euid: of("cred", "euid")?,
                mnt_ns: of("nsproxy", "mnt_ns")?,
                pwd: of("fs_struct", "pwd")?,
                root: of("fs_struct", "root")?,
            })
        };
        Some(Offsets {
            iterator: self.iterator?,
            group_leader: task("group_leader")?,
            thread_pid: task("thread_pid")?,
            start_boottime: task("start_boottime")?,
            comm: task("comm")?,
            tgid: task("tgid")?,
            level: of("pid", "level")?,
            numbers: of("pid", "numbers")?,
            f_inode: of("file", "f_inode")?,
            i_ino: of("inode", "i_ino")?,
            facts: facts(),
        })
    }

    fn words<const N: usize>(&self, at: usize) -> Option<[u32; N]> {
        words(self.types, at)
    }

    fn is_named(&self, offset: u32, name: &str) -> bool {
        named(self.strings, offset, name.as_bytes())
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
