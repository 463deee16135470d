// The pop-up that signed in for a side panel: gives it a code, good once, and closes. Only a page of our own origin is
// told: the address in `postMessage` is exact.
import { fill, pageData, say } from "./dom.js";
import { Refused, write } from "./requests.js";

const { challenge, url, words } = pageData("page");
const said = document.getElementById("said");

async function handOver() {
  const panel = window.opener;
  if (!panel || panel.closed || !challenge) return say(said, words.alone);
  try {
    const { code } = await write(url, { challenge });
    panel.postMessage({ type: "cresta.panel.code", code }, location.origin);
    say(said, words.done);
    window.close();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    say(said, fill(words.failed, { why: error.message || words.offline }));
  }
}

handOver();
