// As an app on somebody's device: a service worker that says when there is no connection, and keeps nothing else. A page
// in a frame of another site installs nothing.
if ("serviceWorker" in navigator && window.top === window.self) {
  addEventListener("load", () => navigator.serviceWorker.register("/offline-worker.js").catch(() => {
    // A browser that allows none shows its own notice.
  }));
}
