// A table of cells that arrows walk through: one of them at a time is in the way of Tab, and Enter opens it.
const table = document.getElementById("heat");
const grid = [...table.querySelectorAll("tbody tr")]
  .map((row) => [...row.querySelectorAll("td")].map((cell) => cell.querySelector("a.cell")))
  .filter((row) => row.some(Boolean));
const all = grid.flat().filter(Boolean);

function enter(link) {
  for (const one of all) one.tabIndex = one === link ? 0 : -1;
}

/** The next cell that leads somewhere from this place on, in steps of so many rows and columns; null at the edge. */
function next(row, column, [down, right]) {
  for (;;) {
    row += down;
    column += right;
    if (!grid[row] || column < 0 || column >= grid[row].length) return null;
    if (grid[row][column]) return grid[row][column];
  }
}

if (all.length) {
  enter(all[0]);
  table.addEventListener("focusin", (event) => {
    if (all.includes(event.target)) enter(event.target);
  });
  table.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    const row = grid.findIndex((cells) => cells.includes(event.target));
    if (!step || row < 0) return;
    event.preventDefault();
    next(row, grid[row].indexOf(event.target), step)?.focus();
  });
}
