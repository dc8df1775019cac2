//! Owners by their users.

use super::*;
use crate::model::{Account, AskedUser};

#[test]
fn an_owner_whose_user_is_not_known_is_no_stranger() {
    let anna = |account| AskedUser {
        account,
        ..AskedUser::new("anna")
    };
    let met = |account, uid: Option<u32>| {
        let expected = Expected {
            users: [anna(account)].into(),
            ..Expected::default()
        };
        let mut row = listener("::", Some(false), "app", 7);
        let process = Rc::make_mut(&mut row.owners[0].process);
        (process.uid, process.user) = (uid, None);
        expected.judge_row(&row)
    };
    assert_eq!(met(Account::Uid(9001), Some(9001)), Met::Yes);
    assert_eq!(met(Account::Uid(9001), Some(33)), Met::Stranger);
    assert_eq!(met(Account::Named, Some(9001)), Met::Stranger);
    // The database could not be asked; the process's user could not be read.
    assert_eq!(met(Account::Unknown, Some(9001)), Met::Unknown);
    assert_eq!(met(Account::Uid(9001), None), Met::Unknown);
}
