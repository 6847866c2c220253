// Sorts the rows by the selected heading: first ascending, then descending.
const table = document.querySelector("table.all");
const body = table.tBodies[0];
const headings = [...table.querySelectorAll("th[scope=col]")];
for (const [place, heading] of headings.entries()) {
  const button = heading.querySelector("button");
  if (!button) continue;
  button.addEventListener("click", () => {
    const down = heading.getAttribute("aria-sort") === "ascending";
    for (const other of headings) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = row => row.children[place].dataset.sort ?? row.children[place].textContent.trim();
    const rows = [...body.rows].sort((one, other) =>
      key(one).localeCompare(key(other), "en", {numeric: true, sensitivity: "base"}));
    body.append(...(down ? rows.reverse() : rows));
    document.querySelector("#sorted").textContent =
      `Sorted by ${button.textContent.trim()}, ${down ? "descending" : "ascending"}.`;
  });
}
