//! A user as it is asked for: by name or by number.

/// A user that is asked for, and what the system's user database says of the name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AskedUser {
    /// As it was typed.
    pub text: String,
    pub account: Account,
}

/// What the user database says of a name, getpwnam(3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    /// It was not asked yet, or has no such name: names alone are compared.
    Named,
    /// The user has this number.
    Uid(u32),
    /// The database could not be asked: any user may have the name.
    Unknown,
}

impl AskedUser {
    /// A number is a uid; it needs no database.
    pub fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            account: text.parse().map_or(Account::Named, Account::Uid),
        }
    }

    /// Whether a user with this number and this name is meant; `None` where that cannot be known.
    pub fn is(&self, uid: Option<u32>, name: Option<&str>) -> Option<bool> {
        match (self.account, uid) {
            _ if name == Some(self.text.as_str()) => Some(true),
            (Account::Unknown, _) => None,
            (Account::Uid(wanted), Some(uid)) => Some(wanted == uid),
            (Account::Named, Some(_)) => Some(false),
            (_, None) => name.map(|_| false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_known_by_number_where_the_database_gives_one() {
        let asked = |account| AskedUser {
            account,
            ..AskedUser::new("anna")
        };
        let anna = asked(Account::Uid(9001));
        assert_eq!(anna.is(Some(9001), None), Some(true));
        assert_eq!(anna.is(Some(9001), Some("anna-too")), Some(true));
        assert_eq!(anna.is(Some(9002), None), Some(false));
        assert_eq!(anna.is(None, None), None, "of this one nothing is known");
        assert_eq!(anna.is(None, Some("berta")), Some(false));
        assert_eq!(asked(Account::Named).is(Some(9001), None), Some(false));
        let number = AskedUser::new("1234");
        assert_eq!(number.is(Some(1234), Some("anna")), Some(true));
    }

    #[test]
    fn a_name_that_no_database_was_asked_about_may_be_any_users() {
        let anna = AskedUser {
            account: Account::Unknown,
            ..AskedUser::new("anna")
        };
        assert_eq!(anna.is(Some(9001), None), None);
        assert_eq!(anna.is(Some(33), Some("www-data")), None);
        assert_eq!(anna.is(Some(33), Some("anna")), Some(true));
    }
}
