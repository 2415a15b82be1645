//! `monitor`: what GDB has no command for.

use causality_vm::registers::Lifecycle;
use gdbstub::target::ext::monitor_cmd::{ConsoleOutput, MonitorCmd, outputln};

use super::Guest;
use crate::Error;

const HELP: &str = "\
monitor fuel        instructions retired, and how many can still be paid
monitor fuel N      pay for N more
monitor time        where in the recorded past the guest is
monitor go N        be where N instructions have retired; then say `maintenance flush register-cache`
monitor registers   the resource registers: slot, state, bytes, rights
monitor hold on     stop before the instruction that ends the guest, to go back from there
monitor hold off    let it end (the default)
monitor help        this";

impl<T: Clone> MonitorCmd for Guest<T> {
    fn handle_monitor_cmd(&mut self, command: &[u8], mut out: ConsoleOutput<'_>) -> Result<(), Error> {
        let text = String::from_utf8_lossy(command);
        let words: Vec<_> = text.split_whitespace().collect();
        let answer = match words[..] {
            ["fuel"] => self.fuel(),
            ["fuel", amount] => match amount.parse() {
                Ok(amount) => {
                    self.debugger.timeline.instance_mut().add_fuel(amount);
                    self.fuel()
                }
                Err(_) => format!("not a number: {amount}"),
            },
            ["time"] => self.time(),
            ["go", time] => self.go(time)?,
            ["registers"] => self.registers(),
            ["hold", "on"] => {
                self.debugger.holds_at_exit = true;
                "the guest will be stopped before it ends".to_owned()
            }
            ["hold", "off"] => {
                self.debugger.holds_at_exit = false;
                "the guest may end".to_owned()
            }
            [] | ["help"] => HELP.to_owned(),
            _ => format!("unknown command: {text}\n{HELP}"),
        };
        outputln!(out, "{answer}");
        Ok(())
    }
}

impl<T: Clone> Guest<T> {
    fn fuel(&self) -> String {
        format!("{} instructions retired, {} can be paid", self.instance().retired(), self.instance().fuel())
    }

    fn time(&self) -> String {
        let timeline = &self.debugger.timeline;
        let (begin, now, end, moments) =
            (timeline.begin(), timeline.now(), timeline.end(), timeline.moments());
        format!("at {now}; the past is known from {begin} to {end}, with {moments} moments kept")
    }

    fn go(&mut self, time: &str) -> Result<String, Error> {
        let timeline = &mut self.debugger.timeline;
        match time.parse() {
            Ok(time) if (timeline.begin()..=timeline.end()).contains(&time) => timeline.go_to(time)?,
            _ => return Ok(format!("not a time that is known: {time}")),
        }
        Ok(self.time())
    }

    fn registers(&self) -> String {
        let file = self.instance().memory().registers();
        let used = file.slots().iter().enumerate().filter(|(_, slot)| slot.lifecycle() != Lifecycle::Empty);
        let rows: Vec<_> = used
            .map(|(number, slot)| {
                let address = file.windows().address(number as u32);
                let (state, rights) = (slot.lifecycle(), slot.rights());
                format!("{number:>5}  {state:<8}  {address:#x}  {:>8} bytes  {rights}", slot.length)
            })
            .collect();
        if rows.is_empty() { "no slot has a register".to_owned() } else { rows.join("\n") }
    }
}
