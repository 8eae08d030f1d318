"use strict";
(() => {
  const make = (name, props = {}, ...children) => {
    const element = Object.assign(document.createElement(name), props);
    element.append(...children);
    return element;
  };

  // Themes: what the system says, or the one that was chosen here (or in ?theme=).
  const root = document.documentElement;
  const themes = ["auto", "light", "dark"];
  const kept = () => { try { return localStorage.getItem("auditrun-theme"); } catch { return null; } };
  const keep = theme => { try { localStorage.setItem("auditrun-theme", theme); } catch { /* a file may have no storage */ } };
  const toggle = make("button", { type: "button", className: "plain theme" });
  const choose = theme => {
    if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme;
    toggle.textContent = `Theme: ${theme}`;
    toggle.dataset.now = theme;
  };
  toggle.addEventListener("click", () => {
    const next = themes[(themes.indexOf(toggle.dataset.now) + 1) % themes.length];
    choose(next);
    keep(next);
  });
  const asked = new URLSearchParams(location.search).get("theme") ?? kept();
  choose(themes.includes(asked) ? asked : "auto");
  document.querySelector(".top .bar")?.append(toggle);

  // Tables. A row is {cells: [{text, sort, href}], element}; those of a long table get their
  // element when they are shown first.
  const page = 100;
  const signs = new Map();
  const chip = text => {
    if (!signs.has(text)) return document.createTextNode(text);
    return signs.get(text).cloneNode(true);
  };
  for (const known of document.querySelectorAll(".chip")) {
    const word = known.lastChild.textContent.trim();
    if (!signs.has(word)) signs.set(word, known);
  }

  const read = row => ({
    element: row,
    cells: [...row.cells].map(cell => ({
      text: cell.textContent.trim(),
      sort: cell.dataset.sort === undefined ? null : Number(cell.dataset.sort),
    })),
  });
  const unpack = row => ({
    element: null,
    cells: row.map(cell => (Array.isArray(cell) ? { text: cell[0], sort: cell[1], href: cell[2] } : { text: cell, sort: null })),
  });
  const shown = (cell, kind) => {
    if (cell.href) return make("a", { href: cell.href }, cell.text);
    if (kind === "status" && cell.text) return chip(cell.text);
    if (kind === "code" && cell.text) return make("code", {}, cell.text);
    return document.createTextNode(cell.text);
  };

  for (const grid of document.querySelectorAll(".grid")) {
    const table = grid.querySelector("table");
    const heads = [...table.tHead.rows[0].cells];
    const body = table.tBodies[0];
    const data = grid.querySelector("script");
    const packed = data ? JSON.parse(data.textContent) : null;
    const rows = packed ? packed.rows.map(unpack) : [...body.rows].map(read);
    [...body.rows].forEach((row, at) => { if (rows[at]) rows[at].element = row; });
    const titles = heads.map(head => head.textContent);
    const draw = row => {
      if (row.element) return row.element;
      const element = make("tr");
      if (packed.anchor) element.id = `${packed.anchor}-${row.cells[0].text}`;
      row.cells.forEach((cell, at) => {
        const kind = packed.kinds[at];
        const slot = make(at ? "td" : "th", kind === "text" ? {} : { className: kind }, shown(cell, kind));
        if (!at) slot.scope = "row";
        slot.dataset.label = titles[at];
        element.append(slot);
      });
      row.element = element;
      return element;
    };

    let from = 0, found = rows, column = -1, way = 1;
    const said = make("span", { role: "status" });
    const filter = make("input", { type: "search", placeholder: "Filter" });
    filter.setAttribute("aria-label", `Filter: ${table.caption.textContent}`);
    const back = make("button", { type: "button", className: "plain" }, "Previous");
    const on = make("button", { type: "button", className: "plain" }, "Next");
    const show = () => {
      const last = Math.min(from + page, found.length);
      body.replaceChildren(...found.slice(from, last).map(draw));
      said.textContent = found.length
        ? `${from + 1}–${last} of ${found.length}${found.length < rows.length ? ` (${rows.length} in all)` : ""}`
        : `none of ${rows.length}`;
      back.disabled = from === 0;
      on.disabled = last >= found.length;
    };
    const order = (a, b) => {
      const x = a.cells[column], y = b.cells[column];
      if (x.sort !== null && y.sort !== null) return way * (x.sort - y.sort);
      // What is not known comes last, whichever way.
      if ((x.sort === null) !== (y.sort === null) && packedOrNumber(column)) return x.sort === null ? 1 : -1;
      return way * x.text.localeCompare(y.text, undefined, { numeric: true });
    };
    const packedOrNumber = at => heads[at].classList.contains("number");
    const find = () => {
      const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      const has = row => words.every(word => row.cells.some(cell => cell.text.toLowerCase().includes(word)));
      found = words.length ? rows.filter(has) : rows.slice();
      if (column >= 0) found.sort(order);
      from = 0;
      show();
    };
    heads.forEach((head, at) => {
      const button = make("button", { type: "button" }, titles[at]);
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        way = column === at ? -way : 1;
        column = at;
        heads.forEach(other => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", way > 0 ? "ascending" : "descending");
        find();
      });
    });
    if (rows.length > 12) {
      filter.addEventListener("input", find);
      back.addEventListener("click", () => { from = Math.max(0, from - page); show(); });
      on.addEventListener("click", () => { from += page; show(); });
      const pager = make("span", { className: "pager" }, said);
      if (rows.length > page) pager.append(back, on);
      grid.prepend(make("div", { className: "controls" }, filter, pager));
      grid.querySelector(".more")?.remove();
      show();
    }
  }
})();
