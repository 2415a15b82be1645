//! The registry of host functions, by number and by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::value::Arguments;
use super::waiting::Ended;
use super::{Caller, HostFault, Parameter, Returns};
use crate::syscall_name;

/// The first `ecall` number that belongs to host functions; those below are Linux's, or reserved.
pub const FIRST_HOST_FUNCTION: u64 = 0x1_0000;

/// The `ecall` number by which a guest asks for a host function's number by name.
pub const RESOLVE: u64 = 0x1000;

/// How many numbers, from [`FIRST_HOST_FUNCTION`] on, are looked up at once.
const FIRST: u64 = 1024;

/// The place of a number among these.
#[inline]
pub(crate) fn index_of(number: u64) -> Option<usize> {
    let index = number.wrapping_sub(FIRST_HOST_FUNCTION);
    (index < FIRST).then_some(index as usize)
}

/// A host function without its types. How it fails is boxed, so that what it mostly returns is a register.
pub(crate) type Function<T> = dyn Fn(&mut Caller<'_, T>) -> Result<(), Box<HostFault>> + Send + Sync;

/// The functions an embedder offers to its guests; `T` is the embedder's own data.
///
/// Cheap to clone: clones share the functions.
pub struct HostFunctions<T> {
    by_number: Arc<BTreeMap<u64, Arc<Entry<T>>>>,
    /// Those with the first numbers, once more.
    first: Arc<Vec<Option<Arc<Entry<T>>>>>,
    by_name: Arc<BTreeMap<Arc<str>, u64>>,
}

struct Entry<T> {
    name: Arc<str>,
    function: Box<Function<T>>,
}

/// Why a host function cannot be registered.
///
/// ```
/// use causality_abi::{Caller, FIRST_HOST_FUNCTION, HostFunctions, RegisterError};
///
/// let next = |_: &mut Caller<'_, ()>, value: u64| value + 1;
/// let mut functions = HostFunctions::new();
/// assert_eq!(functions.register("next", next), Ok(FIRST_HOST_FUNCTION));
/// assert_eq!(functions.register("next", next), Err(RegisterError::NameTaken("next".to_owned())));
/// assert_eq!(functions.register_at(64, "write", next), Err(RegisterError::Reserved(64)));
/// assert_eq!(functions.replace_linux(63, "read", next), Ok(()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// Another function has this name.
    #[error("a host function named `{0}` is registered already")]
    NameTaken(String),
    /// Another function has this number.
    #[error("host function number {0:#x} is registered already")]
    NumberTaken(u64),
    /// The number belongs to Linux or is reserved.
    #[error("number {0:#x} is not a host function's: they begin at 0x10000")]
    Reserved(u64),
    /// Only a Linux call can be replaced.
    #[error("number {0:#x} is no Linux call that could be replaced")]
    NotLinux(u64),
    /// A guest could not ask for this name: it is empty, longer than 255 bytes, or has a zero byte.
    #[error("`{0}` is no name a guest can ask for")]
    Name(String),
}

impl<T> Default for HostFunctions<T> {
    fn default() -> Self {
        HostFunctions { by_number: Arc::default(), first: Arc::default(), by_name: Arc::default() }
    }
}

impl<T> Clone for HostFunctions<T> {
    fn clone(&self) -> Self {
        let HostFunctions { by_number, first, by_name } = self;
        HostFunctions {
            by_number: Arc::clone(by_number),
            first: Arc::clone(first),
            by_name: Arc::clone(by_name),
        }
    }
}

impl<T> std::fmt::Debug for HostFunctions<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<T> HostFunctions<T> {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a function under a name and the lowest free number, which it returns.
    ///
    /// # Errors
    /// [`RegisterError::NameTaken`], [`RegisterError::Name`].
    pub fn register<Types>(
        &mut self,
        name: &str,
        function: impl IntoHostFunction<T, Types>,
    ) -> Result<u64, RegisterError> {
        let number = self.lowest_free();
        self.register_at(number, name, function)?;
        Ok(number)
    }

    fn lowest_free(&self) -> u64 {
        let mut number = FIRST_HOST_FUNCTION;
        for &taken in self.by_number.range(FIRST_HOST_FUNCTION..).map(|(number, _)| number) {
            if taken != number {
                break;
            }
            number += 1;
        }
        number
    }

    /// Registers an asynchronous function under a name and the lowest free number, which it returns. See
    /// [`IntoAsyncHostFunction`].
    ///
    /// # Errors
    /// As [`HostFunctions::register`].
    pub fn register_async<Types>(
        &mut self,
        name: &str,
        function: impl IntoAsyncHostFunction<T, Types>,
    ) -> Result<u64, RegisterError> {
        let number = self.lowest_free();
        self.insert(number, name, function.into_host_function())?;
        Ok(number)
    }

    /// Registers a function under a number that guests may have built in, and a name.
    ///
    /// # Errors
    /// See [`RegisterError`].
    pub fn register_at<Types>(
        &mut self,
        number: u64,
        name: &str,
        function: impl IntoHostFunction<T, Types>,
    ) -> Result<(), RegisterError> {
        if number < FIRST_HOST_FUNCTION {
            return Err(RegisterError::Reserved(number));
        }
        self.insert(number, name, function.into_host_function())
    }

    /// Replaces a Linux call by a function: the guest's calls of that number come here instead.
    ///
    /// # Errors
    /// [`RegisterError::NotLinux`] if there is no such Linux call, and as
    /// [`HostFunctions::register_at`].
    pub fn replace_linux<Types>(
        &mut self,
        number: u64,
        name: &str,
        function: impl IntoHostFunction<T, Types>,
    ) -> Result<(), RegisterError> {
        if syscall_name(number).is_none() {
            return Err(RegisterError::NotLinux(number));
        }
        self.insert(number, name, function.into_host_function())
    }

    fn insert(&mut self, number: u64, name: &str, function: Box<Function<T>>) -> Result<(), RegisterError> {
        if name.is_empty() || name.len() > 255 || name.contains('\0') {
            return Err(RegisterError::Name(name.to_owned()));
        }
        if self.by_name.contains_key(name) {
            return Err(RegisterError::NameTaken(name.to_owned()));
        }
        if self.by_number.contains_key(&number) {
            return Err(RegisterError::NumberTaken(number));
        }
        let name: Arc<str> = name.into();
        let entry = Arc::new(Entry { name: Arc::clone(&name), function });
        if let Some(index) = index_of(number) {
            let first = Arc::make_mut(&mut self.first);
            if first.len() <= index {
                first.resize(index + 1, None);
            }
            first[index] = Some(Arc::clone(&entry));
        }
        Arc::make_mut(&mut self.by_name).insert(name, number);
        Arc::make_mut(&mut self.by_number).insert(number, entry);
        Ok(())
    }

    /// The number of the function with this name.
    #[must_use]
    pub fn number_of(&self, name: &str) -> Option<u64> {
        self.by_name.get(name).copied()
    }

    /// The name of the function with this number.
    #[must_use]
    pub fn name_of(&self, number: u64) -> Option<&str> {
        self.by_number.get(&number).map(|entry| &*entry.name)
    }

    /// All functions by number.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &str)> {
        self.by_number.iter().map(|(&number, entry)| (number, &*entry.name))
    }

    pub(crate) fn get(&self, number: u64) -> Option<&Function<T>> {
        self.by_number.get(&number).map(|entry| &*entry.function)
    }

    /// The function with this number and its place, if it is among the first.
    #[inline(always)]
    pub(crate) fn first(&self, number: u64) -> Option<(usize, &Function<T>)> {
        let index = index_of(number)?;
        let entry = self.first.get(index)?.as_ref()?;
        Some((index, &*entry.function))
    }
}

/// A Rust function that can be called by guests: `Fn(&mut Caller<'_, T>, A, B, ...) -> R` with up to
/// seven [`Parameter`]s and a result that [`Returns`] knows.
///
/// ```
/// use causality_abi::{Caller, HostFault, HostFunctions, Ptr};
///
/// # fn main() -> Result<(), causality_abi::RegisterError> {
/// let mut functions = HostFunctions::<u64>::new();
/// functions.register("double", |_: &mut Caller<'_, u64>, value: f64| value * 2.0)?;
/// functions.register("count", |caller: &mut Caller<'_, u64>| *caller.data_mut() += 1)?;
/// functions.register("first", |caller: &mut Caller<'_, u64>, at: Ptr| -> Result<u8, HostFault> {
///     Ok(caller.read_pod(at.0)?)
/// })?;
/// assert!(functions.iter().map(|(_, name)| name).eq(["double", "count", "first"]));
/// # Ok(())
/// # }
/// ```
pub trait IntoHostFunction<T, Types> {
    /// Wraps the function so that it takes its arguments from registers.
    #[doc(hidden)]
    fn into_host_function(self) -> Box<Function<T>>;
}

/// A Rust function that can be called by guests and takes its time: `Fn(&mut Caller<'_, T>, A, B, ...) -> impl Future<Output
/// = R>`, with up to seven [`Parameter`]s and a result that [`Returns`] knows.
///
/// It looks at the caller before the future begins; the future owns what it needs. It cannot [charge](Caller::charge): until the
/// future has ended the call has not happened, and what was charged is given back. Until it has ended, the guest is paused
/// before the call, and so is its thread free; the call is then made again and returns the result.
///
/// ```
/// use causality_abi::{Caller, HostFunctions};
///
/// # fn main() -> Result<(), causality_abi::RegisterError> {
/// let mut functions = HostFunctions::<u64>::new();
/// let number = functions.register_async("later", |caller: &mut Caller<'_, u64>, more: u64| {
///     // The caller is here; the future has what it was given.
///     let sum = *caller.data() + more;
///     async move { sum }
/// })?;
/// assert_eq!(functions.name_of(number), Some("later"));
/// # Ok(())
/// # }
/// ```
pub trait IntoAsyncHostFunction<T, Types> {
    /// Wraps the function so that it takes its arguments from registers.
    #[doc(hidden)]
    fn into_host_function(self) -> Box<Function<T>>;
}

macro_rules! into_host_function {
    ($($P:ident)*) => {
        impl<T, R, F, $($P),*> IntoHostFunction<T, (R, $($P,)*)> for F
        where
            F: Fn(&mut Caller<'_, T>, $($P),*) -> R + Send + Sync + 'static,
            R: Returns,
            $($P: Parameter,)*
        {
            fn into_host_function(self) -> Box<Function<T>> {
                Box::new(move |caller: &mut Caller<'_, T>| {
                    #[allow(unused_variables, unused_mut, non_snake_case, reason = "parameters are named by their types, and there may be none")]
                    #[allow(clippy::unused_unit, reason = "what no parameters expand to")]
                    let ($($P,)*) = {
                        let mut from = Arguments::of(caller.hart());
                        ($($P::take(&mut from),)*)
                    };
                    self(caller, $($P),*).put(caller).map_err(Box::new)
                })
            }
        }
    };
}

macro_rules! into_async_host_function {
    ($($P:ident)*) => {
        impl<T, R, U, F, $($P),*> IntoAsyncHostFunction<T, (R, U, $($P,)*)> for F
        where
            F: Fn(&mut Caller<'_, T>, $($P),*) -> U + Send + Sync + 'static,
            U: Future<Output = R> + Send + 'static,
            R: Returns + Send + 'static,
            $($P: Parameter,)*
        {
            fn into_host_function(self) -> Box<Function<T>> {
                Box::new(move |caller: &mut Caller<'_, T>| {
                    if let Some(ended) = caller.ended()? {
                        return ended(caller).map_err(Box::new);
                    }
                    #[allow(unused_variables, unused_mut, non_snake_case, reason = "parameters are named by their types, and there may be none")]
                    #[allow(clippy::unused_unit, reason = "what no parameters expand to")]
                    let ($($P,)*) = {
                        let mut from = Arguments::of(caller.hart());
                        ($($P::take(&mut from),)*)
                    };
                    let future = self(caller, $($P),*);
                    caller.wait(async move {
                        let result = future.await;
                        Box::new(move |caller: &mut Caller<'_, T>| result.put(caller)) as Ended<T>
                    });
                    Err(Box::new(HostFault::Pause))
                })
            }
        }
    };
}

macro_rules! for_all_arities {
    ($make:ident) => {
        $make!();
        $make!(A);
        $make!(A B);
        $make!(A B C);
        $make!(A B C D);
        $make!(A B C D E);
        $make!(A B C D E G);
        $make!(A B C D E G H);
    };
}
for_all_arities!(into_host_function);
for_all_arities!(into_async_host_function);
