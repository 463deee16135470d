// A socket that comes back by itself, and the thin bar that says when it is away.
import { protocols } from "./access.js";
import { announce } from "./frame.js";
import { fill, make, say } from "./dom.js";
import { ofDay } from "./time.js";

const FIRST_WAIT = 400;
const LONGEST_WAIT = 15_000;
const PING_EVERY = 10_000;
const SILENT_FOR = 25_000;
// A restart of the server is over sooner than a person has read that there is one.
const BAR_AFTER = 800;
const SIGNED_OUT = 4401;
const FINAL = new Set([SIGNED_OUT, 4403, 4404]);

/** What the bar on top says, over all sockets of the page. */
export class Line {
  #bar = document.getElementById("lost");
  #down = new Map();
  #heard = Date.now(); // the page itself has just come
  #timer = null;

  constructor(words, signIn) {
    this.words = words;
    this.signIn = signIn;
  }

  heard() {
    this.#heard = Date.now();
  }

  up(socket) {
    const was = this.#down.delete(socket);
    if (was && !this.#down.size) {
      clearTimeout(this.#timer);
      this.#timer = null;
      if (!this.#bar.hidden) announce(this.words.back);
      this.#bar.hidden = true;
    }
  }

  down(socket) {
    this.#down.set(socket, true);
    this.#timer ??= setTimeout(() => this.#show(), BAR_AFTER);
  }

  forget(socket) {
    if (this.#down.has(socket)) this.up(socket);
  }

  signedOut() {
    this.#bar.replaceChildren(
      make("i", { class: "ti ti-lock", "aria-hidden": "true" }),
      make("span", {}, this.words.signed_out),
      typeof this.signIn === "function"
        ? make("button", { type: "button", class: "try", click: this.signIn }, this.words.sign_in)
        : make("a", { class: "try", href: `${this.signIn}?next=${encodeURIComponent(location.pathname)}` }, this.words.sign_in),
    );
    this.#bar.hidden = false;
    clearTimeout(this.#timer);
  }

  /** Somebody signed in again, without the page being loaded anew. */
  signedIn() {
    this.#bar.replaceChildren(make("i", { class: "ti ti-plug-connected-x", "aria-hidden": "true" }), make("span"));
    this.#bar.hidden = true;
    this.#timer = null;
  }

  #show() {
    if (!this.#down.size) return;
    say(this.#bar.querySelector("span"), fill(this.words.lost, { time: ofDay(this.#heard, { seconds: true }) }));
    if (!this.#bar.querySelector(".try")) {
      this.#bar.append(make("button", { type: "button", class: "try", click: () => this.tryNow() }, this.words.try_now));
    }
    this.#bar.hidden = false;
  }

  tryNow() {
    for (const socket of this.#down.keys()) socket.tryNow();
  }
}

/** `path()` is asked at each connection, so that it can name the last sequence number seen. */
export class LiveSocket {
  #socket = null;
  #tries = 0;
  #timer = null;
  #heardAt = 0;
  #ping = null;
  #over = false;
  #offline = () => this.#drop();
  #online = () => this.tryNow();

  constructor(path, { line, message, open = () => {}, refused = () => {} }) {
    Object.assign(this, { path, line, message, opened: open, refused });
    addEventListener("offline", this.#offline);
    addEventListener("online", this.#online);
    this.#connect();
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Send now, or say that it was not sent. */
  send(content) {
    if (!this.isOpen) return false;
    this.#socket.send(JSON.stringify(content));
    return true;
  }

  tryNow() {
    if (this.#over || this.isOpen) return;
    clearTimeout(this.#timer);
    this.#connect();
  }

  close() {
    this.#over = true;
    clearTimeout(this.#timer);
    clearInterval(this.#ping);
    removeEventListener("offline", this.#offline);
    removeEventListener("online", this.#online);
    this.#socket?.close();
    this.line.forget(this);
  }

  #connect() {
    this.#abandon();
    const url = new URL(this.path(), location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url, protocols());
    this.#socket = socket;
    socket.addEventListener("open", () => {
      if (socket !== this.#socket) return;
      this.#heardAt = performance.now();
      this.#ping = setInterval(() => this.#check(), PING_EVERY);
    });
    // Something in between may take the line and let it drop again: it is back when the server has spoken.
    let greeted = false;
    socket.addEventListener("message", (event) => {
      if (socket !== this.#socket || this.#over) return;
      this.#tries = 0;
      this.#heardAt = performance.now();
      this.line.heard();
      if (!greeted) {
        greeted = true;
        this.line.up(this);
        this.opened();
      }
      this.message(JSON.parse(event.data));
    });
    socket.addEventListener("close", (event) => {
      if (socket === this.#socket) this.#lost(event.code);
    });
  }

  /** A line can be dead without telling anybody: ask, and give up on one that stays silent. */
  #check() {
    if (performance.now() - this.#heardAt > SILENT_FOR) this.#drop();
    else this.send({ type: "ping" });
  }

  #drop() {
    if (this.#over || !this.#socket) return;
    this.#abandon();
    this.#lost(1006);
  }

  #abandon() {
    clearInterval(this.#ping);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #lost(code) {
    clearInterval(this.#ping);
    if (this.#over) return;
    if (FINAL.has(code)) {
      this.close();
      if (code === SIGNED_OUT) this.line.signedOut();
      else this.refused(code);
      return;
    }
    this.line.down(this);
    // Spread out, so that a thousand pages do not all knock at once when a server has come back.
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#tries) * (0.5 + Math.random() / 2);
    this.#tries += 1;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), wait);
  }
}
