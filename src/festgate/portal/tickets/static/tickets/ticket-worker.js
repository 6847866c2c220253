// Keeps the tickets that were opened in this browser, so that they open at a gate without signal. The portal is
// always asked first; signing out empties the store (Clear-Site-Data, and festgate.js where a browser ignores that).
"use strict";

const KEPT = "tickets";

const answer = async (request) => {
  const kept = await caches.open(KEPT);
  const find = () => kept.match(request, { ignoreVary: true });
  try {
    const fresh = await fetch(request);
    if (fresh.ok) await kept.put(request, fresh.clone());
    // A proxy whose portal is away answers 502 to 504. Anything else says that this is not theirs any more.
    else if (fresh.status < 500) await kept.delete(request, { ignoreVary: true });
    else return (await find()) || fresh;
    return fresh;
  } catch (error) {
    const old = await find();
    if (old) return old;
    throw error;
  }
};

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method === "GET" && new URL(url).pathname.startsWith("/tickets/")) event.respondWith(answer(event.request));
});
