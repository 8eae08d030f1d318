for (const head of document.querySelectorAll("th")) {
  head.addEventListener("click", () => {
    const table = head.closest("table"), body = table.tBodies[0], column = head.cellIndex;
    const way = head.dataset.way === "1" ? -1 : 1;
    for (const other of table.querySelectorAll("th")) delete other.dataset.way;
    head.dataset.way = way;
    const text = row => row.cells[column].textContent;
    const figure = s => /^\$?-?[\d.]+$/.test(s) ? parseFloat(s.replace("$", "")) : NaN;
    const order = (a, b) => {
      const x = figure(text(a)), y = figure(text(b));
      return way * (Number.isNaN(x) || Number.isNaN(y) ? text(a).localeCompare(text(b), undefined, { numeric: true }) : x - y);
    };
    body.append(...[...body.rows].sort(order));
  });
}
