//! Which instances this director is MASTER of: what the thread that speaks VRRP says, done to addresses and forwarding.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use director_common::instance::Role as Forwards;
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use super::{Daemon, placing, survey::Survey, witnesses};
use crate::{
    api::response::Problem,
    config::Config,
    dataplane::{Leases, tables::InstanceKey},
    model::Event,
    notify::State,
    vrrp::{Alarm, Command, News, Notice, Placed, Reason, Role, Said, Speaker, Status, Tracker},
};

/// The elections of all instances.
#[derive(Debug)]
pub(super) struct Elections {
    speaker: Speaker,
    said: mpsc::UnboundedReceiver<Said>,
    standings: BTreeMap<String, Standing>,
    /// As the thread was told last.
    placed: Vec<Placed>,
    interfaces: BTreeMap<Tracker, (Status, SystemTime)>,
    /// `vrrp_startup_delay`: no instance starts before; `None`: it is over.
    not_before: Option<Instant>,
}

/// How an instance stands.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    /// What it is.
    pub(super) role: Role,
    /// Why.
    pub(super) reason: Reason,
    /// Since when.
    pub(super) since: SystemTime,
    /// Its effective priority.
    pub(super) priority: u8,
}

impl Elections {
    /// Starts the thread; no instance runs yet.
    pub(super) fn start(leases: Leases, priority: u8) -> io::Result<Self> {
        let (speaker, said) = Speaker::start(leases, priority)?;
        Ok(Self {
            speaker,
            said,
            standings: BTreeMap::new(),
            placed: Vec::new(),
            interfaces: BTreeMap::new(),
            not_before: None,
        })
    }

    /// What the thread says next. May be dropped and called again at any time.
    pub(super) async fn next(&mut self) -> Option<Said> {
        self.said.recv().await
    }

    /// Runs the instances of a configuration. What did not change goes on as it is. Whether anything did is returned.
    pub(super) fn settle(
        &mut self,
        config: &Config,
        survey: &Survey,
        placed: Vec<Placed>,
        resumable: BTreeSet<Arc<str>>,
    ) -> bool {
        for name in placing::tracked_interfaces(config) {
            self.tell_interface(name, survey);
        }
        if placed == self.placed || self.not_before.is_some() {
            return false;
        }
        self.placed.clone_from(&placed);
        self.standings
            .retain(|name, _| placed.iter().any(|one| *one.profile.name == **name));
        self.speaker.command(Command::Configure {
            instances: placed,
            resumable,
        });
        true
    }

    /// Lets no instance start for a while.
    pub(super) fn delay(&mut self, now: Instant, delay: Duration) {
        self.not_before = Some(now + delay);
    }

    /// When the delay is over.
    pub(super) const fn next_deadline(&self) -> Option<Instant> {
        self.not_before
    }

    /// Whether the delay is over now. It is so only once.
    pub(super) fn is_delay_over(&mut self, now: Instant) -> bool {
        self.not_before.take_if(|at| now >= *at).is_some()
    }

    /// Tells how an interface is, if that is new.
    fn tell_interface(&mut self, name: &str, survey: &Survey) {
        let status = match survey.link_named(name) {
            Some(link) if link.up => Status::Well,
            Some(_) | None => Status::Failed,
        };
        let tracker = placing::interface(name);
        if self.interface(&tracker).map(|(known, _)| known) != Some(status) {
            self.interfaces
                .insert(tracker.clone(), (status, SystemTime::now()));
            self.speaker.command(Command::Track(tracker, status));
        }
    }

    /// How a tracked interface is, and since when; `None`: nobody has looked at it.
    pub(super) fn interface(&self, tracker: &Tracker) -> Option<(Status, SystemTime)> {
        self.interfaces.get(tracker).copied()
    }

    /// How an instance stands; `None` before it has started.
    pub(super) fn standing(&self, name: &str) -> Option<&Standing> {
        self.standings.get(name)
    }

    /// Whether this director holds the addresses of an instance.
    pub(super) fn is_master(&self, name: &str) -> bool {
        self.standing(name)
            .is_some_and(|standing| standing.role == Role::Master)
    }

    /// The instances as the thread was told last.
    pub(super) fn placed(&self) -> &[Placed] {
        &self.placed
    }

    /// The thread, for those who ask it.
    pub(super) const fn speaker(&self) -> &Speaker {
        &self.speaker
    }

    /// Leaves all elections: the other directors learn it at once.
    pub(super) fn leave(&self) {
        self.speaker.command(Command::Leave);
    }

    /// What the thread says, until all Masters have handed over.
    pub(super) async fn said_while_leaving(&mut self) -> Option<Said> {
        match self.said.recv().await {
            Some(Said::Left) => None,
            said => said,
        }
    }

    /// Ends all instances, and their leases. What the thread said last is returned.
    pub(super) async fn stop(&mut self) -> Vec<Said> {
        self.speaker.stop().await;
        std::iter::from_fn(|| self.said.try_recv().ok()).collect()
    }
}

impl Daemon {
    /// Has the elections that the configuration wants, on the interfaces that are there.
    pub(super) fn settle_elections(&mut self, resumable: BTreeSet<Arc<str>>) {
        self.hold_for_first_results(&resumable);
        let mut placed = placing::place(&self.config, &self.survey, |instance| {
            self.dataplane
                .instance_index(self.instance_key(&instance.name)?)
        });
        placed.retain(|placed| !self.first_results.holds(&placed.profile.name));
        let has_changed = self
            .elections
            .settle(&self.config, &self.survey, placed, resumable);
        if has_changed {
            self.tell_digest_soon();
        }
        self.charge_guardian();
        self.settle_claim_watch();
    }

    pub(super) fn instance_key(&self, name: &str) -> Option<InstanceKey> {
        self.model
            .instances()
            .iter()
            .find(|instance| instance.name.as_deref() == Some(name))
            .map(|instance| instance.key)
    }

    /// What an interface is, or which addresses it has, may have changed.
    pub(super) fn settle_elections_again(&mut self) {
        self.settle_elections(BTreeSet::new());
    }

    /// An address of an interface came or went that is none of the virtual ones: advertisements may come from another one now.
    pub(super) async fn take_own_address(&mut self, ifindex: u32) {
        match self
            .survey
            .look_at_addresses(&self.host, &self.config, ifindex)
            .await
        {
            Ok(()) => self.settle_elections_again(),
            Err(problem) => warn!(%problem, "addresses not read"),
        }
    }

    /// Instances whose lease an earlier daemon has left, and which has not ended: they go on as MASTER.
    pub(super) fn resumable(&self) -> BTreeSet<Arc<str>> {
        let is_held = |name: &&str| {
            self.instance_key(name)
                .and_then(|key| self.dataplane.instance_index(key))
                .is_some_and(|index| self.dataplane.is_lease_held(index))
        };
        let names = self.model.instances().iter();
        names
            .filter_map(|instance| instance.name.as_deref())
            .filter(is_held)
            .map(Arc::from)
            .collect()
    }

    /// Does what the thread says.
    pub(super) async fn take_said(&mut self, said: Said) {
        match said {
            Said::Notice(Notice { instance, news }) => self.take_news(&instance, news).await,
            Said::AskWitnesses(instance) => self.ask_witnesses(&instance),
            Said::Left => {}
            Said::Trouble(trouble) => {
                let warning = Problem::from_error(&trouble).to_string();
                warn!("{warning}");
                self.warnings.push(warning);
            }
        }
    }

    async fn take_news(&mut self, instance: &str, news: News) {
        match (&news, news.is_warning()) {
            // Announcements have lines of their own.
            (News::AnnounceAddresses, _) => {}
            (_, true) => warn!(instance, "{news}"),
            (_, false) => info!(instance, "{news}"),
        }
        match news {
            News::Role {
                role,
                reason,
                priority,
            } => {
                let standing = Standing {
                    role,
                    reason,
                    since: SystemTime::now(),
                    priority,
                };
                // One that a reload has taken away says so as its last word.
                let is_it = |placed: &Placed| *placed.profile.name == *instance;
                if self.elections.placed.iter().any(is_it) {
                    self.elections
                        .standings
                        .insert(instance.to_owned(), standing);
                }
                self.take_role(instance, role).await;
                self.notify_role(instance, role, priority);
            }
            News::Priority { to, .. } => {
                if let Some(standing) = self.elections.standings.get_mut(instance) {
                    standing.priority = to;
                }
                self.notify_priority(instance, to);
            }
            News::Succeeded { .. } => self.tell_of_switchover(instance),
            News::AnnounceAddresses => self.addresses.announce_again(instance, Instant::now()),
            News::Alarm(Alarm::LowerPriorityMaster { .. }) => {
                let priority = self
                    .elections
                    .standing(instance)
                    .map_or(0, |known| known.priority);
                self.notify_instance(instance, State::LowerPriorityMaster, priority);
            }
            News::Alarm(_)
            | News::Rejected { .. }
            | News::ClaimedUnderOtherId { .. }
            | News::WitnessesSilent
            | News::Late { .. }
            | News::Unsent { .. } => {}
        }
    }

    /// Holds the addresses of an instance, or lets them go. The lease has been written already: the packet path forwards, or does
    /// not, from the moment of the election on.
    async fn take_role(&mut self, instance: &str, role: Role) {
        self.forget_conflicts(instance);
        let is_master = role == Role::Master;
        match is_master {
            true => self.hold_addresses(instance).await,
            false => self.addresses.release_of(&self.host, instance).await,
        }
        if let Some(key) = self.instance_key(instance) {
            let role = match role {
                Role::Master => Forwards::MASTER,
                Role::Backup => Forwards::BACKUP,
                Role::Fault => Forwards::FAULT,
                Role::Initialize => Forwards::INITIALIZE,
            };
            self.handle(Event::Role {
                instance: key,
                role,
            });
        }
    }

    async fn hold_addresses(&mut self, instance: &str) {
        let only = |name: &str| name == instance;
        let held = self
            .addresses
            .add_missing(&self.host, &self.config, &self.survey, only, Instant::now())
            .await;
        if let Err(problem) = held {
            error!(instance, %problem, "MASTER without its addresses; they are tried again each second");
        }
    }

    /// Addresses of MASTER instances that are not there are tried again.
    pub(super) async fn hold_all_addresses(&mut self) {
        let masters = self.masters();
        for instance in masters {
            if !self
                .addresses
                .holds_all(&instance, &self.config, &self.survey)
            {
                self.hold_addresses(&instance).await;
            }
        }
    }

    /// The instances that this director is MASTER of.
    pub(super) fn masters(&self) -> Vec<String> {
        let names = self.config.vrrp_instances.iter();
        names
            .map(|instance| instance.name.clone())
            .filter(|name| self.elections.is_master(name))
            .collect()
    }

    /// Asks the witnesses of an instance; the thread hears what they say.
    fn ask_witnesses(&self, name: &Arc<str>) {
        let mut instances = self.config.vrrp_instances.iter();
        let instance = instances.find(|instance| *instance.name == **name);
        let Some(witness) = instance.and_then(|instance| instance.witness.clone()) else {
            return;
        };
        let (remote, name) = (self.elections.speaker().remote(), Arc::clone(name));
        tokio::spawn(async move {
            let verdict = witnesses::ask(&witness).await;
            remote.command(Command::Witnesses(name, verdict));
        });
    }
}
