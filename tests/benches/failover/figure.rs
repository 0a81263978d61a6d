//! What was seen of one event, of one contender, at one pace: how it is counted, printed and judged.

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};

use crate::{contender::Contender, event::Event, holders::BothHeld, pair::Seen, speed::Speed};

/// Outages that differ by less than twice the time between two questions, or by less than a client sees when nothing happens, are equal.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(2);

/// All that was seen of an event.
pub(crate) struct Figure {
    speed: &'static Speed,
    contender: Contender,
    pub(crate) event: Event,
    seen: Vec<Seen>,
}

impl Figure {
    pub(crate) const fn new(speed: &'static Speed, contender: Contender, event: Event) -> Self {
        Self {
            speed,
            contender,
            event,
            seen: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, seen: Seen) {
        self.seen.push(seen);
    }

    /// From the shortest to the longest.
    fn outages(&self) -> Vec<Duration> {
        let mut outages: Vec<_> = self.seen.iter().map(|seen| seen.outage).collect();
        outages.sort();
        outages
    }

    /// Half of the outages are not longer.
    fn median(&self) -> Duration {
        let outages = self.outages();
        let middle = outages.len().saturating_sub(1) / 2;
        outages.get(middle).copied().unwrap_or_default()
    }

    fn longest(&self) -> Duration {
        self.outages().pop().unwrap_or_default()
    }

    /// The longest time for which both hosts had the address.
    fn both_held(&self) -> BothHeld {
        let each = self.seen.iter().map(|seen| seen.both_held);
        each.max().unwrap_or(BothHeld::For(Duration::ZERO))
    }

    /// How far medians may be apart by chance alone: silence is counted from the last advertisement, and when in an interval the cable
    /// is cut is chance.
    fn chance(&self) -> Duration {
        match self.event {
            Event::LinkDown => self.speed.interval / 4,
            Event::Rest
            | Event::CleanStop
            | Event::Return
            | Event::Kill
            | Event::Hang
            | Event::LinkUp => Duration::ZERO,
        }
    }

    /// Whether the address was on two hosts when clients had their answers again.
    fn leaves_two_holders(&self) -> bool {
        let mut seen = self.seen.iter();
        seen.any(|seen| seen.both_held > BothHeld::For(seen.outage + BETWEEN_QUESTIONS))
    }

    pub(crate) fn json(&self) -> Value {
        let outages = self.seen.iter().map(|seen| milliseconds(seen.outage));
        let both_held = self.seen.iter().map(|seen| match seen.both_held {
            BothHeld::For(time) => json!(milliseconds(time)),
            BothHeld::Still => Value::Null,
        });
        json!({
            "pace": self.speed.name,
            "contender": self.contender.to_string(),
            "event": self.event.to_string(),
            "outage_ms": outages.collect::<Vec<_>>(),
            "both_held_ms": both_held.collect::<Vec<_>>(),
        })
    }
}

/// The table of one pace, both contenders side by side.
pub(crate) fn print(speed: &str, figures: &[Figure]) {
    let mut table = Table::new();
    let titles = [
        speed,
        "keepalived p50",
        "max",
        "both held",
        "director p50",
        "max",
        "both held",
    ];
    table.load_style(presets::NOTHING).set_header(titles);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for figure in figures
        .iter()
        .filter(|figure| is(figure, Contender::Keepalived))
    {
        let mut row = vec![figure.event.to_string()];
        for contender in Contender::BOTH {
            let mut of_event = figures.iter().filter(|other| other.event == figure.event);
            if let Some(figure) = of_event.find(|other| is(other, contender)) {
                row.extend([figure.median(), figure.longest()].map(printed));
                row.push(match figure.both_held() {
                    BothHeld::For(time) => printed(time),
                    BothHeld::Still => "for ever".to_owned(),
                });
            }
        }
        table.add_row(row);
    }
    println!("{table}\n");
}

/// Says where ours was the slower one, or left an address on two hosts for longer than a client waited; whether it was nowhere.
pub(crate) fn verdict(figures: &[Figure]) -> bool {
    let mut complaints = Vec::new();
    for ours in figures
        .iter()
        .filter(|figure| is(figure, Contender::Director))
    {
        let (pace, event) = (ours.speed.name, ours.event);
        let at_pace = || figures.iter().filter(|other| other.speed.name == pace);
        let at_rest = at_pace().filter(|other| other.event == Event::Rest);
        let noise = at_rest.map(Figure::median).max().unwrap_or_default();
        let noise = noise.max(BETWEEN_QUESTIONS) + ours.chance();
        if ours.leaves_two_holders() {
            complaints.push(format!(
                "{pace}, {event}: two hosts had the address for longer than a client waited"
            ));
        }
        let same = at_pace().filter(|other| other.event == event);
        let mut theirs = same.filter(|other| is(other, Contender::Keepalived));
        // Where the dead one's host goes on answering nobody has taken over.
        if theirs
            .any(|theirs| !theirs.leaves_two_holders() && ours.median() > theirs.median() + noise)
        {
            complaints.push(format!(
                "{pace}, {event}: the director's outage is the longer one"
            ));
        }
    }
    if complaints.is_empty() {
        println!(
            "The director's outage is nowhere longer than that of a keepalived whose address moves, and no address stays on two hosts for \
             longer than a client waits."
        );
    }
    for complaint in &complaints {
        println!("{complaint}");
    }
    complaints.is_empty()
}

fn is(figure: &Figure, contender: Contender) -> bool {
    figure.contender == contender
}

fn printed(time: Duration) -> String {
    format!("{:.0} ms", milliseconds(time))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
