//! `causality-vm batch`.

use std::io::BufRead as _;
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::scene::Scene;
use crate::{Outcome, command, vm};

/// A file of these lines in the folder of a scene, which programs are named from.
fn jobs(scene: &Scene, name: &str, lines: &[Value]) -> String {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(scene.path(name), text).unwrap();
    scene.at(name)
}

fn example(name: &str) -> String {
    std::fs::canonicalize(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples"))
        .unwrap()
        .join(format!("{name}.elf"))
        .to_str()
        .unwrap()
        .to_owned()
}

fn guest(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testkit/guests");
    std::fs::canonicalize(folder).unwrap().join(format!("{name}.elf")).to_str().unwrap().to_owned()
}

fn batch(scene: &Scene, jobs: &str, options: &[&str]) -> Outcome {
    vm(&[&["batch", jobs, "--store", &scene.store(), "--fuel", "1M"], options].concat())
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn pay(scene: &Scene, token: &str, amount: u64) -> Value {
    let bob = scene.who("bob");
    let bob = bob.strip_prefix("ed25519:").unwrap();
    json!({"program": example("transfer"), "args": [amount.to_string(), bob], "as": "alice.key",
        "input": [format!("{token}:consume")], "capability": ["alice.cap"]})
}

fn hello(name: &str) -> Value {
    json!({"program": example("hello"), "args": [name]})
}

#[test]
fn works_of_all_kinds_have_their_results_in_order() {
    let scene = Scene::new();
    let token = scene.mint(100);
    std::fs::write(scene.path("in.txt"), "meow\n").unwrap();
    let file = jobs(
        &scene,
        "jobs.jsonl",
        &[
            hello("Ada"),
            pay(&scene, &token, 30),
            json!({"program": guest("cat"), "stdin": "in.txt", "env": {"A": "B"}, "seed": 3}),
            pay(&scene, &token, 30),
            hello("Ada"),
            json!({"program": guest("trap_null")}),
            json!({"program": guest("loop_forever")}),
        ],
    );
    let outcome = batch(&scene, &file, &["--threads", "3"]);
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("7 of 7 done: 4 succeeded, 3 did not; 1 were not run"),
        "{}",
        outcome.stderr
    );
    let results = lines(&outcome.stdout);
    let numbers: Vec<_> = results.iter().map(|result| result["line"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7]);
    let kinds: Vec<_> = results.iter().map(|result| result["exit"]["kind"].as_str()).collect();
    let completed = Some("completed");
    assert_eq!(kinds, [completed, completed, completed, None, completed, Some("trap"), Some("out_of_fuel")]);
    assert!(results[1]["record"].is_string() && results[3]["record"].is_null());
    assert!(results[3]["refused"].as_str().unwrap().contains("consumed"), "{}", results[3]);
    let cached: Vec<_> = results.iter().map(|result| result["cached"].as_bool().unwrap()).collect();
    assert_eq!(cached, [false, false, false, false, true, false, false]);
    let text = |result: &Value| {
        scene.ok(&["store", "get", result["stdout"]["id"].as_str().unwrap(), "--store", &scene.store()])
    };
    assert!(text(&results[0]).starts_with("Hello, Ada!"));
    assert!(text(&results[2]).starts_with("meow\n[5 bytes"));
    assert!(
        scene
            .ok(&["verify", results[1]["record"].as_str().unwrap(), "--store", &scene.store()])
            .contains("confirmed")
    );
    // Another time the tasks are known, and the transactions are what they are: used up.
    let again = lines(&batch(&scene, &file, &["--tier", "interp"]).stdout);
    for (number, (again, first)) in again.iter().zip(&results).enumerate() {
        assert_eq!(again["cached"], json!(number != 1 && number != 3), "{again}");
        assert_eq!(again["work"], first["work"]);
        if number != 1 {
            assert_eq!(
                (&again["exit"], &again["fuel"], &again["stdout"]),
                (&first["exit"], &first["fuel"], &first["stdout"])
            );
        }
    }
    assert!(again[1]["refused"].as_str().unwrap().contains("consumed"), "{}", again[1]);
    let uncached = lines(&batch(&scene, &file, &["--no-cache"]).stdout);
    assert!(uncached.iter().all(|result| result["cached"] == json!(false)));
}

#[test]
fn hostile_lines_are_refused_by_number_before_anything_runs() {
    let scene = Scene::new();
    let good = hello("Ada").to_string();
    let program = example("hello");
    let bad = [
        ("{", "EOF"),
        ("[]", "invalid"),
        ("null", "invalid type"),
        ("{\"program\": 7}", "invalid type"),
        ("{}", "missing field `program`"),
        (&format!("{{\"program\": \"{program}\", \"sead\": 1}}"), "unknown field `sead`"),
        (&format!("{{\"program\": \"{program}\", \"seed\": -1}}"), "invalid value"),
        (&format!("{{\"program\": \"{program}\", \"seed\": 1, \"seed\": 2}}"), "duplicate field"),
        (&format!("{{\"program\": \"{program}\"}} x"), "trailing"),
        (&format!("{{\"program\": \"{program}\", \"input\": [\"blake3:00\"]}}"), "need `as`"),
        (&format!("{{\"program\": \"{program}\", \"as\": \"alice.key\", \"input\": [\"blake3:00\"]}}"), "64"),
        (&format!("{{\"program\": \"{program}\", \"as\": \"alice.key\", \"parent\": [\"x\"]}}"), "blake3:"),
        (&format!("{{\"program\": \"{program}\", \"as\": \"no.key\"}}"), "no.key"),
        (&format!("{{\"program\": \"{program}\", \"as\": \"alice.cap\"}}"), "no secret key"),
        (
            &format!(
                "{{\"program\": \"{program}\", \"as\": \"alice.key\", \"capability\": [\"alice.key\"]}}"
            ),
            "alice.key",
        ),
        (&format!("{{\"program\": \"{program}\", \"stdin\": \"nowhere\"}}"), "nowhere"),
        ("{\"program\": \"nowhere.elf\"}", "nowhere.elf"),
    ];
    for (line, expected) in bad {
        std::fs::write(scene.path("bad.jsonl"), format!("{good}\n\n{line}\n{good}\n")).unwrap();
        let outcome = batch(&scene, &scene.at("bad.jsonl"), &[]);
        assert!(matches!(outcome.code, 125 | 127), "{line}: {}", outcome.code);
        assert_eq!(outcome.stdout, "", "{line}");
        assert!(outcome.stderr.contains("bad.jsonl:3: "), "{line}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(expected), "{line}: {}", outcome.stderr);
    }
    std::fs::write(scene.path("bad.jsonl"), b"{\"program\": \"\xff\"}\n").unwrap();
    let outcome = batch(&scene, &scene.at("bad.jsonl"), &[]);
    assert!(outcome.stderr.contains("bad.jsonl:1: "), "{}", outcome.stderr);
    assert_eq!(batch(&scene, &scene.at("none.jsonl"), &[]).code, 125);
    // Nothing at all is done, and well. What is no program is a result like any other.
    std::fs::write(scene.path("empty.jsonl"), "\n\n").unwrap();
    assert_eq!(batch(&scene, &scene.at("empty.jsonl"), &["--results", &scene.at("empty.out")]).code, 0);
    let file = jobs(&scene, "no.jsonl", &[json!({"program": "alice.key"})]);
    let outcome = batch(&scene, &file, &[]);
    assert_eq!(outcome.code, 1);
    assert!(lines(&outcome.stdout)[0]["refused"].as_str().unwrap().contains("ELF"), "{}", outcome.stdout);
}

#[test]
fn results_that_are_there_are_gone_on_with() {
    let scene = Scene::new();
    let tokens = [scene.mint(10), scene.mint(20)];
    let all = [hello("a"), pay(&scene, &tokens[0], 1), hello("b"), pay(&scene, &tokens[1], 2), hello("a")];
    let (file, results) = (jobs(&scene, "jobs.jsonl", &all), scene.at("results.jsonl"));
    let options = ["--results", &results];
    let outcome = batch(&scene, &file, &options);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""), "{}", outcome.stderr);
    let whole = std::fs::read_to_string(&results).unwrap();
    assert_eq!(whole.lines().count(), 5);
    assert!(!scene.path("results.jsonl.journal").exists());
    // Nothing is left to do.
    assert_eq!(batch(&scene, &file, &options).code, 0);
    assert_eq!(std::fs::read_to_string(&results).unwrap(), whole);
    // A torn line is dropped, and its work, a known task, is told again.
    std::fs::write(&results, &whole[..whole.len() - 9]).unwrap();
    assert_eq!(batch(&scene, &file, &options).code, 0);
    assert_eq!(std::fs::read_to_string(&results).unwrap(), whole);
    // Jobs can be added.
    let more = jobs(&scene, "more.jsonl", &[&all[..], &[hello("c")]].concat());
    assert_eq!(batch(&scene, &more, &options).code, 0);
    let longer = std::fs::read_to_string(&results).unwrap();
    assert!(longer.starts_with(&whole) && longer.lines().count() == 6);
    // What is there is not touched if it is something else.
    for (jobs, results, fuel, expected) in [
        (&file, &results, "1M", "more results than jobs"),
        (&more, &results, "2M", "line 1: this is the result of"),
        (&more, &file, "1M", "this is no result"),
    ] {
        let before = std::fs::read(results).unwrap();
        let outcome = vm(&["batch", jobs, "--store", &scene.store(), "--fuel", fuel, "--results", results]);
        assert_eq!(outcome.code, 125);
        assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
        assert_eq!(std::fs::read(results).unwrap(), before);
    }
}

/// Starts it, and waits until there are so many lines of results.
fn started(scene: &Scene, store: &str, jobs: &str, results: &str, lines: usize) -> Child {
    let args =
        ["batch", jobs, "--store", &scene.at(store), "--results", &scene.at(results), "--threads", "2"];
    let child = command().args(args).stderr(Stdio::null()).spawn().unwrap();
    while std::fs::read(scene.path(results)).map_or(0, |bytes| bytes.lines().count()) < lines {
        std::thread::yield_now();
    }
    child
}

#[test]
fn a_batch_that_is_killed_has_the_results_of_one_that_is_not() {
    let scene = Scene::new();
    let tokens: Vec<_> = (0..6).map(|_| scene.mint(100)).collect();
    // Each token is paid in one line and missed in a later one, and between them are tasks that take their time.
    let mut all = Vec::new();
    for (number, token) in tokens.iter().chain(&tokens).enumerate() {
        all.push(json!({"program": guest("sha256"), "seed": number}));
        all.push(pay(&scene, token, 10));
        all.push(hello(["a", "b"][number % 2]));
    }
    let file = jobs(&scene, "jobs.jsonl", &all);
    for copy in ["other", "third"] {
        std::fs::create_dir(scene.path(copy)).unwrap();
        for name in ["store.redb", "roots"] {
            std::fs::copy(scene.path("store").join(name), scene.path(copy).join(name)).unwrap();
        }
    }
    let whole = vm(&["batch", &file, "--store", &scene.store(), "--results", &scene.at("whole.jsonl")]);
    assert_eq!(whole.code, 1, "{}", whole.stderr);
    let expected = std::fs::read_to_string(scene.path("whole.jsonl")).unwrap();
    assert_eq!(lines(&expected).iter().filter(|result| result["record"].is_string()).count(), 6);
    let mut killed = 0;
    for (store, stops) in [("other", &[1, 5, 9][..]), ("third", &[0, 2, 3, 20])] {
        let results = format!("{store}.jsonl");
        for count in stops {
            let mut child = started(&scene, store, &file, &results, *count);
            child.kill().unwrap();
            killed += usize::from(child.wait().unwrap().code().is_none());
        }
        let last = vm(&["batch", &file, "--store", &scene.at(store), "--results", &scene.at(&results)]);
        assert_eq!(last.code, 1, "{}", last.stderr);
        assert_eq!(std::fs::read_to_string(scene.path(&results)).unwrap(), expected);
        let [one, other] = [scene.store(), scene.at(store)].map(|store| {
            lines(&scene.ok(&["store", "stat", "--json", "--store", &store]).replace('\n', ""))[0].clone()
        });
        for root in ["state", "nullifiers", "records"] {
            assert_eq!(one[root], other[root]);
        }
    }
    assert!(killed > 0, "each of them was done before");
}

#[test]
fn two_batches_do_not_write_to_one_file() {
    let scene = Scene::new();
    let file = jobs(&scene, "jobs.jsonl", &[hello("a"), json!({"program": guest("loop_forever")})]);
    let mut child = started(&scene, "store", &file, "results.jsonl", 1);
    let outcome = batch(&scene, &file, &["--results", &scene.at("results.jsonl")]);
    assert_eq!(outcome.code, 125);
    assert!(outcome.stderr.contains("another batch writes to it"), "{}", outcome.stderr);
    child.kill().unwrap();
    child.wait().unwrap();
}
