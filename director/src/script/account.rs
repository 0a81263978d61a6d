//! The user that a script runs as.

use std::path::PathBuf;

use nix::{
    errno::Errno,
    unistd::{Gid, Group, Uid, User, getegid, geteuid},
};

use crate::config::ScriptUser;

/// Runs scripts where nothing else is said and this user exists, as in keepalived.
const DEFAULT_USER: &str = "keepalived_script";

/// A user and a group that a script runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name, or its number if it has none.
    pub name: String,
    /// Its number.
    pub uid: Uid,
    /// The group's number.
    pub gid: Gid,
    /// Its home folder, or `/`.
    pub home: PathBuf,
}

/// Why there is no such account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// No user has this name or number.
    #[error("there is no user {0}")]
    UnknownUser(String),
    /// No group has this name.
    #[error("there is no group {0}")]
    UnknownGroup(String),
    /// The system's list of users and groups cannot be asked.
    #[error("{name} cannot be looked up")]
    Lookup {
        /// The user or group.
        name: String,
        /// Why.
        #[source]
        errno: Errno,
    },
}

impl Account {
    /// The account that was asked for; without one `keepalived_script` if there is such a user, or else who runs this process,
    /// which is root. It may ask a name service, and so may take time.
    ///
    /// # Errors
    ///
    /// There is no such user or group.
    pub fn find(wanted: Option<&ScriptUser>) -> Result<Self, AccountError> {
        let Some(wanted) = wanted else {
            return match user(DEFAULT_USER)? {
                Some(user) => Ok(user.into()),
                None => Self::this(),
            };
        };
        let gid = wanted.group.as_deref().map(group).transpose()?;
        let unknown = || AccountError::UnknownUser(wanted.user.clone());
        let account = match (user(&wanted.user)?, gid) {
            (Some(user), _) => Self::from(user),
            // A number without a name is a user, but nobody knows its group.
            (None, Some(gid)) => Self::nameless(number(&wanted.user).ok_or_else(unknown)?, gid),
            (None, None) => return Err(unknown()),
        };
        Ok(Self {
            gid: gid.unwrap_or(account.gid),
            ..account
        })
    }

    /// Whether it can do what root can, or what root's group can.
    #[must_use]
    pub fn is_privileged(&self) -> bool {
        self.uid.is_root() || self.gid.as_raw() == 0
    }

    /// Who runs this process.
    fn this() -> Result<Self, AccountError> {
        let uid = geteuid();
        let found = User::from_uid(uid).map_err(lookup(&uid.to_string()))?;
        let account = found.map_or_else(|| Self::nameless(uid.as_raw(), getegid()), Self::from);
        Ok(Self {
            gid: getegid(),
            ..account
        })
    }

    fn nameless(uid: u32, gid: Gid) -> Self {
        Self {
            name: uid.to_string(),
            uid: Uid::from_raw(uid),
            gid,
            home: PathBuf::from("/"),
        }
    }
}

impl From<User> for Account {
    fn from(user: User) -> Self {
        Self {
            name: user.name,
            uid: user.uid,
            gid: user.gid,
            home: user.dir,
        }
    }
}

fn user(name: &str) -> Result<Option<User>, AccountError> {
    let found = match number(name) {
        Some(uid) => User::from_uid(Uid::from_raw(uid)),
        None => User::from_name(name),
    };
    found.map_err(lookup(name))
}

fn group(name: &str) -> Result<Gid, AccountError> {
    if let Some(gid) = number(name) {
        return Ok(Gid::from_raw(gid));
    }
    let found = Group::from_name(name).map_err(lookup(name))?;
    found
        .map(|group| group.gid)
        .ok_or_else(|| AccountError::UnknownGroup(name.to_owned()))
}

/// `u32::MAX` means *leave it as it is* to the kernel, and so names nobody (chown(2), setresuid(2)).
fn number(name: &str) -> Option<u32> {
    name.parse().ok().filter(|&number| number != u32::MAX)
}

fn lookup(name: &str) -> impl FnOnce(Errno) -> AccountError {
    let name = name.to_owned();
    move |errno| AccountError::Lookup { name, errno }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(user: &str, group: Option<&str>) -> Result<Account, AccountError> {
        Account::find(Some(&ScriptUser {
            user: user.to_owned(),
            group: group.map(str::to_owned),
        }))
    }

    #[test]
    fn a_user_is_found_by_name_and_by_number() {
        let nobody = find("nobody", None).unwrap();
        assert_eq!(find(&nobody.uid.to_string(), None).unwrap(), nobody);
        assert!(!nobody.is_privileged());
    }

    #[test]
    fn a_group_is_found_by_name_and_by_number_and_replaces_the_users_own() {
        let root = find("root", None).unwrap();
        assert_eq!(root.gid.as_raw(), 0);
        let other = find("root", Some("nogroup")).unwrap();
        assert_eq!((other.uid, other.name.as_str()), (root.uid, "root"));
        assert_ne!(other.gid, root.gid);
        assert_eq!(find("root", Some("4711")).unwrap().gid.as_raw(), 4711);
    }

    #[test]
    fn who_is_not_there_is_named() {
        let unknown = |name: &str| AccountError::UnknownUser(name.to_owned());
        assert_eq!(find("no_such_user", None), Err(unknown("no_such_user")));
        assert_eq!(find("", None), Err(unknown("")));
        assert_eq!(find("4294967295", Some("0")), Err(unknown("4294967295")));
        assert_eq!(
            find("root", Some("no_such_group")),
            Err(AccountError::UnknownGroup("no_such_group".to_owned()))
        );
    }

    #[test]
    fn a_number_without_a_name_needs_a_group() {
        assert_eq!(
            find("3999999999", None),
            Err(AccountError::UnknownUser("3999999999".to_owned()))
        );
        let account = find("3999999999", Some("nogroup")).unwrap();
        assert_eq!(account.name, "3999999999");
        assert_eq!(account.home, PathBuf::from("/"));
    }

    #[test]
    fn without_a_word_scripts_run_as_keepalived_script_or_as_the_director() {
        let account = Account::find(None).unwrap();
        match User::from_name(DEFAULT_USER).unwrap() {
            Some(user) => assert_eq!(account.uid, user.uid),
            None => assert_eq!(account.uid, geteuid()),
        }
    }
}
