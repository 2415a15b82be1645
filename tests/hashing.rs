//! Deferred hashing through the API: guests request, and what they compute themselves is the same.

use causality_vm::zk::{DeferredHashId, DeferredHashing, Domain, HashLimits, Permutations, Poseidon2};
use causality_vm::{Capture, Config, Engine, Exit, Instance, Linker, Module, Options, Tier};

const TIERS: [Tier; 4] = [Tier::Interpreter, Tier::Baseline, Tier::Cranelift, Tier::Auto];
const HASHES: u64 = 30;

/// What the guest `name` is and prints when it has ended.
fn run(name: &str, config: Config, hashing: DeferredHashing) -> (Exit, String, Instance<DeferredHashing>) {
    let engine = Engine::new(config);
    let mut linker = Linker::new(&engine);
    linker.deferred_hashing(|data| data).unwrap();
    let module = Module::from_file(&engine, format!("testkit/guests/{name}.elf")).unwrap();
    let stdout = Capture::new(1 << 16);
    let options = Options::new().arg(name).arg(HASHES.to_string()).stdout(stdout.clone());
    let mut instance = linker.instantiate(&module, options, hashing).unwrap();
    let exit = instance.run().unwrap();
    (exit, stdout.text(), instance)
}

/// The objects of `hashes.h`.
fn object(number: u64) -> Vec<u8> {
    let word = |i: u64| ((number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ i).to_le_bytes();
    (0..32).flat_map(word).collect()
}

#[test]
fn a_guest_requests_hashes_and_none_is_computed_before_its_end() {
    for tier in TIERS {
        let permutations = Permutations::new();
        let hashing = DeferredHashing::new().counted(permutations.clone());
        let (exit, printed, instance) = run("hashes_deferred", Config::new().tier(tier), hashing);
        assert_eq!((exit, printed.as_str()), (Exit::Completed(0), "requests 30\n"), "{tier:?}");
        assert_eq!(permutations.count(), 0);
        let hashes = instance.into_data().finalize();
        assert_eq!(permutations.count(), HASHES * 11);
        // The guest makes all its objects in one place: each was overwritten by the next.
        for number in 0..HASHES {
            let id = DeferredHashId::from_number(number);
            assert_eq!(hashes.bytes(id).unwrap(), object(number));
            let expected = Poseidon2::new().hash(Domain::OBJECT, &object(number));
            assert_eq!(hashes.output(id).unwrap(), expected);
        }
    }
}

#[test]
fn requests_end_and_cost_the_same_in_all_tiers_and_beside_the_interpreter() {
    let left = |config| {
        let (exit, printed, instance) = run("hashes_deferred", config, DeferredHashing::new());
        let (hart, hashes) = (instance.hart().clone(), instance.into_data().finalize());
        (exit, printed, hart, hashes.commitment())
    };
    let config = || Config::new().fuel(1 << 20);
    let expected = left(config().tier(Tier::Interpreter));
    for tier in TIERS {
        assert!(left(config().tier(tier)) == expected, "{tier:?}");
        assert!(left(config().tier(tier).crosscheck(true)) == expected, "{tier:?}, crosschecked");
    }
}

/// FNV-1a over the outputs in order, as the guest does.
#[test]
fn what_the_guest_computes_itself_is_what_the_host_computes() {
    let (_, _, instance) = run("hashes_deferred", Config::new(), DeferredHashing::new());
    let hashes = instance.into_data().finalize();
    let outputs = hashes.batch().entries().iter().flat_map(|entry| *entry.output.as_bytes());
    let sum = outputs.fold(0x811c_9dc5_u32, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let (_, printed, _) = run("hashes_inline", Config::new(), DeferredHashing::new());
    assert_eq!(printed, format!("hashes_inline rounds 30 checksum {sum:08x}\n"));
}

#[test]
fn a_guest_beyond_the_limits_gets_enomem() {
    for limits in [HashLimits { requests: 10, bytes: 1 << 20 }, HashLimits { requests: 99, bytes: 10 * 256 }]
    {
        let hashing = DeferredHashing::new().limits(limits);
        let (exit, printed, instance) = run("hashes_deferred", Config::new(), hashing);
        assert_eq!((exit, printed.as_str()), (Exit::Completed(3), "request 10 got -12\n"));
        assert_eq!(instance.data().requests(), 10);
    }
}
