//! `director config diff FILE --peer ADDRESS`: whether another director that runs is configured to what a file says (scenario 1.16).

use std::{
    collections::BTreeMap,
    io::{self, Write},
    net::IpAddr,
};

use super::{super::write_json, DiffArgs, FAILED, file_and_answer, plural, same_or_not};
use crate::{
    api::response::{PairDigests, Problem},
    config::{
        Color,
        diff::digest::{Differences, Digest},
    },
};

pub(super) fn diff(
    args: &DiffArgs,
    peer: IpAddr,
    output: &mut impl Write,
    errors: &mut impl Write,
    color: Color,
) -> io::Result<u8> {
    let asked = file_and_answer(args, errors, color, async |client| client.pair().await)?;
    let Some((config, told)) = asked else {
        return Ok(FAILED);
    };
    let theirs = match objects(&told, peer) {
        Ok(objects) => objects,
        Err(problem) => {
            writeln!(errors, "{problem}")?;
            return Ok(FAILED);
        }
    };
    let differences = Digest::of(&config).differences(&theirs);
    match args.json {
        true => write_json(output, &differences)?,
        false => write!(output, "{}", page(&args.a.display(), peer, &differences))?,
    }
    Ok(same_or_not(differences.is_empty()))
}

fn page(file: &impl std::fmt::Display, peer: IpAddr, differences: &Differences) -> String {
    let differ = differences.differ.iter();
    let differ = differ.map(|name| format!("{name}: differs\n"));
    let missing = differences.missing.iter();
    let missing = missing.map(|name| format!("{name}: in the file only\n"));
    let mut page: String = differ.chain(missing).collect();
    if differences.unknown > 0 {
        page.push_str(&format!(
            "{} of {peer}: not in the file\n",
            plural(differences.unknown, "object")
        ));
    }
    page.push_str(&match differences.is_empty() {
        true => format!("all that must be equal is so in {file} and on {peer}\n"),
        false => format!(
            "{peer} is configured in another way than {file}; `ssh {peer} director config show --running | director config diff {file} -` shows each setting\n"
        ),
    });
    page
}

/// What a director told, as numbers.
fn objects(told: &PairDigests, peer: IpAddr) -> Result<BTreeMap<u64, u64>, Problem> {
    let Some(objects) = told.0.get(&peer) else {
        let others: Vec<_> = told.0.keys().map(ToString::to_string).collect();
        let known = match others.is_empty() {
            true => "no other director has told anything".to_owned(),
            false => format!("those that have: {}", others.join(", ")),
        };
        return Err(Problem::new(format!(
            "{peer} has not told the daemon of this host what it is configured to"
        ))
        .because(known)
        .help("`director vrrp show` says who was heard; a director tells it every 10 s, to the UDP port `director_pair_port`"));
    };
    let number = |hex: &String| u64::from_str_radix(hex, 16);
    let numbers = objects
        .iter()
        .map(|(name, settings)| Ok((number(name)?, number(settings)?)));
    numbers
        .collect::<Result<_, std::num::ParseIntError>>()
        .map_err(|error| {
            Problem::new("the daemon's answer has something that is no number")
                .because(error.to_string())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    fn told(name: &str) -> PairDigests {
        let objects = BTreeMap::from([(name.to_owned(), "00000000000000ff".to_owned())]);
        PairDigests(BTreeMap::from([(PEER, objects)]))
    }

    #[test]
    fn numbers_are_read_as_they_are_written() {
        let objects = objects(&told("8594417 1f73967e8".replace(' ', "").as_str()), PEER);
        assert_eq!(objects, Ok(BTreeMap::from([(0x8594_4171_f739_67e8, 255)])));
    }

    #[test]
    fn who_has_told_nothing_and_what_is_no_number_are_named() {
        let other = IpAddr::from([10, 0, 0, 3]);
        let problem = objects(&told("1"), other)
            .expect_err("nothing told")
            .to_string();
        assert!(problem.contains("10.0.0.3 has not told"), "{problem}");
        assert!(problem.contains("those that have: 10.0.0.2"), "{problem}");
        let problem = objects(&told("x"), PEER)
            .expect_err("no number")
            .to_string();
        assert!(problem.contains("no number"), "{problem}");
    }

    #[test]
    fn the_page_names_what_it_can_and_counts_the_rest() {
        let differences = Differences {
            differ: vec!["virtual_server a".to_owned()],
            missing: vec!["real_server b".to_owned()],
            unknown: 2,
        };
        let page = page(&"f.conf", PEER, &differences);
        let lines: Vec<_> = page.lines().collect();
        assert_eq!(lines[0], "virtual_server a: differs");
        assert_eq!(lines[1], "real_server b: in the file only");
        assert_eq!(lines[2], "2 objects of 10.0.0.2: not in the file");
        assert!(lines[3].contains("config show --running"), "{page}");
    }
}
