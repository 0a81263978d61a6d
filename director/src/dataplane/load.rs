//! Loading the program, with the maps that an earlier director pinned where there are any.

use std::path::Path;

use aya::{
    Ebpf, EbpfError, EbpfLoader,
    programs::{ProgramError, Xdp},
};
use director_common::limits::map;
use nix::errno::Errno;

use super::{
    clock::Clock,
    maps::{Maps, OpenMapError},
    outer,
    pins::{Found, Pins, PinsError},
    sizes::{Machine, Sizes},
};

/// The XDP object, built by `build.rs`.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/director-xdp"));

/// The programs in the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The packet path.
    PacketPath,
    /// Gives the clock that flows are stamped with and leases end by.
    Clock,
}

impl Part {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::PacketPath => "director",
            Self::Clock => "clock",
        }
    }
}

/// The program or its maps could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The kernel lacks what the program is made of.
    #[error("this kernel has no {0}")]
    Kernel(&'static str),
    /// The object was built without a program that it should have.
    #[error("the XDP object has no program {0}")]
    NoProgram(&'static str),
    /// The object or its maps were refused.
    #[error("loading the XDP object")]
    Object(#[source] Box<EbpfError>),
    /// The program was refused.
    #[error("loading the XDP program")]
    Program(#[source] Box<ProgramError>),
    /// Times could not be told in jiffies.
    #[error("asking the kernel how long a jiffy is")]
    Jiffy(#[source] Errno),
    /// A pinned map cannot be used.
    #[error(transparent)]
    Map(#[from] OpenMapError),
    /// The program could not be pinned.
    #[error("pinning the XDP program")]
    Pin(#[source] aya::pin::PinError),
    /// The pin folder cannot be used.
    #[error(transparent)]
    Pins(#[from] PinsError),
}

impl LoadError {
    /// What the operator can do.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Kernel(_) => "Debian's kernels since 5.10 have it (CONFIG_BPF_SYSCALL, CONFIG_DEBUG_INFO_BTF)".to_owned(),
            Self::Object(error) if denied(error) => "run as root (CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON are needed), and see that the kernel's lockdown allows BPF".to_owned(),
            Self::NoProgram(_) => "build director anew: `cargo xtask build`".to_owned(),
            Self::Object(_) | Self::Program(_) => "the kernel's verifier says why above; Linux 6.1 or newer is needed; a flow table too large for the memory is refused with ENOMEM".to_owned(),
            Self::Jiffy(_) => "the resolution of CLOCK_MONOTONIC_COARSE tells it, on every Linux since 2.6.32; see clock_getres(2)".to_owned(),
            Self::Map(_) | Self::Pin(_) => {
                "`director unload` removes all pins; established connections are forgotten by it".to_owned()
            }
            Self::Pins(error) => error.help(),
        }
    }
}

fn denied(error: &EbpfError) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return error.kind() == std::io::ErrorKind::PermissionDenied;
        }
        source = error.source();
    }
    false
}

/// Loads the object, pins what is new, and opens typed handles of the maps and a handle of the clock.
pub(super) fn load(
    pins: &Pins,
    found: Found,
    sizes: &Sizes,
    machine: &Machine,
) -> Result<(Ebpf, Maps, Clock), LoadError> {
    if !Path::new("/sys/kernel/btf/vmlinux").exists() {
        return Err(LoadError::Kernel("BTF"));
    }
    let folder = pins.folder();
    match found {
        // aya takes a pinned map as it is; opening it by its type compares the layouts first.
        Found::Ours => drop(Maps::open(&folder)?),
        Found::Nothing => {
            pins.make_folder()?;
            outer::pin_schedules(&folder.join(map::SCHEDULES))
                .map_err(|source| OpenMapError::new(map::SCHEDULES, source))?;
        }
    }
    let mut loader = EbpfLoader::new();
    for (name, entries) in sizes.entries(machine) {
        loader.map_max_entries(name, entries);
    }
    for name in map::ALL {
        loader.map_pin_path(name, folder.join(name));
    }
    let mut object = loader
        .load(OBJECT)
        .map_err(|error| LoadError::Object(Box::new(error)))?;
    for part in [Part::PacketPath, Part::Clock] {
        program(&mut object, part)?
            .load()
            .map_err(|error| LoadError::Program(Box::new(error)))?;
    }
    let maps = Maps::open(&folder)?;
    let clock = Clock::open(&mut object, pins)?;
    pin_program(&mut object, pins)?;
    Ok((object, maps, clock))
}

/// Names the loaded program in the pin folder. It comes last: it says that the rest is complete.
///
/// An earlier pin is replaced in one step. A moment without it would be one in which a kill made the next start take the pins
/// for those of a start that was never completed, and remove them under live connections.
fn pin_program(object: &mut Ebpf, pins: &Pins) -> Result<(), LoadError> {
    let next = pins.next_program();
    if next.exists() {
        pins.remove_file(&next)?;
    }
    program(object, Part::PacketPath)?
        .pin(&next)
        .map_err(LoadError::Pin)?;
    Ok(pins.replace_program()?)
}

/// A program in the object.
pub(super) fn program(object: &mut Ebpf, part: Part) -> Result<&mut Xdp, LoadError> {
    object
        .program_mut(part.name())
        .ok_or(LoadError::NoProgram(part.name()))?
        .try_into()
        .map_err(|error| LoadError::Program(Box::new(error)))
}
