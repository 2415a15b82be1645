//! What a host function can see and touch.

use causality_machine::isa::reg::{F, X};
use causality_machine::{Cause, Fault, Hart, Memory, Tracked};

use super::HostFault;
use super::waiting::{Ended, Waiting};

/// The guest that called a host function, and the embedder's data.
///
/// All memory access is checked; the fault of a bad address becomes the guest's trap by `?`.
///
/// ```
/// use causality_vm::{Caller, Engine, FIRST_HOST_FUNCTION, HostFault, Linker, Module, Options, Ptr};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// /// Adds four numbers of the guest, writes the sum over the first, and keeps it.
/// fn sum(caller: &mut Caller<'_, Vec<u64>>, at: Ptr) -> Result<u64, HostFault> {
///     let sum = caller.slice_of::<u64>(at.0, 4)?.iter().sum();
///     caller.write_pod(at.0, sum)?;
///     caller.data_mut().push(sum);
///     caller.charge(4);
///     Ok(sum)
/// }
///
/// let engine = Engine::default();
/// let mut linker = Linker::new(&engine);
/// linker.function_at(FIRST_HOST_FUNCTION, "sum", sum)?;
/// let module = Module::from_file(&engine, "../testkit/guests/calls.elf")?;
/// let mut guest = linker.instantiate(&module, Options::new(), Vec::new())?;
/// let pages = module.symbols().find("pages").expect("a variable").addr;
/// for (place, number) in (pages..).step_by(8).zip([1_u64, 2, 3, 4]) {
///     guest.memory_mut().store(place, number.to_le_bytes())?;
/// }
/// assert_eq!(guest.call::<_, u64>("ask", Ptr(pages))?, 10);
/// assert_eq!(guest.memory().load(pages)?, 10_u64.to_le_bytes());
/// assert_eq!(guest.data(), &[10]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Caller<'a, T> {
    hart: &'a mut Hart,
    memory: &'a mut Tracked<Memory>,
    data: &'a mut T,
    waiting: &'a mut Waiting<T>,
    charged: u64,
}

impl<'a, T> Caller<'a, T> {
    #[inline]
    pub(crate) fn new(
        hart: &'a mut Hart,
        memory: &'a mut Tracked<Memory>,
        data: &'a mut T,
        waiting: &'a mut Waiting<T>,
    ) -> Self {
        Caller { hart, memory, data, waiting, charged: 0 }
    }

    /// How much was [charged](Caller::charge).
    #[inline]
    pub(crate) fn charged(&self) -> u64 {
        self.charged
    }

    /// What this call, if it waits for a future, has ended with.
    pub(super) fn ended(&mut self) -> Result<Option<Ended<T>>, HostFault> {
        self.waiting.end(self.hart)
    }

    /// This call waits for `future`.
    pub(super) fn wait(&mut self, future: impl Future<Output = Ended<T>> + Send + 'static) {
        self.waiting.begin(self.hart, future);
    }

    /// The embedder's data.
    #[must_use]
    pub fn data(&self) -> &T {
        self.data
    }

    /// The embedder's data, to change.
    pub fn data_mut(&mut self) -> &mut T {
        self.data
    }

    /// The guest's registers. Its pc is at the `ecall`, which retires afterwards.
    #[must_use]
    pub fn hart(&self) -> &Hart {
        self.hart
    }

    /// An integer register.
    #[must_use]
    pub fn x(&self, register: X) -> u64 {
        self.hart.x[register.index()]
    }

    /// Sets an integer register; `x0` stays zero. What the function returns goes to `a0` afterwards.
    pub fn set_x(&mut self, register: X, value: u64) {
        if !register.is_zero() {
            self.hart.x[register.index()] = value;
        }
    }

    /// The raw bits of a floating-point register.
    #[must_use]
    pub fn f(&self, register: F) -> u64 {
        self.hart.f[register.index()]
    }

    /// Sets the raw bits of a floating-point register; narrower values must be NaN-boxed.
    pub fn set_f(&mut self, register: F, value: u64) {
        self.hart.f[register.index()] = value;
    }

    /// The fuel the guest has left.
    #[must_use]
    pub fn fuel(&self) -> u64 {
        self.hart.fuel
    }

    /// Takes fuel for work that costs more than the one unit of the `ecall`, and says how much: if there
    /// is not enough, all but one unit, so that the guest runs out of fuel right after the call.
    ///
    /// A run thus gets at most one piece of work that it did not pay in full; a function that must not
    /// even give that looks at [`Caller::fuel`] first. Charged fuel is no instruction: guest time and the
    /// count of retired instructions leave it out. It is given back if the call ends with
    /// [`HostFault::Pause`](crate::HostFault::Pause) or [`HostFault::Fail`](crate::HostFault::Fail).
    pub fn charge(&mut self, amount: u64) -> u64 {
        let taken = amount.min(self.hart.fuel.saturating_sub(1));
        self.hart.fuel -= taken;
        self.hart.granted -= taken;
        self.charged += taken;
        taken
    }

    /// The guest's memory.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        self.memory
    }

    /// The guest's memory, to change.
    pub fn memory_mut(&mut self) -> &mut Memory {
        self.memory
    }

    /// The guest's memory and the embedder's data at once, to move bytes between them.
    pub fn parts(&mut self) -> (&mut Memory, &mut T) {
        (self.memory, self.data)
    }

    /// Guest time in nanoseconds: one retired instruction is one.
    #[must_use]
    pub fn time(&self) -> u64 {
        self.hart.time()
    }

    /// The guest's bytes at `addr..addr + len`, without copying.
    ///
    /// # Errors
    /// The load fault if they are not all readable.
    pub fn bytes(&self, addr: u64, len: u64) -> Result<&[u8], Fault> {
        self.memory.slice(addr, len)
    }

    /// The guest's bytes at `addr..addr + len`, to change in place.
    ///
    /// # Errors
    /// The store fault if they are not all writable.
    pub fn bytes_mut(&mut self, addr: u64, len: u64) -> Result<&mut [u8], Fault> {
        self.memory.slice_mut(addr, len)
    }

    /// The `count` values at `addr`, without copying.
    ///
    /// # Errors
    /// The load fault if they are not all readable; `LoadAddressMisaligned` with `addr` if they are not
    /// aligned for `P` (then [`Caller::read_pod`] copies them one by one).
    pub fn slice_of<P: bytemuck::Pod>(&self, addr: u64, count: u64) -> Result<&[P], Fault> {
        let bytes = self.memory.slice(addr, bytes_of::<P>(addr, count, Cause::LoadAccessFault)?)?;
        bytemuck::try_cast_slice(bytes).map_err(|_| Fault { cause: Cause::LoadAddressMisaligned, tval: addr })
    }

    /// The `count` values at `addr`, to change in place.
    ///
    /// ```
    /// use causality_vm::{Caller, FIRST_HOST_FUNCTION, HostFault, Ptr};
    /// # use causality_vm::{Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "../testkit/guests/calls.elf")?;
    /// # let mut linker = Linker::new(&engine);
    /// /// Doubles four numbers where they are; a pointer that is not aligned traps the guest.
    /// fn double(caller: &mut Caller<'_, ()>, at: Ptr) -> Result<u64, HostFault> {
    ///     caller.slice_of_mut::<u32>(at.0, 4)?.iter_mut().for_each(|number| *number *= 2);
    ///     caller.bytes_mut(at.0 + 16, 1)?.fill(0xff);
    ///     Ok(4)
    /// }
    ///
    /// linker.function_at(FIRST_HOST_FUNCTION, "double", double)?;
    /// let mut guest = linker.instantiate(&module, Options::new(), ())?;
    /// let pages = module.symbols().find("pages").expect("a variable").addr;
    /// guest.memory_mut().store(pages, [1, 0, 0, 0, 2, 0, 0, 0])?;
    /// assert_eq!(guest.call::<_, u64>("ask", Ptr(pages))?, 4);
    /// assert_eq!(guest.memory().load(pages)?, [2, 0, 0, 0, 4, 0, 0, 0]);
    /// assert_eq!(guest.memory().load(pages + 15)?, [0, 0xff, 0]);
    /// assert!(guest.call::<_, u64>("ask", Ptr(pages + 1)).is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Caller::slice_of`], with store faults.
    pub fn slice_of_mut<P: bytemuck::Pod>(&mut self, addr: u64, count: u64) -> Result<&mut [P], Fault> {
        let len = bytes_of::<P>(addr, count, Cause::StoreAccessFault)?;
        bytemuck::try_cast_slice_mut(self.memory.slice_mut(addr, len)?)
            .map_err(|_| Fault { cause: Cause::StoreAddressMisaligned, tval: addr })
    }

    /// A copy of the value at `addr`, at any alignment.
    ///
    /// # Errors
    /// The load fault if it is not readable.
    pub fn read_pod<P: bytemuck::Pod>(&self, addr: u64) -> Result<P, Fault> {
        Ok(bytemuck::pod_read_unaligned(self.memory.slice(addr, size_of::<P>() as u64)?))
    }

    /// Stores a value at `addr`, at any alignment.
    ///
    /// # Errors
    /// The store fault if it is not writable.
    pub fn write_pod<P: bytemuck::Pod>(&mut self, addr: u64, value: P) -> Result<(), Fault> {
        let bytes = bytemuck::bytes_of(&value);
        self.memory.slice_mut(addr, bytes.len() as u64)?.copy_from_slice(bytes);
        Ok(())
    }

    /// The bytes of the C string at `addr` without its zero; `None` if it is longer than `max` bytes.
    ///
    /// ```
    /// use causality_vm::{Caller, FIRST_HOST_FUNCTION, HostFault, Ptr};
    /// # use causality_vm::{Engine, Linker, Module, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::default();
    /// # let module = Module::from_file(&engine, "../testkit/guests/calls.elf")?;
    /// # let mut linker = Linker::new(&engine);
    /// /// Keeps a name of at most 15 bytes; what is longer is `EINVAL`.
    /// fn name(caller: &mut Caller<'_, String>, at: Ptr) -> Result<(), HostFault> {
    ///     let name = caller.c_str(at.0, 15)?.ok_or(HostFault::Errno(22))?;
    ///     *caller.data_mut() = String::from_utf8_lossy(name).into_owned();
    ///     Ok(())
    /// }
    ///
    /// linker.function_at(FIRST_HOST_FUNCTION, "name", name)?;
    /// let mut guest = linker.instantiate(&module, Options::new(), String::new())?;
    /// let pages = module.symbols().find("pages").expect("a variable").addr;
    /// guest.memory_mut().store(pages, *b"Ada\0Grace Brewster Murray Hopper\0")?;
    /// guest.call::<_, u64>("ask", Ptr(pages))?;
    /// assert_eq!(guest.data(), "Ada");
    /// assert_eq!(guest.call::<_, i64>("ask", Ptr(pages + 4))?, -22);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The load fault if unreadable memory comes before the zero.
    pub fn c_str(&self, addr: u64, max: u64) -> Result<Option<&[u8]>, Fault> {
        self.memory.c_str(addr, max.saturating_add(1))
    }
}

/// The size of `count` values, or the fault of a range that no memory can hold.
fn bytes_of<P>(addr: u64, count: u64, cause: Cause) -> Result<u64, Fault> {
    count.checked_mul(size_of::<P>() as u64).ok_or(Fault { cause, tval: addr })
}
