//! `record` and `verify`: records that were changed are found out.

use super::scene::Scene;
use super::vm;

#[test]
fn whatever_byte_of_a_record_is_changed_a_field_is_named() {
    let scene = Scene::new();
    let token = scene.mint(100);
    assert_eq!(scene.pay(&token, 30, &["--record", &scene.at("record")]).code, 0);
    let honest = std::fs::read(scene.path("record")).unwrap();
    let forged = scene.path("forged");
    for at in (0..honest.len()).step_by(61).chain([0, 4, 8, 9, honest.len() - 1]) {
        let mut bytes = honest.clone();
        bytes[at] ^= 1;
        std::fs::write(&forged, bytes).unwrap();
        let verified = scene.verify(&forged, "interp");
        let said = format!("{}{}", verified.stdout, verified.stderr);
        assert!(matches!(verified.code, 1 | 125), "byte {at}: {said}");
        assert!(said.contains("field `"), "byte {at}: {said}");
    }
    std::fs::write(&forged, &honest[..honest.len() - 3]).unwrap();
    let cut = scene.verify(&forged, "interp");
    assert_eq!(cut.code, 125);
    assert!(cut.stderr.contains("field `in_run_registers`"), "{}", cut.stderr);
    assert_eq!(scene.verify(&scene.path("record"), "interp").code, 0);
}

#[test]
fn a_record_of_another_store_is_not_confirmed() {
    let (scene, other) = (Scene::new(), Scene::new());
    let token = scene.mint(100);
    assert_eq!(scene.pay(&token, 30, &["--record", &scene.at("record")]).code, 0);
    let verified = other.verify(&scene.path("record"), "interp");
    assert_eq!(verified.code, 1);
    assert!(verified.stdout.contains("no run with this record took effect"), "{}", verified.stdout);
    let json = vm(&["verify", &scene.at("record"), "--store", &other.store(), "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["confirmed"], false);
}

#[test]
fn a_run_with_larger_limits_is_confirmed_by_who_allows_them() {
    let scene = Scene::new();
    let token = scene.mint(100);
    let record = scene.at("record");
    assert_eq!(scene.pay(&token, 30, &["--memory", "2G", "--record", &record]).code, 0);
    let verified = scene.verify(&scene.path("record"), "interp");
    assert_eq!(verified.code, 1);
    assert!(verified.stdout.contains("`inputs[0].memory`"), "{}", verified.stdout);
    scene.ok(&["verify", &record, "--memory", "2G", "--store", &scene.store()]);
    let little = vm(&["verify", &record, "--memory", "2G", "--fuel", "1k", "--store", &scene.store()]);
    assert_eq!(little.code, 1);
    assert!(little.stdout.contains("`inputs[0].fuel`"), "{}", little.stdout);
}

/// Whoever doubts that it was refused can run it again.
#[test]
fn the_record_of_a_run_that_was_refused_can_be_repeated() {
    let scene = Scene::new();
    let token = scene.mint(100);
    let options = ["--capability", &scene.at("alice.cap"), "--record", &scene.at("record")];
    let input = format!("{token}:consume");
    let twice = scene.run("alice", &input, &options, &["examples/double_spend.elf"]);
    assert_eq!(twice.code, 134, "{}", twice.stderr);
    for tier in ["interp", "baseline"] {
        let repeated = scene.verify(&scene.path("record"), tier);
        assert_eq!(repeated.code, 2, "{}{}", repeated.stdout, repeated.stderr);
        let said = &repeated.stdout;
        assert!(said.starts_with("repeated ") && said.contains("register consumed"), "{said}");
    }
    let shown = scene.ok(&["record", "show", &scene.at("record"), "--store", &scene.store()]);
    assert!(shown.contains("effect      none"), "{shown}");
    // It is none of those that took effect, and what it tried can still be done.
    assert_eq!(scene.pay(&token, 1, &[]).code, 0);
    assert_eq!(scene.verify(&scene.path("record"), "interp").code, 2);
}

#[test]
fn what_no_guest_did_is_not_repeated() {
    let scene = Scene::new();
    scene.mint(1);
    let id = scene.json(&["record", "list"])[0]["record"].as_str().unwrap().to_owned();
    let verified = vm(&["verify", &id, "--store", &scene.store()]);
    assert_eq!(verified.code, 125);
    assert!(verified.stderr.contains("no guest ran"), "{}", verified.stderr);
    let shown = scene.ok(&["record", "show", &id, "--store", &scene.store()]);
    assert!(shown.contains("none, the host did it") && shown.contains("to issue"), "{shown}");
}
