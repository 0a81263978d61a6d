//! The clock of the packet path: jiffies, which only a program in the kernel can read.
//!
//! How many of them make a second (`CONFIG_HZ`) is what the resolution of the coarse clocks says (`clock_getres(2)`): those move on
//! with each jiffy.

use std::time::Duration;

use aya::{
    Ebpf,
    programs::{ProgramError, TestRun as _, TestRunOptions, Xdp},
};
use aya_obj::programs::XdpAttachType;
use director_common::clock::Reading;
use nix::{errno::Errno, time::ClockId};

use super::{
    expiry::Jiffies,
    load::{self, LoadError, Part},
    pins::Pins,
};

/// A handle of the clock program. Each has a file descriptor of its own, so that it may go to another thread.
pub struct Clock {
    program: Xdp,
    per_second: u32,
}

impl Clock {
    /// Opens the program in the loaded object, by way of a pin: to open it by its number would need CAP_SYS_ADMIN.
    pub(super) fn open(object: &mut Ebpf, pins: &Pins) -> Result<Self, LoadError> {
        let pin = pins.clock();
        if pin.exists() {
            pins.remove_file(&pin)?;
        }
        load::program(object, Part::Clock)?
            .pin(&pin)
            .map_err(LoadError::Pin)?;
        let program = Xdp::from_pin(&pin, XdpAttachType::Interface);
        pins.remove_file(&pin)?;
        Ok(Self {
            program: program.map_err(failed)?,
            per_second: jiffies_per_second()?,
        })
    }

    /// This moment.
    ///
    /// It takes a system call that allocates a page, some microseconds in all.
    pub(super) fn read(&self) -> Result<Reading, LoadError> {
        let frame = [0; size_of::<Reading>()];
        let mut told = frame;
        self.program
            .test_run(TestRunOptions {
                data_in: Some(&frame),
                data_out: Some(&mut told),
                repeat: 1,
                ..TestRunOptions::default()
            })
            .map_err(failed)?;
        Ok(bytemuck::cast(told))
    }

    /// This moment as flows are stamped with it.
    pub(super) fn now(&self) -> Result<Jiffies, LoadError> {
        Ok(Jiffies {
            // The low 32 bits are what flows are stamped with.
            now: self.read()?.jiffies as u32,
            per_second: self.per_second,
        })
    }

    /// Jiffies in a second.
    pub(super) const fn per_second(&self) -> u32 {
        self.per_second
    }
}

fn failed(error: ProgramError) -> LoadError {
    LoadError::Program(Box::new(error))
}

fn jiffies_per_second() -> Result<u32, LoadError> {
    let resolution = ClockId::CLOCK_MONOTONIC_COARSE
        .res()
        .map_err(LoadError::Jiffy)?;
    rate(Duration::from(resolution)).ok_or(LoadError::Jiffy(Errno::ERANGE))
}

/// How many jiffies of this length make a second, 1 to 1,000,000; the kernel rounds the length to whole nanoseconds.
fn rate(jiffy: Duration) -> Option<u32> {
    let is_likely = (Duration::from_micros(1)..=Duration::from_secs(1)).contains(&jiffy);
    is_likely.then(|| (1.0 / jiffy.as_secs_f64()).round() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_a_whole_number_although_the_length_is_rounded() {
        for per_second in [24, 100, 250, 300, 1000, 1024] {
            let jiffy = Duration::from_nanos((1_000_000_000 + per_second / 2) / per_second);
            assert_eq!(rate(jiffy).map(u64::from), Some(per_second));
        }
    }

    #[test]
    fn a_length_that_no_kernel_has_is_refused() {
        for jiffy in [0, 1, 999, 1_000_000_001] {
            assert_eq!(rate(Duration::from_nanos(jiffy)), None);
        }
    }
}
