// A row for each node with its attempts over time. Only the rows in sight exist.
const ROW = 28, SPARE = 8;
const timeline = { order: [], span: [0, 1], rows: new Map() };

function taken(node) {
  return node.tries.reduce((sum, t) => sum + Math.max(0, (t.to ?? (t.status === "running" ? now() : t.from)) - t.from), 0);
}

function arrange() {
  const find = $("find").value.trim().toLowerCase(), status = $("status").value, order = $("order").value;
  const fits = (n) => (!status || n.status === status) && (!find || `${n.id} ${n.what} ${n.agent} ${n.reason}`.toLowerCase().includes(find));
  const places = [];
  known.nodes.forEach((node, at) => { if (fits(node)) places.push(at); });
  const rank = { failed: 0, oversized: 0, running: 1, cancelled: 2 };
  const by = {
    look: (n) => rank[n.status] ?? 3,
    start: (n) => (n.tries.length ? n.tries[0].from : Infinity),
    long: (n) => -taken(n),
    cost: (n) => -(n.cost ?? -1),
  }[order];
  if (by) {
    const keys = new Map(places.map((at) => [at, by(known.nodes[at])]));
    places.sort((a, b) => keys.get(a) - keys.get(b) || a - b);
  }
  timeline.order = places;
  $("shown").textContent = places.length === known.nodes.length ? "" : `${count(places.length)} of ${count(known.nodes.length)}`;
}

function reach() {
  let from = Infinity, to = -Infinity;
  for (const node of known.nodes) for (const t of node.tries) {
    from = Math.min(from, t.from); to = Math.max(to, t.to ?? t.from);
  }
  if (from === Infinity) from = to = Date.parse(known.run && known.run.started) || 0;
  if (known.nodes.some((n) => n.status === "running")) to = Math.max(to, now());
  timeline.span = [from, Math.max(to, from + 1000)];
}

const part = (ms) => { const [a, b] = timeline.span; return Math.min(100, Math.max(0, ((ms - a) / (b - a)) * 100)); };

function drawAxis() {
  const [a, b] = timeline.span, wide = $("rows").clientWidth < 700 ? 2 : 5;
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400].map((s) => s * 1000);
  const step = steps.find((s) => (b - a) / s <= wide) || b - a, ticks = make("div", { class: "ticks" });
  for (let t = 0; t < b - a; t += step) {
    const tick = make("span", {}, clock(t));
    tick.style.left = `${part(a + t)}%`;
    ticks.append(tick);
  }
  $("axis").replaceChildren(make("span", {}, "node"), make("span", {}, "time"), make("span", { class: "cost" }, "cost"), ticks);
}

function fillRow(row, node, index) {
  const name = make("span", { class: "name" }, mark(node.status), make("b", {}, node.id));
  const lane = make("span", { class: "lane" });
  for (const t of node.tries) {
    const end = t.to ?? (t.status === "running" ? now() : t.from), bar = make("i", { title: `attempt ${t.n}: ${t.status}, ${clock(end - t.from)}` });
    bar.style.left = `${part(t.from)}%`; bar.style.width = `${part(end) - part(t.from)}%`; bar.style.background = `var(--${t.status})`;
    lane.append(bar);
  }
  const task = known.live.tasks.find((t) => t.id === node.id), cost = task ? task.cost : node.cost;
  row.replaceChildren(name, make("span", { class: "number" }, node.tries.length ? clock(taken(node)) : ""), make("span", { class: "number cost" }, cost === null ? "" : usd(cost)), lane);
  row.style.top = `${index * ROW}px`;
  row.classList.toggle("picked", node.id === picked);
  row.setAttribute("aria-posinset", index + 1); row.setAttribute("aria-setsize", timeline.order.length);
  row.setAttribute("aria-label", `${node.id}, ${node.status}, ${node.tries.length} attempts, ${clock(taken(node))}`);
  row.onclick = () => pick(node.id);
}

function drawRows() {
  const box = $("rows"), spacer = $("spacer"), few = timeline.order.length * ROW < 560;
  box.classList.toggle("few", few);
  spacer.style.height = `${timeline.order.length * ROW}px`;
  const first = few ? 0 : Math.max(0, Math.floor(box.scrollTop / ROW) - SPARE);
  const last = few ? timeline.order.length : Math.min(timeline.order.length, Math.ceil((box.scrollTop + box.clientHeight) / ROW) + SPARE);
  const stay = new Set();
  for (let index = first; index < last; index++) {
    const at = timeline.order[index];
    let row = timeline.rows.get(at);
    if (!row) {
      row = make("button", { class: "row", type: "button", role: "listitem" });
      timeline.rows.set(at, row); spacer.append(row);
    }
    fillRow(row, known.nodes[at], index);
    stay.add(at);
  }
  for (const [at, row] of timeline.rows) if (!stay.has(at)) { row.remove(); timeline.rows.delete(at); }
}

function drawTimeline() { arrange(); reach(); drawAxis(); drawRows(); }
