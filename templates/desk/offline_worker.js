{% load static %}// Says that there is no connection, where a page cannot be had. Keeps that notice and nothing else: what customers
// said is never kept on a device.
const KEPT = "offline-1";
const NOTICE = "{% url 'offline' %}";
const STYLE = "{% static 'css/offline.css' %}";

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(KEPT).then((kept) => kept.addAll([NOTICE, STYLE])).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(caches.keys().then((names) => Promise.all(names.filter((name) => name !== KEPT).map((name) => caches.delete(name))))
    .then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.mode === "navigate") {
    event.respondWith(fetch(request).catch(() => caches.match(NOTICE)));
  } else if (new URL(request.url).pathname === STYLE) {
    // The notice's own style; every other request goes its way as if this were not here.
    event.respondWith(fetch(request).catch(() => caches.match(STYLE)));
  }
});
