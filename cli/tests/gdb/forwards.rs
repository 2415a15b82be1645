//! Breakpoints, watchpoints, steps, and an end.

use std::io::{BufRead, BufReader};
use std::process::Command;

use crate::session::{GUEST, Session, Waiting, gdb, line};

#[test]
fn breakpoints_stop_at_functions_and_lines() {
    let Some(gdb) = gdb() else { return };
    let at = line("deposit(i % SLOTS, i);");
    let commands = [
        "break deposit",
        &format!("break debugged.c:{at}"),
        "continue",
        "continue",
        "continue",
        "info breakpoints",
    ];
    let session = Session::run(&gdb, &[GUEST], &commands);
    session.says(0, &["Breakpoint 1 at", "debugged.c"]);
    session.says(1, &["Breakpoint 2 at"]);
    session.says(2, &["Breakpoint 2,", "settle (count=count@entry=20)", &format!("{at}\t")]);
    session.says(3, &["Breakpoint 1,", "deposit (slot=slot@entry=0, amount=amount@entry=0)"]);
    session.says(4, &["Breakpoint 2,"]);
    session.says(5, &["breakpoint already hit 1 time", "breakpoint already hit 2 times"]);
}

#[test]
fn conditions_are_looked_at_each_time() {
    let Some(gdb) = gdb() else { return };
    let session = Session::run(&gdb, &[GUEST], &["break deposit if $a1 == 17", "continue", "print slot"]);
    session.says(1, &["deposit (slot=slot@entry=1, amount=amount@entry=17)"]);
    session.says(2, &["= 1"]);
}

#[test]
fn watchpoints_stop_at_the_access() {
    let Some(gdb) = gdb() else { return };
    let commands = [
        "watch ledger[3]",
        "continue",
        "continue",
        "info symbol $pc",
        "delete",
        "rwatch average",
        "awatch line",
        "continue",
        "delete",
        "continue",
    ];
    let session = Session::run(&gdb, &[GUEST], &commands);
    session
        .says(1, &["Hardware watchpoint 1: ledger[3]", "Old value = 0", "New value = 12", "amount@entry=3)"]);
    session.says(2, &["Old value = 12", "New value = 56", "amount@entry=11)"]);
    session.says(3, &["deposit"]);
    // Nothing reads the average any more.
    session.says(7, &["[Inferior 1 (process 1) exited with code 03]"]);
    assert_eq!(
        (session.code, &*session.stdout),
        (Some(3), "hello, world\nsum 804\nstate f517ff66df0cbea9\n")
    );
}

#[test]
fn what_the_host_writes_is_seen_by_watchpoints() {
    let Some(gdb) = gdb() else { return };
    let session = Session::run(
        &gdb,
        &[GUEST],
        &["watch line[0]", "continue", "print line", "rwatch average", "continue"],
    );
    session.says(1, &["Hardware watchpoint 1: line[0]", "New value = 119 'w'"]);
    session.says(2, &["\"world\\000"]);
}

#[test]
fn steps_go_into_functions_over_them_and_out() {
    let Some(gdb) = gdb() else { return };
    let commands = [
        "break settle",
        "continue",
        "next",
        "step",
        "finish",
        "next",
        "stepi",
        "info registers instret",
        "stepi",
        "info registers instret",
    ];
    let session = Session::run(&gdb, &[GUEST], &commands);
    session.says(2, &[&format!("{}\t", line("deposit(i % SLOTS, i);"))]);
    session.says(3, &["deposit (slot=slot@entry=0"]);
    session.says(4, &["settle (count=count@entry=20)"]);
    let instret = |number| -> u64 {
        let words = session.answer(number).split_whitespace();
        words
            .skip_while(|&word| word != "instret")
            .nth(2)
            .and_then(|word| word.parse().ok())
            .expect("a number")
    };
    assert_eq!(instret(9), instret(7) + 1);
}

#[test]
fn a_function_is_finished_with_its_value() {
    let Some(gdb) = gdb() else { return };
    let session = Session::run(&gdb, &[GUEST], &["break settle", "continue", "finish"]);
    session.says(2, &["main (", "Value returned is $1 = 804"]);
}

#[test]
fn a_guest_that_runs_is_interrupted() {
    let Some(gdb) = gdb() else { return };
    // So many rounds would take hours.
    let mut waiting = Waiting::start(&[GUEST, "1000000000000000"]);
    let mut lines = BufReader::new(waiting.stdout()).lines();
    let client = waiting.connect(&gdb, &["continue", "bt", "print sum", "kill"]);
    while lines.next().expect("it prints").expect("it prints UTF-8") != "sum 804" {}
    let killed = Command::new("kill")
        .args(["-INT", &client.child.id().to_string()])
        .status()
        .expect("there is a kill");
    assert!(killed.success());
    let session = waiting.end(client);
    session.says(0, &["Program received signal SIGINT", "spin (count="]);
    session.says(1, &["#0", "spin (count=1000000000000000", "#1", "main (argc="]);
    session.says(3, &["killed"]);
    assert_eq!(session.code, Some(137));
    assert!(session.stderr.contains("killed by GDB"), "{}", session.stderr);
}

#[test]
fn a_trap_is_a_signal_and_the_guest_dies_of_it() {
    let Some(gdb) = gdb() else { return };
    let session = Session::run(&gdb, &[GUEST, "10", "8"], &["continue", "bt", "print place", "continue"]);
    session.says(0, &["Program received signal SIGSEGV", "follow (place=0x8)"]);
    session.says(1, &["#0", "follow", "#1", "main (argc="]);
    session.says(2, &["0x8"]);
    session.says(3, &["Program terminated with signal SIGSEGV"]);
    assert_eq!(session.code, Some(139));
    assert!(session.stderr.contains("trap: load access fault (cause 5): address 0x8"), "{}", session.stderr);
}

#[test]
fn a_guest_that_gdb_detaches_from_goes_on_by_itself() {
    let Some(gdb) = gdb() else { return };
    let session = Session::run(&gdb, &[GUEST], &["break settle", "continue", "detach"]);
    session.says(2, &["detached"]);
    assert_eq!(
        (session.code, &*session.stdout),
        (Some(3), "hello, world\nsum 804\nstate f517ff66df0cbea9\n")
    );
}

#[test]
fn a_guest_without_fuel_stops_and_goes_on_with_more() {
    let Some(gdb) = gdb() else { return };
    let commands = ["continue", "monitor fuel", "monitor fuel 1000000", "continue"];
    let session = Session::run(&gdb, &["--fuel", "1000", GUEST], &commands);
    session.says(0, &["SIGXCPU"]);
    session.says(1, &["1000 instructions retired, 0 can be paid"]);
    session.says(3, &["exited with code 03"]);
}
