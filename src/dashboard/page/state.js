// The run as a whole, what is under way, and the stream that all of it comes from.
known.generation = 0;

function drawHead() {
  const run = known.run, live = known.live;
  if (!run) return;
  const gone = run.run_id && !run.finished && !live.working;
  $("run").textContent = run.run_id ? `Run ${run.run_id}` : "No run yet";
  $("run").title = run.command;
  document.title = run.run_id ? `${run.verified}/${known.nodes.length} ${run.run_id}` : "auditrun";
  $("branch").textContent = run.branch || "";
  const verdict = $("verdict"), sentence = !run.run_id ? "No run has begun yet; this page shows it when it does."
    : run.finished ? run.sentence
    : gone ? `Nobody works on this run any more: ${count(run.verified)} of ${count(known.nodes.length)} nodes verified. auditrun resume goes on with it.`
    : run.kind === "running" ? `Under way: ${count(run.verified)} of ${count(known.nodes.length)} nodes verified.` : run.sentence;
  verdict.className = `verdict ${gone ? "halted" : run.kind}`;
  if (verdict.firstChild && verdict.firstChild.data !== sentence) verdict.replaceChildren(sentence);
  if (run.trouble) verdict.append(make("small", {}, run.trouble));
  const counts = {};
  for (const node of known.nodes) counts[node.status] = (counts[node.status] || 0) + 1;
  const share = STATUSES.filter((s) => counts[s]).map((s) => { const i = make("i", { title: `${s}: ${counts[s]}` }); i.style.flexGrow = counts[s]; i.style.background = `var(--${s})`; return i; });
  $("share").replaceChildren(...share);
  $("share").setAttribute("aria-label", STATUSES.filter((s) => counts[s]).map((s) => `${counts[s]} ${s}`).join(", "));
  $("legend").replaceChildren(...STATUSES.filter((s) => counts[s]).map((s) => make("span", {}, mark(s), ` ${s} ${count(counts[s])}`)));
  drawFigures(run, live);
}

function drawFigures(run, live) {
  const active = run.active_before_ms + Math.max(0, now() - run.since), paused = live.paused_until && live.paused_until > Date.now();
  const left = known.left === null ? null : Math.max(0, known.left - (Date.now() - known.told));
  const figures = [
    ["verified", `${count(run.verified)} of ${count(known.nodes.length)}`], ["active time", clock(active)],
    ["left", run.finished || !live.working ? "–" : left === null ? "not known yet" : `about ${clock(left)}`],
    ["cost", usd(live.cost)], ["tokens in", count(run.input_tokens)], ["tokens out", count(run.output_tokens)],
    ["dispatches", `${count(run.iteration)} of ${count(run.max_iterations)}`],
  ];
  if (run.notices) figures.push(["notices", count(run.notices)]);
  if (paused) figures.push(["rate limit", `all wait ${clock(live.paused_until - Date.now())}`]);
  const rows = figures.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value)));
  if (run.report) rows.push(make("div", {}, make("dt", {}, "report"), make("dd", {}, make("a", { href: "/report.html", target: "_blank", rel: "noopener" }, "report.html"))));
  $("figures").replaceChildren(...rows);
}

function drawRunning() {
  const tasks = known.live.tasks, list = $("running"), held = document.activeElement && document.activeElement.dataset.id;
  $("running-section").hidden = !tasks.length;
  $("running-title").textContent = tasks.length ? `Running ${count(tasks.length)}` : "Running";
  list.replaceChildren(...tasks.slice(0, 200).map((t) => make("li", {}, make("button", { type: "button", "data-id": t.id, onclick: () => pick(t.id) },
    make("b", {}, t.id, t.attempt > 1 ? ` #${t.attempt}` : ""),
    make("span", { class: "phase" }, t.phase, t.slow ? make("span", { class: "slow" }, " SLOW", t.usual_ms ? ` (usually ${clock(t.usual_ms)})` : "") : ""),
    make("span", { class: "number" }, clock(now() - t.since)), make("span", { class: "number" }, t.cost === null ? "" : usd(t.cost)),
    make("span", { class: "message" }, t.message)))));
  if (held && list.querySelector(`[data-id="${CSS.escape(held)}"]`)) list.querySelector(`[data-id="${CSS.escape(held)}"]`).focus();
}

function drawAll() { drawHead(); drawRunning(); drawGraph(); drawTimeline(); drawNode(); }

function connect() {
  const source = new EventSource("/events"), line = $("line");
  source.onopen = () => { line.textContent = "live"; line.className = "line on"; };
  source.onerror = () => { line.textContent = "not connected, trying again"; line.className = "line off"; };
  source.addEventListener("whole", (e) => {
    const { run, nodes } = JSON.parse(e.data);
    known.run = run; known.nodes = nodes; known.generation += 1;
    known.place = new Map(nodes.map((node, at) => [node.id, at]));
    for (const row of timeline.rows.values()) row.remove();
    timeline.rows.clear();
    draw();
  });
  source.addEventListener("changed", (e) => {
    const { run, nodes } = JSON.parse(e.data);
    known.run = run;
    for (const [at, node] of nodes) { known.nodes[at] = node; known.place.set(node.id, at); }
    draw();
  });
  source.addEventListener("live", (e) => {
    known.live = JSON.parse(e.data); known.left = known.live.left_ms; known.told = Date.now();
    draw();
  });
}

$("status").append(make("option", { value: "" }, "all"), ...STATUSES.map((s) => make("option", { value: s }, s)));
for (const id of ["find", "status", "order", "attempt", "raw"]) $(id).addEventListener("input", draw);
$("filter").addEventListener("submit", (e) => e.preventDefault());
$("rows").addEventListener("scroll", () => requestAnimationFrame(drawRows), { passive: true });
$("close").addEventListener("click", () => pick(null));
window.addEventListener("resize", draw);
window.addEventListener("hashchange", () => pick(decodeURIComponent(location.hash.slice(1)) || null));
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
picked = decodeURIComponent(location.hash.slice(1)) || null;
// Clocks move on by themselves.
setInterval(() => { if (known.live.working) { drawHead(); drawRunning(); reach(); drawAxis(); drawRows(); } }, 1000);
connect();
