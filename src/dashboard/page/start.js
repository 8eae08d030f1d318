"use strict";
// Everything that others wrote is set as text, never as markup.
const STATUSES = ["verified", "failed", "oversized", "blocked", "cancelled", "running", "pending"];
const MARKS = { verified: "✓", failed: "✕", oversized: "▲", blocked: "⊘", cancelled: "–", running: "◐", pending: "○" };
const $ = (id) => document.getElementById(id);
// All that is known: rows by their places in the plan, and what is under way by id.
const known = { run: null, nodes: [], place: new Map(), live: { tasks: [], working: false }, told: 0, left: null };
let picked = null;

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined) continue;
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((c) => c !== null && c !== undefined));
  return node;
}

function mark(status) {
  const sign = make("span", { class: "mark", "aria-hidden": "true" }, MARKS[status] || "?");
  sign.style.background = `var(--${status})`;
  return sign;
}

const pad = (n) => String(n).padStart(2, "0");
function clock(ms) {
  if (ms === null || ms === undefined || !(ms >= 0)) return "–";
  const s = Math.floor(ms / 1000);
  return s >= 3600 ? `${Math.floor(s / 3600)}:${pad(Math.floor(s / 60) % 60)}:${pad(s % 60)}` : `${Math.floor(s / 60)}:${pad(s % 60)}`;
}
const usd = (value) => (value === null || value === undefined ? "–" : `$${value.toFixed(value < 10 ? 3 : 2)}`);
const count = (n) => (n === null || n === undefined ? "–" : n.toLocaleString("en"));
const many = (n, noun) => `${count(n)} ${noun}${n === 1 ? "" : "s"}`;
function now() {
  // A run that nobody works on stands still at its newest record.
  return known.live.working ? Date.now() : Date.parse(known.run && known.run.last) || Date.now();
}
// A canvas wants a colour, not a choice of two: asked of an element that has it.
function theme(name) {
  const probe = theme.probe = theme.probe || document.body.appendChild(make("i", { hidden: "" }));
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

// At most one drawing a frame, whatever arrives.
let due = false;
function draw() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => { due = false; drawAll(); });
}
