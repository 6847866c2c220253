// Keeps the numbers of a page fresh: asks every few seconds with the tag of what is shown, and replaces it if it differs.
(() => {
  "use strict";
  const EVERY = 15000;
  const refresh = async () => {
    const shown = document.querySelector("[data-refresh]");
    // Not while it is hidden, and not under somebody's hands: focus or an open table would be lost.
    if (!shown || document.hidden || shown.contains(document.activeElement) || shown.querySelector("details[open]")) return;
    const answer = await fetch(location.href, {
      headers: { "if-none-match": shown.dataset.refresh },
      cache: "no-store",
      redirect: "error",
    });
    if (answer.status !== 200) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-refresh]");
    if (fresh) shown.replaceWith(fresh);
  };
  setInterval(() => refresh().catch(() => {}), EVERY);
})();
