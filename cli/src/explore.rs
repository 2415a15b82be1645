//! stub
use crate::args::ExploreArgs;
use crate::failure::Failure;
pub(crate) fn explore(args: &ExploreArgs) -> Result<u8, Failure> { let _ = args; Ok(0) }
