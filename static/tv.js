// The waiting-room screen: runs for days untouched. Without this file the page reloads itself every ten seconds.
(() => {
  "use strict";
  const SILENT_MS = 10000;
  const HOUR_MS = 3600000;
  const offline = document.querySelector("[data-offline]");
  const since = offline.querySelector("[data-since]");
  const started = performance.now();
  let board = document.getElementById("board");
  let lastAnswer = performance.now();
  let clockText = board.dataset.clock ?? "";
  let clockAt = performance.now();
  let lastTick = performance.now();
  let sound = null;

  // The facility's clock: the server says the time, this only counts on from there.
  const clock = () => {
    if (!clockText) return "";
    const [hours, minutes, seconds] = clockText.split(":").map(Number);
    const total = Math.floor(hours * 3600 + minutes * 60 + seconds + (performance.now() - clockAt) / 1000) % 86400;
    return [total / 3600, (total / 60) % 60, total % 60].map((part) => String(Math.floor(part)).padStart(2, "0")).join(":");
  };

  const show = (selector, text) => {
    const element = board.querySelector(selector);
    if (element && element.textContent !== text) element.textContent = text;
  };

  const setOffline = (silent) => {
    if (offline.hidden === !silent) return;
    if (silent) since.textContent = clockText || new Date(Date.now() - SILENT_MS).toTimeString().slice(0, 8);
    offline.hidden = !silent;
    document.body.classList.toggle("tv-stale", silent);
    hideFoot();
  };
  const hideFoot = () => {
    const foot = board.querySelector(".tv-foot");
    if (foot) foot.hidden = !offline.hidden;
  };

  // Two soft notes. A browser that forbids sound without a touch is asked once, and the screen says that it is silent.
  const audio = () => {
    if (!sound && window.AudioContext) sound = new AudioContext();
    return sound;
  };
  const chime = () => {
    const context = audio();
    if (context?.state !== "running") return;
    [660, 880].forEach((hertz, index) => {
      const tone = context.createOscillator();
      const volume = context.createGain();
      const at = context.currentTime + index * 0.28;
      tone.frequency.value = hertz;
      volume.gain.setValueAtTime(0, at);
      volume.gain.linearRampToValueAtTime(0.18, at + 0.04);
      volume.gain.exponentialRampToValueAtTime(0.001, at + 0.9);
      tone.connect(volume).connect(context.destination);
      tone.start(at);
      tone.stop(at + 1);
    });
  };
  const showSound = () => {
    const note = board.querySelector("[data-muted]");
    if (note) note.hidden = !sound || sound.state === "running";
  };
  const wakeSound = () => audio()?.resume().then(showSound, showSound);

  const calls = () => [...board.querySelectorAll(".tv-call")];
  const apply = (html) => {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    const fresh = holder.content.getElementById("board");
    if (!fresh) return;
    const before = new Set(calls().map((call) => call.textContent));
    const wasBoard = Boolean(board.dataset.clock);
    // Paired, or no longer, or in another language: title and messages of the whole page follow.
    if (Boolean(fresh.dataset.clock) !== wasBoard || fresh.dataset.lang !== board.dataset.lang) { location.reload(); return; }
    board.replaceWith(fresh);
    board = fresh;
    const added = calls().filter((call) => !before.has(call.textContent));
    if (wasBoard && added.length) {
      added.forEach((call) => call.classList.add("tv-call--new"));
      chime();
    }
    if (board.dataset.clock) {
      live.connect();
      wakeSound();
    }
    hideFoot();
    showSound();
  };

  const answered = (response) => {
    lastAnswer = performance.now();
    const time = response.headers.get("X-Clinic-Time");
    if (time) { clockText = time; clockAt = lastAnswer; show("[data-updated]", time); }
    setOffline(false);
  };

  const live = window.clinicLive({
    url: () => `${board.dataset.url}?version=${encodeURIComponent(board.dataset.version)}`,
    apply,
    answered,
    gone: () => location.reload(), // Revoked: the page asks to be paired again.
    socketUrl: () => board.dataset.live,
    pollMs: 3000,
    heartbeatMs: 5000,
  });

  setInterval(() => {
    const now = performance.now();
    if (now - lastTick > 4000) live.ask(); // The TV was asleep.
    lastTick = now;
    setOffline(now - lastAnswer > SILENT_MS);
    show("[data-clock-face]", clock().slice(0, 5));
    // Once a night a fresh start, so that a new version of the page arrives; never while the server is silent.
    if (clock().startsWith("04:00") && now - started > HOUR_MS && now - lastAnswer < 3000) location.reload();
  }, 1000);

  document.addEventListener("pointerdown", wakeSound);
  document.addEventListener("keydown", wakeSound);
  if (board.dataset.clock) wakeSound();
})();
