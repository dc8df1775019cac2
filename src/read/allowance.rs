//! How much may be read of what others can make as large as they like: so much of each user, so that one
//! user's files are not read at the cost of another's, and so much of all. Pure.

use std::collections::HashMap;

/// What is left of a bound.
#[derive(Debug, Clone)]
pub struct Allowance {
    each: u64,
    left: u64,
    of_users: HashMap<Option<u32>, u64>,
}

impl Allowance {
    /// So much of each user, and so much of all of them together.
    pub fn new(each: u64, all: u64) -> Self {
        Self {
            each,
            left: all,
            of_users: HashMap::new(),
        }
    }

    /// What may still be read of a user's.
    pub fn left(&self, user: Option<u32>) -> u64 {
        let used = self.of_users.get(&user).copied().unwrap_or(0);
        self.left.min(self.each.saturating_sub(used))
    }

    /// Notes what was read of a user's.
    pub fn spend(&mut self, user: Option<u32>, read: u64) {
        self.left = self.left.saturating_sub(read);
        *self.of_users.entry(user).or_default() += read;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_user_uses_up_is_left_to_another() {
        let mut allowance = Allowance::new(10, 100);
        allowance.spend(Some(1), 12);
        assert_eq!(allowance.left(Some(1)), 0);
        assert_eq!(allowance.left(Some(2)), 10);
    }

    #[test]
    fn many_users_have_no_more_than_all_of_them_may() {
        let mut allowance = Allowance::new(10, 25);
        for user in 0..3 {
            allowance.spend(Some(user), 10);
        }
        assert_eq!(allowance.left(Some(9)), 0);
    }
}
