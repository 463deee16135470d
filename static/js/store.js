// What a page knows of one conversation: items by kind and id. An event replaces one item, so it may come twice.

export class Store {
  #items = new Map();
  #listeners = [];
  head = 0;

  constructor(snapshot = null) {
    if (snapshot) {
      this.head = snapshot.head;
      for (const [kind, rows] of Object.entries(snapshot.items)) {
        this.#items.set(kind, new Map(rows.map((row) => [row.id, row])));
      }
    }
  }

  /** Take one event. Returns whether it was new. */
  apply(event) {
    if (event.seq <= this.head) return false;
    this.head = event.seq;
    if (event.kind === "hidden") return true;
    const rows = this.#items.get(event.kind) ?? new Map();
    this.#items.set(event.kind, rows);
    const before = rows.get(event.data.id) ?? null;
    rows.set(event.data.id, event.data);
    for (const [kind, run] of this.#listeners) if (kind === event.kind) run(event.data, before);
    return true;
  }

  /** `run(item, before)` after each event of this kind; `before` is null for a new item. */
  on(kind, run) {
    this.#listeners.push([kind, run]);
  }

  all(kind) {
    return [...(this.#items.get(kind)?.values() ?? [])];
  }

  get(kind, id) {
    return this.#items.get(kind)?.get(id) ?? null;
  }

  /** The conversation itself. */
  get conversation() {
    return this.all("conversation")[0] ?? null;
  }

  get isLive() {
    return ["announced", "live"].includes(this.conversation?.state);
  }
}
