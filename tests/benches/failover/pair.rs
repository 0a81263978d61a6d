//! Two of a kind on a segment, a client that asks the shared address each millisecond, and what happens to the better one.

use std::{thread, time::Duration};

use anyhow::{Context, Result};
use lab::{Duo, Host, Link, Prober, SHARED, wait};

use crate::{
    contender::{Contender, Router},
    event::Event,
    holders::{BothHeld, Holders},
    speed::Speed,
};

const ASK_EACH: Duration = Duration::from_millis(1);
/// What a takeover takes at most, at any pace.
const LIMIT: Duration = Duration::from_secs(30);
/// How long is looked on before and after; after it for two intervals more, so that each has heard the other.
const MARGIN: Duration = Duration::from_millis(300);
const INTERVALS: u32 = 2;

/// Both run. The first one is Master.
pub(crate) struct Pair {
    speed: &'static Speed,
    first: Router,
    _second: Router,
    pub(crate) duo: Duo,
}

/// What was seen of an event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// The longest time without an answer.
    pub(crate) outage: Duration,
    /// For how long both hosts had the address.
    pub(crate) both_held: BothHeld,
}

impl Pair {
    pub(crate) fn start(speed: &'static Speed, contender: Contender) -> Result<Self> {
        let duo = Duo::create()?;
        let [first, second] = [(&duo.first, 100), (&duo.second, 90)]
            .map(|(host, priority)| contender.on(&duo, host, (speed.instance)(priority)));
        let (mut first, mut second) = (first?, second?);
        first.start_as("MASTER")?;
        second.start_as("BACKUP")?;
        let pair = Self {
            speed,
            first,
            _second: second,
            duo,
        };
        pair.settle()?;
        Ok(pair)
    }

    /// Lets it happen, waits until it is over, and leaves the two so that the next one can happen.
    pub(crate) fn see(&mut self, event: Event) -> Result<Seen> {
        let wire = self.duo.lab.listen()?;
        let holders = Holders::follow(&self.duo)?;
        let prober = Prober::ping(&self.duo.lab.client, SHARED, ASK_EACH)?;
        thread::sleep(MARGIN);
        self.happen(event)?;
        let master = match event {
            Event::Rest | Event::Return | Event::LinkUp => &self.duo.first,
            Event::CleanStop | Event::Kill | Event::Hang | Event::LinkDown => &self.duo.second,
        };
        let mac = master.mac("eth0")?;
        let what = format!("{} speaks as Master", master.name);
        wire.await_advert(&what, LIMIT, |advert| {
            advert.mac == mac && advert.priority > 0
        })?;
        self.await_quiet();
        let outage = prober.finish()?.largest_gap;
        let both_held = holders.finish();
        self.mend(event)?;
        Ok(Seen { outage, both_held })
    }

    fn happen(&mut self, event: Event) -> Result<()> {
        match event {
            Event::Rest => Ok(()),
            Event::CleanStop => self.first.terminate(),
            Event::Return => self.first.start_as("MASTER"),
            Event::Kill => self.first.kill_9(),
            Event::Hang => self.first.freeze(),
            Event::LinkDown => self.duo.first.set_link(Link::Down),
            Event::LinkUp => self.duo.first.set_link(Link::Up),
        }
    }

    /// What has to be done before the next event, and what nobody measures.
    fn mend(&mut self, event: Event) -> Result<()> {
        match event {
            Event::Rest | Event::CleanStop | Event::LinkDown => Ok(()),
            Event::Return | Event::LinkUp => self.settle(),
            Event::Kill => {
                self.take_address_away(&self.duo.first)?;
                self.first.start_as("MASTER")?;
                self.settle()
            }
            Event::Hang => {
                self.first.thaw()?;
                self.settle()
            }
        }
    }

    /// keepalived leaves its address on the host when it is killed.
    fn take_address_away(&self, host: &Host) -> Result<()> {
        if !host.has(SHARED.into())? {
            return Ok(());
        }
        let removal = format!("address delete {SHARED}/23 dev eth0");
        host.namespace.ip(&removal).map(drop)
    }

    /// Waits until the first one is Master alone.
    fn settle(&self) -> Result<()> {
        self.duo.await_only_holder(SHARED, &self.duo.first, LIMIT)?;
        let macs = [&self.duo.first, &self.duo.second].map(|host| host.mac("eth0"));
        let [first, second] = macs;
        let (first, second) = (first?, second?);
        wait::until("the first one is Master alone", LIMIT, || {
            let wire = self.duo.lab.listen().ok()?;
            self.await_quiet();
            let adverts = wire.adverts();
            let sent = |mac| adverts.iter().filter(|advert| &advert.mac == mac).count();
            (sent(&first) > 0 && sent(&second) == 0).then_some(())
        })
        .context("the two do not come to rest")
    }

    fn await_quiet(&self) {
        thread::sleep(self.speed.interval * INTERVALS + MARGIN);
    }
}
