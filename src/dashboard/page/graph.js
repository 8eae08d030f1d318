// The graph: boxes and edges where they can be told apart, else a square for each node.
const BOXES = 300, BOX = { w: 190, h: 40, gx: 70, gy: 12, top: 34 }, CELL = 14;
const SVG = "http://www.w3.org/2000/svg";
const graph = { key: "", boxes: [], edges: [], near: new Map(), cells: null };

function svg(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function tiers() {
  const found = [];
  known.nodes.forEach((node, at) => { (found[node.tier] = found[node.tier] || []).push(at); });
  return Array.from(found, (tier) => tier || []);
}

function drawGraph() {
  const big = known.nodes.length > BOXES;
  const key = `${known.run && known.run.run_id}/${known.generation}/${big ? $("graph").clientWidth : ""}`;
  if (key !== graph.key) { graph.key = key; big ? buildCells() : buildBoxes(); }
  big ? paintCells() : paintBoxes();
}

function buildBoxes() {
  const columns = tiers(), most = Math.max(1, ...columns.map((c) => c.length)), at = [];
  const width = columns.length * (BOX.w + BOX.gx), height = BOX.top + most * (BOX.h + BOX.gy) + 8;
  const root = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Nodes by tier" });
  const lines = svg("g", {}), boxes = svg("g", {});
  columns.forEach((column, c) => {
    const label = svg("text", { x: 20 + c * (BOX.w + BOX.gx), y: 22, class: "small" });
    label.textContent = `tier ${c}`;
    root.append(label);
    column.forEach((node, r) => { at[node] = { x: 20 + c * (BOX.w + BOX.gx), y: BOX.top + r * (BOX.h + BOX.gy) }; });
  });
  graph.cells = null; graph.boxes = []; graph.edges = [];
  known.nodes.forEach((node, n) => {
    for (const from of node.after) if (at[from]) {
      const [a, b] = [at[from], at[n]], bend = BOX.gx / 2;
      const edge = svg("path", { class: "edge", d: `M${a.x + BOX.w} ${a.y + BOX.h / 2}C${a.x + BOX.w + bend} ${a.y + BOX.h / 2} ${b.x - bend} ${b.y + BOX.h / 2} ${b.x} ${b.y + BOX.h / 2}` });
      lines.append(edge); graph.edges.push({ edge, from, to: n });
    }
    const group = svg("g", { tabindex: "0", role: "button" });
    const box = svg("rect", { class: "box", x: at[n].x, y: at[n].y, width: BOX.w, height: BOX.h, rx: 6 });
    const name = svg("text", { x: at[n].x + 10, y: at[n].y + 17 }), what = svg("text", { class: "small", x: at[n].x + 10, y: at[n].y + 32 });
    group.append(box, name, what);
    group.addEventListener("click", () => pick(node.id));
    group.addEventListener("keydown", (e) => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); pick(node.id); } });
    boxes.append(group); graph.boxes.push({ group, box, name, what });
  });
  root.append(lines, boxes);
  $("graph").replaceChildren(root);
  showFront((n) => { $("graph").scrollLeft = at[n].x - $("graph").clientWidth / 2; });
}

// Begins where something is left to look at, not at what is done.
function showFront(show) {
  const front = known.nodes.findIndex((node) => node.status !== "verified");
  if (front >= 0) show(front);
}

function paintBoxes() {
  known.nodes.forEach((node, n) => {
    const { group, box, name, what } = graph.boxes[n];
    box.style.stroke = `var(--${node.status})`;
    box.style.fill = node.status === "pending" ? "" : `color-mix(in srgb, var(--${node.status}) 18%, var(--back))`;
    name.textContent = `${MARKS[node.status]} ${cut(node.id, 24)}`;
    what.textContent = cut(node.what, 30);
    group.setAttribute("aria-label", `${node.id}, ${node.status}: ${node.what}`);
    group.classList.toggle("picked", node.id === picked);
  });
  const own = known.place.get(picked);
  for (const { edge, from, to } of graph.edges) edge.classList.toggle("near", from === own || to === own);
}

const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

// A square for each node, tier by tier. One canvas stays fast where ten thousand elements don't.
function buildCells() {
  const holder = $("graph"), wide = Math.max(200, holder.clientWidth - 80), across = Math.max(1, Math.floor(wide / CELL));
  const cells = [];
  let y = 8;
  const labels = [];
  tiers().forEach((tier, number) => {
    labels.push({ y, text: `tier ${number}` });
    tier.forEach((node, i) => { cells[node] = { x: 62 + (i % across) * CELL, y: y + Math.floor(i / across) * CELL }; });
    y += Math.max(1, Math.ceil(tier.length / across)) * CELL + 8;
  });
  const canvas = make("canvas", { role: "img", "aria-label": "A square for each node; the timeline below lists them" });
  const scale = window.devicePixelRatio || 1, width = 70 + across * CELL;
  canvas.width = width * scale; canvas.height = y * scale;
  canvas.style.width = `${width}px`; canvas.style.height = `${y}px`;
  graph.cells = { canvas, cells, labels, scale, tip: make("div", { class: "tip", hidden: "" }) };
  graph.boxes = []; graph.edges = [];
  const under = (e) => {
    const box = canvas.getBoundingClientRect(), px = e.clientX - box.left, py = e.clientY - box.top;
    return cells.findIndex((c) => c && px >= c.x && px < c.x + CELL && py >= c.y && py < c.y + CELL);
  };
  canvas.addEventListener("click", (e) => { const at = under(e); if (at >= 0) pick(known.nodes[at].id); });
  canvas.addEventListener("mousemove", (e) => {
    const node = known.nodes[under(e)], tip = graph.cells.tip;
    tip.hidden = !node;
    if (!node) return;
    tip.textContent = `${node.id}: ${node.status}. ${node.what}`;
    tip.style.left = `${Math.min(e.clientX + 12, window.innerWidth - 240)}px`; tip.style.top = `${e.clientY + 14}px`;
  });
  canvas.addEventListener("mouseleave", () => { graph.cells.tip.hidden = true; });
  holder.replaceChildren(canvas, graph.cells.tip);
  showFront((n) => { holder.scrollTop = cells[n].y - holder.clientHeight / 2; });
}

function paintCells() {
  const { canvas, cells, labels, scale } = graph.cells, pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.font = "11px system-ui, sans-serif"; pen.fillStyle = theme("quiet"); pen.textBaseline = "top";
  for (const label of labels) pen.fillText(label.text, 8, label.y + 1);
  const middle = (at) => [cells[at].x + CELL / 2 - 1, cells[at].y + CELL / 2 - 1];
  const line = (from, to) => { pen.beginPath(); pen.moveTo(...middle(from)); pen.lineTo(...middle(to)); pen.stroke(); };
  for (const status of STATUSES) {
    pen.fillStyle = theme(status);
    known.nodes.forEach((node, at) => {
      if (node.status !== status || !cells[at]) return;
      const { x, y } = cells[at];
      pen.fillRect(x, y, CELL - 2, CELL - 2);
      // Not by colour alone: what failed has a hole, what runs a dot.
      if (status === "failed" || status === "oversized") pen.clearRect(x + 4, y + 4, CELL - 10, CELL - 10);
      if (status === "running") pen.clearRect(x + 3, y + 5, CELL - 8, 2);
    });
  }
  const own = known.place.get(picked);
  if (own === undefined) return;
  pen.strokeStyle = theme("text"); pen.lineWidth = 1;
  known.nodes[own].after.forEach((from) => line(from, own));
  known.nodes.forEach((node, at) => { if (node.after.includes(own)) line(own, at); });
  pen.lineWidth = 2; pen.strokeRect(cells[own].x - 1, cells[own].y - 1, CELL, CELL);
}
