//! Streams, arguments, fuel and exit codes.

use std::io::Read;
use std::process::Stdio;
use std::time::Duration;

use causality_testkit::elf::Elf;
use serde_json::{Value, json};

use crate::{Outcome, command, file, vm, vm_on, vm_with_input};

#[test]
fn output_arguments_and_exit_code_are_the_guests() {
    let hello = vm(&["run", "examples/hello.elf", "reader"]);
    assert_eq!((hello.code, hello.stderr.as_str()), (0, ""));
    assert_eq!(hello.stdout, "Hello, reader! This is RV64GC speaking.\n");
    let args = vm(&["run", "--fuel", "10k", "testkit/guests/args.elf", "7", "two", "three=3"]);
    assert_eq!((args.code, args.stderr.as_str()), (7, ""));
}

#[test]
fn options_behind_the_program_are_the_programs() {
    let hello = vm(&["run", "examples/hello.elf", "--fuel", "1"]);
    assert_eq!((hello.code, hello.stdout.as_str()), (0, "Hello, --fuel! This is RV64GC speaking.\n"));
}

#[test]
fn standard_input_reaches_the_guest() {
    let cat = vm_with_input(&["run", "testkit/guests/cat.elf"], b"some text\n");
    assert_eq!(cat.code, 0);
    assert!(cat.stdout.starts_with("some text\n[10 bytes, checksum "), "{}", cat.stdout);
}

#[test]
fn running_out_of_fuel_has_its_own_code_and_says_where() {
    let run = vm(&["run", "--fuel", "100k", "testkit/guests/loop_forever.elf"]);
    assert_eq!(run.code, 152);
    let said = run.stderr.strip_prefix("causality-vm: out of fuel after 100000 instructions, at 0x");
    assert!(said.is_some_and(|place| place.contains(" in main")), "{}", run.stderr);
}

#[test]
fn the_tiers_behave_the_same() {
    for tier in ["auto", "interp"] {
        let run = vm(&["run", "--tier", tier, "testkit/guests/args.elf", "7", "two", "three=3"]);
        assert_eq!(run.code, 7);
    }
}

#[test]
fn help_tells_the_exit_codes_and_a_wrong_command_line_has_one() {
    let help = vm(&["run", "--help"]);
    assert_eq!(help.code, 0);
    for line in ["152     out of fuel (SIGXCPU)", "139     access fault, stack overflow (SIGSEGV)"] {
        assert!(help.stdout.contains(line), "{line}");
    }
    for wrong in
        [&["run"][..], &["run", "--fuel", "1.5G", "x"], &["run", "--tier", "none", "x"], &["walk"], &[]]
    {
        let run = vm(wrong);
        assert_eq!((run.code, run.stdout.as_str()), (125, ""), "{wrong:?}: {}", run.stderr);
    }
}

#[test]
fn limits_are_the_guests_to_reach() {
    let run = vm(&["run", "--memory", "16k", "examples/hello.elf"]);
    assert_eq!(run.code, 126, "{}", run.stderr);
    let run = vm(&["run", "--stack", "64k", "--memory", "1M", "--address-space", "2M", "examples/hello.elf"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn at_the_memory_limit_a_guest_traps_or_is_told() {
    let run = |options: &[&str]| vm(&[&["run"], options, &["testkit/guests/trap_memory_limit.elf"]].concat());
    for options in [&[][..], &["--on-memory-limit", "trap"]] {
        let trapped = run(options);
        assert_eq!(trapped.code, 137, "{}", trapped.stderr);
    }
    let told = run(&["--on-memory-limit", "errno"]);
    assert_eq!((told.code, told.stderr.as_str()), (12, ""));
    let told = run(&["--on-memory-limit", "errno", "--memory", "64M"]);
    assert_eq!((told.code, told.stderr.as_str()), (12, ""), "the limit itself is set apart");
    assert_eq!(run(&["--on-memory-limit", "ignore"]).code, 125);
}

/// `kill(getpid(), signal)`, with a handler set before that at 0x10000 if wanted.
fn raise(signal: u32, with_handler: bool) -> Elf {
    // sp[0] = lui's 0x10000, the handler; the rest of the stack's start serves as flags and mask.
    let set_handler = [
        0xfc01_0113, // addi sp, sp, -64
        0x0001_02b7, // lui t0, 0x10
        0x0051_3023, // sd t0, 0(sp)
        0x0000_0513 | signal << 20,
        0x0001_0593, // mv a1, sp
        0x0000_0613, // li a2, 0
        0x0080_0693, // li a3, 8
        0x0860_0893, // li a7, rt_sigaction
        0x73,
    ];
    let kill = [0x0ac0_0893, 0x73, 0x0000_0593 | signal << 20, 0x0810_0893, 0x73, 0x0010_0073];
    let words = if with_handler { [&set_handler[..], &kill].concat() } else { kill.to_vec() };
    Elf::of_words(&words)
}

#[test]
fn a_guest_that_ends_by_a_signal_is_said_to() {
    let run = vm_on(&["--report", "-"], &raise(6, false));
    let said = "causality-vm: the guest ended itself with SIGABRT (6)\n";
    assert_eq!((run.code, run.stderr.as_str()), (134, said));
    let exit = |run: &Outcome| serde_json::from_str::<Value>(&run.stdout).unwrap()["exit"].clone();
    let signal = json!({"number": 6, "name": "SIGABRT", "had_handler": false});
    assert_eq!(exit(&run), json!({"kind": "completed", "code": 134, "signal": signal}));

    let run = vm_on(&["--report", "-"], &raise(10, true));
    let said = "causality-vm: the guest ended itself with SIGUSR1 (10); \
        it has a handler for it, but handlers are not run\n";
    assert_eq!((run.code, run.stderr.as_str()), (138, said));
    assert_eq!(exit(&run)["signal"], json!({"number": 10, "name": "SIGUSR1", "had_handler": true}));

    let run = vm_on(&["--report", "-"], &raise(40, false));
    assert_eq!(
        (run.code, run.stderr.as_str()),
        (168, "causality-vm: the guest ended itself with signal 40\n")
    );
    assert_eq!(exit(&run)["signal"], json!({"number": 40, "name": null, "had_handler": false}));
}

#[test]
fn an_exit_code_like_that_of_a_signal_is_none() {
    // `li a0, 134`, `exit`
    let run = vm_on(&["--report", "-"], &Elf::of_words(&[0x0860_0513, 0x05d0_0893, 0x73]));
    assert_eq!((run.code, run.stderr.as_str()), (134, ""));
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["exit"], json!({"kind": "completed", "code": 134}));
}

#[test]
fn a_log_is_kept_on_request() {
    let run = vm(&["-vv", "run", "examples/hello.elf"]);
    assert_eq!(run.code, 0);
    assert!(run.stderr.contains("running") && run.stderr.contains("Completed(0)"), "{}", run.stderr);
}

/// `for (;;) write(1, sp, 64);`
const ENDLESS_WRITER: [u32; 6] = [0x0010_0513, 0x0001_0593, 0x0400_0613, 0x0400_0893, 0x73, 0xfedf_f06f];

#[test]
fn a_reader_that_goes_away_ends_an_endless_writer_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "writer.elf", &Elf::of_words(&ENDLESS_WRITER).build());
    let mut child =
        command().arg("run").arg(path).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 1]).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(141), &b""[..]));
}

#[test]
fn an_interrupt_stops_the_guest_and_says_where() {
    let child = command()
        .args(["run", "testkit/guests/loop_forever.elf"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Long enough to get past the start; were it not, the process would die of the signal instead.
    std::thread::sleep(Duration::from_millis(500));
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("causality-vm: interrupted after "));
}
