// The progress of a backtest, fetched while it is under way.
const EVERY_MS = 1500;

async function follow() {
  const part = document.querySelector("[data-poll]");
  if (!part) return;
  try {
    const response = await fetch(part.dataset.poll, { headers: { "X-Part": "run" } });
    if (response.ok) {
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const fresh = page.getElementById("bt-run");
      const over = !fresh.dataset.poll;
      part.replaceWith(document.adoptNode(fresh));
      // What is around it changes, too: another may be started now.
      if (over) return location.assign(part.dataset.poll);
    }
  } catch { /* the next time will tell */ }
  setTimeout(follow, EVERY_MS);
}

setTimeout(follow, EVERY_MS);
