// Tables sort by a click on a head, and the form above one filters its rows. Of very many rows some are shown at a time,
// since a browser takes seconds to lay out thousands. Without this script they are plain tables with all rows.
"use strict";
(() => {
  const AT_ONCE = 400;
  const order = new Intl.Collator("en", { numeric: true });
  const words = (row, column) => row.cells[column].textContent.trim();
  const number = (row, column) => parseFloat(words(row, column).replace(/,/g, ""));
  const absent = (key) => key === "" || key === "-" || Number.isNaN(key);
  const count = (n) => n.toLocaleString("en");

  const tests = {
    text: (wanted) => {
      const parts = wanted.toLowerCase().split(/\s+/);
      return (row) => parts.every((part) => row.textContent.toLowerCase().includes(part));
    },
    equal: (wanted, column) => (row) => words(row, column) === wanted,
    least: (wanted, column) => (row) => number(row, column) >= parseFloat(wanted),
  };

  function enliven(table) {
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    const names = heads.map((head) => head.textContent.trim());
    const form = document.querySelector(`form[data-table="${table.id}"]`);
    const more = document.createElement("button");
    let rows = [...body.rows];
    let most = AT_ONCE;

    function show() {
      const asked = (form ? [...form.querySelectorAll("select, input")] : [])
        .filter((field) => field.value.trim() !== "")
        .map((field) => tests[field.dataset.test](field.value.trim(), names.indexOf(field.name)));
      const fitting = rows.filter((row) => asked.every((test) => test(row)));
      body.replaceChildren(...fitting.slice(0, most));
      more.hidden = fitting.length <= most;
      more.textContent = `Show more (${count(fitting.length - most)} left)`;
      if (form) form.querySelector("output").value = `${count(fitting.length)} of ${count(rows.length)} episodes`;
    }

    function sort(head, column) {
      const numeric = head.classList.contains("n");
      const before = head.getAttribute("aria-sort");
      const down = before ? before === "ascending" : numeric; // numbers begin with the largest
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = numeric ? number : words;
      const keyed = rows.map((row) => [key(row, column), row]);
      keyed.sort(([a], [b]) => {
        if (absent(a) || absent(b)) return absent(a) - absent(b); // always last
        return (numeric ? a - b : order.compare(a, b)) * (down ? -1 : 1);
      });
      rows = keyed.map(([, row]) => row);
      show();
    }

    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(head, column));
      head.append(button);
    });
    const asked = new URLSearchParams(location.hash.slice(1)); // `#status=no+submission`: links that say which rows
    for (const field of form ? form.querySelectorAll("select, input") : []) {
      if (asked.has(field.name)) field.value = asked.get(field.name);
    }
    more.type = "button";
    more.className = "more";
    more.addEventListener("click", () => {
      most += AT_ONCE;
      show();
    });
    table.after(more);
    if (form) {
      form.addEventListener("input", show);
      form.addEventListener("change", show);
      form.addEventListener("reset", () => setTimeout(show)); // the fields are emptied after the event
      form.addEventListener("submit", (event) => event.preventDefault());
      form.hidden = false;
      window.addEventListener("pageshow", show); // a browser going back puts the fields as they were
    }
    show();
  }

  document.querySelectorAll("table.sortable").forEach(enliven);
})();
