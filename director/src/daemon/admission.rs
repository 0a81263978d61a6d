//! What a configuration has to pass before it is in force, at the start and at each reload: it is read, without errors, fits this host, and
//! its tables fit into this machine. Nothing is changed here.

use tracing::warn;

use super::{Absence, Options, color, survey::Survey};
use crate::{
    api::response::Problem,
    config::{self, Config, Diagnostic, Loaded, Severity},
    dataplane::{Machine, Sizes, TooLarge},
    host::Host,
};

/// Reads the configuration, which may be none.
pub(super) fn read(options: &Options) -> Loaded {
    match options.absence {
        Absence::Empty if !options.config.exists() => Loaded::empty(),
        Absence::Empty | Absence::Refused => config::load(&options.config),
    }
}

/// Takes a configuration that fits this host; its warnings are told.
pub(super) async fn accept(
    mut loaded: Loaded,
    host: &Host,
    options: &Options,
) -> Result<(Config, Survey), Problem> {
    let Some(config) = loaded.config.clone() else {
        return Err(refused(&loaded));
    };
    let mut survey = Survey::of(host, &config).await?;
    for diagnostic in std::mem::take(&mut survey.diagnostics) {
        loaded.report(diagnostic);
    }
    if loaded.errors() > 0 {
        return Err(refused(&loaded));
    }
    sizes(options, &config)?;
    describe(&mut survey, &config, host, options).await?;
    for record in loaded.records() {
        let label = record
            .label
            .map(|label| format!(": {label}"))
            .unwrap_or_default();
        warn!(
            "{}:{}:{}: {}{label}",
            record.file, record.line, record.column, record.message
        );
    }
    Ok((config, survey))
}

/// Looks at this host with the eyes of a configuration that no file has.
pub(super) async fn look(
    config: &Config,
    host: &Host,
    options: &Options,
) -> Result<Survey, Problem> {
    let mut survey = Survey::of(host, config).await?;
    let errors = |diagnostic: &&Diagnostic| diagnostic.severity == Severity::Error;
    if let Some(error) = survey.diagnostics.iter().find(errors) {
        let problem = Problem::new(error.message.clone());
        return Err(match &error.label {
            Some(label) => problem.because(label.clone()),
            None => problem,
        });
    }
    survey.diagnostics.clear();
    describe(&mut survey, config, host, options).await?;
    Ok(survey)
}

async fn describe(
    survey: &mut Survey,
    config: &Config,
    host: &Host,
    options: &Options,
) -> Result<(), Problem> {
    let more = options
        .interfaces
        .iter()
        .filter_map(|name| survey.link_named(name));
    let more: Vec<u32> = more.map(|link| link.index).collect();
    survey.describe_interfaces(host, config, &more).await
}

/// A configuration with errors: all that is wrong with it.
pub(super) fn refused(loaded: &Loaded) -> Problem {
    let errors = match loaded.errors() {
        1 => "1 error".to_owned(),
        errors => format!("{errors} errors"),
    };
    Problem::new(format!("the configuration has {errors}"))
        .because(loaded.render(color()).trim_end().to_owned())
        .help("mend the file; `director config check FILE` reads it without starting anything")
}

/// The sizes that new tables get. What does not fit into this machine is refused.
pub(super) fn sizes(options: &Options, config: &Config) -> Result<Sizes, Problem> {
    let mut configured = config.global.table_sizes;
    configured.flows = options.flow_table_size.or(configured.flows);
    let machine = Machine::this();
    let sizes = Sizes::of(&configured, &machine);
    sizes
        .check(&machine)
        .map_err(|error| Problem::from_error(&error).help(TooLarge::HELP))?;
    Ok(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_there_is_a_mistake_if_somebody_named_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut options = Options {
            config: folder.path().join("keepalived.conf"),
            absence: Absence::Empty,
            interfaces: Vec::new(),
            xdp_mode: crate::dataplane::XdpMode::Auto,
            pins: folder.path().into(),
            socket: folder.path().join("socket"),
            flow_table_size: None,
        };
        assert_eq!(read(&options).config, Some(Config::default()));
        options.absence = Absence::Refused;
        assert!(read(&options).errors() > 0);
        // One that is there counts, whatever was said.
        std::fs::write(&options.config, "nonsense").expect("a file");
        options.absence = Absence::Empty;
        assert!(read(&options).errors() > 0);
    }
}
