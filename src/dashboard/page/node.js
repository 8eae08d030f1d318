// One node: its attempts with what their gates and checks said, and its log as it grows.
const LOG = 400000;
const shownLog = { source: null, size: 0, key: "", details: "" };

function pick(id) {
  const other = id !== picked;
  picked = id;
  const wanted = id ? `#${encodeURIComponent(id)}` : "";
  if (location.hash !== wanted) history.replaceState(null, "", wanted || location.pathname);
  $("node-section").hidden = !id;
  if (other && id) { $("attempt").replaceChildren(); $("raw").checked = false; $("node-title").focus({ preventScroll: true }); $("node-section").scrollIntoView({ block: "nearest" }); }
  draw();
}

function drawNode() {
  const node = known.nodes[known.place.get(picked)];
  if (!node) { $("node-section").hidden = true; follow(null); return; }
  $("node-section").hidden = false;
  $("node-title").replaceChildren(mark(node.status), ` ${node.id} `, make("span", { class: "quiet" }, node.status));
  const tries = ["", ...node.tries.map((t) => String(t.n))], select = $("attempt");
  if (select.options.length !== tries.length) {
    const before = select.value;
    select.replaceChildren(...tries.map((n) => make("option", { value: n }, n || "newest")));
    select.value = tries.includes(before) ? before : "";
  }
  const state = JSON.stringify(node);
  if (shownLog.details !== state) { shownLog.details = state; details(node.id); }
  follow(`/log/${encodeURIComponent(node.id)}?view=${$("raw").checked ? "raw" : "read"}${select.value ? `&attempt=${select.value}` : ""}`);
}

async function details(id) {
  try {
    const answer = await fetch(`/node/${encodeURIComponent(id)}`);
    if (answer.ok && id === picked) $("details").replaceChildren(...nodeParts(await answer.json()));
  } catch { /* The line says that the server is gone. */ }
}

function fact(passed, ...words) {
  return make("li", {}, mark(passed ? "verified" : "failed"), make("span", { class: "quiet" }, passed ? "passed " : "failed "), ...words);
}

function nodeParts(node) {
  const file = (name) => make("a", { href: `/file/${encodeURIComponent(node.id)}/${name}`, target: "_blank", rel: "noopener" }, name);
  const parts = [make("p", {}, node.what)];
  if (node.reason) parts.push(make("p", {}, make("b", {}, node.reason)));
  parts.push(make("p", {}, file("verification.json"), " · ", file("diff.patch"), " · ", file("agent.log")));
  if (node.landed) parts.push(make("p", { class: "quiet" }, "landed as ", make("code", {}, node.landed.slice(0, 12))));
  const written = [...node.remediation, node.split].filter(Boolean);
  if (written.length) parts.push(make("p", { class: "quiet" }, "written: ", make("code", {}, written.join(", "))));
  for (const t of [...node.attempts].reverse()) parts.push(attemptPart(t));
  return parts;
}

function attemptPart(t) {
  const box = make("div", { class: "try" }, make("h3", {}, `Attempt ${t.n}: ${t.status || "no verdict yet"}${t.ms === null ? "" : `, ${clock(t.ms)}`}`));
  if (t.status && t.status !== "verified") box.append(make("p", {}, t.reason));
  const facts = make("ul", { class: "facts" });
  for (const a of t.agents) {
    const figures = [a.model, usd(a.cost), a.turns === null ? null : many(a.turns, "turn"), a.input === null ? null : `${count(a.input)} tokens in`, a.output === null ? null : `${count(a.output)} out`];
    facts.append(fact(!a.fault, `${a.name}, ${figures.filter((f) => f && f !== "–").join(", ")}${a.fault ? `: ${a.fault}` : ""}`));
  }
  if (t.diff) facts.append(make("li", { class: "quiet" }, `${many(t.diff.loc, "line")}${t.diff.cap === null ? "" : ` of at most ${count(t.diff.cap)}`} in ${many(t.diff.of, "file")}: ${t.diff.files.slice(0, 12).join(", ")}${t.diff.of > 12 ? " …" : ""}`));
  for (const g of t.gates) facts.append(fact(g.passed, `gate ${g.gate}: ${g.reason}`));
  for (const c of t.checks) {
    const line = fact(c.passed, c.invariant ? `${c.invariant} ` : "", make("code", {}, c.command), c.passed ? "" : c.timed_out ? " timed out" : ` exit ${c.exit ?? "by a signal"}`);
    for (const tail of [c.stdout, c.stderr]) if (tail) line.append(make("pre", { class: "tail" }, tail));
    facts.append(line);
  }
  box.append(facts);
  return box;
}

function follow(url) {
  if (shownLog.key === url) return;
  shownLog.key = url;
  if (shownLog.source) shownLog.source.close();
  shownLog.source = null;
  const pre = $("log");
  pre.replaceChildren(); shownLog.size = 0;
  if (!url) { shownLog.details = ""; return; }
  const source = shownLog.source = new EventSource(url);
  source.addEventListener("lines", (e) => {
    const { anew, skipped, lines } = JSON.parse(e.data);
    if (anew) { pre.replaceChildren(); shownLog.size = 0; }
    if (anew && skipped) addLog(`[${count(skipped)} bytes before this]\n`);
    if (lines.length) addLog(`${lines.join("\n")}\n`);
  });
  source.addEventListener("trouble", (e) => addLog(`[${e.data}]\n`));
}

function addLog(text) {
  const pre = $("log");
  pre.append(text); shownLog.size += text.length;
  while (shownLog.size > LOG && pre.childNodes.length > 1) { shownLog.size -= pre.firstChild.data.length; pre.firstChild.remove(); }
  if ($("stay").checked) pre.scrollTop = pre.scrollHeight;
}
