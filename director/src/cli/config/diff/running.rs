//! `director config diff FILE`: whether the daemon runs what a file says.

use std::io::{self, Write};

use super::{super::write_json, DiffArgs, FAILED, file_and_answer, plural, same_or_not};
use crate::config::{
    Color,
    diff::running::{Difference, differences},
};

pub(super) fn diff(
    args: &DiffArgs,
    output: &mut impl Write,
    errors: &mut impl Write,
    color: Color,
) -> io::Result<u8> {
    let asked = file_and_answer(args, errors, color, async |client| client.config().await)?;
    let Some((config, running)) = asked else {
        return Ok(FAILED);
    };
    let found = differences(&serde_json::to_value(&config)?, &running);
    match args.json {
        true => write_json(output, &found)?,
        false => {
            for difference in &found {
                writeln!(output, "{}", line(difference))?;
            }
            writeln!(output, "{}", summary(args, &found))?;
        }
    }
    Ok(same_or_not(found.is_empty()))
}

fn line(difference: &Difference) -> String {
    let Difference {
        setting,
        file,
        running,
    } = difference;
    match (file, running) {
        (Some(_), None) => format!("{setting}: in the file only"),
        (None, Some(_)) => format!("{setting}: not in the file, and runs"),
        (file, running) => format!(
            "{setting}: {} in the file, {} runs",
            file.as_deref().unwrap_or("nothing"),
            running.as_deref().unwrap_or("nothing")
        ),
    }
}

fn summary(args: &DiffArgs, found: &[Difference]) -> String {
    let file = args.a.display();
    match found.is_empty() {
        true => format!("the daemon runs what {file} says"),
        false => format!(
            "{file}: {} to what the daemon runs; `director reload` takes the file, and `director status` says what was changed by hand",
            plural(found.len(), "difference")
        ),
    }
}
