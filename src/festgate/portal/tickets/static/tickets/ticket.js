// Lets this ticket open without signal (ticket-worker.js); browsers do that over https and on this machine only.
(() => {
  "use strict";

  const { worker } = document.currentScript.dataset;
  if (!navigator.serviceWorker || !self.caches) return;
  const keep = async () => {
    await navigator.serviceWorker.register(worker, { scope: "/tickets/" });
    // The worker did not see this page come when it was not there yet.
    if (!navigator.serviceWorker.controller) await (await caches.open("tickets")).add(location.pathname);
    document.documentElement.dataset.kept = "yes";
  };
  keep().catch(() => {}); // no room, or not allowed: the page works as before
})();
