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
        row.socket.user = uid.map(|uid| Rc::new(User { uid, name: None }));
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

/// A program of root's that runs as root whoever starts it keeps the sockets of who started it.
#[test]
fn an_expected_user_must_have_the_process_and_the_socket() {
    let expected = |users: &[&str]| Expected {
        names: ["postgres".to_owned()].into(),
        users: users.iter().map(|user| AskedUser::new(user)).collect(),
        ..Expected::default()
    };
    let met = |users: &[&str], process: u32, socket: Option<u32>| {
        let mut row = listener("::", Some(false), "postgres", 7);
        row.socket.user = socket.map(|uid| Rc::new(User { uid, name: None }));
        let owner = Rc::make_mut(&mut row.owners[0].process);
        (owner.uid, owner.user) = (Some(process), None);
        expected(users).judge_row(&row)
    };
    assert_eq!(met(&["0"], 0, Some(0)), Met::Yes);
    assert_eq!(met(&["0"], 0, Some(1000)), Met::Stranger);
    assert_eq!(met(&["1000"], 0, Some(1000)), Met::Stranger);
    assert_eq!(met(&["33"], 33, Some(0)), Met::Stranger);
    // A server that binds as root and goes on as another user.
    assert_eq!(met(&["0", "33"], 33, Some(0)), Met::Yes);
    // The socket has a user without a number here.
    assert_eq!(met(&["0"], 0, None), Met::Unknown);
    assert_eq!(met(&["0"], 33, None), Met::Stranger);
    assert_eq!(met(&[], 33, Some(0)), Met::Yes);
}
