//! The maps as they are, decoded, straight from the pins: no daemon is needed, and nothing is changed.

use std::{
    fs, io,
    ops::ControlFlow,
    os::fd::{AsFd as _, AsRawFd as _},
    path::{Path, PathBuf},
};

use aya::maps::{Array, IterableMap as _, Map, MapData, MapError, PerCpuArray};
use bytemuck::Pod;
use director_common::{
    ABI_VERSION,
    flow::{Flow, FlowKeyV4, FlowKeyV6},
    fragment::{Fragment, FragmentKey},
    interface::Interface,
    limits::map,
    persistence::{Template, TemplateKey},
    service::{Service, ServiceKeyV4, ServiceKeyV6},
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    apply::{self, MapAccessError},
    batch, leases,
    maps::{Maps, OpenMapError, Plain},
    pins,
};

mod decode;

/// What the kernel says of one map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MapInfo {
    /// Name of the map and of its pin.
    pub name: String,
    /// The kernel's name of its type, such as `lru_hash`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value, on one CPU.
    pub value_size: u32,
    /// Entries that it has room for.
    pub max_entries: u32,
    /// Entries that it holds (for arrays: those that are set).
    pub entries: u64,
    /// Bytes that the kernel accounts for it.
    pub memory_bytes: u64,
}

/// One entry of a map, decoded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The key; an object where it has fields.
    pub key: Value,
    /// The value, likewise.
    pub value: Value,
}

/// The maps cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// Nothing of this version is pinned.
    #[error("no maps of this version (v{ABI_VERSION}) are pinned in {0}")]
    NothingPinned(PathBuf),
    /// The folder cannot be looked into.
    #[error("looking into {0}")]
    Folder(PathBuf, #[source] io::Error),
    /// There is no map of that name.
    #[error("there is no map {0}")]
    Unknown(String),
    /// A pinned map cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenMapError),
    /// A pinned map cannot be opened or read.
    #[error("reading the map {0}")]
    Read(String, #[source] MapError),
    /// A hash map cannot be walked.
    #[error("walking the map {0}")]
    Walk(String, #[source] io::Error),
    /// The tables cannot be read.
    #[error(transparent)]
    Tables(#[from] MapAccessError),
}

impl DumpError {
    /// What the operator can do.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::NothingPinned(_) => "no director has run here since the last `director unload`; --pins names another folder".to_owned(),
            Self::Folder(_, error) if error.kind() == io::ErrorKind::PermissionDenied => "run as root".to_owned(),
            Self::Unknown(_) => format!("the maps are {}", map::ALL.join(", ")),
            _ => "run as root; if you are, `director unload` and a new start make them anew".to_owned(),
        }
    }
}

/// Every map that is pinned below `root`.
///
/// # Errors
///
/// See [`DumpError`].
pub fn list(root: &Path) -> Result<Vec<MapInfo>, DumpError> {
    let folder = folder(root)?;
    map::ALL
        .iter()
        .map(|name| info(root, &folder, name))
        .collect()
}

/// The folder with the pins of this version.
fn folder(root: &Path) -> Result<PathBuf, DumpError> {
    let folder = pins::folder(root);
    match fs::read_dir(&folder) {
        Ok(_) => Ok(folder),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(DumpError::NothingPinned(root.to_owned()))
        }
        Err(error) => Err(DumpError::Folder(folder, error)),
    }
}

fn info(root: &Path, folder: &Path, name: &str) -> Result<MapInfo, DumpError> {
    let read = |error| DumpError::Read(name.to_owned(), error);
    let map = open(folder, name)?;
    let info = map.info().map_err(read)?;
    let kind = info.map_type().map_err(read)?;
    let mut entries = 0;
    dump(root, name, |_| {
        entries += 1;
        ControlFlow::Continue(())
    })?;
    Ok(MapInfo {
        name: name.to_owned(),
        kind: snake_case(&format!("{kind:?}")),
        key_size: info.key_size(),
        value_size: info.value_size(),
        max_entries: info.max_entries(),
        entries,
        memory_bytes: memory(&map),
    })
}

/// `PerCpuArray` as the kernel's tools write it: `per_cpu_array`.
fn snake_case(name: &str) -> String {
    let mut text = String::new();
    for (index, letter) in name.char_indices() {
        if letter.is_uppercase() && index > 0 {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
    }
    text
}

/// What the kernel accounts for all maps that are pinned below `root`, bytes; those that it does not say it for are left out.
#[must_use]
pub fn memory_bytes(root: &Path) -> u64 {
    let folder = pins::folder(root);
    let maps = map::ALL.iter().filter_map(|name| open(&folder, name).ok());
    maps.map(|map| memory(&map)).sum()
}

/// What the kernel accounts for a map; 0 where it does not say.
fn memory(map: &MapData) -> u64 {
    let file = format!("/proc/self/fdinfo/{}", map.fd().as_fd().as_raw_fd());
    let told = fs::read_to_string(file).unwrap_or_default();
    told.lines()
        .find_map(|line| line.strip_prefix("memlock:"))
        .and_then(|bytes| bytes.trim().parse().ok())
        .unwrap_or_default()
}

fn open(folder: &Path, name: &str) -> Result<MapData, DumpError> {
    MapData::from_pin(folder.join(name)).map_err(|error| DumpError::Read(name.to_owned(), error))
}

/// Gives every entry of a map to `visit`, until it breaks off. Entries of arrays that are not set are left out. However many
/// flows there are, they are not held in memory.
///
/// # Errors
///
/// See [`DumpError`].
pub fn dump(
    root: &Path,
    name: &str,
    mut visit: impl FnMut(&Row) -> ControlFlow<()>,
) -> Result<(), DumpError> {
    let folder = folder(root)?;
    let dump = Dump {
        folder: &folder,
        name,
    };
    match name {
        map::SETTINGS => dump.array(&mut visit, decode::settings),
        map::INTERFACES => dump.hash(
            &mut visit,
            |index: &u32| json!(index),
            |known: &Interface| decode::interface(known),
        ),
        map::EGRESS => dump.egress(&mut visit),
        map::INSTANCES => dump.array(&mut visit, decode::instance),
        map::LEASES => {
            let now_ns = leases::monotonic_ns();
            dump.array(&mut visit, |lease| decode::lease(lease, now_ns))
        }
        map::VIP_FILTER => dump.array(&mut visit, decode::vip_filter),
        map::SERVICES_V4 => dump.hash(
            &mut visit,
            |key: &ServiceKeyV4| decode::service_key(&apply::from_v4(key)),
            |service: &Service| decode::service(service),
        ),
        map::SERVICES_V6 => dump.hash(
            &mut visit,
            |key: &ServiceKeyV6| decode::service_key(&apply::from_v6(key)),
            |service: &Service| decode::service(service),
        ),
        map::SERVERS => dump.array(&mut visit, decode::server),
        map::LOADS => dump.array(&mut visit, decode::load),
        map::SCHEDULES => dump.schedules(&mut visit),
        map::CURSORS => dump.array(&mut visit, |cursor: &u64| json!(cursor)),
        map::LOCALITIES => dump.array(&mut visit, decode::locality),
        map::FLOWS_V4 | map::HALF_OPEN_V4 => dump.hash(
            &mut visit,
            |key: &FlowKeyV4| decode::flow_key_v4(key),
            |flow: &Flow| decode::flow(flow),
        ),
        map::FLOWS_V6 | map::HALF_OPEN_V6 => dump.hash(
            &mut visit,
            |key: &FlowKeyV6| decode::flow_key_v6(key),
            |flow: &Flow| decode::flow(flow),
        ),
        map::TEMPLATES => dump.hash(
            &mut visit,
            |key: &TemplateKey| decode::template_key(key),
            |template: &Template| decode::template(template),
        ),
        map::FRAGMENTS => dump.hash(
            &mut visit,
            |key: &FragmentKey| decode::fragment_key(key),
            |fragment: &Fragment| decode::fragment(fragment),
        ),
        map::SERVICE_TRAFFIC | map::SERVER_TRAFFIC => {
            dump.per_cpu(&mut visit, |index| json!(index), decode::traffic)
        }
        map::COUNTERS => dump.per_cpu(
            &mut visit,
            decode::counter_name,
            |cpus: &[u64]| json!({"sum": cpus.iter().sum::<u64>(), "cpus": cpus}),
        ),
        map::REPLY_BUDGET => dump.per_cpu(&mut visit, |index| json!(index), decode::reply_budget),
        unknown => Err(DumpError::Unknown(unknown.to_owned())),
    }
}

/// One map on its way out.
struct Dump<'a> {
    folder: &'a Path,
    name: &'a str,
}

impl Dump<'_> {
    fn error(&self, error: MapError) -> DumpError {
        DumpError::Read(self.name.to_owned(), error)
    }

    fn typed<M: TryFrom<Map, Error = MapError>>(&self) -> Result<M, DumpError> {
        Map::from_map_data(open(self.folder, self.name)?)
            .and_then(M::try_from)
            .map_err(|error| self.error(error))
    }

    fn array<V: Pod + PartialEq>(
        &self,
        visit: &mut impl FnMut(&Row) -> ControlFlow<()>,
        decode: impl Fn(&V) -> Value,
    ) -> Result<(), DumpError> {
        let map: Array<MapData, Plain<V>> = self.typed()?;
        for index in 0..map.len() {
            let value = map.get(&index, 0).map_err(|error| self.error(error))?.0;
            if value != V::zeroed()
                && visit(&Row {
                    key: json!(index),
                    value: decode(&value),
                })
                .is_break()
            {
                break;
            }
        }
        Ok(())
    }

    fn per_cpu<V: Pod + PartialEq>(
        &self,
        visit: &mut impl FnMut(&Row) -> ControlFlow<()>,
        key: impl Fn(u32) -> Value,
        decode: impl Fn(&[V]) -> Value,
    ) -> Result<(), DumpError> {
        let map: PerCpuArray<MapData, Plain<V>> = self.typed()?;
        for index in 0..map.len() {
            let cpus = map.get(&index, 0).map_err(|error| self.error(error))?;
            let cpus: Vec<V> = cpus.iter().map(|cpu| cpu.0).collect();
            let is_set = cpus.iter().any(|cpu| *cpu != V::zeroed());
            if is_set
                && visit(&Row {
                    key: key(index),
                    value: decode(&cpus),
                })
                .is_break()
            {
                break;
            }
        }
        Ok(())
    }

    fn hash<K: Pod, V: Pod>(
        &self,
        visit: &mut impl FnMut(&Row) -> ControlFlow<()>,
        key: impl Fn(&K) -> Value,
        value: impl Fn(&V) -> Value,
    ) -> Result<(), DumpError> {
        // Opened by its type first, which compares the layouts.
        let map: aya::maps::HashMap<MapData, Plain<K>, Plain<V>> = self.typed()?;
        batch::walk(map.map(), |k: &K, v: &V| {
            visit(&Row {
                key: key(k),
                value: value(v),
            })
        })
        .map_err(|error| DumpError::Walk(self.name.to_owned(), error))
    }

    fn egress(&self, visit: &mut impl FnMut(&Row) -> ControlFlow<()>) -> Result<(), DumpError> {
        // The kernel gives a device's entry by its key only: the interfaces are the keys.
        let interfaces: aya::maps::HashMap<MapData, u32, Plain<Interface>> = Dump {
            name: map::INTERFACES,
            ..*self
        }
        .typed()?;
        let devices: aya::maps::xdp::DevMapHash<MapData> = self.typed()?;
        for index in interfaces.keys() {
            let index = index.map_err(|error| self.error(error))?;
            let Ok(device) = devices.get(index, 0) else {
                continue;
            };
            let row = Row {
                key: json!(index),
                value: json!({"ifindex": device.if_index}),
            };
            if visit(&row).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn schedules(&self, visit: &mut impl FnMut(&Row) -> ControlFlow<()>) -> Result<(), DumpError> {
        let tables = apply::read(&Maps::open(self.folder)?)?;
        for (service, table) in tables.schedules {
            if visit(&Row {
                key: json!(service),
                value: decode::schedule(&table),
            })
            .is_break()
            {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_type_has_the_name_that_tools_print() {
        assert_eq!(snake_case("LruHash"), "lru_hash");
        assert_eq!(snake_case("PerCpuArray"), "per_cpu_array");
        assert_eq!(snake_case("Array"), "array");
    }
}
