//! Host functions called as a guest would, without an executor.

use causality_machine::isa::reg::{F, X};
use causality_machine::memory::{Perms, SegmentKind};
use causality_machine::{Cause, Flow, Host, Limits, Machine};

use super::*;
use crate::{Abi, Options};

const DATA: u64 = 0x1_0000;
const END: u64 = DATA + 0x1000;
const NOSYS: u64 = -38i64 as u64;

struct Guest<T> {
    abi: Abi<T>,
    machine: Machine,
}

impl<T> Guest<T> {
    fn new(functions: HostFunctions<T>, data: T) -> Self {
        let mut machine = Machine::new(Limits::default()).unwrap();
        machine.memory.map(DATA..END, Perms::RW, SegmentKind::Data, "data").unwrap();
        Guest { abi: Abi::new(Options::new(), functions, data), machine }
    }

    fn flow(&mut self, number: u64, args: &[u64]) -> Flow {
        self.machine.hart.x[10..10 + args.len()].copy_from_slice(args);
        self.machine.hart.x[17] = number;
        self.abi.ecall(&mut self.machine.hart, &mut self.machine.memory).unwrap()
    }

    fn call(&mut self, number: u64, args: &[u64]) -> u64 {
        assert_eq!(self.flow(number, args), Flow::Continue);
        self.machine.hart.x[10]
    }

    fn resolve(&mut self, name: &str) -> u64 {
        let place = self.machine.memory.slice_mut(DATA, name.len() as u64 + 1).unwrap();
        place[..name.len()].copy_from_slice(name.as_bytes());
        place[name.len()] = 0;
        self.call(RESOLVE, &[DATA])
    }
}

#[test]
fn a_typed_function_is_found_by_name_and_called() {
    let mut functions = HostFunctions::new();
    functions
        .register("add", |_: &mut Caller<'_, ()>, a: u64, b: i32| -> Result<u64, HostFault> {
            Ok(a.wrapping_add_signed(b.into()))
        })
        .unwrap();
    let mut guest = Guest::new(functions, ());
    let add = guest.resolve("add");
    assert_eq!(add, FIRST_HOST_FUNCTION);
    assert_eq!(guest.call(add, &[10, 0xffff_ffff]), 9, "an i32 is the low half");
    assert_eq!(guest.resolve("sub"), NOSYS);
    assert_eq!(guest.call(RESOLVE, &[END]), -14i64 as u64);
    assert_eq!(guest.call(FIRST_HOST_FUNCTION + 1, &[]), NOSYS);
    let report = guest.abi.report();
    assert_eq!((report.calls[&add], report.calls[&RESOLVE], report.unknown), (1, 3, 1));
}

#[test]
fn values_travel_as_the_calling_convention_says() {
    let mut functions = HostFunctions::new();
    let mut at = 0x2_0000;
    let mut add = |name: &str, register: &mut dyn FnMut(u64, &str)| {
        at += 1;
        register(at, name);
        at
    };
    macro_rules! identity {
        ($ty:ty) => {
            add(stringify!($ty), &mut |number, name| {
                functions.register_at(number, name, |_: &mut Caller<'_, ()>, v: $ty| v).unwrap();
            })
        };
    }
    let numbers = [
        identity!(u64),
        identity!(i64),
        identity!(u32),
        identity!(i32),
        identity!(u16),
        identity!(i16),
        identity!(u8),
        identity!(i8),
        identity!(bool),
        identity!(Ptr),
    ];
    let expected = [
        0x1234_5678_9abc_def0u64,
        0x1234_5678_9abc_def0,
        0xffff_ffff_9abc_def0,
        0xffff_ffff_9abc_def0,
        0xdef0,
        0xffff_ffff_ffff_def0,
        0xf0,
        0xffff_ffff_ffff_fff0,
        1,
        0x1234_5678_9abc_def0,
    ];
    let mut guest = Guest::new(functions, ());
    for (number, expected) in numbers.into_iter().zip(expected) {
        assert_eq!(guest.call(number, &[0x1234_5678_9abc_def0]), expected, "{number:#x}");
    }
}

#[test]
fn floats_have_their_own_registers() {
    let mut functions = HostFunctions::new();
    let scale = |_: &mut Caller<'_, ()>, by: i32, a: f64, b: f32| a * f64::from(b) * f64::from(by);
    let scale = functions.register("scale", scale).unwrap();
    let single = |_: &mut Caller<'_, ()>, a: f32| a;
    let single = functions.register("single", single).unwrap();
    let nan = |_: &mut Caller<'_, ()>| -f64::NAN;
    let nan = functions.register("nan", nan).unwrap();
    let mut guest = Guest::new(functions, ());
    guest.machine.hart.f[10] = 1.5f64.to_bits();
    guest.machine.hart.f[11] = u64::from(2.0f32.to_bits()) | 0xffff_ffff << 32;
    guest.call(scale, &[3]);
    assert_eq!(f64::from_bits(guest.machine.hart.f[10]), 9.0);
    guest.machine.hart.f[10] = u64::from(2.0f32.to_bits());
    guest.call(single, &[]);
    assert_eq!(guest.machine.hart.f[10], 0xffff_ffff_7fc0_0000, "not boxed, so a NaN");
    guest.call(nan, &[]);
    assert_eq!(guest.machine.hart.f[10], 0x7ff8_0000_0000_0000);
}

#[test]
fn all_seven_integer_registers_arrive_in_order() {
    let mut functions = HostFunctions::new();
    let join = |_: &mut Caller<'_, ()>, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8| {
        [a, b, c, d, e, f, g].iter().fold(0u64, |n, &v| n << 8 | u64::from(v))
    };
    let join = functions.register("join", join).unwrap();
    let mut guest = Guest::new(functions, ());
    assert_eq!(guest.call(join, &[1, 2, 3, 4, 5, 6, 7]), 0x0001_0203_0405_0607);
}

#[test]
fn the_embedders_data_is_within_reach() {
    let mut functions = HostFunctions::new();
    let log = |caller: &mut Caller<'_, Vec<u8>>, text: Ptr, len: u64| -> Result<u64, HostFault> {
        let (memory, kept) = caller.parts();
        kept.extend_from_slice(memory.slice(text.0, len)?);
        Ok(caller.data().len() as u64)
    };
    let log = functions.register("log", log).unwrap();
    let mut guest = Guest::new(functions, Vec::new());
    guest.machine.memory.store(DATA, *b"seen").unwrap();
    assert_eq!(guest.call(log, &[DATA, 4]), 4);
    assert_eq!(guest.abi.data(), b"seen");
    assert_eq!(guest.abi.into_data(), b"seen");
}

#[test]
fn registers_are_set_but_x0_stays_zero() {
    let mut functions = HostFunctions::new();
    let set = |caller: &mut Caller<'_, ()>| {
        for register in X::ALL {
            let value = caller.x(register) + 1;
            caller.set_x(register, value);
        }
        caller.set_f(F::FA1, 5);
        caller.set_x(X::A1, caller.x(X::ZERO) + caller.f(F::FA1));
    };
    let set = functions.register("set", set).unwrap();
    let mut guest = Guest::new(functions, ());
    guest.machine.hart.x[9] = 8;
    assert_eq!(guest.call(set, &[1]), 2);
    let hart = &guest.machine.hart;
    assert_eq!((hart.x[0], hart.x[9], hart.x[11], hart.f[11]), (0, 9, 5, 5));
}

#[test]
fn a_function_charges_for_expensive_work_and_never_more_than_there_is() {
    let mut functions = HostFunctions::new();
    let work = |caller: &mut Caller<'_, ()>, amount: u64| {
        let before = caller.fuel();
        let taken = caller.charge(amount);
        assert_eq!(caller.fuel(), before - taken);
        taken
    };
    let work = functions.register("work", work).unwrap();
    let mut guest = Guest::new(functions, ());
    assert_eq!(guest.call(work, &[10]), 0, "there is nothing to take");
    guest.machine.hart.add_fuel(100);
    guest.machine.hart.fuel -= 20;
    assert_eq!(guest.call(work, &[30]), 30);
    assert_eq!((guest.machine.hart.fuel, guest.machine.hart.instret()), (50, 20), "no instructions");
    assert_eq!(guest.call(work, &[u64::MAX]), 49);
    assert_eq!((guest.machine.hart.fuel, guest.machine.hart.instret()), (1, 20), "the call is paid");
    assert_eq!(guest.call(work, &[1]), 0);
}

#[test]
fn what_a_call_that_did_not_happen_was_charged_is_given_back() {
    let mut functions = HostFunctions::new();
    let work = |caller: &mut Caller<'_, ()>, how: u64| -> Result<(), HostFault> {
        caller.charge(40);
        Err(match how {
            0 => HostFault::Pause,
            1 => HostFault::Fail("broken".into()),
            _ => HostFault::Trap(1),
        })
    };
    let work = functions.register("work", work).unwrap();
    let mut guest = Guest::new(functions, ());
    guest.machine.hart.add_fuel(100);
    let before = guest.machine.hart.clone();
    assert_eq!(guest.flow(work, &[0]), Flow::Pause);
    assert_eq!((guest.machine.hart.fuel, guest.machine.hart.granted), (before.fuel, before.granted));
    guest.machine.hart.x[10] = 1;
    guest.abi.ecall(&mut guest.machine.hart, &mut guest.machine.memory).unwrap_err();
    assert_eq!((guest.machine.hart.fuel, guest.machine.hart.granted), (before.fuel, before.granted));
    guest.flow(work, &[2]);
    assert_eq!(guest.machine.hart.fuel, before.fuel - 40);
}

#[test]
fn every_fault_has_its_flow() {
    let mut functions = HostFunctions::new();
    let end = |caller: &mut Caller<'_, ()>, how: u64, addr: u64| -> Result<u64, HostFault> {
        Err(match how {
            0 => HostFault::Trap(77),
            1 => HostFault::Errno(5),
            2 => HostFault::Pause,
            3 => HostFault::Exit(4),
            4 => return Ok(caller.bytes(addr, 8)?.len() as u64),
            5 => return Ok(caller.bytes_mut(addr, 8)?.len() as u64),
            6 => return Ok(caller.slice_of::<u64>(addr, 2)?.iter().sum()),
            7 => return Ok(caller.slice_of::<u64>(addr, u64::MAX)?.len() as u64),
            8 => return Ok(caller.read_pod::<u64>(addr)?),
            9 => {
                caller.write_pod(addr, 5u32)?;
                return Ok(caller.c_str(addr, 3)?.map_or(0, <[u8]>::len) as u64);
            }
            10 => return Ok(caller.slice_of_mut::<u16>(addr, 1)?.len() as u64),
            _ => HostFault::Fail("the host's disk is on fire".into()),
        })
    };
    let end = functions.register("end", end).unwrap();
    let mut guest = Guest::new(functions, ());
    let trap = |cause, tval| Flow::Trap(cause, tval);
    assert_eq!(guest.flow(end, &[0]), trap(Cause::HostFunction, 77));
    assert_eq!(guest.call(end, &[1]), -5i64 as u64);
    assert_eq!(guest.flow(end, &[2]), Flow::Pause);
    assert_eq!(guest.flow(end, &[3]), Flow::Exit(4));
    assert_eq!(guest.call(end, &[4, DATA]), 8);
    assert_eq!(guest.flow(end, &[4, END - 4]), trap(Cause::LoadAccessFault, END - 4));
    assert_eq!(guest.flow(end, &[5, u64::MAX]), trap(Cause::StoreAccessFault, u64::MAX));
    assert_eq!(guest.call(end, &[6, DATA]), 0);
    assert_eq!(guest.flow(end, &[6, DATA + 1]), trap(Cause::LoadAddressMisaligned, DATA + 1));
    assert_eq!(guest.flow(end, &[7, DATA]), trap(Cause::LoadAccessFault, DATA));
    assert_eq!(guest.call(end, &[8, DATA + 1]), 0);
    assert_eq!(guest.call(end, &[9, DATA + 3]), 1);
    assert_eq!(guest.flow(end, &[10, DATA + 1]), trap(Cause::StoreAddressMisaligned, DATA + 1));
    guest.machine.hart.x[10] = 99;
    let failed = guest.abi.ecall(&mut guest.machine.hart, &mut guest.machine.memory);
    assert!(failed.unwrap_err().to_string().contains("on fire"));
}

#[test]
fn conflicts_are_typed_errors() {
    let nothing = |_: &mut Caller<'_, ()>| {};
    let mut functions = HostFunctions::new();
    functions.register_at(0x1_0001, "fixed", nothing).unwrap();
    assert_eq!(functions.register("a", nothing), Ok(0x1_0000));
    assert_eq!(functions.register("b", nothing), Ok(0x1_0002), "the number between is taken");
    assert_eq!(functions.register("a", nothing), Err(RegisterError::NameTaken("a".into())));
    assert_eq!(functions.register_at(0x1_0001, "c", nothing), Err(RegisterError::NumberTaken(0x1_0001)));
    assert_eq!(functions.register_at(64, "c", nothing), Err(RegisterError::Reserved(64)));
    assert_eq!(functions.register_at(RESOLVE, "c", nothing), Err(RegisterError::Reserved(RESOLVE)));
    assert_eq!(functions.replace_linux(1000, "c", nothing), Err(RegisterError::NotLinux(1000)));
    assert_eq!(functions.register("", nothing), Err(RegisterError::Name(String::new())));
    assert_eq!(functions.number_of("c"), None, "a refused name is not kept");
    assert_eq!(functions.name_of(0x1_0002), Some("b"));
    assert_eq!(functions.iter().count(), 3);
}

#[test]
fn a_linux_call_is_replaced_only_on_request() {
    let mut functions = HostFunctions::new();
    let pid = |_: &mut Caller<'_, ()>| 4711u64;
    functions.replace_linux(172, "getpid", pid).unwrap();
    let copy = functions.clone();
    let mut guest = Guest::new(functions, ());
    assert_eq!(guest.call(172, &[]), 4711);
    assert_eq!(guest.call(173, &[]), 1);
    assert_eq!(Guest::new(copy, ()).call(172, &[]), 4711);
}

#[test]
fn a_host_can_be_sent_to_another_thread() {
    fn sendable<T: Send>() {}
    sendable::<Abi<Vec<u8>>>();
    sendable::<HostFunctions<()>>();
}
