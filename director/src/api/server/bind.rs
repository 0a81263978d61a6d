//! Binding the socket: who may connect, what is in the way, and taking it away at the end.

use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::{
        fd::AsRawFd,
        unix::{
            fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt},
            net::UnixStream,
        },
    },
    path::{Path, PathBuf},
};

use nix::sys::socket::{self, AddressFamily, Backlog, SockFlag, SockType, UnixAddr};
use tokio::net::UnixListener;

use crate::api::response::Problem;

/// Mode of the socket: root asks, nobody else.
const SOCKET_MODE: u32 = 0o600;
/// Mode of its folder, where the daemon makes it.
const FOLDER_MODE: u32 = 0o755;

/// Why the API socket cannot be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody listens on the path.
    #[error("another daemon listens on {}", .0.display())]
    InUse(PathBuf),
    /// The path names something that is not a socket. It is left alone.
    #[error("{} exists and is not a socket", .0.display())]
    NotASocket(PathBuf),
    /// Something is at the path, and whether it is alive cannot be told or it cannot be removed.
    #[error("cannot replace the socket {}", .path.display())]
    Stale {
        /// The socket.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The folder does not exist and cannot be made.
    #[error("cannot create the folder {}", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// Anything else that the kernel said.
    #[error("cannot listen on {}", .path.display())]
    Listen {
        /// The socket.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

impl From<BindError> for Problem {
    fn from(error: BindError) -> Self {
        let help = match &error {
            BindError::InUse(_) => {
                "stop that daemon first, or give this one another path with --socket"
            }
            BindError::NotASocket(_) => {
                "remove the file if it is of no use, or choose another path with --socket"
            }
            BindError::Stale { .. } => {
                "remove it by hand if no daemon runs, or choose another path with --socket"
            }
            BindError::Folder { .. } | BindError::Listen { .. } => {
                "run as root, or choose a path with --socket in a folder that you may write to"
            }
        };
        Self::from_error(&error).help(help)
    }
}

#[derive(Debug)]
pub(super) struct BoundSocket {
    listener: UnixListener,
    file: SocketFile,
}

impl BoundSocket {
    pub(super) fn bind(path: &Path) -> Result<Self, BindError> {
        make_folder(path)?;
        make_room(path)?;
        let listen_error = |source| BindError::Listen {
            path: path.to_owned(),
            source,
        };
        let listener = listen(path).map_err(listen_error)?;
        let file = SocketFile::of(path).map_err(listen_error)?;
        Ok(Self { listener, file })
    }

    pub(super) fn into_parts(self) -> (UnixListener, SocketFile) {
        (self.listener, self.file)
    }
}

/// The socket's name in the file system, removed on drop unless another daemon has put its own there.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::symlink_metadata(path)?;
        Ok(Self {
            path: path.to_owned(),
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }

    fn is_still_ours(&self) -> bool {
        fs::symlink_metadata(&self.path)
            .is_ok_and(|now| now.dev() == self.device && now.ino() == self.inode)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.is_still_ours()
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove the API socket");
        }
    }
}

fn make_folder(path: &Path) -> Result<(), BindError> {
    let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    else {
        return Ok(());
    };
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(folder)
        .map_err(|source| BindError::Folder {
            folder: folder.to_owned(),
            source,
        })
}

/// Removes a socket that nobody listens on; leaves everything else where it is.
fn make_room(path: &Path) -> Result<(), BindError> {
    let stale = |source| BindError::Stale {
        path: path.to_owned(),
        source,
    };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(stale(error)),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(BindError::NotASocket(path.to_owned()));
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(BindError::InUse(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(stale)
        }
        Err(error) => Err(stale(error)),
    }
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    let address = UnixAddr::new(path)?;
    let socket = socket::socket(
        AddressFamily::Unix,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
        None,
    )?;
    socket::bind(socket.as_raw_fd(), &address)?;
    // Nobody can connect before `listen`, so there is no moment in which others than root could.
    fs::set_permissions(path, Permissions::from_mode(SOCKET_MODE))?;
    socket::listen(&socket, Backlog::MAXCONN)?;
    UnixListener::from_std(socket.into())
}
