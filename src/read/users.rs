//! Names and numbers of users: from `/etc/passwd`, and what that lacks from the system's user
//! database (LDAP, SSSD, systemd's dynamic users; directory services on macOS).

use std::collections::{BTreeMap, BTreeSet};

use super::linux::proc_text::{parse_passwd, uid_in_passwd};
use crate::model::Account;

/// What a database says of one name or number.
// Where users have names alone, nothing is looked up.
#[cfg_attr(not(unix), allow(dead_code))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said<T> {
    Found(T),
    Absent,
    /// It could not be asked, or did not answer.
    Unknown,
}

/// A user database.
pub trait Database {
    fn uid_of(&self, name: &str) -> Said<u32>;
    fn name_of(&self, uid: u32) -> Said<String>;
}

/// The users of this machine. Each name and number is asked about at most once.
pub struct Users<D = System> {
    database: D,
    /// The text of `/etc/passwd`.
    passwd: Option<Vec<u8>>,
    names: BTreeMap<u32, Option<String>>,
    accounts: BTreeMap<String, Account>,
}

impl Default for Users {
    fn default() -> Self {
        Self::over(System, None)
    }
}

impl<D: Database> Users<D> {
    fn over(database: D, passwd: Option<Vec<u8>>) -> Self {
        Self {
            database,
            passwd,
            names: BTreeMap::new(),
            accounts: BTreeMap::new(),
        }
    }

    fn passwd(&mut self) -> &[u8] {
        self.passwd
            .get_or_insert_with(|| std::fs::read("/etc/passwd").unwrap_or_default())
    }

    /// The names of these users, as far as they have any.
    pub fn names(&mut self, uids: &BTreeSet<u32>) -> BTreeMap<u32, String> {
        if self.names.is_empty() && !uids.is_empty() {
            let known = parse_passwd(self.passwd());
            self.names = known
                .into_iter()
                .map(|(uid, name)| (uid, Some(name)))
                .collect();
        }
        let database = &self.database;
        let names = &mut self.names;
        let name = |uid: &u32| {
            let known = names
                .entry(*uid)
                .or_insert_with(|| match database.name_of(*uid) {
                    Said::Found(name) => Some(name),
                    Said::Absent | Said::Unknown => None,
                });
            Some((*uid, known.clone()?))
        };
        uids.iter().filter_map(name).collect()
    }

    /// The user with this name.
    pub fn account(&mut self, name: &str) -> Account {
        if let Some(known) = self.accounts.get(name) {
            return *known;
        }
        let account = match uid_in_passwd(self.passwd(), name) {
            Some(uid) => Account::Uid(uid),
            None => match self.database.uid_of(name) {
                Said::Found(uid) => Account::Uid(uid),
                Said::Absent => Account::Named,
                Said::Unknown => Account::Unknown,
            },
        };
        self.accounts.insert(name.to_owned(), account);
        account
    }
}

/// The database that the C library asks.
pub struct System;

#[cfg(unix)]
impl Database for System {
    fn uid_of(&self, name: &str) -> Said<u32> {
        let Ok(name) = std::ffi::CString::new(name) else {
            return Said::Absent;
        };
        passwd::look_up(passwd::Key::Name(&name), |entry| Some(entry.pw_uid))
    }

    fn name_of(&self, uid: u32) -> Said<String> {
        passwd::look_up(passwd::Key::Uid(uid), passwd::name)
    }
}

/// Users have names alone there.
#[cfg(not(unix))]
impl Database for System {
    fn uid_of(&self, _: &str) -> Said<u32> {
        Said::Absent
    }

    fn name_of(&self, _: u32) -> Said<String> {
        Said::Absent
    }
}

#[cfg(unix)]
mod passwd {
    use std::ffi::CStr;
    use std::mem::MaybeUninit;
    use std::ptr::null_mut;

    use super::Said;

    /// Largest entry that is read, in bytes: glibc suggests 1024 at first.
    const LARGEST: usize = 1 << 20;

    /// Whether the C library asks the databases that the system is set up with. A static build cannot
    /// load the modules of the name service switch, and musl has none: there "absent" says nothing.
    const ASKS_ALL: bool =
        !cfg!(any(target_env = "musl", target_feature = "crt-static")) || cfg!(target_os = "macos");

    #[derive(Clone, Copy)]
    pub enum Key<'a> {
        Name(&'a CStr),
        Uid(u32),
    }

    /// Takes what is wanted from an entry of the database, getpwnam_r(3).
    pub fn look_up<T>(key: Key<'_>, take: impl Fn(&libc::passwd) -> Option<T>) -> Said<T> {
        let mut buffer: Vec<libc::c_char> = vec![0; 1024];
        loop {
            match ask(key, &mut buffer, &take) {
                Ok(Some(Some(found))) => return Said::Found(found),
                Ok(None) if ASKS_ALL => return Said::Absent,
                Err(libc::EINTR) => {}
                Err(libc::ERANGE) if buffer.len() < LARGEST => {
                    let larger = buffer.len() * 4;
                    buffer.resize(larger, 0);
                }
                // A service that is set up and does not answer: its users are not known.
                Ok(_) | Err(_) => return Said::Unknown,
            }
        }
    }

    #[allow(unsafe_code)]
    fn ask<T>(
        key: Key<'_>,
        buffer: &mut [libc::c_char],
        take: impl Fn(&libc::passwd) -> Option<T>,
    ) -> Result<Option<Option<T>>, libc::c_int> {
        let mut entry = MaybeUninit::<libc::passwd>::uninit();
        let mut found = null_mut();
        // SAFETY: the library writes one entry, strings of it into no more than the length of `buffer`,
        // and where to find it into `found`; the name ends in a NUL. All of them outlive the call.
        let code = unsafe {
            match key {
                Key::Name(name) => libc::getpwnam_r(
                    name.as_ptr(),
                    entry.as_mut_ptr(),
                    buffer.as_mut_ptr(),
                    buffer.len(),
                    &raw mut found,
                ),
                Key::Uid(uid) => libc::getpwuid_r(
                    uid,
                    entry.as_mut_ptr(),
                    buffer.as_mut_ptr(),
                    buffer.len(),
                    &raw mut found,
                ),
            }
        };
        if code != 0 {
            return Err(code);
        }
        // SAFETY: it is null, or leads to `entry`, which has been written then, and whose strings lie
        // in `buffer`; both live until the end of this function, and nothing that is borrowed leaves it.
        Ok(unsafe { found.as_ref() }.map(take))
    }

    /// The name in an entry.
    #[allow(unsafe_code)]
    pub fn name(entry: &libc::passwd) -> Option<String> {
        if entry.pw_name.is_null() {
            return None;
        }
        // SAFETY: the library ends the name with a NUL, and it lies in the buffer that `ask` holds while
        // it shows the entry.
        let name = unsafe { CStr::from_ptr(entry.pw_name) };
        let name = name.to_str().ok()?;
        (!name.is_empty()).then(|| name.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Has one user, or cannot be asked; counts the questions.
    struct Ldap<'a> {
        answers: bool,
        asked: &'a Cell<u32>,
    }

    impl Database for Ldap<'_> {
        fn uid_of(&self, name: &str) -> Said<u32> {
            self.asked.set(self.asked.get() + 1);
            match (self.answers, name) {
                (false, _) => Said::Unknown,
                (true, "anna") => Said::Found(9001),
                (true, _) => Said::Absent,
            }
        }

        fn name_of(&self, uid: u32) -> Said<String> {
            self.asked.set(self.asked.get() + 1);
            match (self.answers, uid) {
                (false, _) => Said::Unknown,
                (true, 9001) => Said::Found("anna".into()),
                (true, _) => Said::Absent,
            }
        }
    }

    const PASSWD: &[u8] = b"root:x:0:0::/:/bin/sh\ntoor:x:0:0::/:/bin/sh\nwww:x:33:33::/:/bin/sh\n";

    #[test]
    fn what_the_file_lacks_is_asked_for_once() {
        let asked = Cell::new(0);
        let database = Ldap {
            answers: true,
            asked: &asked,
        };
        let mut users = Users::over(database, Some(PASSWD.to_vec()));
        let uids: BTreeSet<u32> = [0, 33].into();
        assert_eq!(users.names(&uids).len(), 2);
        assert_eq!(users.account("toor"), Account::Uid(0));
        assert_eq!(asked.get(), 0, "the file has them");
        for _ in 0..3 {
            let found = users.names(&[0, 9001, 9002].into());
            let names: Vec<_> = found.into_iter().collect();
            assert_eq!(names, [(0, "root".into()), (9001, "anna".into())]);
            assert_eq!(users.account("anna"), Account::Uid(9001));
            assert_eq!(users.account("otto"), Account::Named);
        }
        assert_eq!(asked.get(), 4);
    }

    #[test]
    fn a_name_that_only_a_silent_database_could_have_is_unknown() {
        let asked = Cell::new(0);
        let database = Ldap {
            answers: false,
            asked: &asked,
        };
        let mut users = Users::over(database, Some(PASSWD.to_vec()));
        assert_eq!(users.account("anna"), Account::Unknown);
        assert_eq!(users.account("www"), Account::Uid(33));
        assert_eq!(users.names(&[33, 9001].into()).len(), 1);
    }

    #[test]
    fn the_system_knows_its_own_root() {
        let mut users = Users::default();
        if cfg!(unix) && System.name_of(0) != Said::Unknown {
            assert_eq!(System.uid_of("root"), Said::Found(0));
            assert_eq!(users.names(&[0].into()).get(&0).unwrap(), "root");
            assert_ne!(System.uid_of("no such user"), Said::Found(0));
        }
    }
}
