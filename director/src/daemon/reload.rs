//! Reading the configuration again: checked first, refused whole on an error, and what did not change stays untouched.

use std::time::{Instant, SystemTime};

use tracing::info;

use super::{Daemon, changes, start, survey::Survey, tell};
use crate::{
    api::response::{Problem, Reloaded},
    config::{
        self, Config,
        edit::{Edit, ServiceName},
    },
    model::{Event, ServiceId},
};

impl Daemon {
    /// Takes the configuration file anew.
    ///
    /// # Errors
    ///
    /// The file has errors or does not fit this host: everything goes on as it was.
    pub(super) async fn reload(&mut self) -> Result<Reloaded, Problem> {
        let loaded = config::load(&self.options.config);
        let warnings = loaded.render(config::Color::Plain);
        let (config, survey) = start::accept(loaded, &self.host, &self.options)
            .await
            .map_err(went_on)?;
        let changes = self.change_to(config, survey).await?;
        Ok(Reloaded { changes, warnings })
    }

    /// Changes one thing, until the file is read again.
    ///
    /// # Errors
    ///
    /// The edit cannot be, or does not fit this host: everything goes on as it was.
    pub(super) async fn edit(&mut self, edit: &Edit) -> Result<Reloaded, Problem> {
        let config = self
            .config
            .edited(edit)
            .map_err(|error| Problem::from_error(&error))?;
        if let Edit::FailBack { service } = edit {
            return Ok(self.fail_back(*service));
        }
        let survey = start::look(&config, &self.host, &self.options)
            .await
            .map_err(went_on)?;
        let changes = self.change_to(config, survey).await?;
        Ok(Reloaded {
            changes,
            warnings: String::new(),
        })
    }

    fn fail_back(&mut self, service: ServiceName) -> Reloaded {
        let service = ServiceId {
            address: service.address,
            port: service.port,
            protocol: service.protocol,
        };
        let notices = self
            .model
            .handle(SystemTime::now(), Event::FailBack { service });
        tell(&notices);
        self.settle();
        Reloaded {
            changes: notices.iter().map(ToString::to_string).collect(),
            warnings: String::new(),
        }
    }

    async fn change_to(&mut self, config: Config, survey: Survey) -> Result<Vec<String>, Problem> {
        self.refuse_if_too_large(&config, &survey)?;
        // What can be refused comes first; nothing that packets depend on has changed until it is done.
        let now = Instant::now();
        self.addresses
            .add_missing(&self.host, &config, &survey, now)
            .await
            .map_err(went_on)?;
        if let Err(problem) = self.attach(&survey) {
            self.addresses
                .settle(&self.host, &self.config, &self.survey, now)
                .await;
            return Err(went_on(problem));
        }
        let changes = self.take_over(config, survey).await?;
        for change in &changes {
            info!("{change}");
        }
        Ok(changes)
    }

    /// A table without room must refuse the whole configuration, not half of it.
    fn refuse_if_too_large(&self, config: &Config, survey: &Survey) -> Result<(), Problem> {
        let mut next = self.model.clone();
        next.configure(SystemTime::now(), config, &survey.topology);
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
        self.become_master();
        self.settle();
        self.addresses
            .settle(&self.host, &self.config, &self.survey, Instant::now())
            .await;
        self.reconcile_checks(&[]);
        Ok(changes::changes(&was, &self.config))
    }
}

fn went_on(problem: Problem) -> Problem {
    problem.because("the running configuration stays in force")
}
