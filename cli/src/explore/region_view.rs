//! One region as the page shows it.

use std::collections::HashMap;

use causality_vm::Instance;
use serde_json::{Value, json};

use super::page::Lines;
use crate::disasm::describe;
use crate::host_code::HostInst;
use crate::location::Locations;
use crate::native_region::{NativeRegion, insts};

/// A region, how often its blocks were executed, and an instance that has its code.
pub(super) struct View<'a> {
    pub(super) native: &'a NativeRegion,
    /// The same region, with the code of the baseline tier; `None` where there is none.
    pub(super) baseline: Option<NativeRegion>,
    pub(super) counts: Vec<u64>,
    pub(super) instance: &'a Instance<()>,
}

/// A line of CLIF and the guest instruction it is for.
type ClifLine = (String, Option<u64>);

impl View<'_> {
    /// All that is shown of it. A guest row ends with the rows of both kinds that it leads to.
    pub(super) fn json(
        &self,
        (built, legalised): &(String, String),
        locations: &Locations<'_>,
        lines: &mut Lines,
    ) -> Value {
        let region = &self.native.region;
        let host = self.native.host();
        let baseline = self.baseline.as_ref().map_or(Vec::new(), NativeRegion::host);
        let built = self.clif(built);
        let legalised = self.clif(legalised);
        let to_host = first_rows(host.iter().map(|(_, pc)| *pc));
        let to_baseline = first_rows(baseline.iter().map(|(_, pc)| *pc));
        let to_clif = first_rows(legalised.iter().map(|(_, pc)| *pc));
        let mut guest = Vec::new();
        for (index, block) in region.blocks.iter().enumerate() {
            for at in insts(block) {
                let word = self.instance.memory().fetch(at.pc).unwrap_or_default();
                let program = self.instance.module().program();
                let (raw, text) = describe(program, at.pc, word, true);
                let line = locations.source(at.pc).map(|(file, line)| lines.index(file, line));
                guest.push((index, at.pc, raw, text, line));
            }
        }
        let links: Vec<_> = {
            let pcs: Vec<_> = guest.iter().map(|row| row.1).collect();
            let [clif, host, baseline] = [&to_clif, &to_host, &to_baseline].map(|rows| leads(&pcs, rows));
            clif.into_iter().zip(host).zip(baseline).collect()
        };
        let guest = guest.into_iter().zip(links);
        let guest = guest.map(|((block, pc, raw, text, line), ((clif, host), baseline))| {
            json!([block, pc, raw, text, line, clif, host, baseline])
        });
        json!({
            "name": self.name(locations),
            "start": region.start,
            "insts": self.native.translation.insts,
            "bytes": self.native.translation.code.len(),
            "us": self.native.time.as_micros() as u64,
            "blocks": self.blocks(locations),
            "guest": guest.collect::<Vec<_>>(),
            "clif": legalised,
            "built": built,
            "host": host.iter().map(host_row).collect::<Vec<_>>(),
            "baseline": baseline.iter().map(host_row).collect::<Vec<_>>(),
            "baselineBytes": self.baseline.as_ref().map_or(0, |native| native.translation.code.len()),
        })
    }

    fn name(&self, locations: &Locations<'_>) -> String {
        let start = self.native.region.start;
        locations.symbol(start).unwrap_or_else(|| format!("{start:#x}"))
    }

    fn blocks(&self, locations: &Locations<'_>) -> Vec<Value> {
        let blocks = self.native.region.blocks.iter().zip(&self.counts);
        let blocks = blocks.map(|(block, count)| {
            json!({
                "pc": block.pc,
                "name": locations.symbol(block.pc),
                "copy": block.frame != 0,
                "loop": block.is_header,
                "entry": block.is_entry,
                "count": count,
                "insts": insts(block).count(),
            })
        });
        blocks.collect()
    }

    /// The lines of a CLIF function. Those for an instruction begin with its distance from the start as `@002a`.
    fn clif(&self, text: &str) -> Vec<ClifLine> {
        let place = |line: &str| {
            let (offset, rest) = line.trim_start().strip_prefix('@')?.split_once(' ')?;
            let offset = u32::from_str_radix(offset, 16).ok()? as i32;
            let pc = self.native.region.start.wrapping_add_signed(offset.into());
            Some((format!("    {}", rest.trim_start()), Some(pc)))
        };
        let plain = |line: &str| match line.trim_start() {
            inner if line.starts_with(' ') && !inner.starts_with("block") => format!("    {inner}"),
            outer => outer.to_owned(),
        };
        text.lines().map(|line| place(line).unwrap_or_else(|| (plain(line), None))).collect()
    }
}

/// A host instruction, and the guest instruction it is for.
fn host_row((inst, pc): &(HostInst, Option<u64>)) -> Value {
    json!([inst.offset, inst.raw, inst.text, pc])
}

/// The first row of each pc.
fn first_rows(rows: impl Iterator<Item = Option<u64>>) -> HashMap<u64, usize> {
    let mut first = HashMap::new();
    for (index, pc) in rows.enumerate() {
        if let Some(pc) = pc {
            first.entry(pc).or_insert(index);
        }
    }
    first
}

/// Where each instruction leads: its own first row, or that of the next one that has any, or else the last one's.
fn leads(pcs: &[u64], rows: &HashMap<u64, usize>) -> Vec<usize> {
    let mut last = rows.values().copied().max().unwrap_or(0);
    let mut leads: Vec<_> = pcs
        .iter()
        .rev()
        .map(|pc| {
            last = rows.get(pc).copied().unwrap_or(last);
            last
        })
        .collect();
    leads.reverse();
    leads
}
