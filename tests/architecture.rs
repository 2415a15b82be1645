//! The shape of the house: who may know whom, where `unsafe` may be, and what nothing may be called.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

/// Allowed arrows: a crate, and the crates of this workspace that it may depend on. `testkit` may be a
/// dev-dependency of every crate and may itself depend on everything.
const ARROWS: &[(&str, &[&str])] = &[
    ("isa", &[]),
    ("store", &[]),
    ("machine", &["isa"]),
    ("interp", &["isa", "machine"]),
    ("jit", &["isa", "machine"]),
    ("resource", &["store", "machine"]),
    ("abi", &["machine", "resource"]),
    ("vm", &["machine", "interp", "jit", "store", "resource", "abi", "zk"]),
    ("tel", &["isa", "store"]),
    ("zk", &["isa", "machine", "store"]),
    ("effect", &["vm", "resource", "store"]),
    ("domains", &["vm", "effect"]),
    ("debug", &["vm"]),
    ("capi", &["vm"]),
    ("vm-cli", &["vm", "debug", "store", "resource", "effect", "tel", "zk", "domains"]),
];

/// Names that say nothing about what is inside.
const FORBIDDEN_NAMES: [&str; 6] = ["utils", "util", "common", "helpers", "helper", "misc"];

fn packages() -> Vec<Package> {
    let manifest = root().join("Cargo.toml");
    let metadata =
        MetadataCommand::new().manifest_path(manifest).no_deps().exec().expect("cargo metadata runs");
    metadata.packages
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The crates of the workspace among a package's dependencies of one kind, without their prefix.
fn arrows(package: &Package, is_dev: bool) -> BTreeSet<&str> {
    let wanted = |kind| (kind == DependencyKind::Development) == is_dev;
    let ours = package.dependencies.iter().filter(|d| wanted(d.kind) && d.path.is_some());
    ours.filter_map(|dependency| dependency.name.strip_prefix("causality-")).collect()
}

#[test]
fn every_crate_depends_only_on_the_crates_it_may_know() {
    let allowed: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    for package in packages() {
        let name = package.name.strip_prefix("causality-").expect("crates are named causality-*");
        if name == "testkit" {
            continue;
        }
        let allowed = allowed.get(name).unwrap_or_else(|| panic!("{name} has no row in ARROWS"));
        for target in arrows(&package, false) {
            assert!(allowed.contains(&target), "{name} must not depend on {target}");
        }
    }
}

/// A test that shares the semantics of what it tests proves nothing.
#[test]
fn the_two_semantics_stay_independent_in_their_own_tests_too() {
    for package in packages() {
        let dev = arrows(&package, true);
        assert!(
            package.name != "causality-jit" || !dev.contains("interp"),
            "jit tests itself against interp"
        );
        assert!(
            package.name != "causality-interp" || !dev.contains("jit"),
            "interp tests itself against jit"
        );
    }
}

#[test]
fn nothing_of_the_product_depends_on_the_testkit() {
    for package in packages() {
        assert!(!arrows(&package, false).contains("testkit"), "{} depends on testkit", package.name);
    }
}

/// All Rust files of the repository, relative to its root.
fn rust_files() -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![root().to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the tree is readable") {
            let path = entry.expect("the tree is readable").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            let is_foreign = name == "target" || name == "realprograms" || name.starts_with('.');
            if path.is_dir() && !is_foreign {
                folders.push(path);
            } else if name.ends_with(".rs") {
                files.push(path.strip_prefix(root()).expect("it is below the root").to_owned());
            }
        }
    }
    files.sort();
    files
}

/// `unsafe { ... }` blocks and `unsafe impl`s: the places where somebody vouches for something.
fn unsafe_blocks(file: &Path) -> usize {
    let text = fs::read_to_string(root().join(file)).expect("source is UTF-8");
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let words: Vec<_> = code.flat_map(|line| line.split_inclusive(['{', ' ', '('])).map(str::trim).collect();
    let ends_in_keyword = |word: &str| word.trim_start_matches('(') == "unsafe";
    words.windows(2).filter(|w| ends_in_keyword(w[0]) && (w[1].starts_with('{') || w[1] == "impl")).count()
}

/// The table in `docs/unsafe.md`: island and number of blocks.
fn islands() -> BTreeMap<String, usize> {
    let text = fs::read_to_string(root().join("docs/unsafe.md")).expect("docs/unsafe.md is there");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let islands = rows.map(|row| {
        let (path, rest) = row.split_once("` | ").expect("an island is followed by its count");
        let count = rest.split(' ').next().and_then(|count| count.parse().ok());
        (path.to_owned(), count.expect("the second column is a number"))
    });
    islands.collect()
}

#[test]
fn unsafe_blocks_are_on_the_islands_and_counted() {
    let islands = islands();
    let mut counted: BTreeMap<_, _> = islands.keys().map(|island| (island.clone(), 0)).collect();
    for file in rust_files() {
        let blocks = unsafe_blocks(&file);
        if blocks == 0 {
            continue;
        }
        let island = islands.keys().find(|island| file.starts_with(island));
        let island = island.unwrap_or_else(|| panic!("{} has {blocks} unsafe blocks", file.display()));
        *counted.entry(island.clone()).or_default() += blocks;
    }
    assert_eq!(counted, islands, "the unsafe blocks found, and those in docs/unsafe.md");
}

#[test]
fn crates_without_an_island_forbid_unsafe_code() {
    for package in packages() {
        let folder = package.manifest_path.parent().expect("a manifest lies in a folder").as_std_path();
        let has_island = islands().keys().any(|island| {
            let island = root().join(island);
            island.starts_with(folder.join("src"))
        });
        let roots = ["src/lib.rs", "src/main.rs"].map(|file| folder.join(file));
        for file in roots.iter().filter(|file| file.exists()) {
            let text = fs::read_to_string(file).expect("source is UTF-8");
            let forbids = text.contains("#![forbid(unsafe_code)]");
            assert!(forbids || has_island, "{} does not forbid unsafe code", file.display());
        }
    }
}

#[test]
fn no_module_has_a_name_that_says_nothing() {
    for file in rust_files() {
        let names = file.components().filter_map(|part| part.as_os_str().to_str());
        for name in names {
            let stem = name.trim_end_matches(".rs");
            assert!(!FORBIDDEN_NAMES.contains(&stem), "{} is called `{stem}`", file.display());
        }
    }
}
