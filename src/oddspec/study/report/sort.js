/* Tables are sorted by a click on a heading; without scripts they stay as they are. */
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = table.tHead.rows[table.tHead.rows.length - 1].cells;
  const body = table.tBodies[0];
  for (const head of heads) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const at = head.cellIndex;
      const rows = Array.from(body.rows).filter((row) => !row.classList.contains("total"));
      const totals = Array.from(body.rows).filter((row) => row.classList.contains("total"));
      const key = (row) => {
        const cell = row.cells[at];
        const number = cell.dataset.sort;
        return number === undefined ? cell.textContent.trim() : number === "" ? null : Number(number);
      };
      rows.sort((one, other) => {
        const a = key(one), b = key(other);
        if (a === null || b === null) return (a === null) - (b === null);
        const order = typeof a === "number" && typeof b === "number" ? a - b
          : String(a).localeCompare(String(b), undefined, { numeric: true });
        return up ? order : -order;
      });
      body.append(...rows, ...totals);
    });
  }
}
