//! A record for people.

use core::fmt;

use super::Record;

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.program {
            Some(program) => writeln!(f, "program     {program}")?,
            None => writeln!(f, "program     none")?,
        }
        writeln!(f, "initiator   {}", self.initiator)?;
        writeln!(f, "exit        {}", self.exit)?;
        writeln!(f, "fuel        {}", self.fuel)?;
        writeln!(f, "semantics   {}", self.semantics)?;
        list(f, "input", self.inputs.iter().map(|input| format!("{} {}", input.name, input.blob)))?;
        list(f, "parent", &self.parents)?;
        writeln!(f, "time        {}", self.time_context)?;
        writeln!(f, "state       {}", self.state_root)?;
        writeln!(f, "nullifiers  {}", self.nullifier_root)?;
        writeln!(f, "state after {}", self.state_root_after)?;
        list(f, "proof", self.state_proof)?;
        writeln!(f, "effects     {}", self.effects)?;
        list(
            f,
            "used",
            self.accesses.iter().map(|access| format!("{} to {}", access.register, access.intent)),
        )?;
        let consumed = self.consumed.iter();
        list(f, "consumed", consumed.map(|it| format!("{}, nullifier {}", it.register, it.nullifier)))?;
        for updated in &self.updated {
            writeln!(f, "updated     {}, nullifier {}", updated.register, updated.nullifier)?;
            list(f, "  to", &updated.successors)?;
        }
        for created in &self.created {
            write!(f, "created     {}", created.register)?;
            match created.predecessor {
                Some(predecessor) => writeln!(f, " from {predecessor}")?,
                None => writeln!(f)?,
            }
        }
        writeln!(f, "in the run  {} registers", self.in_run_registers)?;
        list(f, "changed", &self.transitions)?;
        list(f, "capability", &self.capabilities)?;
        list(f, "revoked", &self.revoked)?;
        let budgets = self.budgets.iter().map(|budget| {
            let (before, after) = (budget.before, budget.after);
            let block = budget.block;
            format!(
                "{block}: uses {} -> {}, quantity {} -> {}",
                before.uses, after.uses, before.quantity, after.quantity
            )
        });
        list(f, "budget", budgets)?;
        self.decisions.iter().try_for_each(|decision| writeln!(f, "{decision}"))?;
        writeln!(f, "journal     {}", self.journal)?;
        list(f, "hashes", self.deferred_hashes)
    }
}

fn list<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    items: impl IntoIterator<Item = T>,
) -> fmt::Result {
    items.into_iter().try_for_each(|item| writeln!(f, "{name:<11} {item}"))
}
