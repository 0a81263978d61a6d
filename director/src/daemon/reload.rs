//! Reading the configuration again: checked first, refused whole on an error, and what did not change stays untouched.

use std::time::{Instant, SystemTime};

use tracing::{info, warn};

use super::{Daemon, admission, changes, survey::Survey, tell, telling::open_event_log};
use crate::{
    api::response::{Problem, Reloaded},
    config::{
        self, Config,
        edit::{Edit, ServiceName, by_hand},
    },
    model::{Event, Model, ServiceId},
};

impl Daemon {
    /// Takes the configuration file anew.
    ///
    /// # Errors
    ///
    /// The file has errors or does not fit this host: everything goes on as it was.
    pub(super) async fn reload(&mut self) -> Result<Reloaded, Problem> {
        // A file that was there and is not any more is a mistake, whatever was said at the start.
        let loaded = match self.file.is_empty() {
            true => admission::read(&self.options),
            false => config::load(&self.options.config),
        };
        let warnings = loaded.render(config::Color::Plain);
        let (file, mut survey) = admission::accept(loaded, &self.host, &self.options)
            .await
            .map_err(went_on)?;
        let config = by_hand::carried_over(&self.file, &self.config, file.clone());
        if config != file {
            survey = admission::look(&config, &self.host, &self.options)
                .await
                .map_err(went_on)?;
        }
        let log_file = open_event_log(&config).map_err(went_on)?;
        let changes = self.change_to(config, survey).await?;
        self.event_log.write_to(log_file);
        self.file = file;
        Ok(Reloaded {
            changes,
            by_hand: self.changes_by_hand(),
            warnings,
        })
    }

    /// What is different from the file because it was changed by hand, one sentence each.
    pub(super) fn changes_by_hand(&self) -> Vec<String> {
        changes::changes(&self.file, &self.config)
    }

    /// Changes one thing. It stays changed when the file is read again.
    ///
    /// # Errors
    ///
    /// The edit cannot be, or does not fit this host: everything goes on as it was.
    pub(super) async fn edit(&mut self, edit: &Edit) -> Result<Reloaded, Problem> {
        let config = self.config.edited(edit, &self.file).map_err(|error| {
            Problem::from_error(&error)
                .because(edit.to_string())
                .help(error.help())
        })?;
        match edit {
            Edit::FailBack { service } => return Ok(self.fail_back(*service)),
            Edit::ZeroCounters { service } => return self.zero_counters(*service),
            _ => {}
        }
        let survey = admission::look(&config, &self.host, &self.options)
            .await
            .map_err(went_on)?;
        let changes = self.change_to(config, survey).await?;
        Ok(Reloaded {
            changes,
            ..Reloaded::default()
        })
    }

    fn zero_counters(&mut self, service: Option<ServiceName>) -> Result<Reloaded, Problem> {
        let only = service.map(|service| ServiceId::from(service).key());
        self.dataplane
            .zero_traffic(|key| only.is_none_or(|only| only == *key))
            .map_err(|error| Problem::from_error(&error))?;
        Ok(Reloaded {
            changes: vec!["traffic is counted from zero".to_owned()],
            ..Reloaded::default()
        })
    }

    fn fail_back(&mut self, service: ServiceName) -> Reloaded {
        let service = service.into();
        let notices = self
            .model
            .handle(SystemTime::now(), Event::FailBack { service });
        tell(&notices);
        self.settle();
        Reloaded {
            changes: notices.iter().map(ToString::to_string).collect(),
            ..Reloaded::default()
        }
    }

    /// An interface that was waited for is there: the same configuration means more now.
    pub(super) async fn take_interface(&mut self, name: &str) {
        info!(interface = name, "the interface is there now");
        let config = self.config.clone();
        let changed = match admission::look(&config, &self.host, &self.options).await {
            Ok(survey) => self.change_to(config, survey).await,
            Err(problem) => Err(problem),
        };
        if let Err(problem) = changed {
            warn!(interface = name, %problem, "the interface could not be taken up; `director reload` tries again");
        }
    }

    async fn change_to(
        &mut self,
        config: Config,
        mut survey: Survey,
    ) -> Result<Vec<String>, Problem> {
        let mut next = self.model.clone();
        next.configure(SystemTime::now(), &config, &survey.topology);
        self.refuse_if_too_large(&next)?;
        // Flows that go on for a while come in where they did, whether anything configured does or not.
        if next.has_leaving() {
            survey.keep(&self.survey);
        }
        if let Err(problem) = self.prepare(&config, &mut survey).await {
            self.settle_addresses().await;
            return Err(went_on(problem));
        }
        let changes = self.take_over(config, survey).await?;
        for change in &changes {
            info!("{change}");
        }
        Ok(changes)
    }

    /// What can be refused: nothing that packets depend on changes here.
    async fn prepare(&mut self, config: &Config, survey: &mut Survey) -> Result<(), Problem> {
        self.virtual_macs.make(&self.host, config, survey).await?;
        let is_master = |name: &str| self.elections.is_master(name);
        self.addresses
            .add_missing(&self.host, config, survey, is_master, Instant::now())
            .await?;
        self.attach(survey)
    }

    /// Removes the addresses, and the devices for them, that the configuration in force does not want.
    async fn settle_addresses(&mut self) {
        let is_master = |name: &str| self.elections.is_master(name);
        let now = Instant::now();
        self.addresses
            .settle(&self.host, &self.config, &self.survey, is_master, now)
            .await;
        self.virtual_macs.settle(&self.host, &self.config).await;
    }

    /// A table without room must refuse the whole configuration, not half of it.
    fn refuse_if_too_large(&self, next: &Model) -> Result<(), Problem> {
        let per_second = self.dataplane.jiffies_per_second();
        match self.dataplane.tables().follow(&next.wanted(), per_second) {
            Ok(_) => Ok(()),
            Err(full) => Err(went_on(Problem::from_error(&full))),
        }
    }

    async fn take_over(&mut self, config: Config, survey: Survey) -> Result<Vec<String>, Problem> {
        tell(
            &self
                .model
                .configure(SystemTime::now(), &config, &survey.topology),
        );
        // A server that is new has its MAC address before it gets its first connection.
        self.learn_neighbors(&survey.topology).await;
        let was = std::mem::replace(&mut self.config, config);
        self.survey = survey;
        self.warnings.clear();
        self.settle();
        self.settle_addresses().await;
        self.settle_tracking();
        self.settle_elections_again();
        self.tell_digest_soon();
        self.reconcile_checks(&[]);
        Ok(changes::changes(&was, &self.config))
    }
}

fn went_on(problem: Problem) -> Problem {
    problem.because("the running configuration stays in force")
}
