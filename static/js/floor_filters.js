// Which calls the floor lists: by figure, team and queue. The address keeps what was chosen, so that it can be kept
// and passed on; without anything chosen a floor opens on one's own teams.
import { icon, make } from "./dom.js";

const ALL = "all";
const SHOWS = ["live", "wrap_up", "alerts"];

export class Filters {
  #teams = new Set();
  #queue = "";
  #show = "live";

  constructor({ tiles, teams, queues, page, changed }) {
    Object.assign(this, { tiles, teams, queues, page, changed });
    tiles.addEventListener("click", (event) => {
      const tile = event.target.closest("[data-filter]");
      if (tile) this.#set(() => { this.#show = tile.dataset.filter; });
    });
    queues.addEventListener("change", () => this.#set(() => { this.#queue = queues.value; }));
    queues.closest("label").hidden = page.queues.length < 2;
    queues.append(...page.queues.map((queue) => make("option", { value: queue.id }, queue.name)));
    addEventListener("popstate", () => this.begin());
  }

  /** Take what the address says. */
  begin() {
    const asked = new URLSearchParams(location.search);
    const known = new Set(this.page.teams.map((team) => team.id));
    const mine = this.page.teams.filter((team) => team.mine).map((team) => team.id);
    const teams = asked.getAll("team");
    // All of one's teams is no filter; who sees other teams' calls as well begins with their own.
    const own = mine.length < known.size ? mine : [];
    this.#teams = new Set(teams.includes(ALL) ? [] : teams.length ? teams.filter((id) => known.has(id)) : own);
    this.#queue = this.page.queues.some((queue) => queue.id === asked.get("queue")) ? asked.get("queue") : "";
    this.#show = SHOWS.includes(asked.get("show")) ? asked.get("show") : "live";
    this.#draw();
  }

  #set(change) {
    change();
    const address = new URL(location.href);
    address.search = "";
    for (const id of this.#teams) address.searchParams.append("team", id);
    if (!this.#teams.size && this.page.teams.length > 1) address.searchParams.set("team", ALL);
    if (this.#queue) address.searchParams.set("queue", this.#queue);
    if (this.#show !== "live") address.searchParams.set("show", this.#show);
    history.replaceState(null, "", address);
    this.#draw();
  }

  #draw() {
    for (const tile of this.tiles.querySelectorAll("[data-filter]")) {
      const on = tile.dataset.filter === this.#show;
      tile.classList.toggle("on", on);
      tile.setAttribute("aria-pressed", String(on));
    }
    this.queues.value = this.#queue;
    const focus = this.teams.contains(document.activeElement) ? document.activeElement.dataset.id : null;
    this.teams.replaceChildren(...this.page.teams.map((team) => this.#chip(team)));
    if (focus) this.teams.querySelector(`[data-id="${focus}"]`)?.focus();
    this.changed({ filter: this.#show, teams: this.#teams, queue: this.#queue });
  }

  #chip(team) {
    if (this.page.teams.length < 2) return make("span", { class: "chip" }, team.name);
    const on = this.#teams.has(team.id);
    const flip = () => this.#set(() => this.#teams.delete(team.id) || this.#teams.add(team.id));
    return make("button", { type: "button", class: `chip${on ? " on" : ""}`, "data-id": team.id, "aria-pressed": String(on), click: flip }, team.name, on ? icon("x") : null);
  }
}
