// A part of a page that keeps itself fresh: told by a socket, else by asking every few seconds. Knows no patient.
// A message says only "version N"; the part is then fetched over HTTP with the page's own rights.
window.clinicLive = (options) => {
  "use strict";
  // url(): what to fetch, with the version that is shown. apply(html): show it. answered(response): any answer came.
  const { url, apply, answered, gone, socketUrl, auth, pollMs, heartbeatMs } = options;
  const TIMEOUT_MS = 6000;
  const QUIET_MS = 250;
  let socket = null;
  let timer = 0;
  let running = false;
  let again = false;
  let lastStart = 0;

  const connected = () => Boolean(socket?.connected);

  const ask = async () => {
    clearTimeout(timer);
    if (running) { again = true; return; }
    running = true;
    again = false;
    lastStart = performance.now();
    const stop = new AbortController();
    const limit = setTimeout(() => stop.abort(), TIMEOUT_MS);
    try {
      const response = await fetch(url(), {
        headers: { "HX-Request": "true" }, credentials: "same-origin", cache: "no-store", signal: stop.signal,
      });
      if (response.status === 200) {
        const html = await response.text();
        answered(response);
        apply(html);
      } else if (response.status === 204) {
        answered(response);
      } else if ([401, 403, 404].includes(response.status)) {
        answered(response);
        gone(response);
      }
    } catch {
      // No answer: who shows the page sees it in the time of the last one.
    } finally {
      clearTimeout(limit);
      running = false;
      plan();
    }
  };

  const plan = () => {
    clearTimeout(timer);
    const wait = again ? QUIET_MS : connected() ? heartbeatMs : pollMs;
    timer = setTimeout(ask, wait);
  };

  // Many changes in one moment are fetched once.
  const soon = () => {
    if (running) { again = true; return; }
    clearTimeout(timer);
    timer = setTimeout(ask, Math.max(0, QUIET_MS - (performance.now() - lastStart)));
  };

  const connect = () => {
    const address = socketUrl();
    if (socket || !address || !window.io) return;
    socket = window.io(`${address}/live`, {
      transports: ["websocket"], auth: auth?.() ?? {}, reconnectionDelay: 1000, reconnectionDelayMax: 15000,
    });
    socket.on("queue_changed", soon);
    socket.on("connect", soon);
    // Sent away (session over, screen revoked, server full): ask over HTTP, and try again later.
    const later = () => setTimeout(() => socket.connect(), 30000);
    socket.on("disconnect", (reason) => { if (reason === "io server disconnect") later(); plan(); });
    socket.on("connect_error", () => { if (!socket.active) later(); });
  };

  window.addEventListener("online", soon);
  window.addEventListener("pageshow", (event) => { if (event.persisted) soon(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) soon(); });
  connect();
  plan();
  return { ask: soon, connect, connected };
};
