//! The guest as a target of GDB: what the protocol's packets lead to.

mod base;
mod breakpoints;
mod files;
mod monitor;
mod resume;

use causality_vm::Instance;
use gdbstub::target::Target;
use gdbstub::target::ext::auxv::AuxvOps;
use gdbstub::target::ext::base::BaseOps;
use gdbstub::target::ext::breakpoints::BreakpointsOps;
use gdbstub::target::ext::exec_file::ExecFileOps;
use gdbstub::target::ext::host_io::HostIoOps;
use gdbstub::target::ext::monitor_cmd::MonitorCmdOps;
use gdbstub::target::ext::section_offsets::SectionOffsetsOps;

use crate::arch::Rv64Gc;
use crate::debugger::Debugger;
use files::OpenFiles;

/// A guest that GDB talks to.
#[derive(Debug)]
pub(crate) struct Guest<T> {
    pub(crate) debugger: Debugger<T>,
    files: OpenFiles,
}

impl<T: Clone> Guest<T> {
    pub(crate) fn new(debugger: Debugger<T>) -> Self {
        Guest { debugger, files: OpenFiles::default() }
    }

    fn instance(&self) -> &Instance<T> {
        self.debugger.timeline.instance()
    }
}

impl<T: Clone> Target for Guest<T> {
    type Arch = Rv64Gc;
    type Error = crate::Error;

    fn base_ops(&mut self) -> BaseOps<'_, Self::Arch, Self::Error> {
        BaseOps::SingleThread(self)
    }

    fn support_breakpoints(&mut self) -> Option<BreakpointsOps<'_, Self>> {
        Some(self)
    }

    fn support_monitor_cmd(&mut self) -> Option<MonitorCmdOps<'_, Self>> {
        Some(self)
    }

    fn support_section_offsets(&mut self) -> Option<SectionOffsetsOps<'_, Self>> {
        Some(self)
    }

    fn support_exec_file(&mut self) -> Option<ExecFileOps<'_, Self>> {
        Some(self)
    }

    fn support_auxv(&mut self) -> Option<AuxvOps<'_, Self>> {
        Some(self)
    }

    fn support_host_io(&mut self) -> Option<HostIoOps<'_, Self>> {
        Some(self)
    }
}
