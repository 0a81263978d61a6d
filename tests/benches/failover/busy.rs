//! Whether a busy machine makes two of a kind change roles though nothing happens: the fastest pace, every core busy.

use std::{
    hint::spin_loop,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use lab::longest_pause;
use serde_json::{Value, json};

use crate::{contender::Contender, pair::Pair, speed::FASTEST};

/// Two of each kind, one kind after the other; whether ours stayed as they were.
pub(crate) fn measure(time: Duration) -> Result<(Vec<Value>, bool)> {
    let mut lines = Vec::new();
    let mut good = true;
    for contender in Contender::BOTH {
        let pair = Pair::start(FASTEST, contender)?;
        let wire = pair.duo.lab.listen()?;
        let load = Load::start();
        look_on(contender, time)?;
        drop(load);
        let turns = pair.duo.succession(&wire)?;
        let failovers = turns.len().saturating_sub(1);
        let mut adverts = wire.adverts();
        let mac = pair.duo.first.mac("eth0")?;
        adverts.retain(|advert| advert.mac == mac);
        let pause = longest_pause(&adverts).unwrap_or_default();
        println!(
            "{contender}: {failovers} false failovers in {} minutes with every core busy; {} advertisements, the longest pause between \
             two of them {:.1} ms",
            time.as_secs() / 60,
            adverts.len(),
            pause.as_secs_f64() * 1e3
        );
        lines.push(json!({
            "contender": contender.to_string(),
            "busy_s": time.as_secs(),
            "false_failovers": failovers,
            "advertisements": adverts.len(),
            "longest_pause_ms": pause.as_secs_f64() * 1e3,
        }));
        good &= contender != Contender::Director || failovers == 0;
    }
    Ok((lines, good))
}

fn look_on(contender: Contender, time: Duration) -> Result<()> {
    let style = ProgressStyle::with_template("{bar:30} {msg} ({eta} left)")?;
    let bar = ProgressBar::new(time.as_secs()).with_style(style);
    bar.set_message(format!("two of {contender}, every core busy"));
    let began = Instant::now();
    while began.elapsed() < time {
        thread::sleep(Duration::from_secs(1));
        bar.set_position(began.elapsed().as_secs());
    }
    bar.finish_and_clear();
    Ok(())
}

/// One thread for each core that never rests, until it is dropped.
struct Load {
    ending: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    fn start() -> Self {
        let ending = Arc::new(AtomicBool::new(false));
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let spin = || {
            let ending = Arc::clone(&ending);
            thread::spawn(move || {
                while !ending.load(Ordering::Relaxed) {
                    spin_loop();
                }
            })
        };
        let threads = (0..cores).map(|_| spin()).collect();
        Self { ending, threads }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
