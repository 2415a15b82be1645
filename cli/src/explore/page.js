"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);
const ROW = 21, AHEAD = 60;
const number = new Intl.NumberFormat("en");
const hex = n => n.toString(16);
const total = data.about.run ? data.about.run.retired : 0;
const heatOf = region => region.blocks.reduce((sum, block) => sum + block.count * block.insts, 0);
const heats = data.regions.map(heatOf);
const hottest = Math.max(1, ...data.regions.flatMap(region => region.blocks.map(block => block.count)));

// Counts span many orders of magnitude; a square root keeps warm blocks visible beside hot ones.
const warmth = count => Math.sqrt(count / hottest);
const short = n => n < 1e4 ? String(n) : n < 1e6 ? (n / 1e3).toFixed(n < 1e5 ? 1 : 0) + "k" : n < 1e9 ? (n / 1e6).toFixed(n < 1e8 ? 1 : 0) + "M" : (n / 1e9).toFixed(1) + "G";
const share = n => total ? (100 * n / total).toFixed(100 * n / total < 10 ? 2 : 1) + "\u00a0%" : "";
const hue = index => (205 + index * 137.508) % 360;
const blockColour = index => index < 0 ? "transparent" : `light-dark(hsl(${hue(index)} 62% 58%), hsl(${hue(index)} 55% 55%))`;
const many = (n, what) => `${number.format(n)} ${what}${n === 1 ? "" : "s"}`;
const escape = text => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

// ---- colours of text --------------------------------------------------------------------------------------------

const wrap = (kind, text) => `<span class="${kind}">${escape(text)}</span>`;

function paint(text, rules) {
  let out = "", at = 0;
  outer: while (at < text.length) {
    for (const [pattern, kind] of rules) {
      pattern.lastIndex = at;
      const found = pattern.exec(text);
      if (found && found[0]) {
        const how = typeof kind === "function" ? kind(found[0], at) : kind;
        out += how ? wrap(how, found[0]) : escape(found[0]);
        at += found[0].length;
        continue outer;
      }
    }
    out += escape(text[at++]);
  }
  return out;
}

const FLOW = /^(j|jr|jal|jalr|call|tail|ret|b[a-z]+|ecall|ebreak|c\.j.*|jmp|j[a-z]+|brif|br_table|jump|return|return_call\w*|call_indirect|trap\w*|ud2)$/;
const MEMORY = /^(l[bhwd]u?|s[bhwd]|f[ls][hwd]|amo\S+|lr\.\S+|sc\.\S+|fence\S*|uload\S+|sload\S+|load\S*|store\S*|istore\S+|atomic\S+|mov\S*|vmov\S*|push|pop|lea)$/;
const mnemonic = word => FLOW.test(word) ? "kf" : MEMORY.test(word) ? "km" : "k";
const GUEST = [
  [/<[^>]*>/y, "s"],
  [/[a-z][a-z0-9.]*/y, (word, at) => at === 0 ? mnemonic(word) : /^(zero|ra|sp|gp|tp|f?[tsa]\d+|fp|f[tsa]\d+)$/.test(word) ? "r" : ""],
  [/-?(0x[0-9a-f]+|\d+)/y, "n"],
];
const HOST = [
  [/[a-z][a-z0-9]*/y, (word, at) => at === 0 ? mnemonic(word) : /^(r[a-z0-9]+|e[a-ds][xipl]|[a-d][lhx]|[sd]il?|[xyz]mm\d+)$/.test(word) ? "r" : "y"],
  [/-?(0x[0-9a-f]+|\d+)/y, "n"],
];
const CLIF = [
  [/;.*/y, "y"],
  [/\b(block|fn|sig|ss|gv|mt)\d+/y, "s"],
  [/\bv\d+/y, "r"],
  [/\b(i8|i16|i32|i64|i128|f16|f32|f64|i\d+x\d+|f\d+x\d+)\b/y, "y"],
  [/-?\b(0x[0-9a-f._p+-]+|\d[\d_]*)\b/y, "n"],
  [/\b[a-z_][a-z0-9_.]*/y, word => /^(notrap|aligned|little|big|cold|tail|vmctx|table|readonly|checked|can_move|system_v|region\d*)$/.test(word) ? "y" : mnemonic(word.split(".")[0])],
];

// ---- the open region --------------------------------------------------------------------------------------------

const KINDS = ["guest", "clif", "host", "baseline"];
let open = -1, region, settled = false, form = "clif", pin = null, over = null, found = { text: "", hits: [], at: -1 };
const panes = {};

class Pane {
  constructor(kind) {
    this.kind = kind;
    this.section = document.querySelector(`.pane.${kind}`);
    this.scroller = this.section.querySelector(".rows");
    this.count = this.section.querySelector("em");
    this.space = this.scroller.appendChild(Object.assign(document.createElement("div"), { className: "space" }));
    this.marks = this.section.appendChild(Object.assign(document.createElement("div"), { className: "marks" }));
    this.rows = [];
    this.scroller.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => { this.draw(); this.mark(); }).observe(this.scroller);
    this.space.addEventListener("mousemove", event => hover(this.pcAt(event)));
    this.space.addEventListener("mouseleave", () => hover(null));
    this.space.addEventListener("click", event => {
      const row = event.target.closest(".row");
      if (row && !String(getSelection())) choose(this, +row.dataset.row);
    });
  }
  pcAt(event) {
    const row = event.target.closest(".row");
    return row ? this.rows[row.dataset.row].pc : null;
  }
  show(rows, note) {
    this.rows = rows;
    this.places = new Map();
    rows.forEach((row, index) => {
      if (row.pc === null) return;
      if (!this.places.has(row.pc)) this.places.set(row.pc, []);
      this.places.get(row.pc).push(index);
    });
    this.count.textContent = note;
    this.space.style.height = rows.length * ROW + "px";
    // The longest row is seldom drawn, so its width is reckoned.
    this.space.style.width = `max(100%, ${Math.max(0, ...rows.map(row => row.width)) + 3}ch)`;
    this.scroller.scrollTo(0, 0);
    this.draw();
    this.mark();
  }
  draw() {
    const first = Math.max(0, Math.floor(this.scroller.scrollTop / ROW) - AHEAD);
    const last = Math.min(this.rows.length, Math.ceil((this.scroller.scrollTop + this.scroller.clientHeight) / ROW) + AHEAD);
    let html = "";
    for (let index = first; index < last; index++) html += this.html(index);
    this.space.innerHTML = html;
  }
  html(index) {
    const row = this.rows[index];
    let kind = "row" + (row.className ? " " + row.className : "");
    if (row.pc !== null && row.pc === pin) kind += " pinned";
    else if (row.pc !== null && row.pc === over) kind += " linked";
    if (found.text && row.text.toLowerCase().includes(found.text)) kind += " found";
    const heat = row.heat ? `;--h:${row.heat.toFixed(3)}` : "";
    return `<div class="${kind}" data-row="${index}" style="top:${index * ROW}px;--block:${blockColour(row.block)}${heat}"${row.title ? ` title="${escape(row.title)}"` : ""}>${row.html || (row.html = row.paint())}</div>`;
  }
  mark() {
    const height = this.scroller.clientHeight / Math.max(1, this.rows.length);
    const of = (pc, kind) => (pc === null || !this.places ? [] : this.places.get(pc) || []).slice(0, 400).map(index => `<i class="${kind}" style="top:${(index * height).toFixed(1)}px;height:${height.toFixed(1)}px"></i>`).join("");
    this.marks.innerHTML = of(over, "") + of(pin, "pin");
  }
  // Code for an instruction may be spread out, constants first: most of it is where most of its rows follow each other.
  main(pc) {
    const rows = this.places.get(pc);
    if (!rows) return undefined;
    let best = rows[0], longest = 0;
    for (let from = 0, at = 0; at < rows.length; at++) {
      if (at && rows[at] !== rows[at - 1] + 1) from = at;
      if (at - from + 1 > longest) [best, longest] = [rows[from], at - from + 1];
    }
    return best;
  }
  reveal(index, near) {
    const top = index * ROW, view = this.scroller.clientHeight;
    const from = this.scroller.scrollTop;
    if (near && top >= from + ROW && top + 2 * ROW <= from + view) return;
    this.scroller.scrollTo({ top: Math.max(0, top - view * 0.36), behavior: settled && Math.abs(top - from) < 3000 && !matchMedia("(prefers-reduced-motion: reduce)").matches ? "smooth" : "auto" });
  }
}

function hover(pc) {
  if (pc === over) return;
  over = pc;
  redraw();
}

function redraw() {
  for (const pane of Object.values(panes)) { pane.draw(); pane.mark(); }
  foot();
}

// Pins the instruction a row is for, and brings what is linked with it into view elsewhere.
function choose(pane, index) {
  const row = pane.rows[index];
  if (row.pc === null) return;
  pin = row.pc;
  redraw();
  address();
  for (const other of Object.values(panes)) {
    if (other === pane) continue;
    const target = other.main(row.pc) ?? (row.leads ? row.leads[other.kind] : undefined);
    if (target !== undefined) other.reveal(target, true);
  }
}

function foot() {
  const pc = over !== null ? over : pin;
  const parts = [];
  if (pc !== null && region) {
    const row = region.guest.find(row => row[1] === pc);
    if (row) {
      const count = kind => (panes[kind].places.get(pc) || []).length;
      parts.push(`<code>${hex(pc)}</code><span>${many(count("clif"), "line")} of CLIF, ${many(count("host"), "host instruction")} by Cranelift, ${number.format(count("baseline"))} in the baseline tier</span>`);
      if (row[4] !== null) {
        const text = data.sources[row[4]];
        parts.push(`<span class="src">${escape(data.lines[row[4]])}${text ? ` <code>${escape(text)}</code>` : ""}</span>`);
      }
    }
  }
  $("foot").innerHTML = parts.join("") + `<span class="keys"><kbd>click</kbd> pins · <kbd>↑</kbd> <kbd>↓</kbd> step · <kbd>[</kbd> <kbd>]</kbd> region · <kbd>esc</kbd> clears</span>`;
}

function guestRows() {
  const spoken = new Set(region.host.map(row => row[3]));
  return region.guest.map(([block, pc, raw, text, line, clif, host, baseline], index) => {
    const b = region.blocks[block];
    const isFirst = index === 0 || region.guest[index - 1][0] !== block;
    const heat = b.count ? Math.max(0.03, warmth(b.count) * 0.62) : 0;
    const silent = !spoken.has(pc);
    const source = line === null ? "" : data.lines[line].replace(/^.*\//, "");
    const shown = text.replace(/\t/g, " ").replace(/^(\S+) /, (_, op) => op.padEnd(7) + " ");
    return {
      pc, block, text: hex(pc) + " " + text, heat, width: shown.length + 22, leads: { clif, host, baseline },
      className: (isFirst ? "first " : "") + (b.count ? "hot " : "") + (silent ? "silent" : ""),
      title: (isFirst && b.name ? b.name + (b.copy ? " (a copy of the callee)" : "") + "\n" : "") + raw + (silent ? "\nno host code of its own" : "") + (b.count ? `\nexecuted ${number.format(b.count)} times` : ""),
      paint: () => `<span class="c">${isFirst && total ? short(b.count) : ""}</span><span class="a">${hex(pc)}</span><span class="t">${paint(shown, GUEST)}</span>${source ? `<span class="l">${escape(source)}</span>` : ""}`,
    };
  });
}

const blockOf = () => {
  const blocks = new Map();
  for (const row of region.guest) if (!blocks.has(row[1])) blocks.set(row[1], row[0]);
  return pc => pc !== null && blocks.has(pc) ? blocks.get(pc) : -1;
};

function clifRows() {
  const block = blockOf();
  return region[form].map(([text, pc]) => {
    const isLabel = /^block\d+/.test(text.trim());
    return {
      pc: block(pc) < 0 ? null : pc, block: block(pc), text, width: text.length + 2,
      className: (isLabel ? "label first " : "") + (pc === null && !isLabel ? "none" : ""),
      paint: () => `<span class="t">${pc === null && !isLabel ? escape(text) : paint(text, CLIF)}</span>`,
    };
  });
}

function hostRows(rows) {
  const block = blockOf();
  let last = -1;
  return rows.map(([offset, raw, text, pc]) => {
    const own = block(pc), isFirst = own !== last;
    last = own;
    const shown = text.replace(/^(\S+) /, (_, op) => op.padEnd(6) + " ");
    return {
      pc: own < 0 ? null : pc, block: own, text: hex(offset) + " " + text, title: raw, width: shown.length + 11,
      className: (isFirst ? "first " : "") + (own < 0 ? "none" : ""),
      paint: () => `<span class="a">${hex(offset)}</span><span class="t">${paint(shown, HOST)}</span>`,
    };
  });
}

function show(index, pc) {
  if (index !== open) {
    open = index;
    region = data.regions[index];
    over = null;
    head();
    strip();
    panes.guest.show(guestRows(), number.format(region.guest.length) + " instructions");
    showClif();
    for (const kind of ["host", "baseline"]) panes[kind].show(hostRows(region[kind]), number.format(region[kind].length) + " instructions");
    list();
    const current = document.querySelector("#regions [aria-current]");
    if (current) current.scrollIntoView({ block: "nearest" });
  }
  pin = null;
  const row = pc === undefined ? -1 : region.guest.findIndex(row => row[1] === pc);
  if (row >= 0) {
    panes.guest.reveal(row, true);
    choose(panes.guest, row);
  } else redraw();
  search();
}

function showClif() {
  panes.clif.show(clifRows(), number.format(region[form].length) + " lines");
  for (const button of document.querySelectorAll(".choice button")) button.setAttribute("aria-pressed", button.dataset.form === form);
}

function head() {
  const heat = heats[open];
  $("name").textContent = region.name;
  const copies = region.blocks.filter(block => block.copy).length;
  $("where").textContent = `starts at 0x${hex(region.start)} · ${many(region.blocks.length, "block")}` + (copies ? `, ${copies} of them copied from callees` : "") + ` · ${many(region.blocks.filter(block => block.loop).length, "loop")}`;
  const stats = [
    ...(total ? [["of the run", share(heat)], ["executed", short(heat)]] : []),
    ["guest instructions", number.format(region.insts)],
    ["host code", number.format(region.bytes) + "<small>bytes</small>"],
    ["bytes per instruction", (region.bytes / region.insts).toFixed(1)],
    ["baseline code of the function", number.format(region.baselineBytes) + "<small>bytes</small>"],
    ["to translate", number.format(region.us) + "<small>µs</small>"],
    ["per instruction", (region.us / region.insts).toFixed(1) + "<small>µs</small>"],
  ];
  $("stats").innerHTML = stats.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join("");
}

function strip() {
  $("strip").innerHTML = region.blocks.map((block, index) => block.insts ? `<button type="button" data-block="${index}" class="${block.count ? "hot" : ""}" style="--n:${block.insts};--block:${blockColour(index)};--h:${warmth(block.count).toFixed(3)}" title="${escape(block.name || hex(block.pc))}&#10;${block.insts} instructions, executed ${number.format(block.count)} times"></button>` : "").join("");
}

function list() {
  const text = $("filter").value.trim().toLowerCase();
  const shown = data.regions.map((region, index) => [region, index]).filter(([region]) => region.name.toLowerCase().includes(text) || hex(region.start).includes(text));
  const most = Math.max(1, ...heats);
  $("regions").innerHTML = shown.map(([region, index]) => `<li><a href="#${hex(region.start)}" ${index === open ? 'aria-current="true"' : ""} style="--share:${(100 * heats[index] / most).toFixed(1)}%"><b title="${escape(region.name)}">${escape(region.name)}</b><i>${share(heats[index])}</i><small>${number.format(region.insts)} instructions · ${number.format(region.bytes)} bytes</small>${total ? "<u></u>" : ""}</a></li>`).join("");
}

// ---- search -----------------------------------------------------------------------------------------------------

function search(step = 0) {
  const text = $("search").value.trim().toLowerCase();
  if (text !== found.text || step === 0) {
    const hits = [];
    if (text) for (const kind of KINDS) panes[kind].rows.forEach((row, index) => { if (row.text.toLowerCase().includes(text)) hits.push([kind, index]); });
    found = { text, hits, at: -1 };
  }
  if (step && found.hits.length) {
    found.at = (found.at + step + found.hits.length) % found.hits.length;
    const [kind, index] = found.hits[found.at];
    panes[kind].reveal(index, true);
    if (panes[kind].rows[index].pc !== pin) choose(panes[kind], index);
  }
  for (const pane of Object.values(panes)) pane.draw();
}

// ---- start ------------------------------------------------------------------------------------------------------

function address() {
  history.replaceState(null, "", "#" + hex(region.start) + (pin === null ? "" : "/" + hex(pin)));
}

function follow() {
  const [start, pc] = location.hash.slice(1).split("/").map(part => parseInt(part, 16));
  const index = data.regions.findIndex(region => region.start === start);
  show(Math.max(0, index), index >= 0 && !Number.isNaN(pc) ? pc : undefined);
}

function theme(step) {
  const names = ["auto", "light", "dark"];
  let name = "auto";
  try { name = localStorage.getItem("causality-theme") || name; } catch { /* A file of its own may have no storage. */ }
  if (step) name = names[(names.indexOf(document.documentElement.dataset.theme || "auto") + 1) % 3];
  if (name === "auto") delete document.documentElement.dataset.theme; else document.documentElement.dataset.theme = name;
  $("theme").dataset.state = name;
  $("theme").title = `Colours: ${name}`;
  if (step) try { localStorage.setItem("causality-theme", name); } catch { /* As above. */ }
}

function about() {
  const { title, arch, run, id, host } = data.about;
  $("title").textContent = title;
  $("about").textContent = [run && `${run.end} after ${number.format(run.retired)} instructions`, id.replace(/^(\w+:\w{16}).*/, "$1…")].filter(Boolean).join(" · ");
  $("about").title = [id, arch].filter(Boolean).join("\n");
  $("arch").textContent = host === "x86_64" ? "x86-64" : host;
  const rest = total ? data.about.elsewhere : 0;
  $("elsewhere").textContent = total ? `${many(data.regions.length, "region")}, the hottest first. ${share(rest)} of the run was elsewhere.` : `${many(data.regions.length, "region")}. The program was not run.`;
}

for (const kind of KINDS) panes[kind] = new Pane(kind);
$("strip").addEventListener("click", event => {
  const block = event.target.dataset.block;
  const row = block === undefined ? -1 : region.guest.findIndex(row => row[0] === +block);
  if (row >= 0) { pin = null; panes.guest.reveal(row); choose(panes.guest, row); }
});
document.querySelector(".choice").addEventListener("click", event => {
  if (!event.target.dataset.form) return;
  form = event.target.dataset.form;
  showClif();
  search();
  if (pin !== null && panes.clif.places.has(pin)) panes.clif.reveal(panes.clif.main(pin));
});
$("filter").addEventListener("input", list);
$("search").addEventListener("input", () => search());
$("search").addEventListener("keydown", event => { if (event.key === "Enter") search(event.shiftKey ? -1 : 1); });
$("theme").addEventListener("click", () => theme(1));
addEventListener("hashchange", follow);
addEventListener("keydown", event => {
  if (event.target.tagName === "INPUT") { if (event.key === "Escape") event.target.blur(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const rows = region.guest, at = rows.findIndex(row => row[1] === pin);
  const go = index => { if (rows[index]) { pin = null; panes.guest.reveal(index, true); choose(panes.guest, index); event.preventDefault(); } };
  if (event.key === "/") { $("search").focus(); event.preventDefault(); }
  else if (event.key === "Escape") { pin = null; redraw(); address(); }
  else if (event.key === "ArrowDown" || event.key === "j") go(at + 1);
  else if (event.key === "ArrowUp" || event.key === "k") go(Math.max(0, at - 1));
  else if (event.key === "]" || event.key === "[") { const index = open + (event.key === "]" ? 1 : -1); if (data.regions[index]) { show(index); address(); } }
});
theme(0);
about();
follow();
settled = true;
