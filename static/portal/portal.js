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

  // A form in which much is typed asks first whether its sender is still signed in, so that nothing typed is lost.
  const notice = (form, words, address) => {
    const note = form.querySelector("[data-signed-out]") || document.createElement("div");
    note.className = "note bad";
    note.dataset.signedOut = "";
    note.setAttribute("role", "alert");
    note.replaceChildren(document.createElement("p"));
    note.firstChild.textContent = words;
    if (address) {
      const link = document.createElement("a");
      [link.href, link.target, link.rel, link.textContent] = [address, "_blank", "noopener", "Sign in"];
      note.firstChild.append(" ", link);
    }
    form.prepend(note);
    note.scrollIntoView({ block: "center" });
  };
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.dataset.keep) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    try {
      const answer = await fetch(form.dataset.keep, { headers: { accept: "application/json" }, cache: "no-store" });
      const told = await answer.json();
      if (!told.signed_in) {
        notice(form, "You have been signed out. Sign in in another tab, come back, and send this again: nothing you typed is lost.", told.sign_in);
        return;
      }
      form.elements.csrfmiddlewaretoken.value = told.token;
      form.dataset.sent = "1";
      form.submit();
    } catch {
      notice(form, "The portal does not answer. Nothing you typed is lost: send it again in a moment.");
    }
  }, true);

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

  // What looks again by itself does so while somebody can see it, and at once when they come back.
  const looks = "[hx-trigger^=every]";
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden && event.detail.elt.matches(looks)) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    for (const part of document.querySelectorAll(looks)) part.dispatchEvent(new Event("look"));
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
