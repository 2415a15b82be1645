//! Files with made-up code, which is never run.

use super::*;
use crate::{Layout, Tunables};

fn key(program: u8) -> Key {
    Key::new(&[program; 32], &Tunables::default())
}

fn runtime() -> Runtime {
    Runtime::of(std::array::from_fn(|i| vec![i as u8; 63 + i]))
}

fn translation(start: u64, len: usize) -> Translation {
    let code = (0..len).map(|i| (start as usize + i) as u8).collect();
    let map = vec![(0, start), (4, start + 2), (9, start.wrapping_sub(6))];
    Translation {
        code,
        entries: vec![start, start + 2],
        offsets: Vec::new(),
        insts: 3,
        longest: start / 2,
        map,
    }
}

fn regions(starts: impl IntoIterator<Item = u64>) -> Vec<(u64, Translation)> {
    starts.into_iter().map(|start| (start, translation(start, start as usize % 200 + 1))).collect()
}

fn file(key: &Key, regions: &[(u64, Translation)]) -> Vec<u8> {
    format::file(key, &runtime(), regions)
}

/// What is made of a file with these bytes.
fn verified(bytes: &[u8], key: &Key) -> Result<Saved, Unusable> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    Saved::verified(MappedFile::new(&file).unwrap(), key)
}

/// The regions that are not damaged.
fn translations(saved: &Saved) -> Vec<(u64, Translation)> {
    saved.translations().filter_map(|(start, translation)| Some((start, translation?))).collect()
}

fn loaded(cache: &Cache, key: &Key) -> Vec<(u64, Translation)> {
    translations(&cache.load(key).unwrap())
}

#[test]
fn what_is_saved_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, key, regions) =
        (Cache::new(folder.path().join("new/deep")), key(1), regions([0x10000, 0x10404]));
    assert!(cache.load(&key).is_none());
    assert!(cache.save(&key, &runtime(), regions.clone()).unwrap());
    let saved = cache.load(&key).unwrap();
    assert_eq!((saved.len(), saved.is_empty()), (2, false));
    assert_eq!(translations(&saved), regions);
    assert_eq!(saved.runtime().functions(), runtime().functions());
    assert!(cache.load(&super::tests::key(2)).is_none());
}

#[test]
fn an_empty_set_is_a_file_too() {
    let saved = verified(&file(&key(1), &[]), &key(1)).unwrap();
    assert!(saved.is_empty() && translations(&saved).is_empty());
}

#[test]
fn any_changed_byte_is_noticed_when_what_it_belongs_to_is_used() {
    let (key, regions) = (key(1), regions([0x10000, 0x10404]));
    let mut file = file(&key, &regions);
    assert_eq!(translations(&verified(&file, &key).unwrap()), regions);
    let mut damaged = [0; 3];
    for position in 0..file.len() {
        for bit in [1, 0x80] {
            file[position] ^= bit;
            match verified(&file, &key) {
                Err(_) => damaged[2] += 1,
                Ok(saved) => {
                    assert_eq!(saved.len(), 2, "not looked at yet");
                    let rest = translations(&saved);
                    let [left] = &rest[..] else { panic!("byte {position}: {} regions", rest.len()) };
                    damaged[usize::from(*left == regions[0])] += 1;
                    assert!(regions.contains(left) && saved.len() == 1);
                }
            }
            file[position] ^= bit;
        }
    }
    assert!(damaged.iter().all(|&bytes| bytes > 100), "{damaged:?}");
}

#[test]
fn a_damaged_region_owns_nothing_and_the_others_what_they_did() {
    let (key, regions) = (key(1), regions([0x10000, 0x10002, 0x10404]));
    let mut file = file(&key, &regions);
    let owners = |saved: &Saved| [0x10000, 0x10002, 0x10004, 0x10404, 0x10406, 8].map(|pc| saved.owner(pc));
    let saved = verified(&file, &key).unwrap();
    // Of two regions that can be entered at a pc, the first published.
    assert_eq!(owners(&saved), [Some(0), Some(0), Some(1), Some(2), Some(2), None]);
    *file.last_mut().unwrap() ^= 4;
    let saved = verified(&file, &key).unwrap();
    assert_eq!(saved.owner(0x10404), Some(2), "not looked at yet");
    assert_eq!(saved.open(2), None);
    assert_eq!(owners(&saved), [Some(0), Some(0), Some(1), None, None, None]);
    assert_eq!(saved.open(1).as_ref(), Some(&regions[1]));
}

#[test]
fn any_other_length_is_noticed() {
    let (key, mut file) = (key(1), file(&key(1), &regions([0x10000, 0x10404])));
    for len in 0..file.len() {
        assert!(verified(&file[..len], &key).is_err(), "{len} bytes");
    }
    file.push(0);
    assert!(verified(&file, &key).is_err());
}

/// Whoever forges the hash decides what runs; but even then nothing here goes wrong.
#[test]
fn an_index_that_makes_no_sense_is_refused_even_with_the_right_hash() {
    let file = file(&key(1), &regions([0x10000, 0x10404]));
    let (_, index, regions) = format::Header::split(&file, &key(1)).unwrap();
    for position in 0..index.len() {
        for value in [0, 0x7f, 0xff] {
            let mut index = index.to_vec();
            index[position] = value;
            if let Ok(index) = format::Index::parse(index) {
                assert!(index.owner(0x10000).is_none_or(|owner| owner < index.records().len()));
                let opened = index.records().iter().filter_map(|record| record.open(regions).ok());
                assert!(opened.count() <= 2);
            }
        }
    }
    assert!(format::Index::parse(index[..index.len() - 1].to_vec()).is_err());
    assert!(format::Index::parse(Vec::new()).is_err());
}

#[test]
fn another_program_host_or_tunable_is_another_key() {
    let tunables = |change: fn(&mut Tunables)| {
        let mut tunables = Tunables::default();
        change(&mut tunables);
        Key::new(&[1; 32], &tunables)
    };
    let keys = [
        key(1),
        key(2),
        tunables(|t| t.fuel = false),
        tunables(|t| t.speculation_safe = true),
        tunables(|t| t.bounds.region += 1),
        tunables(|t| t.bounds.callee += 1),
        tunables(|t| t.bounds.copies += 1),
        tunables(|t| t.bounds.depth += 1),
        tunables(|t| t.layout = Layout { read: 1, ..Layout::default() }),
        tunables(|t| t.layout = Layout { write: 1, ..Layout::default() }),
        tunables(|t| t.layout = Layout { stack: 1, ..Layout::default() }),
        tunables(|t| t.layout = Layout { text: 1, ..Layout::default() }),
        tunables(|t| t.layout = Layout { text_len: 1, ..Layout::default() }),
    ];
    let different: std::collections::HashSet<_> = keys.iter().collect();
    assert_eq!(different.len(), keys.len());
    assert_eq!(key(1), tunables(|_| ()));
    let file = file(&keys[0], &regions([0x10000]));
    assert!(keys[1..].iter().all(|key| verified(&file, key).is_err()));
}

#[test]
fn saving_adds_to_what_is_there_and_replaces_what_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, key) = (Cache::new(folder.path()), key(1));
    assert!(cache.save(&key, &runtime(), regions([8])).unwrap());
    assert!(cache.save(&key, &runtime(), regions([4, 8])).unwrap());
    assert!(!cache.save(&key, &runtime(), regions([4])).unwrap(), "nothing new");
    assert_eq!(loaded(&cache, &key), regions([8, 4]));
    fs::write(cache.path(&key), b"damaged").unwrap();
    assert!(cache.load(&key).is_none());
    assert!(cache.save(&key, &runtime(), regions([2])).unwrap());
    assert_eq!(loaded(&cache, &key), regions([2]));
}

#[test]
fn all_who_save_at_once_get_their_regions_in() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, key) = (Cache::new(folder.path()), key(1));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (cache, key) = (&cache, &key);
            scope.spawn(move || {
                for i in 0..5 {
                    cache.save(key, &runtime(), regions([1000 * thread + 2 * i])).unwrap();
                    let loaded = loaded(cache, key);
                    assert!(loaded.iter().any(|(start, _)| *start == 1000 * thread + 2 * i));
                }
            });
        }
    });
    assert_eq!(cache.load(&key).unwrap().len(), 40);
    let files = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files, 2, "the code and the lock");
}

#[test]
fn what_cannot_be_read_or_written_is_no_code() {
    let folder = tempfile::tempdir().unwrap();
    let key = key(1);
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    let in_a_file = Cache::new(&file);
    assert!(in_a_file.load(&key).is_none());
    assert!(in_a_file.save(&key, &runtime(), regions([2])).is_err());
    let cache = Cache::new(folder.path());
    fs::create_dir(cache.path(&key)).unwrap();
    assert!(cache.load(&key).is_none());
    assert!(cache.save(&key, &runtime(), regions([2])).is_err());
}

/// Root may write anywhere, so this proves nothing when run by root.
#[cfg(unix)]
#[test]
fn a_read_only_directory_is_read() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (cache, key) = (Cache::new(folder.path()), key(1));
    cache.save(&key, &runtime(), regions([2])).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o500)).unwrap();
    assert_eq!(cache.load(&key).unwrap().len(), 1);
    let is_root = File::create(folder.path().join("probe")).is_ok();
    assert_eq!(cache.save(&key, &runtime(), regions([4])).is_ok(), is_root);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(cache.load(&key).unwrap().len(), if is_root { 2 } else { 1 });
}

#[test]
fn a_damaged_region_is_replaced_in_its_place_by_one_made_anew_or_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, key) = (Cache::new(folder.path()), key(1));
    cache.save(&key, &runtime(), regions([8, 4, 2])).unwrap();
    let good = fs::read(cache.path(&key)).unwrap();
    let code = |(_, translation): &(u64, Translation)| translation.code.len() + 16 + 24;
    let last: usize = regions([4, 2]).iter().map(code).sum();
    let mut bad = good.clone();
    bad[good.len() - last] ^= 1;
    fs::write(cache.path(&key), &bad).unwrap();
    assert_eq!(loaded(&cache, &key), regions([8, 2]));
    assert!(cache.save(&key, &runtime(), regions([4])).unwrap());
    assert_eq!(fs::read(cache.path(&key)).unwrap(), good);
    fs::write(cache.path(&key), &bad).unwrap();
    assert!(cache.save(&key, &runtime(), regions([6])).unwrap());
    assert_eq!(loaded(&cache, &key), regions([8, 2, 6]));
}
