//! `enable_script_security`: what root runs must not be changeable by anybody else.
//!
//! Every file and folder on the way to the program is looked at, and symbolic links as well as what they lead to, since
//! whoever owns any of these can put something else in its place.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Component, Path, PathBuf},
};

/// As many symbolic links as the kernel follows (path_resolution(7)).
const MOST_LINKS: usize = 40;

const STICKY: u32 = 0o1000;
const GROUP_WRITE: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;

/// Why a program is not run as root.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Insecure {
    /// It belongs to somebody else.
    #[error("user {owner} owns {}, on the way to what root would run", path.display())]
    Owner {
        /// The file, folder or link.
        path: PathBuf,
        /// The owner's number.
        owner: u32,
    },
    /// A group other than root's may write it.
    #[error("group {group} can write {}, on the way to what root would run", path.display())]
    Group {
        /// The file or folder.
        path: PathBuf,
        /// The group's number.
        group: u32,
    },
    /// Everybody may write it.
    #[error("everybody can write {}, on the way to what root would run", path.display())]
    Everybody {
        /// The file or folder.
        path: PathBuf,
    },
    /// It cannot be looked at, so nobody knows.
    #[error("{} cannot be looked at ({kind})", path.display())]
    Unknown {
        /// The file, folder or link.
        path: PathBuf,
        /// Why.
        kind: io::ErrorKind,
    },
}

/// Looks at everything on the way to a program.
///
/// # Errors
///
/// Somebody else than root can change what is executed.
pub fn check(program: &Path) -> Result<(), Insecure> {
    let mut ahead: VecDeque<OsString> = words(program).collect();
    let mut here = PathBuf::from("/");
    let mut links = 0;
    judge(&here, &look(&here)?)?;
    while let Some(word) = ahead.pop_front() {
        if word == ".." {
            here.pop();
            continue;
        }
        let next = here.join(&word);
        let metadata = look(&next)?;
        judge(&next, &metadata)?;
        if !metadata.is_symlink() {
            here = next;
            continue;
        }
        links += 1;
        let target = match fs::read_link(&next) {
            Ok(target) if links <= MOST_LINKS => target,
            Ok(_) => return Err(unknown(&next, io::ErrorKind::InvalidInput)),
            Err(error) => return Err(unknown(&next, error.kind())),
        };
        if target.is_absolute() {
            here = PathBuf::from("/");
        }
        ahead = words(&target).chain(ahead).collect();
    }
    Ok(())
}

fn words(path: &Path) -> impl Iterator<Item = OsString> {
    let words = path.components().filter_map(|component| match component {
        Component::Normal(word) => Some(word.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    words.collect::<Vec<_>>().into_iter()
}

fn look(path: &Path) -> Result<Metadata, Insecure> {
    fs::symlink_metadata(path).map_err(|error| unknown(path, error.kind()))
}

fn unknown(path: &Path, kind: io::ErrorKind) -> Insecure {
    Insecure::Unknown {
        path: path.to_owned(),
        kind,
    }
}

fn judge(path: &Path, metadata: &Metadata) -> Result<(), Insecure> {
    let path = || path.to_owned();
    if metadata.uid() != 0 {
        return Err(Insecure::Owner {
            path: path(),
            owner: metadata.uid(),
        });
    }
    let mode = metadata.mode();
    // The mode of a link means nothing. In a sticky folder nobody can replace what is root's (inode(7)).
    let is_kept = metadata.is_symlink() || (metadata.is_dir() && mode & STICKY != 0);
    if is_kept {
        return Ok(());
    }
    if mode & OTHERS_WRITE != 0 {
        return Err(Insecure::Everybody { path: path() });
    }
    if mode & GROUP_WRITE != 0 && metadata.gid() != 0 {
        return Err(Insecure::Group {
            path: path(),
            group: metadata.gid(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    use super::*;

    /// Below /tmp, which everybody can write and which is sticky.
    fn script() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        mode(&inner, 0o755);
        let script = inner.join("script");
        fs::write(&script, "#!/bin/sh\n").unwrap();
        mode(&script, 0o755);
        (folder, script)
    }

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_only_root_can_write_is_run() {
        let (_folder, script) = script();
        assert_eq!(check(&script), Ok(()));
        assert_eq!(check(Path::new("/bin/sh")), Ok(()));
    }

    #[test]
    fn a_file_that_others_can_write_is_refused() {
        let (_folder, script) = script();
        mode(&script, 0o757);
        assert_eq!(
            check(&script),
            Err(Insecure::Everybody {
                path: script.clone()
            })
        );
        mode(&script, 0o775);
        assert_eq!(check(&script), Ok(()), "root's own group");
        chown(&script, None, Some(4711)).unwrap();
        assert_eq!(
            check(&script),
            Err(Insecure::Group {
                path: script.clone(),
                group: 4711
            })
        );
        mode(&script, 0o755);
        chown(&script, Some(4712), None).unwrap();
        assert_eq!(
            check(&script),
            Err(Insecure::Owner {
                path: script,
                owner: 4712
            })
        );
    }

    #[test]
    fn a_folder_on_the_way_that_others_can_write_is_refused() {
        let (_folder, script) = script();
        let inner = script.parent().unwrap();
        mode(inner, 0o777);
        assert_eq!(
            check(&script),
            Err(Insecure::Everybody {
                path: inner.to_owned()
            })
        );
        mode(inner, 0o1777);
        assert_eq!(check(&script), Ok(()), "sticky");
    }

    #[test]
    fn a_link_of_somebody_else_and_where_links_lead_are_looked_at() {
        let (folder, script) = script();
        let link = folder.path().join("link");
        symlink("inner/../inner/script", &link).unwrap();
        assert_eq!(check(&link), Ok(()));
        let outer = folder.path().join("outer");
        symlink(&link, &outer).unwrap();
        assert_eq!(check(&outer), Ok(()));
        std::os::unix::fs::lchown(&link, Some(4712), None).unwrap();
        assert_eq!(
            check(&outer),
            Err(Insecure::Owner {
                path: link,
                owner: 4712
            })
        );
        mode(&script, 0o757);
        let direct = folder.path().join("direct");
        symlink(&script, &direct).unwrap();
        assert_eq!(check(&direct), Err(Insecure::Everybody { path: script }));
    }

    #[test]
    fn what_cannot_be_looked_at_is_refused() {
        let (folder, _script) = script();
        let ring = folder.path().join("ring");
        symlink(&ring, &ring).unwrap();
        assert!(matches!(check(&ring), Err(Insecure::Unknown { .. })));
        let absent = folder.path().join("absent");
        assert_eq!(
            check(&absent),
            Err(Insecure::Unknown {
                path: absent,
                kind: io::ErrorKind::NotFound
            })
        );
    }
}
