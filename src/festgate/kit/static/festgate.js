// Conveniences; every page works without them.
(() => {
  "use strict";

  // 1. The time a hold has left. `data-now` is the server's clock when it wrote the page, so that a phone
  //    whose own clock is wrong still shows the true rest.
  const clocks = [...document.querySelectorAll("time[data-countdown]")].map((node) => {
    const now = Date.parse(node.dataset.now);
    return { node, end: Date.parse(node.dateTime) + (now ? Date.now() - now : 0) };
  });
  const tick = () => {
    for (const { node, end } of clocks) {
      if (!end) continue;
      const left = Math.max(0, Math.ceil((end - Date.now()) / 1000));
      const minutes = Math.floor(left / 60);
      const seconds = String(left % 60).padStart(2, "0");
      const { hours, left: rest, over } = node.dataset;
      const text = left === 0 ? over : minutes >= 120 ? hours : rest;
      node.textContent = text.replace("{hours}", Math.floor(minutes / 60)).replace("{minutes}", minutes).replace("{seconds}", seconds);
    }
  };
  if (clocks.length) {
    tick();
    setInterval(tick, 1000);
  }

  // 2. One click, one submit. Disabled a moment later, since a disabled button would leave its own value out
  //    of the form; enabled again when the page comes back from the back/forward cache, or when no answer came.
  const buttons = (form) => [...form.elements].filter((item) => item.type === "submit");
  const enable = (form) => buttons(form).forEach((button) => (button.disabled = false));
  addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    setTimeout(() => buttons(form).forEach((button) => (button.disabled = true)));
    setTimeout(() => enable(form), 10000);
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) [...document.forms].forEach(enable);
  });

  // 3. Where nobody is signed in, no tickets stay behind (ticket-worker.js keeps them).
  if (self.caches && document.querySelector(".nav-own:not(.is-in)")) caches.delete("tickets").catch(() => {});
})();
