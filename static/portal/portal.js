"use strict";

/* Small conveniences. Every page works without them. */
(() => {
  // A form is sent once.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.hasAttribute("hx-post") || "download" in form.dataset || form.dataset.sent) {
      if (form.dataset.sent) event.preventDefault();
      return;
    }
    form.dataset.sent = "1";
    setTimeout(() => {
      for (const button of form.querySelectorAll("button[type=submit]")) button.disabled = true;
    }, 0);
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll("button[type=submit]")) button.disabled = false;
    }
  });

  // Filter menus: one open at a time, closed by a click elsewhere or Escape.
  const menus = () => document.querySelectorAll("details.filter-menu[open]");
  document.addEventListener("click", (event) => {
    for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of menus()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  // More rows for identifiers than the page starts with; the first rows suffice without this script.
  const rows = document.querySelector("[data-identifiers]");
  if (rows) {
    const all = [...rows.querySelectorAll(".identifier-row")];
    const blank = (row) => !row.querySelector("input").value && !row.querySelector(".field-error");
    all.slice(1).forEach((row) => (row.hidden = blank(row)));
    const more = document.querySelector("[data-more-identifiers]");
    more.hidden = false;
    more.addEventListener("click", () => {
      const next = all.find((row) => row.hidden);
      if (next) {
        next.hidden = false;
        next.querySelector("input").focus();
      }
      more.hidden = !all.some((row) => row.hidden);
    });
  }

  // A panel that could not be fetched says so.
  document.addEventListener("htmx:responseError", (event) => {
    const note = document.createElement("div");
    note.className = "note bad";
    note.setAttribute("role", "alert");
    note.append(document.createElement("p"));
    note.firstChild.textContent = "This part could not be loaded. Reload the page; what was saved is safe.";
    event.detail.target.replaceChildren(note);
  });

  // Staff fields only where the person is staff.
  const kind = document.querySelector("select[name=subject_kind]");
  const staff = document.querySelector("[data-staff-only]");
  if (kind && staff) {
    const show = () => {
      staff.hidden = kind.value !== "staff";
    };
    kind.addEventListener("change", show);
    show();
  }
})();
