// The front desk: keys, the chosen row, live changes. Every button works without this file.
(() => {
  "use strict";
  const SILENT_MS = 15000;
  const said = document.querySelector("[data-said]");
  const toasts = document.querySelector("[data-toasts]");
  const help = document.getElementById("help");
  const useKeys = document.getElementById("use-keys");
  const board = () => document.getElementById("board");
  const rows = () => [...board().querySelectorAll("tr[data-row]")];
  let chosen = "";
  let presses = 0; // A poll that was asked before the last press shows an old day.
  let inFlight = 0; // While a press is on its way its own answer is awaited.
  let askedAt = 0;
  let waiting = ""; // A fresh day that waits until an open menu is closed.
  let lastAnswer = performance.now();
  let focus = null;

  // The chosen row: one at a time, kept while the list changes around it.
  const choose = (row, withFocus) => {
    rows().forEach((one) => {
      one.classList.toggle("sel", one === row);
      one.tabIndex = one === row ? 0 : -1;
      if (one === row) one.setAttribute("aria-current", "true");
      else one.removeAttribute("aria-current");
    });
    if (!row) return;
    chosen = row.id;
    if (withFocus) { row.focus(); row.scrollIntoView({ block: "nearest" }); }
  };
  const row = () => document.getElementById(chosen) ?? null;
  const move = (step) => {
    const all = rows();
    if (!all.length) return;
    const at = all.indexOf(row());
    choose(all[Math.min(Math.max(at + step, 0), all.length - 1)], true);
  };
  const firstToDo = () => rows().find((one) => one.querySelector("[data-key='c'], [data-key='a']:not(.b--quiet), [data-key='e']"));

  const say = (text) => { if (text && said.textContent !== text) said.textContent = text; };

  // After a swap: the chosen row, the focus, and what a screen reader hears.
  const prepare = () => {
    choose(row() ?? firstToDo() ?? rows()[0], false);
    if (focus) {
      const target = (focus.id && document.getElementById(focus.id)) || document.getElementById(focus.row);
      if (target && !board().contains(document.activeElement)) target.focus({ preventScroll: true });
      focus = null;
    }
    const toast = board().querySelector("[data-toast] > span");
    say(toast ? toast.textContent.trim() : board().dataset.summary);
    state(true);
  };
  const remember = () => {
    const active = document.activeElement;
    const within = board()?.contains(active);
    focus = within ? { id: active.id, row: active.closest("tr[data-row]")?.id ?? chosen } : null;
  };
  const state = (alive) => {
    const mark = board().querySelector("[data-live-state]");
    if (!mark) return;
    mark.hidden = false;
    mark.classList.toggle("live--off", !alive);
    mark.textContent = alive ? mark.dataset.on : mark.dataset.off;
  };

  const busy = () => {
    const active = document.activeElement;
    return board().querySelector("details[open]") || (board().contains(active) && active.matches("select"));
  };
  const swap = (html) => {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    const fresh = holder.content.getElementById("board");
    if (!fresh) return;
    remember();
    const choices = [...board().querySelectorAll("select[id]")].map((one) => [one.id, one.value]);
    board().replaceWith(fresh);
    choices.forEach(([id, value]) => {
      const select = document.getElementById(id);
      if (select && [...select.options].some((option) => option.value === value)) select.value = value;
    });
    window.htmx?.process(fresh);
    prepare();
  };
  const live = window.clinicLive({
    url: () => { askedAt = presses; return board().dataset.url; },
    apply: (html) => {
      if (inFlight) return;
      if (askedAt !== presses) { live.ask(); return; }
      if (busy()) waiting = html;
      else swap(html);
    },
    answered: () => { lastAnswer = performance.now(); state(true); },
    gone: () => location.reload(),
    socketUrl: () => board().dataset.live,
    auth: () => ({ facility: board().dataset.facility }),
    pollMs: 5000,
    heartbeatMs: 15000,
  });
  setInterval(() => {
    if (performance.now() - lastAnswer > SILENT_MS + (live.connected() ? 10000 : 0)) state(false);
    if (waiting && !busy()) { const html = waiting; waiting = ""; swap(html); }
  }, 1000);

  // What HTMX brings: the day's block after a press or while searching; anything else is told beside the page.
  // Its end is heard from the request itself: htmx:afterRequest is told to nobody when an older answer (a search that was
  // still under way) has taken the pressed button out of the page. Whatever happened, the newest day is asked for.
  document.addEventListener("htmx:beforeRequest", (event) => {
    presses += 1; inFlight += 1; waiting = "";
    event.detail.xhr.addEventListener("loadend", () => { inFlight -= 1; live.ask(); }, { once: true });
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target?.id !== "board") return;
    const holder = document.createElement("template");
    holder.innerHTML = event.detail.serverResponse;
    if (event.detail.xhr.status === 204) return;
    if (holder.content.getElementById("board")) { presses += 1; remember(); return; }
    event.detail.shouldSwap = false;
    tell(holder.content.querySelector("h1")?.textContent ?? board().querySelector("[data-live-state]").dataset.off);
    live.ask();
  });
  // Not htmx:afterSwap: that is told to an element which the swap has just taken out of the page.
  document.addEventListener("htmx:load", (event) => {
    if (event.detail.elt?.id !== "board") return;
    lastAnswer = performance.now();
    prepare();
  });
  ["htmx:sendError", "htmx:timeout"].forEach((name) => document.addEventListener(name, () => {
    tell(board().querySelector("[data-live-state]").dataset.off);
  }));
  const tell = (text) => {
    const toast = document.createElement("div");
    toast.className = "toast toast--bad";
    toast.setAttribute("role", "alert");
    toast.textContent = text;
    toasts.replaceChildren(toast);
    setTimeout(() => toast.remove(), 8000);
  };

  document.addEventListener("click", (event) => {
    const clicked = event.target.closest?.("tr[data-row]");
    if (clicked) choose(clicked, false);
    if (event.target.closest?.("[data-help]")) help.showModal();
  });
  document.addEventListener("focusin", (event) => {
    const focused = event.target.closest?.("tr[data-row]");
    if (focused && focused.id !== chosen) choose(focused, false);
  });

  // Keys. They can be switched off, and never fire while somebody types or a dialog is open.
  const KEEP = "clinic-desk-keys";
  const stored = () => { try { return localStorage.getItem(KEEP); } catch { return null; } };
  useKeys.checked = stored() !== "off";
  useKeys.addEventListener("change", () => {
    try { localStorage.setItem(KEEP, useKeys.checked ? "on" : "off"); } catch { /* Then it holds for this page. */ }
  });
  const press = (selector, within) => {
    const button = within?.querySelector(selector);
    if (!button) return false;
    // A button in a closed menu is pressed all the same.
    button.click();
    return true;
  };
  const keys = {
    arrowdown: () => move(1), j: () => move(1), arrowup: () => move(-1), k: () => move(-1),
    a: () => press("[data-key='a']", row()), c: () => press("[data-key='c']", row()),
    e: () => press("[data-key='e']", row()), d: () => press("[data-key='d']", row()),
    u: () => press("[data-undo]", board()) || press("[data-key='u']", row()),
    o: () => press("[data-key='o']", row()),
    n: () => press("[data-next]", board()),
    b: () => press("[data-book]", board()),
    "/": () => { const field = document.getElementById("q"); field.focus(); field.select(); },
    "?": () => help.showModal(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || help.open || !useKeys.checked) return;
    if (event.target.closest?.("input, select, textarea, [contenteditable]")) {
      if (event.key === "Escape" && event.target.id === "q") event.target.blur();
      return;
    }
    const act = keys[event.key.toLowerCase()];
    const moves = event.key.startsWith("Arrow") || "jk".includes(event.key.toLowerCase());
    if (!act || (event.repeat && !moves)) return;
    event.preventDefault();
    act();
  });

  document.querySelector("[data-keys]").hidden = false;
  prepare();
})();
