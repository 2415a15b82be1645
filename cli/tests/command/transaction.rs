//! `run --as`: what takes effect, what does not, and what is said of it.

use causality_testkit::Assembler;
use causality_testkit::elf::{Elf, PF_R, PF_X, Phdr};
use causality_vm::isa::reg::X;
use causality_vm::isa::{Inst, format};

use super::scene::Scene;
use super::{file, vm, vm_with_input};

#[test]
fn a_token_is_paid_told_of_and_confirmed() {
    let scene = Scene::new();
    let token = scene.mint(100);
    let (record, report) = (scene.path("record"), scene.at("report"));
    let paid = scene.pay(&token, 30, &["--record", &scene.at("record"), "--report", &report]);
    assert_eq!((paid.code, paid.stdout.as_str()), (0, "paid 30 of 100\n"), "{}", paid.stderr);
    let id = paid.stderr.strip_prefix("causality-vm: committed ").expect(&paid.stderr);
    let (id, effects) = id.split_at(71);
    assert_eq!(effects, ": consumed 1, created 2\n");
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!(report["exit"]["kind"], "completed");

    let shown = scene.json(&["record", "show", id]);
    assert_eq!(shown, scene.json(&["record", "show", &scene.at("record")]));
    assert_eq!(shown["fuel"], report["fuel_used"]);
    assert_eq!((&shown["consumed"][0]["register"], &shown["took_effect"]), (&token.into(), &true.into()));
    let created = shown["created"].as_array().unwrap().iter();
    let created: Vec<_> = created.map(|it| (it["quantity"].as_u64().unwrap(), &it["controller"])).collect();
    assert_eq!(created, [(30, &scene.who("bob").into()), (70, &scene.who("alice").into())]);
    let decisions = shown["decisions"].as_array().unwrap();
    assert!(decisions.iter().any(|it| it["right"] == "transfer" && it["allowed"] == true), "{shown}");
    let registers = scene.json(&["register", "list"]);
    assert_eq!(registers.as_array().unwrap().len(), 2);
    assert_eq!(scene.json(&["record", "list"]).as_array().unwrap().len(), 2);

    let text = scene.ok(&["record", "show", &scene.at("record"), "--store", &scene.store()]);
    for words in
        ["all of it took effect", "consumed ", "created ", "30 gold", "70 gold", "allowed     to consume"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("\ndeclared "), "{text}");
    for tier in ["interp", "baseline", "cranelift", "auto"] {
        let verified = scene.verify(&record, tier);
        assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
        assert!(verified.stdout.starts_with(&format!("confirmed {id}: ")), "{}", verified.stdout);
    }
    assert_eq!(scene.ok(&["verify", id, "--store", &scene.store()]).split(':').count(), 3);
}

#[test]
fn a_second_spending_is_refused_and_changes_nothing() {
    let scene = Scene::new();
    let (token, other) = (scene.mint(100), scene.mint(5));
    assert_eq!(scene.pay(&token, 30, &[]).code, 0);
    let before = scene.effects();
    let again = scene.pay(&token, 30, &["--record", &scene.at("none")]);
    assert_eq!((again.code, again.stdout.as_str()), (123, ""), "{}", again.stderr);
    assert!(again.stderr.contains(&format!("{token} has been consumed by the run recorded as blake3:")));
    assert!(!scene.path("none").exists(), "nothing ran");

    let (capability, record) = (scene.at("alice.cap"), scene.at("double"));
    let options = ["--capability", &capability, "--record", &record];
    let twice = scene.run("alice", &format!("{other}:consume"), &options, &["examples/double_spend.elf"]);
    assert_eq!((twice.code, twice.stdout.as_str()), (134, "once\ntwice\n"), "{}", twice.stderr);
    assert!(twice.stderr.starts_with("causality-vm: trap: register consumed (cause 48): slot 0, consumed\n"));
    let last = twice.stderr.lines().last().unwrap();
    assert!(
        last.starts_with("causality-vm: not committed: the run did not succeed: trap: register consumed")
    );
    assert_eq!(scene.effects(), before);
    let shown = scene.ok(&["record", "show", &record, "--store", &scene.store()]);
    assert!(shown.contains("none: the store has no such run"), "{shown}");
    let declared =
        format!("declared    to consume {other}\n            5 gold, of {}, token\n", scene.who("alice"));
    assert!(shown.contains(&declared) && !shown.contains("\nconsumed "), "{shown}");
    assert!(shown.contains("allowed     to consume"), "{shown}");
    assert_eq!(scene.json(&["register", "show", &other])["state"], "active");
    let consumed = scene.json(&["register", "show", &token]);
    assert_eq!((&consumed["state"], consumed["consumed_by"].is_string()), (&"consumed".into(), true));
}

#[test]
fn what_the_guest_says_by_its_exit_code_is_kept() {
    let scene = Scene::new();
    let token = scene.mint(10);
    let before = scene.effects();
    let too_much = scene.pay(&token, 11, &[]);
    assert_eq!((too_much.code, too_much.stdout.as_str()), (1, "there is not as much\n"));
    assert!(too_much.stderr.contains("not committed: the run did not succeed: exited with 1"));
    let starved = scene.pay(&token, 1, &["--fuel", "50"]);
    assert_eq!(starved.code, 152, "{}", starved.stderr);
    assert!(starved.stderr.contains("not committed"), "{}", starved.stderr);
    // Declared, and not done.
    let options = ["--capability", &scene.at("alice.cap")];
    let unused = scene.run("alice", &format!("{token}:consume"), &options, &["examples/reader.elf"]);
    assert_eq!(unused.code, 123, "{}", unused.stderr);
    assert!(unused.stderr.contains("declared to consume"), "{}", unused.stderr);
    // Done, and not declared.
    let undeclared = scene.run("alice", &token, &options, &["examples/double_spend.elf"]);
    assert_eq!(undeclared.code, 134, "{}", undeclared.stderr);
    assert!(undeclared.stderr.contains("capability denied"), "{}", undeclared.stderr);
    assert_eq!(scene.effects(), before);
}

#[test]
fn several_inputs_are_given_at_once() {
    let scene = Scene::new();
    let (one, two) = (scene.mint(1), scene.mint(2));
    let options = ["--capability", &scene.at("alice.cap")];
    let read = scene.run("alice", &format!("{one},{two}:read"), &options, &["examples/reader.elf"]);
    assert_eq!(read.stdout, "a register of 213 bytes holds 1\n", "{}", read.stderr);
    assert!(read.stderr.ends_with(": read 2\n"), "{}", read.stderr);
    let options = ["--inputs", &one, "--capability", &scene.at("alice.cap")];
    let read = scene.run("alice", &two, &options, &["examples/reader.elf"]);
    assert_eq!(read.stdout, "a register of 213 bytes holds 2\n", "{}", read.stderr);
    let twice = scene.run("alice", &format!("{one},{one}"), &[], &["examples/reader.elf"]);
    assert_eq!(twice.code, 123, "{}", twice.stderr);
    assert!(twice.stderr.contains("declared twice"), "{}", twice.stderr);
}

#[test]
fn the_hashes_that_a_program_asked_for_are_shown() {
    let scene = Scene::new();
    let (token, record) = (scene.mint(7), scene.at("record"));
    let options = ["--capability", &scene.at("alice.cap"), "--record", &record];
    let read = scene.run("alice", &token, &options, &["examples/reader.elf"]);
    assert_eq!(read.code, 0, "{}", read.stderr);
    let shown = scene.json(&["record", "show", "--hashes", &record]);
    let hash = &shown["hashes"][0];
    assert_eq!((&hash["id"], &hash["length"]), (&0.into(), &213.into()), "{shown}");
    let output = hash["output"].as_str().unwrap();
    assert_eq!((output.len(), &output[..10]), (74, "poseidon2:"));
    let text = scene.ok(&["record", "show", "--hashes", &record, "--store", &scene.store()]);
    let told =
        format!("hash #0     {output}\n            of 213 bytes, {}\n", hash["content"].as_str().unwrap());
    assert!(text.ends_with(&told), "{text}");
    assert_eq!(shown["deferred_hashes"], scene.json(&["record", "show", &record])["deferred_hashes"]);
    assert!(scene.json(&["record", "show", &record]).get("hashes").is_none());
    let alone = vm(&["record", "show", "--hashes", &record, "--store", &scene.at("nowhere")]);
    assert_eq!(alone.code, 125);
    assert!(alone.stderr.contains("there is no store to find the hashes blake3:"), "{}", alone.stderr);
    // A run that asked for none has none.
    assert_eq!(scene.pay(&token, 3, &["--record", &record]).code, 0);
    let none = scene.json(&["record", "show", "--hashes", &record]);
    assert_eq!(
        (&none["hashes"], &none["deferred_hashes"]),
        (&serde_json::json!([]), &serde_json::Value::Null)
    );
}

/// A program that loads the register whose identifier it reads into slot 5, and ends with the error of that.
fn loader() -> Vec<u8> {
    let mut code = Assembler::new();
    let name = code.label();
    let ecall = Inst::Ecall(format::Bare {});
    code.address(X::A0, name);
    code.li(X::A7, 0x1000);
    code.inst(ecall);
    code.inst(Inst::Addi(format::I { rd: X::S1, rs1: X::A0, imm: 0 }));
    code.li(X::A0, 0);
    code.inst(Inst::Addi(format::I { rd: X::A1, rs1: X::SP, imm: -64 }));
    code.li(X::A2, 32);
    code.li(X::A7, 63);
    code.inst(ecall);
    code.inst(Inst::Addi(format::I { rd: X::A0, rs1: X::SP, imm: -64 }));
    code.li(X::A1, 5);
    code.inst(Inst::Addi(format::I { rd: X::A7, rs1: X::S1, imm: 0 }));
    code.inst(ecall);
    code.inst(Inst::Sub(format::R { rd: X::A0, rs1: X::ZERO, rs2: X::A0 }));
    code.li(X::A7, 93);
    code.inst(ecall);
    code.bind(name);
    b"causality.load\0\0".chunks(2).for_each(|pair| code.half(u16::from_le_bytes([pair[0], pair[1]])));
    let code = code.finish();
    let text = Phdr::load(PF_R | PF_X, 0x10000, &code);
    Elf::exec(0x10000).segment(text).symbol("_start", 0x10000, code.len() as u64).build()
}

#[test]
fn a_register_can_be_left_to_the_program_to_load() {
    let scene = Scene::new();
    let (now, later) = (scene.mint(1), scene.mint(2));
    let digits = later.strip_prefix("blake3:").unwrap().as_bytes();
    let id = digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap());
    let id: Vec<u8> = id.collect();
    let program = file(scene.path("").as_path(), "loader.elf", &loader());
    let (store, key, capability) = (scene.store(), scene.at("alice.key"), scene.at("alice.cap"));
    let run = |inputs: &str, stdin: &[u8]| {
        let args = ["run", "--store", &store, "--as", &key, "--capability", &capability, "--input", inputs];
        vm_with_input(
            &[&args[..], &["--record", &scene.at("record"), program.to_str().unwrap()]].concat(),
            stdin,
        )
    };
    let loaded = run(&format!("{later}:later,{now}"), &id);
    assert_eq!(loaded.code, 0, "{}", loaded.stderr);
    assert!(loaded.stderr.ends_with(": read 2\n"), "{}", loaded.stderr);
    assert_eq!(scene.verify(&scene.path("record"), "interp").code, 0);
    // What is in a slot from the start cannot be loaded again: EEXIST. What is not loaded was not used.
    assert_eq!(run(&later, &id).code, 17);
    assert_eq!(run(&format!("{now}:later"), &id).code, 13, "it was not declared");
    let unused = vm(&[
        "run",
        "--store",
        &store,
        "--as",
        &key,
        "--capability",
        &capability,
        "--input",
        &format!("{later}:read:later"),
        "examples/hello.elf",
    ]);
    assert_eq!(unused.code, 123, "{}", unused.stderr);
    assert!(unused.stderr.contains("declared to read"), "{}", unused.stderr);
}

#[test]
fn standard_input_is_read_to_its_end_and_repeated() {
    let scene = Scene::new();
    let (store, key, record) = (scene.store(), scene.at("alice.key"), scene.at("record"));
    let args = ["run", "--store", &store, "--as", &key, "--record", &record, "testkit/guests/cat.elf"];
    let echoed = vm_with_input(&args, b"one\ntwo\n");
    assert_eq!(
        (echoed.code, echoed.stdout.as_str()),
        (0, "one\ntwo\n[8 bytes, checksum 295989f7]\n"),
        "{}",
        echoed.stderr
    );
    assert_eq!(scene.verify(&scene.path("record"), "interp").code, 0);
}

#[test]
fn options_of_plain_runs_are_refused() {
    let scene = Scene::new();
    let key = scene.at("alice.key");
    for option in [&["--dir", "."][..], &["--no-fuel"], &["--trace"], &["--profile", "perfmap"]] {
        let run = vm(&[&["run", "--as", &key], option, &["examples/hello.elf"]].concat());
        assert_eq!(run.code, 125, "{}", run.stderr);
        assert!(run.stderr.contains("cannot be used with"), "{}", run.stderr);
    }
    for option in [["--store", "x"], ["--record", "x"], ["--capability", "x"], ["--input", &scene.mint(1)]] {
        let run = vm(&[&["run"], &option[..], &["examples/hello.elf"]].concat());
        assert_eq!(run.code, 125, "{}", run.stderr);
        assert!(run.stderr.contains("--as <KEYFILE>"), "{}", run.stderr);
    }
    let nowhere = vm(&["run", "--as", &key, "--store", &scene.at("nowhere"), "examples/hello.elf"]);
    assert_eq!(nowhere.code, 125);
    assert!(nowhere.stderr.contains("there is no store in"), "{}", nowhere.stderr);
    let missing = vm(&["run", "--as", &key, "--store", &scene.store(), "examples/no.elf"]);
    assert_eq!(missing.code, 127);
    let no_program = vm(&["run", "--as", &key, "--store", &scene.store(), "README.md"]);
    assert_eq!(no_program.code, 126, "{}", no_program.stderr);
}

#[test]
fn a_logic_can_be_a_program_in_the_store() {
    let scene = Scene::new();
    let store = scene.store();
    let logic = scene.ok(&["store", "put", "examples/capped.elf", "--kind", "program", "--store", &store]);
    let create = |quantity: &str| {
        let (key, capability, alice) = (scene.at("issuer.key"), scene.at("issue.cap"), scene.who("alice"));
        let args = ["register", "create", "--store", &store, "--key", &key, "--capability", &capability];
        let what = ["--logic", logic.trim(), "--domain", "gold", "--quantity", quantity, "--to", &alice];
        vm(&[&args[..], &what].concat())
    };
    let token = create("100");
    assert_eq!(token.code, 0, "{}", token.stderr);
    let paid = scene.pay(token.stdout.trim(), 30, &["--record", &scene.at("record")]);
    assert_eq!(paid.code, 0, "{}", paid.stderr);
    assert_eq!(scene.verify(&scene.path("record"), "baseline").code, 0);
    let too_much = create("101");
    assert_eq!((too_much.code, too_much.stdout.as_str()), (123, ""));
    assert!(too_much.stderr.contains("no register may hold more than 100, and one has 101"));
}

#[test]
fn the_walk_through_of_the_examples_works() {
    let mut script = std::process::Command::new("examples/resources.sh");
    script.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let output = script.env("VM", env!("CARGO_BIN_EXE_causality-vm")).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("  field `fuel`\n"), "{text}");
}
