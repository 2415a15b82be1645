//! What makes deferred hashing an `ecall`.

use causality_abi::{Caller, Errno, HostFault, Ptr, RegisterError};
use causality_zk::DeferredHashing;

use crate::Linker;

/// The name by which guests find the function; `causality_request_hash` of `causality.h` asks for it.
pub const REQUEST_HASH: &str = "causality.request_hash";

/// Bytes that are compared and copied for a unit of fuel.
const BYTES_FOR_FUEL: u64 = 4;

impl<T> Linker<T> {
    /// Lets guests request hashes of their memory, which are computed after the run: `hashing` says where
    /// in the embedder's data the requests go. Returns the function's number.
    ///
    /// The function takes an address and a length and returns the request's id, or `-ENOMEM` beyond the
    /// limits. It copies the bytes, charges a unit of fuel for four, and computes nothing. Bytes that
    /// are not readable trap as a load of the guest's would.
    ///
    /// ```
    /// use causality_vm::zk::DeferredHashing;
    /// use causality_vm::{Engine, Exit, Linker, Module, Options};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::default();
    /// let mut linker = Linker::<DeferredHashing>::new(&engine);
    /// linker.deferred_hashing(|hashing| hashing)?;
    /// let module = Module::from_file(&engine, "testkit/guests/hashes_deferred.elf")?;
    /// let options = Options::new().args(["hashes", "3"]);
    /// let mut guest = linker.instantiate(&module, options, DeferredHashing::new())?;
    /// assert_eq!(guest.run()?, Exit::Completed(0));
    /// let hashes = guest.into_data().finalize();
    /// assert_eq!(hashes.batch().entries().len(), 3);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If there is a function of that name already.
    pub fn deferred_hashing(
        &mut self,
        hashing: impl Fn(&mut T) -> &mut DeferredHashing + Send + Sync + 'static,
    ) -> Result<u64, RegisterError>
    where
        T: 'static,
    {
        let request = move |caller: &mut Caller<'_, T>, bytes: Ptr, len: u64| {
            let (memory, data) = caller.parts();
            let id = hashing(data).request(memory.slice(bytes.0, len)?);
            caller.charge(len / BYTES_FOR_FUEL);
            id.map(|id| id.number()).map_err(|_| HostFault::from(Errno::NOMEM))
        };
        self.function(REQUEST_HASH, request)
    }
}
