// Keys: "/" to search, "g" then a letter for a place, "?" for the list; arrows within segmented controls and the matrix.
// Single keys are switched off by the reader's choice (data-keys on the document element).
(function () {
  "use strict";
  const on = document.documentElement.dataset.keys !== "off";
  let waiting = 0;

  function typing(target) {
    return target.closest("input, textarea, select, [contenteditable]") !== null;
  }

  function search() {
    const fields = Array.from(document.querySelectorAll("[data-search]")).filter(function (field) { return field.offsetParent; });
    if (fields.length) {
      fields[0].focus();
      fields[0].select();
      return true;
    }
    return false;
  }

  function goTo(letter) {
    const link = document.querySelector('.places a[data-key="' + CSS.escape(letter) + '"]');
    if (link) link.click();
    return Boolean(link);
  }

  // The list of keys over the page, which stays as it is; Esc or the button closes it and returns the focus.
  function listKeys() {
    fetch("/help/keys", { headers: { accept: "text/html" } })
      .then(function (answer) { return answer.ok ? answer.text() : Promise.reject(new Error(answer.status)); })
      .then(function (text) {
        const told = new DOMParser().parseFromString(text, "text/html");
        const dialog = document.createElement("dialog");
        dialog.className = "keys";
        dialog.setAttribute("aria-labelledby", "keys-title");
        const title = told.querySelector("h1");
        title.id = "keys-title";
        const close = document.createElement("button");
        close.className = "btn small";
        close.textContent = told.querySelector("[data-close]").dataset.close;
        close.addEventListener("click", function () { dialog.close(); });
        const head = document.createElement("div");
        head.className = "keys-head";
        head.append(title, close);
        dialog.append(head, told.querySelector("#content table"));
        dialog.addEventListener("close", function () { dialog.remove(); });
        document.body.append(dialog);
        dialog.showModal();
      })
      .catch(function () { window.location.assign("/help/keys"); });
  }

  function neighbours(target) {
    const segment = target.closest(".segment");
    if (segment) return { row: Array.from(segment.querySelectorAll("a")), column: [] };
    const cell = target.closest(".matrix .cell");
    if (!cell) return null;
    const holder = cell.closest("td");
    const line = Array.from(holder.parentElement.querySelectorAll("a.cell"));
    const index = holder.cellIndex;
    const rows = Array.from(holder.closest("tbody").rows);
    const column = rows.map(function (row) { return row.cells[index] && row.cells[index].querySelector("a.cell"); }).filter(Boolean);
    return { row: line, column: column };
  }

  function arrow(event) {
    const around = neighbours(event.target);
    if (!around) return;
    const sideways = event.key === "ArrowLeft" || event.key === "ArrowRight";
    const list = sideways ? around.row : around.column;
    const step = event.key === "ArrowRight" || event.key === "ArrowDown" ? 1 : -1;
    const next = list[list.indexOf(event.target.closest("a")) + step];
    if (next) {
      event.preventDefault();
      next.focus();
    }
  }

  document.addEventListener("keydown", function (event) {
    if (event.key.startsWith("Arrow")) arrow(event);
    if (!on || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (waiting && Date.now() - waiting < 1500) {
      waiting = 0;
      if (goTo(event.key)) event.preventDefault();
      return;
    }
    if (event.key === "/" && search()) event.preventDefault();
    if (event.key === "g") waiting = Date.now();
    if (event.key === "?" && !document.querySelector("dialog[open]")) listKeys();
  });
})();
