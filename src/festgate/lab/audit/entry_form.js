// Makes the text of the tables from the numbers that a person types beside the screenshots.
(() => {
  const NUMBER = /^(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?$/;
  const SIDES = {before: "Before", after: "After"};
  // The headings of the columns of rates show the period of the rates: the whole run, or its last ten seconds.
  const IN_TERMINAL = {"Current RPS": "Requests/s", "Current Failures/s": "Failures/s"};

  const part = (form, name) => form.querySelector(`template[data-part=${name}]`).content.firstElementChild.cloneNode(true);
  const clean = text => text.replace(/[\s\u00a0]+/g, " ").trim();
  const cell = text => clean(text).replace(/[\\|]/g, "\\$&");
  const sideOf = shot => shot.querySelector(".entry-sides input:checked")?.value ?? "";

  for (const [place, form] of [...document.querySelectorAll("form.entry")].entries()) begin(form, place);

  function begin(form, place) {
    const list = form.querySelector("datalist");
    list.id += `-${place}`;
    let changed = false;
    const shots = () => [...form.querySelectorAll(".entry-shot")];
    const state = text => { form.querySelector(".entry-state").textContent = text; };

    // Radio buttons of one picture form a group of their own; every row finds the list of names.
    const connect = () => {
      for (const [number, shot] of shots().entries()) {
        for (const radio of shot.querySelectorAll("input[type=radio]")) radio.name = `side-${place}-${number}`;
      }
      for (const input of form.querySelectorAll("input[name=name]")) input.setAttribute("list", list.id);
    };
    connect();

    form.addEventListener("input", event => {
      changed = true;
      const row = event.target.closest(".entry-row");
      if (row) row.querySelector(".entry-problem").textContent = "";
      event.target.removeAttribute("aria-invalid");
    });
    form.addEventListener("change", event => {
      if (event.target.type === "radio") {
        event.target.closest(".entry-shot").querySelector(".entry-rows").hidden = !event.target.value;
      }
    });
    form.addEventListener("click", event => {
      const button = event.target.closest("button[data-do]");
      if (!button) return;
      const shot = button.closest(".entry-shot");
      const action = button.dataset.do;
      if (action === "zoom") {
        const full = shot.querySelector("img").classList.toggle("entry-full");
        button.setAttribute("aria-pressed", String(full));
      } else if (action === "row" || action === "total") {
        const row = part(form, "row");
        if (action === "total") {
          row.querySelector("[name=type]").value = "";
          row.querySelector("[name=name]").value = "Aggregated";
        }
        shot.querySelector(".entry-list").append(row);
        connect();
        row.querySelector(action === "total" ? "[data-column]" : "[name=name]").focus();
      } else if (action === "remove") {
        const next = shot.querySelector("[data-do=row]");
        button.closest(".entry-row").remove();
        next.focus();
      } else if (action === "table") {
        const added = part(form, "shot");
        button.closest("p").before(added);
        connect();
        added.querySelector("input").focus();
      } else if (action === "copy") {
        const text = textOf();
        if (text) {
          navigator.clipboard.writeText(text).then(
            () => state(`Copied. Paste it into a file with the name ${form.dataset.file}.`),
            () => state("The browser does not allow copying here. Download the file instead."));
        }
      }
    });
    form.addEventListener("submit", event => {
      event.preventDefault();
      const text = textOf();
      if (!text) return;
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([text], {type: "text/markdown;charset=utf-8"}));
      link.download = form.dataset.file;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
      changed = false;
      state(`Downloaded ${form.dataset.file}. Move it to the folder of ${form.dataset.report}.`);
    });
    addEventListener("beforeunload", event => { if (changed) event.preventDefault(); });

    // Return the text, or nothing if a number is missing or wrong; the first such field gets the focus.
    function textOf() {
      const wrong = [];
      const web = form.querySelector("[name=source]").value === "web";
      const parts = [`# Tables of ${clean(form.dataset.report)}`, "Typed from its screenshots."];
      const users = form.querySelector("[name=users]");
      if (clean(users.value)) {
        if (/^[1-9]\d{0,5}$/.test(clean(users.value))) parts.push(`Users: ${clean(users.value)}`);
        else wrong.push([users, null, ""]);
      }
      let tables = 0;
      for (const shot of shots()) {
        const side = sideOf(shot);
        if (!side) continue;
        tables += 1;
        const name = clean(shot.dataset.name) || `table ${tables}`;
        const rows = [...shot.querySelectorAll(".entry-row")].map(row => cellsOf(row, wrong));
        if (rows.length === 1 && rows[0][1] !== "Aggregated") rows.push(["", "Aggregated", ...rows[0].slice(2)]);
        rows.sort((one, other) => (one[1] === "Aggregated") - (other[1] === "Aggregated"));
        const columns = [...shot.querySelector(".entry-row").querySelectorAll("[data-column]")]
          .map(input => input.dataset.column).map(column => web ? column : IN_TERMINAL[column] ?? column);
        const head = ["Type", "Name", ...columns];
        const lines = [head, head.map(() => "---"), ...rows].map(cells => `| ${cells.join(" | ")} |`);
        parts.push(`## ${SIDES[side]}: ${name}`, lines.join("\n"));
      }
      for (const [input, row, sentence] of wrong) {
        input.setAttribute("aria-invalid", "true");
        const problem = row?.querySelector(".entry-problem");
        if (problem && !problem.textContent) problem.textContent = sentence;
      }
      if (wrong.length) {
        state(wrong.length === 1 ? "One field has to be corrected." : `${wrong.length} fields have to be corrected.`);
        wrong[0][0].focus();
        return "";
      }
      if (!tables) {
        state("Choose before or after for at least one picture, and type its numbers.");
        return "";
      }
      return parts.join("\n\n") + "\n";
    }
  }

  // Return the cells of a row, and add its wrong fields to the list.
  function cellsOf(row, wrong) {
    const name = row.querySelector("[name=name]");
    if (!clean(name.value)) wrong.push([name, row, "Type the name, such as /events."]);
    const inputs = [...row.querySelectorAll("[data-column]")];
    const value = {};
    for (const input of inputs) {
      const text = clean(input.value);
      if (text && !NUMBER.test(text)) {
        wrong.push([input, row, `${input.dataset.column}: ${text} is not a number such as 1,234.5.`]);
      } else if (text) {
        value[input.dataset.column] = Number(text.replaceAll(",", ""));
      }
    }
    const field = column => inputs.find(input => input.dataset.column === column);
    for (const column of ["# Requests", "# Fails"]) {
      if (!clean(field(column).value)) wrong.push([field(column), row, `${column}: type the number, which can be 0.`]);
      else if (!Number.isInteger(value[column] ?? 0)) wrong.push([field(column), row, `${column}: type a whole number.`]);
    }
    if (value["# Fails"] > value["# Requests"]) {
      wrong.push([field("# Fails"), row, "# Fails is larger than # Requests."]);
    }
    if (!clean(field("Average (ms)").value) && !clean(field("Median (ms)").value)) {
      wrong.push([field("Average (ms)"), row, "Type the average or the median."]);
    }
    const [least, middle, most] = ["Min (ms)", "Average (ms)", "Max (ms)"].map(column => value[column]);
    if (least > most) wrong.push([field("Max (ms)"), row, "Max is smaller than Min."]);
    else if (middle > most + 1 || middle < least - 1) {
      wrong.push([field("Average (ms)"), row, "The average does not lie between Min and Max."]);
    }
    return [cell(row.querySelector("[name=type]").value), cell(name.value), ...inputs.map(input => clean(input.value))];
  }
})();
