//! Going back: the same states again, in the opposite order.

use crate::session::{GUEST, Session, gdb, line};

#[test]
fn reverse_continue_finds_the_last_breakpoint() {
    let Some(gdb) = gdb() else { return };
    let commands = [
        "break spin",
        "continue",
        "break deposit",
        "reverse-continue",
        "print amount",
        "reverse-continue",
        "print amount",
        "print ledger",
        "continue",
        "print amount",
    ];
    let session = Session::run(&gdb, &[GUEST], &commands);
    session.says(3, &["deposit (slot=slot@entry=3, amount=amount@entry=19)"]);
    session.says(4, &["= 19"]);
    session.says(5, &["deposit (slot=slot@entry=2, amount=amount@entry=18)"]);
    session.says(6, &["= 18"]);
    session.says(8, &["deposit (slot=slot@entry=3, amount=amount@entry=19)"]);
    session.says(9, &["= 19"]);
}

#[test]
fn reverse_continue_finds_who_wrote_a_value() {
    let Some(gdb) = gdb() else { return };
    let commands = [
        "break spin",
        "continue",
        "watch ledger[3]",
        "reverse-continue",
        "print amount",
        "reverse-continue",
        "reverse-continue",
        "reverse-continue",
        "continue",
        "print ledger[3]",
    ];
    let session = Session::run(&gdb, &[GUEST], &commands);
    session.says(3, &["Old value = 132", "New value = 56"]);
    session.says(4, &["= 19"]);
    session.says(5, &["Old value = 56", "New value = 12"]);
    session.says(6, &["Old value = 12", "New value = 0"]);
    session.says(7, &["No more reverse-execution history"]);
    session.says(8, &["Old value = 0", "New value = 12"]);
    session.says(9, &["= 12"]);
}

#[test]
fn reverse_steps_undo_steps() {
    let Some(gdb) = gdb() else { return };
    let here = "printf \"%lx %ld %lx %lx\\n\", $pc, $instret, $a5, ledger[1]";
    let commands = [
        "break deposit if $a1 == 9",
        "continue",
        here,
        "stepi",
        here,
        "stepi",
        here,
        "reverse-stepi",
        here,
        "reverse-stepi",
        here,
        "reverse-step",
        "reverse-finish",
    ];
    let session = Session::run(&gdb, &[GUEST], &commands);
    assert_eq!(session.answer(4), session.answer(8));
    assert_eq!(session.answer(2), session.answer(10));
    assert_ne!(session.answer(2), session.answer(4));
    session.says(11, &["settle (count=count@entry=20)", &format!("{}\t", line("deposit(i % SLOTS, i);"))]);
    session.says(12, &["main ("]);
}

#[test]
fn reverse_next_goes_back_over_calls() {
    let Some(gdb) = gdb() else { return };
    let at = line("average = (double)");
    let commands = [
        &format!("break debugged.c:{at}"),
        "continue",
        "print rounds",
        "reverse-next",
        "reverse-next",
        "print rounds",
    ];
    let session = Session::run(&gdb, &[GUEST], &commands);
    session.says(1, &[&format!("{at}\t")]);
    session.says(2, &["= 20"]);
    // The first goes back to the start of the line.
    session.says(4, &[&format!("{}\t", line("= settle(20);"))]);
    session.says(5, &["= 0"]);
}

#[test]
fn input_is_not_read_and_output_not_written_twice() {
    let Some(gdb) = gdb() else { return };
    let commands = [
        "break spin",
        "continue",
        "print line",
        "break greet",
        "reverse-continue",
        "print line",
        "continue",
        "print line",
        "reverse-continue",
        "delete",
        "continue",
    ];
    let session = Session::run(&gdb, &[GUEST], &commands);
    session.says(2, &["\"world\\000"]);
    session.says(4, &["greet ()"]);
    session.says(5, &["'\\000' <repeats 15 times>"]);
    session.says(7, &["\"world\\000"]);
    session.says(10, &["exited with code 03"]);
    assert_eq!(session.stdout, "hello, world\nsum 804\nstate f517ff66df0cbea9\n");
}

#[test]
fn a_change_in_the_past_is_a_new_future() {
    let Some(gdb) = gdb() else { return };
    let commands = [
        "break spin",
        "continue",
        "break greet",
        "reverse-continue",
        "monitor time",
        "set var ledger[0] = 196",
        "monitor time",
        "continue",
        "print ledger[0]",
        "break settle",
        "reverse-continue",
        "print ledger[0]",
        "reverse-continue",
        "reverse-continue",
        "print ledger[0]",
        "delete",
        "continue",
    ];
    let session = Session::run(&gdb, &[GUEST], &commands);
    let known = |number: usize| session.answer(number).split(", with").next().map(str::to_owned);
    assert_ne!(known(4), known(6), "the future that was known is none any more");
    session.says(8, &["= 220"]);
    session.says(11, &["= 196"]);
    session.says(12, &["greet ()"]);
    // At the very start, before the change.
    session.says(13, &["No more reverse-execution history"]);
    session.says(14, &["= 0"]);
    // What was said is said; what followed from the change is said once more.
    assert_eq!(session.stdout.matches("sum 1000\n").count(), 1, "{}", session.stdout);
    assert!(session.stdout.starts_with("hello, world\nsum 804\n"), "{}", session.stdout);
    assert_eq!(session.stdout.matches("hello, world").count(), 2, "{}", session.stdout);
}

#[test]
fn long_runs_have_moments_to_go_back_to() {
    let Some(gdb) = gdb() else { return };
    // Some sixty million instructions, of which the first are looked for.
    let commands = [
        "monitor hold on",
        "continue",
        "monitor time",
        "break settle",
        "reverse-continue",
        "print rounds",
        "delete",
        "continue",
    ];
    let session = Session::run(&gdb, &[GUEST, "20000000"], &commands);
    session.says(1, &["No more reverse-execution history"]);
    let moments = session.answer(2).split_whitespace().rev().nth(2).and_then(|word| word.parse::<u32>().ok());
    assert!(moments.is_some_and(|moments| (5..=64).contains(&moments)), "{}", session.answer(2));
    session.says(4, &["settle (count=count@entry=20)"]);
    session.says(5, &["= 0"]);
    session.says(7, &["No more reverse-execution history"]);
}

#[test]
fn one_goes_back_from_a_crash() {
    let Some(gdb) = gdb() else { return };
    let commands = [
        "continue",
        "break settle",
        "reverse-continue",
        "print count",
        "delete",
        "continue",
        "reverse-stepi",
        "stepi",
    ];
    let session = Session::run(&gdb, &[GUEST, "10", "8"], &commands);
    session.says(0, &["SIGSEGV", "follow"]);
    session.says(2, &["settle (count=count@entry=20)"]);
    session.says(3, &["= 20"]);
    session.says(5, &["SIGSEGV", "follow"]);
    session.says(7, &["follow"]);
}

#[test]
fn every_tier_goes_back_to_the_same_states() {
    let Some(gdb) = gdb() else { return };
    let here = "printf \"%lx %ld %lx %lx\\n\", $pc, $instret, $a5, ledger[1]";
    let commands =
        ["break spin", "continue", here, "break deposit", "reverse-continue", here, "reverse-stepi", here];
    let of_tier = |tier: &str| {
        let session = Session::run(&gdb, &["--tier", tier, GUEST], &commands);
        [2, 5, 7].map(|number| session.answer(number).to_owned())
    };
    let interpreted = of_tier("interp");
    for tier in ["auto", "baseline", "cranelift"] {
        assert_eq!(of_tier(tier), interpreted, "{tier}");
    }
}
