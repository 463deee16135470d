// The side panel: the desk in a frame of somebody else's page. Third-party cookies are blocked there, so a pop-up in our
// own origin signs in and hands over a code, good once; the panel exchanges it for a token that lives for minutes.
import { useToken } from "./access.js";
import { startDesk } from "./desk_work.js";
import { fill, pageData, say } from "./dom.js";
import { announce } from "./frame.js";
import { read, Refused, write } from "./requests.js";

const { words, handOver } = pageData("page");
const $ = (id) => document.getElementById(id);
const asked = new URLSearchParams(location.search);
// What telephony calls the call; `{{…}}` is a place that its page has not filled in.
const named = (asked.get("conversation") ?? "").trim().replace(/^\{\{.*\}\}$/, "");
const query = named ? `?${new URLSearchParams({ conversation: named, provider: asked.get("provider") ?? "" })}` : "";

const KEPT = "panel-token";
const RENEW_AT = 0.6; // of what is left
const ASK_AGAIN = [1500, 2500, 4000, 6000, 10_000];
const POPUP = "popup,width=440,height=640";

let token = null; // {token, until}
let desk = null;
let renewal = null;

// So that a frame that is loaded again, as vendors do for each call, asks nobody to sign in again. In a frame this storage
// is of ours within that page alone, and gone with the tab. Where it is closed, one click signs in again.
const storage = {
  get() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(KEPT));
      return kept && kept.until > Date.now() + 5000 ? kept : null;
    } catch {
      return null;
    }
  },
  set(kept) {
    try {
      if (kept) sessionStorage.setItem(KEPT, JSON.stringify(kept));
      else sessionStorage.removeItem(KEPT);
      return true;
    } catch {
      return false;
    }
  },
};

// --- Signing in ---

const base64url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/** The person clicked: open the window, wait for its code, exchange it. */
async function signIn() {
  complain("");
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
  // The window first: a browser lets one open only while it handles the click itself.
  const popup = window.open("about:blank", "cresta-sign-in", POPUP);
  if (!popup) return complain(words.panel_blocked);
  const challenge = base64url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));
  popup.location.replace(`${handOver}?${new URLSearchParams({ challenge })}`);
  const code = await handedOver(popup);
  if (code === null) return complain(words.panel_left);
  try {
    take(await post("/panel/token/", { code, verifier }));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return complain(error.message || words.offline);
  }
  if (desk) desk.resume();
  else begin();
}

/** The code, from that window and our own origin alone; null when the window was closed without one. */
function handedOver(popup) {
  return new Promise((done) => {
    const finish = (code) => {
      removeEventListener("message", hear);
      clearInterval(watch);
      done(code);
    };
    const hear = (event) => {
      if (event.origin !== location.origin || event.source !== popup) return;
      if (event.data?.type === "cresta.panel.code" && typeof event.data.code === "string") finish(event.data.code);
    };
    addEventListener("message", hear);
    let closed = 0;
    // Once more after it is seen closed: the message may still be on its way.
    const watch = setInterval(() => {
      if (popup.closed && ++closed > 1) finish(null);
    }, 700);
  });
}

async function post(url, content) {
  let response;
  try {
    response = await fetch(url, { method: "POST", credentials: "omit", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content) });
  } catch {
    throw new Refused(0, "");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, answer.error?.message ?? "");
  return answer;
}

/** Go by this token, and renew it before it is over. */
function take({ token: secret, expires_in_ms: lasts }) {
  keep({ token: secret, until: Date.now() + lasts });
}

function keep(kept) {
  token = kept;
  storage.set(kept);
  useToken(kept.token, { under: "/panel", lost: out });
  clearTimeout(renewal);
  renewal = setTimeout(renew, Math.max(0, (kept.until - Date.now()) * RENEW_AT));
}

async function renew() {
  try {
    take(await write("/panel/token/renew/"));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    // 401 has told `out` already; anything else passes, and there is time left.
    if (error.status !== 401 && token) renewal = setTimeout(renew, 15_000);
  }
}

/** Signed out, here or elsewhere. A call that is shown stays readable until the panel is left. */
function out() {
  token = null;
  clearTimeout(renewal);
  storage.set(null);
  if (desk === null) door("out");
}

function complain(text) {
  const place = desk ? null : $("sign-in-trouble");
  if (!place) return text && announce(text, { urgent: true });
  say(place, text);
  place.hidden = !text;
}

function door(which) {
  $("panel-out").hidden = which !== "out";
  $("panel-wait").hidden = which !== "wait";
  $("panel-top").hidden = which === "out";
  $("content").classList.toggle("is-door", which !== null);
}

// --- The call that the frame's address names ---

async function waitFor(page) {
  let conversation = page.conversation;
  for (let turn = 0; conversation === null; turn += 1) {
    await pause(ASK_AGAIN[Math.min(turn, ASK_AGAIN.length - 1)]);
    if (!waits || token === null) return;
    try {
      ({ conversation } = await read(`/panel/find/${query}`));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
    if (!waits) return;
  }
  waits = false;
  door(null);
  desk.attach(conversation);
}

let waits = false;
let wake = () => {};

/** A while, or until one of this agent's calls begins or ends: that may be the one. */
function pause(ms) {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    wake = () => {
      clearTimeout(timer);
      done();
    };
  });
}

async function begin() {
  let page;
  try {
    page = await read(`/panel/start/${query}`);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.status === 401) return;
    complain(error.message || words.offline);
    door("out");
    return;
  }
  say($("me-name"), page.me.name);
  say($("me-short"), page.me.name.split(/\s+/).filter(Boolean).map((part) => part[0]).filter((_, at, all) => at === 0 || at === all.length - 1).join("").toUpperCase());
  $("me-short").title = page.me.name;
  say($("panel-id"), fill(words.panel_id, { id: named }));
  waits = named !== "";
  door(waits && page.conversation === null ? "wait" : null);
  desk = startDesk(page, { named: waits, signIn, told: () => wake() });
  if (waits) waitFor(page);
}

$("sign-in").addEventListener("click", signIn);
$("panel-any").addEventListener("click", () => {
  waits = false;
  door(null);
  desk.free();
});
$("sign-out").addEventListener("click", async () => {
  try {
    await write("/panel/sign-out/");
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.status !== 401) return announce(words.offline, { urgent: true });
  }
  storage.set(null);
  location.reload();
});
// What is looked up goes by the token, too.
document.addEventListener("htmx:configRequest", (event) => {
  if (token) event.detail.headers.Authorization = `Bearer ${token.token}`;
});

const kept = storage.get();
if (kept) {
  keep(kept);
  begin();
} else door("out");
