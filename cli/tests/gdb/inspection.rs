//! Registers, memory, and what is known about the process.

use crate::session::{GUEST, Session, gdb};

#[test]
fn registers_of_all_kinds_are_read_and_written() {
    let Some(gdb) = gdb() else { return };
    let commands = [
        "break settle",
        "continue",
        "print $a0",
        "print $x10 == $a0 && $fp == $s0 && $sp == $x2",
        "set var $a0 = 4",
        "info registers a0",
        "set var $fa5.double = 2.5",
        "print $fa5.double",
        "set var $fcsr = 0xa1",
        "print/x $fflags",
        "print/x $frm",
        "set var $frm = 1",
        "print/x $fcsr",
        "print $instret == $cycle && $time == $instret && $instret > 100",
        "set var $instret = 5",
        "print $zero",
        "finish",
        "info registers fcsr",
    ];
    let session = Session::run(&gdb, &[GUEST], &commands);
    session.says(2, &["= 20"]);
    session.says(3, &["= 1"]);
    session.says(5, &["0x4"]);
    session.says(7, &["= 2.5"]);
    session.says(9, &["= 0x1"]);
    session.says(10, &["= 0x5"]);
    session.says(12, &["= 0x21"]);
    session.says(13, &["= 1"]);
    assert!(session.text.contains("Could not write register \"instret\""), "{}", session.text);
    session.says(15, &["= 0"]);
    // Four deposits: 0, 1 * 2, 2 * 3, 3 * 4.
    session.says(16, &["Value returned is", "= 20"]);
    session.says(17, &["0x21"]);
}

#[test]
fn memory_is_read_and_written() {
    let Some(gdb) = gdb() else { return };
    let commands = [
        "break settle",
        "continue",
        "set var ledger[0] = 1000",
        "print ledger",
        "x/2xg &ledger",
        "print/x *(unsigned *)settle",
        "set var *(unsigned short *)$sp = 0xabcd",
        "x/1xh $sp",
        "print *(int *)8",
        "finish",
    ];
    let session = Session::run(&gdb, &[GUEST], &commands);
    session.says(3, &["{1000, 0, 0, 0, 0, 0, 0, 0}"]);
    session.says(4, &["0x00000000000003e8\t0x0000000000000000"]);
    session.says(5, &["= 0x"]);
    session.says(7, &["0xabcd"]);
    assert!(session.text.contains("Cannot access memory at address 0x8"), "{}", session.text);
    session.says(9, &["= 1804"]);
}

#[test]
fn code_that_is_written_is_executed() {
    let Some(gdb) = gdb() else { return };
    // `li a0, 7; ret`
    let commands = [
        "set var *(int *)settle = 0x00700513",
        "set var *(short *)(settle + 4) = 0x8082",
        "break greet",
        "continue",
        "finish",
        "break spin",
        "continue",
        "up",
        "print average",
    ];
    let commands: Vec<_> =
        commands.iter().map(|command| command.replace("(settle + 4)", "((long)settle + 4)")).collect();
    let commands: Vec<_> = commands.iter().map(String::as_str).collect();
    let session = Session::run(&gdb, &[GUEST], &commands);
    session.says(8, &["= 0.875"]);
    assert!(session.stdout.contains("sum 7\n"), "{}", session.stdout);
}

#[test]
fn functions_of_the_guest_are_called() {
    let Some(gdb) = gdb() else { return };
    let session = Session::run(
        &gdb,
        &[GUEST],
        &["break settle", "continue", "print deposit(2, 100)", "print ledger[2]", "finish"],
    );
    session.says(3, &["= 300"]);
    session.says(4, &["= 1104"]);
}

#[test]
fn backtraces_of_optimised_code_have_arguments_and_inlined_frames() {
    let Some(gdb) = gdb() else { return };
    let session = Session::run(
        &gdb,
        &[GUEST],
        &["break deposit", "continue", "bt", "up", "info locals", "up", "print argc"],
    );
    session.says(
        2,
        &["#0", "deposit (slot=slot@entry=0", "#1", "settle (count=count@entry=20)", "#2", "main (argc="],
    );
    session.says(4, &["i = <optimized out>", "sum = 0"]);
    session.says(6, &["= "]);
}

#[test]
fn the_process_and_its_files_are_known() {
    let Some(gdb) = gdb() else { return };
    let commands = [
        "info files",
        "info proc",
        "info proc mappings",
        "info auxv",
        "info target",
        "info inferiors",
        "info registers pc",
    ];
    let session = Session::run(&gdb, &[GUEST, "one two"], &commands);
    session.says(0, &["debugged.elf", "is .text", "is .bss", "Entry point: 0x10160"]);
    session.says(1, &["process 1", "cmdline = 'testkit/guests/debugged.elf one two'", "debugged.elf'"]);
    session.says(2, &["0x10000", "[text]", "[stack]", "rw-p"]);
    session.says(3, &["AT_PAGESZ", "4096", "AT_ENTRY", "0x10160", "AT_PHDR"]);
    session.says(5, &["process 1"]);
    session.says(6, &["0x10160"]);
}

#[test]
fn monitor_tells_what_gdb_has_no_words_for() {
    let Some(gdb) = gdb() else { return };
    let commands = ["monitor help", "monitor registers", "monitor fuel", "monitor time", "monitor nonsense"];
    let session = Session::run(&gdb, &[GUEST], &commands);
    session.says(0, &["monitor registers", "monitor hold on"]);
    session.says(1, &["no slot has a register"]);
    session.says(2, &["0 instructions retired"]);
    session.says(3, &["at 0; the past is known from 0 to 0"]);
    session.says(4, &["unknown command: nonsense"]);
}

#[test]
fn resource_registers_are_shown() {
    let Some(gdb) = gdb() else { return };
    let guest = "testkit/guests/register_cycle.elf";
    let session =
        Session::run(&gdb, &[guest], &["monitor hold on", "continue", "monitor registers", "reverse-stepi"]);
    session.says(1, &["No more reverse-execution history"]);
    session.says(2, &["consumed"]);
}

#[test]
fn position_independent_programs_are_found_where_they_lie() {
    let Some(gdb) = gdb() else { return };
    let session = Session::run(
        &gdb,
        &["testkit/guests/pie.elf"],
        &["break main", "continue", "info symbol $pc", "continue"],
    );
    session.says(1, &["Breakpoint 1,", "main ()"]);
    session.says(2, &["main"]);
    session.says(3, &["exited"]);
}
