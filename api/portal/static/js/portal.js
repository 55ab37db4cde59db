// Copy buttons, forms that apply themselves, counts announced after a swap. Everything works without this file.
(function () {
  "use strict";
  const root = document.documentElement;
  root.classList.add("scripted");

  function announce(text) {
    const line = document.getElementById("announce");
    if (line) line.textContent = text;
  }

  function textOf(button) {
    const block = button.closest(".code, [data-copy-from]");
    const source = block && (block.querySelector("pre") || block);
    return source ? source.textContent : "";
  }

  async function copy(button) {
    const word = button.querySelector("span");
    const before = word.textContent;
    try {
      await navigator.clipboard.writeText(textOf(button));
    } catch {
      const range = document.createRange();
      range.selectNodeContents(button.closest(".code").querySelector("pre"));
      const selection = window.getSelection();
      selection.removeAllRanges();
      selection.addRange(range);
      return;
    }
    word.textContent = document.body.dataset.copied;
    button.classList.add("good");
    announce(document.body.dataset.copied);
    setTimeout(function () {
      word.textContent = before;
      button.classList.remove("good");
    }, 2000);
  }

  function ready(scope) {
    scope.querySelectorAll("[data-copy]").forEach(function (button) { button.hidden = false; });
  }

  document.addEventListener("click", function (event) {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
    document.querySelectorAll("details.menu[open]").forEach(function (menu) {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  // A form with data-apply is sent as soon as a choice changes; without script its button does it.
  document.addEventListener("change", function (event) {
    const form = event.target.closest("form[data-apply]");
    if (form && !event.target.closest("[data-no-apply]")) form.requestSubmit();
  });

  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") return;
    const open = document.querySelector("details.menu[open]");
    if (open) {
      open.open = false;
      open.querySelector("summary").focus();
    }
  });

  // In a grid of fields the arrows go up and down a column; Tab goes on to the next field.
  document.addEventListener("keydown", function (event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !event.target.matches("input[data-grid]")) return;
    const cell = event.target.closest("td");
    const rows = Array.from(cell.closest("tbody").rows);
    for (let at = rows.indexOf(cell.parentElement) + step; rows[at]; at += step) {
      const other = rows[at].cells[cell.cellIndex];
      const field = other && other.querySelector("input[data-grid]");
      if (field) {
        event.preventDefault();
        field.focus();
        field.select();
        return;
      }
    }
  });

  document.addEventListener("htmx:afterSettle", function (event) {
    ready(document);
    const said = event.target.querySelector ? event.target.querySelector("[data-announce]") : null;
    if (said) announce(said.textContent.trim().replace(/\s+/g, " "));
  });
  // What does not come leads to its page, which says why; titles offered to somebody who types are not missed.
  function offered(event) { return event.detail.elt.matches("[data-search]"); }
  document.addEventListener("htmx:responseError", function (event) { if (!offered(event)) window.location.reload(); });
  document.addEventListener("htmx:sendError", function (event) {
    if (offered(event)) return;
    const path = event.detail && event.detail.pathInfo && event.detail.pathInfo.finalRequestPath;
    if (path) window.location.assign(path);
  });

  ready(document);
})();
