//! A store, an issuer whom it trusts, Alice and Bob.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::{Outcome, vm};

pub(crate) struct Scene {
    folder: TempDir,
}

impl Scene {
    /// Keys of all three, and Alice may do everything with gold.
    pub(crate) fn new() -> Self {
        let scene = Scene { folder: tempfile::tempdir().unwrap() };
        for who in ["issuer", "alice", "bob"] {
            scene.ok(&["key", "new", &scene.at(&format!("{who}.key"))]);
        }
        scene.ok(&["store", "trust", &scene.who("issuer"), "--store", &scene.store()]);
        scene.issue("issuer", "issue", "issue.cap", &[]);
        scene.issue("alice", "read,consume,transfer,delegate,lock,freeze", "alice.cap", &[]);
        scene
    }

    /// A file of the scene.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn at(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn store(&self) -> String {
        self.at("store")
    }

    pub(crate) fn who(&self, name: &str) -> String {
        self.ok(&["key", "show", &self.at(&format!("{name}.key"))]).trim().to_owned()
    }

    /// What a command prints that succeeds.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let outcome = vm(args);
        assert_eq!(outcome.code, 0, "{args:?}: {}{}", outcome.stdout, outcome.stderr);
        outcome.stdout
    }

    pub(crate) fn issue(&self, to: &str, rights: &str, output: &str, more: &[&str]) {
        let (key, to, output) = (self.at("issuer.key"), self.who(to), self.at(output));
        let args = ["capability", "issue", "--key", &key, "--to", &to, "--target", "domain:gold"];
        self.ok(&[&args[..], &["--rights", rights, "-o", &output], more].concat());
    }

    /// A token of Alice's.
    pub(crate) fn mint(&self, quantity: u64) -> String {
        let (store, key, capability) = (self.store(), self.at("issuer.key"), self.at("issue.cap"));
        let (to, quantity) = (self.who("alice"), quantity.to_string());
        let args = ["register", "create", "--store", &store, "--key", &key, "--capability", &capability];
        let what = ["--logic", "token", "--domain", "gold", "--quantity", &quantity, "--to", &to];
        self.ok(&[&args[..], &what].concat()).trim().to_owned()
    }

    /// Runs a program as a transaction of somebody's.
    pub(crate) fn run(&self, who: &str, input: &str, options: &[&str], program: &[&str]) -> Outcome {
        let (store, key) = (self.store(), self.at(&format!("{who}.key")));
        let args = ["run", "--store", &store, "--as", &key, "--input", input];
        vm(&[&args[..], options, program].concat())
    }

    /// Alice pays Bob, with whatever options.
    pub(crate) fn pay(&self, token: &str, amount: u64, options: &[&str]) -> Outcome {
        let (capability, bob) = (self.at("alice.cap"), self.who("bob"));
        let bob = bob.strip_prefix("ed25519:").unwrap();
        let options = [&["--capability", &capability], options].concat();
        let program = ["examples/transfer.elf", &amount.to_string(), bob];
        self.run("alice", &format!("{token}:consume"), &options, &program)
    }

    /// What a command on the store prints as JSON.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let text = self.ok(&[args, &["--json", "--store", &self.store()]].concat());
        serde_json::from_str(&text).unwrap()
    }

    /// Roots of state and nullifiers, and the number of records: the same if nothing has happened.
    pub(crate) fn effects(&self) -> Value {
        let stat = self.json(&["store", "stat"]);
        serde_json::json!([stat["roots"]["state"], stat["roots"]["nullifiers"], stat["records"]])
    }

    pub(crate) fn verify(&self, record: &Path, tier: &str) -> Outcome {
        vm(&["verify", record.to_str().unwrap(), "--store", &self.store(), "--tier", tier])
    }
}
