//! Keys, trust and capabilities: who may do what, and that nobody else may.

use std::os::unix::fs::PermissionsExt;

use super::scene::Scene;
use super::vm;

#[test]
fn keys_are_secret_and_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let name = path.to_str().unwrap();
    let made = vm(&["key", "new", name]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert!(made.stdout.starts_with("ed25519:") && made.stdout.len() == 8 + 64 + 1, "{}", made.stdout);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let before = std::fs::read(&path).unwrap();
    let again = vm(&["key", "new", name]);
    assert_eq!((again.code, again.stdout.as_str()), (125, ""));
    assert!(again.stderr.contains("is there already"), "{}", again.stderr);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(vm(&["key", "show", name]).stdout, made.stdout);
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    let open = vm(&["key", "show", name]);
    assert_eq!(open.stdout, made.stdout);
    assert!(open.stderr.contains("others can read"), "{}", open.stderr);
    std::fs::write(&path, "ed25519-secret:12\n").unwrap();
    let broken = vm(&["key", "show", name]);
    assert_eq!(broken.code, 125);
    assert!(broken.stderr.contains("this is no secret key"), "{}", broken.stderr);
}

#[test]
fn nobody_is_believed_before_the_store_trusts_them() {
    let scene = Scene::new();
    let token = scene.mint(10);
    let (issuer, store) = (scene.who("issuer"), scene.store());
    assert_eq!(scene.ok(&["store", "trust", &issuer, "--remove", "--store", &store]), "");
    let before = scene.effects();
    let denied = scene.pay(&token, 3, &[]);
    assert_eq!(denied.code, 123, "{}", denied.stderr);
    assert!(denied.stderr.contains("is not trusted to issue it"), "{}", denied.stderr);
    // Somebody else's trust is not mixed with it.
    let other = scene.pay(&token, 3, &["--root", &scene.who("bob")]);
    assert_eq!(other.code, 123, "{}", other.stderr);
    assert_eq!(scene.effects(), before);
    let record = scene.at("record");
    assert_eq!(scene.pay(&token, 3, &["--root", &issuer, "--record", &record]).code, 0);
    let verified = scene.verify(&scene.path("record"), "interp");
    assert_eq!(verified.code, 1, "{}", verified.stdout);
    let said = &verified.stdout;
    assert!(said.contains("`inputs[0].trusted`") && said.contains(&issuer), "{said}");
    scene.ok(&["verify", &record, "--roots", &issuer, "--store", &store]);
    // A list that cannot be read is not one of nobody.
    std::fs::write(scene.path("store").join("roots"), format!("{issuer}\nnonsense\n")).unwrap();
    let broken = scene.pay(&token, 3, &[]);
    assert_eq!(broken.code, 125);
    assert!(broken.stderr.contains("`nonsense`"), "{}", broken.stderr);
}

#[test]
fn controllers_can_be_trusted_about_what_is_theirs() {
    let scene = Scene::new();
    let token = scene.mint(10);
    let (key, alice, capability) = (scene.at("alice.key"), scene.who("alice"), scene.at("own.cap"));
    let args = ["capability", "issue", "--key", &key, "--to", &alice, "--target", "any"];
    scene.ok(&[&args[..], &["--rights", "read", "-o", &capability]].concat());
    let read = || scene.run("alice", &token, &["--capability", &capability], &["examples/reader.elf"]);
    assert_eq!(read().code, 123);
    scene.ok(&["store", "trust", "controllers", "--store", &scene.store()]);
    assert_eq!(read().code, 0);
}

#[test]
fn without_a_capability_or_with_anothers_nothing_is_allowed() {
    let scene = Scene::new();
    let token = scene.mint(10);
    let before = scene.effects();
    let record = scene.at("record");
    let none = scene.run("alice", &token, &["--record", &record], &["examples/reader.elf"]);
    assert_eq!((none.code, none.stdout.as_str()), (123, ""));
    assert!(none.stderr.contains("is denied: there is no capability"), "{}", none.stderr);
    let shown = scene.ok(&["record", "show", &record]);
    assert!(shown.contains("denied      to read") && shown.contains("because there is no capability"));
    let options = ["--capability", &scene.at("alice.cap")];
    let wrong = scene.run("bob", &token, &options, &["examples/reader.elf"]);
    assert_eq!(wrong.code, 123);
    assert!(wrong.stderr.contains("the initiator does not hold the capability"), "{}", wrong.stderr);
    let forged = std::fs::read_to_string(scene.path("alice.cap")).unwrap();
    let middle = forged.len() / 2;
    let other = if forged.as_bytes()[middle] == b'A' { "B" } else { "A" };
    let forged = format!("{}{other}{}", &forged[..middle], &forged[middle + 1..]);
    std::fs::write(scene.path("alice.cap"), forged).unwrap();
    let forged = scene.run("alice", &token, &options, &["examples/reader.elf"]);
    assert_eq!(forged.code, 125);
    assert!(forged.stderr.contains("alice.cap: "), "{}", forged.stderr);
    assert_eq!(scene.effects(), before);
}

#[test]
fn a_delegated_capability_expires() {
    let scene = Scene::new();
    let (token, bob) = (scene.mint(10), scene.who("bob"));
    let (parent, child, key) = (scene.at("alice.cap"), scene.at("bob.cap"), scene.at("alice.key"));
    let delegate = ["capability", "delegate", &parent, "--key", &key, "--to", &bob, "-o", &child];
    scene.ok(&[&delegate[..], &["--rights", "read", "--expires-at", "1"]].concat());
    let shown = scene.ok(&["capability", "show", &child]);
    assert!(shown.contains("rights      read\n") && shown.contains("expires at  epoch 1\n"), "{shown}");
    let record = scene.at("record");
    let read = |options: &[&str]| {
        scene.run("bob", &token, &[&["--capability", &child], options].concat(), &["examples/reader.elf"])
    };
    let allowed = read(&["--record", &record]);
    assert_eq!((allowed.code, allowed.stdout.as_str()), (0, "a register of 213 bytes holds 10\n"));
    assert_eq!(scene.ok(&["store", "epoch", "--advance", "--store", &scene.store()]), "1\n");
    assert_eq!(scene.ok(&["store", "epoch", "--store", &scene.store()]), "1\n");
    let expired = read(&["--record", &scene.at("expired")]);
    assert_eq!((expired.code, expired.stdout.as_str()), (123, ""));
    assert!(expired.stderr.contains("the capability expired at epoch 1"), "{}", expired.stderr);
    let shown = scene.ok(&["record", "show", &scene.at("expired")]);
    assert!(shown.contains("because the capability expired at epoch 1"), "{shown}");
    let shown = scene.ok(&["record", "show", &record, "--store", &scene.store()]);
    assert!(shown.contains("8 bytes: 0a00000000000000\n"), "what it published: {shown}");
    // What was allowed in its time still repeats.
    assert_eq!(scene.verify(&scene.path("record"), "baseline").code, 0);
    let widened = vm(&[&delegate[..], &["--rights", "read,update"]].concat());
    assert_eq!(widened.code, 125);
    assert!(widened.stderr.contains("so the child cannot have"), "{}", widened.stderr);
    let stolen = vm(&["capability", "delegate", &parent, "--key", &scene.at("bob.key"), "--to", &bob]);
    assert_eq!(stolen.code, 125);
    assert!(stolen.stderr.contains("cannot hand the capability on"), "{}", stolen.stderr);
}

#[test]
fn capabilities_are_narrowed_used_up_and_revoked() {
    let scene = Scene::new();
    let token = scene.mint(10);
    let (parent, narrow) = (scene.at("alice.cap"), scene.at("narrow.cap"));
    let target = format!("resource:{token}");
    let args = ["capability", "attenuate", &parent, "--max-uses", "2", "--target", &target, "-o", &narrow];
    scene.ok(&args);
    let shown: serde_json::Value =
        serde_json::from_str(&scene.ok(&["capability", "show", &narrow, "--json"])).unwrap();
    assert_eq!(shown["budgets"][0]["max_uses"], 2);
    let read = |capability: &str| {
        scene.run("alice", &token, &["--capability", capability], &["examples/reader.elf"])
    };
    let uses = (0..10).take_while(|_| read(&narrow).code == 0).count();
    assert_eq!(uses, 2);
    assert!(read(&narrow).stderr.contains("uses of revocation:"));
    assert_eq!(read(&parent).code, 0);
    // A child is revoked without its parent, and a parent with its children.
    scene.ok(&["capability", "revoke", &narrow, "--store", &scene.store()]);
    assert!(read(&narrow).stderr.contains("is revoked"));
    assert_eq!(read(&parent).code, 0);
    let child = scene.at("child.cap");
    scene.ok(&["capability", "attenuate", &parent, "--rights", "read", "-o", &child]);
    assert_eq!(read(&child).code, 0);
    scene.ok(&["capability", "revoke", &parent, "--store", &scene.store()]);
    assert!(read(&parent).stderr.contains("is revoked") && read(&child).stderr.contains("is revoked"));
}

#[test]
fn registers_are_locked_and_frozen() {
    let scene = Scene::new();
    let token = scene.mint(10);
    let (store, key, capability) = (scene.store(), scene.at("alice.key"), scene.at("alice.cap"));
    let change = |args: &[&str]| {
        let signed = ["--key", &key, "--capability", &capability, "--store", &store];
        vm(&[&["register"], args, &signed].concat())
    };
    let state = || scene.json(&["register", "show", &token])["state"].as_str().unwrap().to_owned();
    assert_eq!(change(&["lock", &token, "--until", "2"]).code, 0);
    assert_eq!((state().as_str(), scene.pay(&token, 1, &[]).code), ("locked", 134));
    assert_eq!(change(&["unlock", &token]).code, 0);
    assert_eq!(change(&["freeze", &token, "--reason", "a dispute"]).code, 0);
    assert!(scene.ok(&["register", "show", &token, "--store", &store]).contains("a dispute"));
    assert_eq!(scene.pay(&token, 1, &[]).code, 134);
    let wrong = change(&["unlock", &token]);
    assert_eq!(wrong.code, 123);
    assert!(wrong.stderr.contains("cannot unlock"), "{}", wrong.stderr);
    assert_eq!(change(&["unfreeze", &token]).code, 0);
    assert_eq!((state().as_str(), scene.pay(&token, 1, &[]).code), ("active", 0));
}
