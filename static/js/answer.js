// The answer above the passages: asked for by Enter, drawn sentence by sentence as it comes. Text is only ever text here.
import { address, proof, refused } from "./access.js";

const element = (tag, name, text = "") => Object.assign(document.createElement(tag), { className: name, textContent: text });

/** Sentences with their words of the question marked; offsets are of code points, as the server counts. */
function marked(text, marks) {
  const letters = [...text];
  const parts = [];
  let at = 0;
  for (const [start, end] of marks) {
    parts.push(letters.slice(at, start).join(""), element("mark", "", letters.slice(start, end).join("")));
    at = end;
  }
  parts.push(letters.slice(at).join(""));
  return parts;
}

/** One box and what is asked in it; a new question ends the one before. */
class Answer {
  #box;
  #going = null;
  #passages = new Map();

  constructor(box) {
    this.#box = box;
  }

  get question() {
    return this.#box.dataset.question ?? "";
  }

  clear() {
    this.#going?.abort();
    this.#going = null;
    this.#box.hidden = true;
    this.#box.dataset.question = "";
    this.#box.replaceChildren();
  }

  /** `form`: where it was asked; its hidden fields say for which call and of which collection. */
  async ask(question, form) {
    this.clear();
    if (!question) return;
    const going = new AbortController();
    this.#going = going;
    this.#box.dataset.question = question;
    this.#state("waiting", this.#box.dataset.waiting);
    this.#box.hidden = false;
    try {
      await this.#read(new URLSearchParams({ ...Object.fromEntries(new FormData(form)), q: question }), going.signal);
    } catch (error) {
      if (error.name !== "AbortError") this.#state("failed", this.#box.dataset.failed);
    }
    if (this.#going === going) this.#going = null;
  }

  async #read(asked, signal) {
    const { credentials, headers } = proof();
    const response = await fetch(`${address(this.#box.dataset.answer)}?${asked}`, { credentials, headers, signal });
    if (response.status === 401) refused();
    if (!response.ok || !response.body) throw new Error(String(response.status));
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      rest += value;
      const events = rest.split("\n\n");
      rest = events.pop();
      for (const event of events) {
        const data = event.split("\n").find((line) => line.startsWith("data: "));
        if (data) this.#take(JSON.parse(data.slice(6)));
      }
    }
  }

  #take(part) {
    if (part.kind === "passages") {
      this.#passages = new Map(part.passages.map((one) => [one.number, one]));
    } else if (part.kind === "sentence") {
      this.#sentence(part);
    } else if (part.kind === "done") {
      this.#done(part);
    }
  }

  #state(state, words) {
    this.#box.dataset.state = state;
    const head = element("h3", "", this.#box.getAttribute("aria-label"));
    head.append(element("span", "", words));
    this.#box.replaceChildren(head);
  }

  #sentence(part) {
    let text = this.#box.querySelector(".an-text");
    if (!text) {
      this.#state("answer", "");
      text = element("p", "an-text");
      this.#box.append(text);
    }
    text.append(...marked(part.text, part.marks));
    for (const number of part.citations) text.append(this.#link(number, "an-cite", String(number)));
    text.append(" ");
  }

  #link(number, name, words) {
    const passage = this.#passages.get(number);
    const link = element("a", name, words);
    link.href = passage.url.startsWith("/") ? passage.url : "#";
    link.title = `${passage.path} · ${this.#box.dataset.version} ${passage.version}`;
    return link;
  }

  #done(part) {
    const words = this.#box.dataset;
    if (!part.answered) {
      this.#state("none", "");
      this.#box.append(element("p", "an-text", part.words), element("p", "an-more", this.#passages.size ? words.none : ""));
      if (part.trouble) this.#box.append(element("p", "an-more", part.trouble));
      return;
    }
    this.#box.querySelector("h3 span").textContent = words[part.source] ?? "";
    const cited = new Set([...this.#box.querySelectorAll(".an-cite")].map((one) => Number(one.textContent)));
    const list = element("ol", "");
    for (const number of [...cited].sort((a, b) => a - b)) {
      const item = element("li", "");
      item.append(element("span", "muted", `${number}`), this.#link(number, "clip", this.#passages.get(number).path), element("span", "muted", `${words.version} ${this.#passages.get(number).version}`));
      list.append(item);
    }
    this.#box.append(list);
    const more = [part.trouble, part.late ? words.late : "", part.dropped ? `${words.dropped} ${part.dropped}` : ""].filter(Boolean);
    if (more.length) this.#box.append(element("p", "an-more", more.join(" ")));
  }
}

for (const box of document.querySelectorAll("[data-answer]")) {
  const answer = new Answer(box);
  const form = (box.closest(".of-lookup") ?? box.closest("section:not(.kn-answer)")).querySelector("form[role=search]");
  const input = form.querySelector("input[name=q]");
  form.addEventListener("submit", () => answer.ask(input.value.trim(), form));
  form.addEventListener("only", () => answer.question && answer.ask(answer.question, form));
  input.addEventListener("input", () => {
    if (input.value.trim() !== answer.question) answer.clear();
  });
  box.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    // Beside a call, what is looked up opens beside it.
    if (link && box.closest(".of-lookup")) Object.assign(link, { target: "_blank", rel: "noopener" });
  });
  if (input.value.trim() && !box.closest(".of-lookup")) answer.ask(input.value.trim(), form);
}
