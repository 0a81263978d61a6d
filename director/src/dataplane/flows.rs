//! Walking the tables of flows and of templates: counting, expiring, listing.
//!
//! The handles are their own, opened from the pins, so that a long walk needs nothing of the daemon's owner task.

mod ended;

use std::{
    collections::{BTreeMap, HashSet},
    hash::Hash,
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use aya::maps::{IterableMap as _, MapError};
use bytemuck::Pod;
use director_common::{
    flow::{Flow, FlowKeyV4, FlowKeyV6},
    limits::map,
    persistence::{Template, TemplateKey},
    server::RealServer,
    tcp::FlowState,
};

use super::{
    batch::{self, ControlFlow},
    ledger::Ledger,
    loads::{Loads, Snapshot},
    maps::{self, OpenMapError, PlainHash},
};

pub use ended::Place;

/// All tables that the packet path fills and the daemon expires.
pub struct FlowTables {
    flows_v4: PlainHash<FlowKeyV4, Flow>,
    flows_v6: PlainHash<FlowKeyV6, Flow>,
    half_open_v4: PlainHash<FlowKeyV4, Flow>,
    half_open_v6: PlainHash<FlowKeyV6, Flow>,
    templates: PlainHash<TemplateKey, Template>,
    loads: Loads,
}

/// The tables cannot be walked.
#[derive(Debug, thiserror::Error)]
pub enum FlowTableError {
    /// One cannot be opened.
    #[error("opening the tables of flows")]
    Open(#[from] OpenMapError),
    /// The kernel does not tell how large one is.
    #[error("asking for the size of a table of flows")]
    Size(#[source] MapError),
    /// One cannot be read.
    #[error("reading the table {0}")]
    Read(&'static str, #[source] io::Error),
}

/// Flows of one real server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowCount {
    /// ipvsadm's *ActiveConn*.
    pub active: i64,
    /// ipvsadm's *InActConn*.
    pub inactive: i64,
}

impl FlowCount {
    const fn add(&mut self, state: FlowState) {
        if state.is_active() {
            self.active += 1;
        } else {
            self.inactive += 1;
        }
    }
}

/// What a sweep found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// Flows by the index of their real server. Flows of a server that is gone are not in it.
    pub servers: BTreeMap<u32, FlowCount>,
    /// Templates by the index of their real server.
    pub templates: BTreeMap<u32, i64>,
    /// Flows in the tables, after the sweep.
    pub flows: u32,
    /// Those of them that were heard once.
    pub half_open: u32,
    /// Flows that were over and were removed.
    pub expired: u32,
    /// Those of them whose ends may still believe in them: established connections that were idle for too long.
    pub idle: Vec<IdleFlow>,
}

/// An established connection that was idle for too long and is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdleFlow {
    /// The client and its port.
    pub client: SocketAddr,
    /// The VIP and its port.
    pub vip: SocketAddr,
    /// What was remembered.
    pub flow: Flow,
    /// Its server.
    pub server: RealServer,
}

/// One row of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// IP protocol number.
    pub protocol: u8,
    /// The client; with a template, port 0.
    pub client: SocketAddr,
    /// The VIP and its port.
    pub vip: SocketAddr,
    /// Index of the real server.
    pub server: u32,
    /// Generation of its entry.
    pub generation: u32,
    /// State of the flow; of a template, `NONE`.
    pub state: FlowState,
    /// Time until it expires.
    pub remaining: Duration,
    /// Time since the client was last heard.
    pub idle: Duration,
}

/// Key of a flow in either family.
trait FlowKey: Pod + Eq + Hash {
    fn client(&self) -> IpAddr;
    fn vip(&self) -> IpAddr;
    fn ports(&self) -> [u8; 4];
}

impl FlowKey for FlowKeyV4 {
    fn client(&self) -> IpAddr {
        self.source.into()
    }
    fn vip(&self) -> IpAddr {
        self.destination.into()
    }
    fn ports(&self) -> [u8; 4] {
        self.ports
    }
}

impl FlowKey for FlowKeyV6 {
    fn client(&self) -> IpAddr {
        self.source.into()
    }
    fn vip(&self) -> IpAddr {
        self.destination.into()
    }
    fn ports(&self) -> [u8; 4] {
        self.ports
    }
}

/// The two ports of a flow's key: the client's and the service's.
#[must_use]
pub const fn ports(ports: [u8; 4]) -> (u16, u16) {
    let [a, b, c, d] = ports;
    (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))
}

impl FlowTables {
    /// Opens the tables that are pinned in `folder`.
    ///
    /// # Errors
    ///
    /// [`FlowTableError::Open`]: there are none, or they have another layout.
    pub fn open(folder: &Path) -> Result<Self, FlowTableError> {
        Ok(Self {
            flows_v4: maps::open(folder, map::FLOWS_V4)?,
            flows_v6: maps::open(folder, map::FLOWS_V6)?,
            half_open_v4: maps::open(folder, map::HALF_OPEN_V4)?,
            half_open_v6: maps::open(folder, map::HALF_OPEN_V6)?,
            templates: maps::open(folder, map::TEMPLATES)?,
            loads: Loads::open(folder)?,
        })
    }

    /// Most flows that the tables hold, of each family.
    ///
    /// # Errors
    ///
    /// [`FlowTableError::Size`] where the kernel does not say.
    pub fn capacity(&self) -> Result<u32, FlowTableError> {
        let info = self.flows_v4.map().info().map_err(FlowTableError::Size)?;
        Ok(info.max_entries())
    }

    /// Removes the flows and templates that are over, counts the rest, and puts right what the packet path counted.
    ///
    /// # Errors
    ///
    /// [`FlowTableError::Read`].
    pub fn sweep(&mut self, ledger: &Ledger) -> Result<Sweep, FlowTableError> {
        let before = self.loads.snapshot();
        let mut walk = Walk::new(ledger);
        let mut ended = self.ended_templates(ledger, &mut walk.sweep)?;
        let mut over = Over::default();
        self.visit_flows(&mut walk, &mut ended, &mut over)?;
        let counted = walk.snapshot(before.len());
        self.loads
            .correct(&before, &self.loads.snapshot(), &counted);
        let mut sweep = walk.sweep;
        (sweep.expired, sweep.idle) = over.remove(self, ledger);
        for key in ended {
            // It may have been used since: then its flow made it anew, and this is a loss that the next flow mends.
            let _gone = batch::take::<_, Template>(self.templates.map(), &key);
        }
        Ok(sweep)
    }

    /// Counts the flows and templates, and removes none.
    ///
    /// # Errors
    ///
    /// [`FlowTableError::Read`].
    pub fn count(&self, ledger: &Ledger) -> Result<Sweep, FlowTableError> {
        let mut walk = Walk::new(ledger);
        let mut ended = self.ended_templates(ledger, &mut walk.sweep)?;
        self.visit_flows(&mut walk, &mut ended, &mut Over::default())?;
        Ok(walk.sweep)
    }

    /// The templates whose time has run out, or whose server is gone. The others are counted.
    fn ended_templates(
        &self,
        ledger: &Ledger,
        sweep: &mut Sweep,
    ) -> Result<HashSet<TemplateKey>, FlowTableError> {
        let mut ended = HashSet::new();
        walk(
            &self.templates,
            map::TEMPLATES,
            |key, template: &Template| {
                match ledger.template_remaining(key, template) {
                    Some(Duration::ZERO) | None => _ = ended.insert(*key),
                    Some(_) => *sweep.templates.entry(template.server).or_default() += 1,
                }
                ControlFlow::Continue(())
            },
        )?;
        Ok(ended)
    }

    fn visit_flows(
        &self,
        walk: &mut Walk<'_>,
        ended: &mut HashSet<TemplateKey>,
        over: &mut Over,
    ) -> Result<(), FlowTableError> {
        walk.visit(&self.flows_v4, map::FLOWS_V4, ended, &mut over.flows_v4)?;
        walk.visit(&self.flows_v6, map::FLOWS_V6, ended, &mut over.flows_v6)?;
        let established = walk.sweep.flows;
        walk.visit(
            &self.half_open_v4,
            map::HALF_OPEN_V4,
            ended,
            &mut over.half_open_v4,
        )?;
        walk.visit(
            &self.half_open_v6,
            map::HALF_OPEN_V6,
            ended,
            &mut over.half_open_v6,
        )?;
        walk.sweep.half_open = walk.sweep.flows - established;
        Ok(())
    }

    /// Calls `visit` for every flow and every template until it breaks off; nothing is held in memory.
    ///
    /// # Errors
    ///
    /// [`FlowTableError::Read`].
    pub fn visit(
        &self,
        ledger: &Ledger,
        mut visit: impl FnMut(Row) -> ControlFlow<()>,
    ) -> Result<(), FlowTableError> {
        // Once broken off, every further table ends at its first entry.
        let mut state = ControlFlow::Continue(());
        let mut visit = |row: Option<Row>| {
            if let (ControlFlow::Continue(()), Some(row)) = (state, row) {
                state = visit(row);
            }
            state
        };
        walk(&self.templates, map::TEMPLATES, |key, template| {
            visit(template_row(ledger, key, template))
        })?;
        for (map, name) in [
            (&self.flows_v4, map::FLOWS_V4),
            (&self.half_open_v4, map::HALF_OPEN_V4),
        ] {
            walk(map, name, |key, flow| {
                visit(Some(row_at(ledger, &Place::v4(*key), flow)))
            })?;
        }
        for (map, name) in [
            (&self.flows_v6, map::FLOWS_V6),
            (&self.half_open_v6, map::HALF_OPEN_V6),
        ] {
            walk(map, name, |key, flow| {
                visit(Some(row_at(ledger, &Place::v6(*key), flow)))
            })?;
        }
        Ok(())
    }
}

fn walk<K: Pod, V: Pod>(
    map: &PlainHash<K, V>,
    name: &'static str,
    visit: impl FnMut(&K, &V) -> ControlFlow<()>,
) -> Result<(), FlowTableError> {
    batch::walk(map.map(), visit).map_err(|error| FlowTableError::Read(name, error))
}

/// Counting on its way.
struct Walk<'a> {
    ledger: &'a Ledger,
    /// By index of the server.
    counts: Vec<FlowCount>,
    sweep: Sweep,
}

impl<'a> Walk<'a> {
    fn new(ledger: &'a Ledger) -> Self {
        Self {
            ledger,
            counts: vec![FlowCount::default(); ledger.servers_length()],
            sweep: Sweep::default(),
        }
    }

    /// Counts the flows of one table. Those that are over are told in `over`; templates that one was made from are not `ended`.
    fn visit<K: FlowKey>(
        &mut self,
        map: &PlainHash<K, Flow>,
        name: &'static str,
        ended: &mut HashSet<TemplateKey>,
        over: &mut Vec<K>,
    ) -> Result<(), FlowTableError> {
        let ledger = self.ledger;
        walk(map, name, |key: &K, flow: &Flow| {
            if ledger.remaining(flow).is_zero() {
                over.push(*key);
                return ControlFlow::Continue(());
            }
            self.sweep.flows += 1;
            if ledger.living(flow.server, flow.generation).is_some() {
                self.counts[flow.server as usize].add(FlowState(flow.state));
                if !ended.is_empty()
                    && let Some(template) = ledger.template_of(key.client(), flow)
                {
                    ended.remove(&template);
                }
            }
            ControlFlow::Continue(())
        })?;
        self.sweep.servers = (0..)
            .zip(&self.counts)
            .filter(|(_, count)| **count != FlowCount::default())
            .map(|(index, count)| (index, *count))
            .collect();
        Ok(())
    }

    fn snapshot(&self, length: usize) -> Snapshot {
        let mut counts = self.counts.clone();
        counts.resize(length, FlowCount::default());
        counts
    }
}

/// Flows whose time has run out.
#[derive(Default)]
struct Over {
    flows_v4: Vec<FlowKeyV4>,
    flows_v6: Vec<FlowKeyV6>,
    half_open_v4: Vec<FlowKeyV4>,
    half_open_v6: Vec<FlowKeyV6>,
}

impl Over {
    /// Removes them, and says how many, and which of them were established connections.
    fn remove(self, tables: &mut FlowTables, ledger: &Ledger) -> (u32, Vec<IdleFlow>) {
        let mut idle = Vec::new();
        let removed = remove_all(&mut tables.flows_v4, self.flows_v4, ledger, &mut idle)
            + remove_all(&mut tables.flows_v6, self.flows_v6, ledger, &mut idle)
            + remove_all(
                &mut tables.half_open_v4,
                self.half_open_v4,
                ledger,
                &mut idle,
            )
            + remove_all(
                &mut tables.half_open_v6,
                self.half_open_v6,
                ledger,
                &mut idle,
            );
        (removed, idle)
    }
}

/// Takes a flow out, with what it holds now, if it is still meant: it may have been heard of since it was read, or be another one.
/// Such a one is put back.
fn take_if<K: FlowKey>(
    map: &mut PlainHash<K, Flow>,
    key: &K,
    is_meant: impl Fn(&Flow) -> bool,
) -> Option<Flow> {
    // What cannot be read stays; its next packet, or the next sweep, sees to it. One that is not meant is left where it is: while it is
    // out, a packet of a living connection would find nothing and be refused. What may still be put back below became another one
    // between these two steps.
    let seen = map.get(&maps::Plain(*key), 0).ok()?;
    if !is_meant(&seen.0) {
        return None;
    }
    let flow = batch::take::<K, Flow>(map.map(), key).ok().flatten()?;
    if is_meant(&flow) {
        return Some(flow);
    }
    // If the packet path made it anew in this instant, that one is newer.
    const NOT_OVER_ANOTHER: u64 = 1;
    let _newer = map.insert(maps::Plain(*key), maps::Plain(flow), NOT_OVER_ANOTHER);
    None
}

fn remove_all<K: FlowKey>(
    map: &mut PlainHash<K, Flow>,
    keys: Vec<K>,
    ledger: &Ledger,
    idle: &mut Vec<IdleFlow>,
) -> u32 {
    let mut removed = 0;
    for key in keys {
        let Some(flow) = take_if(map, &key, |flow| ledger.remaining(flow).is_zero()) else {
            continue;
        };
        removed += 1;
        let (client_port, port) = ports(key.ports());
        idle.extend(ledger.end_of_idle(&flow).map(|server| IdleFlow {
            client: (key.client(), client_port).into(),
            vip: (key.vip(), port).into(),
            flow,
            server,
        }));
    }
    removed
}

/// A flow as a row.
#[must_use]
pub fn row_at(ledger: &Ledger, place: &Place, flow: &Flow) -> Row {
    Row {
        protocol: place.protocol(),
        client: place.client(),
        vip: place.vip(),
        server: flow.server,
        generation: flow.generation,
        state: FlowState(flow.state),
        remaining: ledger.remaining(flow),
        idle: ledger.now.since(flow.last_seen),
    }
}

/// A template as a row; `None`: its service or its server is gone, and it will be, too.
fn template_row(ledger: &Ledger, key: &TemplateKey, template: &Template) -> Option<Row> {
    let service = ledger.service(key.service)?;
    Some(Row {
        protocol: service.protocol,
        client: (Ipv6Addr::from(key.client).to_canonical(), 0).into(),
        vip: (service.address, service.port).into(),
        server: template.server,
        generation: template.generation,
        state: FlowState::NONE,
        remaining: ledger.template_remaining(key, template)?,
        idle: ledger.now.since(template.last_seen),
    })
}
