"use strict";

/* Ticking many boxes at once, and a count of them. Choosing works without this. */
(() => {
  const form = document.querySelector("[data-choosing]");
  const all = form && form.querySelector("[data-all]");
  if (!all) return;
  const told = form.querySelector("[data-told]");
  const files = (scope) => [...scope.querySelectorAll("input[name=file]")];
  const contacts = [...form.querySelectorAll("input[name=contact]")];

  const show = () => {
    for (const box of contacts) {
      const mine = files(box.closest(".contact"));
      const ticked = mine.filter((one) => one.checked).length;
      box.checked = ticked === mine.length;
      box.indeterminate = ticked > 0 && ticked < mine.length;
    }
    const every = files(form);
    const count = every.filter((one) => one.checked).length;
    all.checked = count === every.length;
    all.indeterminate = count > 0 && count < every.length;
    told.textContent = count ? `${count} ticked` : "Tick this page";
  };

  form.addEventListener("change", (event) => {
    const box = event.target;
    if (box === all) for (const one of files(form)) one.checked = all.checked;
    if (box.name === "contact") for (const one of files(box.closest(".contact"))) one.checked = box.checked;
    show();
  });
  form.querySelector("[data-select-page]").hidden = false;
  show();
})();
