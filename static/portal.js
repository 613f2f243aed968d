// Progressive enhancement only: every page works without this file.
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");

  // The error summary takes the focus, on load and after a swap, and the title says so for as long as it stands.
  let prefix = "";
  const focusErrors = (within) => {
    const summary = within.querySelector?.(".nhsuk-error-summary");
    prefix = summary?.dataset.titlePrefix ?? prefix;
    const plain = prefix && document.title.startsWith(prefix) ? document.title.slice(prefix.length).trim() : document.title;
    const wanted = document.querySelector(".nhsuk-error-summary") ? `${prefix} ${plain}` : plain;
    if (document.title !== wanted) document.title = wanted;
    summary?.focus();
  };

  const prepare = (within) => {
    focusErrors(within);
    within.querySelectorAll?.("[data-show-password]").forEach((button) => { button.hidden = false; });
  };

  document.addEventListener("click", (event) => {
    const target = event.target.closest?.(".nhsuk-error-summary a[href^='#'], [data-show-password], [data-print]");
    document.querySelectorAll("details.menu[open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
    if (!target) return;
    if (target.matches("[data-print]")) return window.print();
    if (target.matches("a")) {
      const field = document.getElementById(target.hash.slice(1));
      if (!field) return;
      event.preventDefault();
      (field.closest("fieldset, .nhsuk-form-group") ?? field).scrollIntoView();
      return field.focus({ preventScroll: true });
    }
    const input = document.getElementById(target.getAttribute("aria-controls"));
    const shown = input.type === "text";
    input.type = shown ? "password" : "text";
    target.textContent = shown ? target.dataset.show : target.dataset.hide;
    target.setAttribute("aria-label", shown ? target.dataset.showLabel : target.dataset.hideLabel);
  });

  // A refused form came back as the answer to sending it. Whoever goes on from there and then back opens its address, instead
  // of being asked whether to send it again; a reload still shows what was typed.
  if ("sent" in root.dataset) {
    const open = () => history.replaceState(history.state, "", location.href);
    document.addEventListener("submit", open, true);
    document.addEventListener("click", (event) => { if (event.target.closest?.("a[href]:not([href^='#'])")) open(); }, true);
  }

  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && document.querySelector("details.menu[open]");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
  });

  // One press, one request. A page that comes back from the browser's cache may be sent again.
  const busyForms = new WeakSet();
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.querySelector("[data-prevent-double-click]")) return;
    if (busyForms.has(form)) { event.preventDefault(); event.stopImmediatePropagation(); return; }
    if (event.submitter?.name) return; // Its name and value must be sent: such buttons are made safe by the server.
    busyForms.add(form);
    form.querySelectorAll("[data-prevent-double-click]").forEach((button) => { button.dataset.busy = ""; });
    setTimeout(() => release(form), 8000);
  }, true);
  const release = (form) => {
    busyForms.delete(form);
    form.querySelectorAll("[data-busy]").forEach((button) => { delete button.dataset.busy; });
  };
  window.addEventListener("pageshow", () => document.querySelectorAll("form").forEach(release));
  document.addEventListener("htmx:afterRequest", (event) => {
    const form = event.target.closest?.("form");
    if (form) release(form);
  });

  // A free time that we hold: minutes left, then what to do. The server decides, this only tells.
  const tick = () => document.querySelectorAll("[data-held-until]").forEach((note) => {
    const left = Math.ceil((Date.parse(note.dataset.heldUntil) - Date.now()) / 1000);
    const clock = note.querySelector("[data-left]");
    if (left > 0 && clock) clock.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    if (left <= 0 && !note.dataset.over) {
      note.dataset.over = "yes";
      note.querySelector("[data-holding]")?.setAttribute("hidden", "");
      note.querySelector("[data-expired]")?.removeAttribute("hidden");
    }
  });
  if (document.querySelector("[data-held-until]")) { tick(); setInterval(tick, 1000); }

  document.addEventListener("htmx:configRequest", (event) => {
    const token = document.querySelector("meta[name='csrf-token']")?.content;
    if (token && event.detail.verb !== "get") event.detail.headers["X-CSRFToken"] = token;
  });
  // A poll that fails leaves what the page shows, so that it can go on polling; a press that fails says so.
  const isPoll = ({ verb, triggeringEvent }) => verb === "get" && !triggeringEvent?.isTrusted;
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (detail.xhr.status >= 400 && isPoll(detail.requestConfig)) detail.shouldSwap = false;
  });
  const trouble = document.getElementById("trouble");
  for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
    document.addEventListener(name, ({ detail }) => { if (trouble && !isPoll(detail.requestConfig)) trouble.hidden = false; });
  }
  document.addEventListener("htmx:beforeRequest", ({ detail }) => { if (trouble && !isPoll(detail.requestConfig)) trouble.hidden = true; });
  document.addEventListener("htmx:afterSettle", ({ detail }) => {
    prepare(detail.elt.parentNode ?? document);
    // HTMX gives the focus back to what has the same id. What was pressed and is gone gives it to where the address points.
    if (document.activeElement !== document.body || !detail.requestConfig?.triggeringEvent?.isTrusted) return;
    document.getElementById(location.hash.slice(1))?.querySelector("summary, a, button")?.focus({ preventScroll: true });
  });

  prepare(document);
})();
