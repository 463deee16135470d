// Cutting a clip out of a conversation: mark words, or go to a row, and say what it shows.
import { icon, key, make, pageData, say } from "./dom.js";
import { Refused, write } from "./requests.js";
import { markedRows, placeBelow } from "./selected.js";
import { span } from "./time.js";

// A row in the choice of where a clip begins and ends.
const SHOWN = 48;

/** `data`: where clips are made, of which conversation, and the words for it. */
function cutClips(data) {
  const transcript = document.getElementById("transcript");
  const dialog = document.getElementById("clip-dialog");
  const form = document.getElementById("clip-form");
  const from = document.getElementById("clip-from");
  const to = document.getElementById("clip-to");
  const title = document.getElementById("clip-title");
  const comment = document.getElementById("clip-comment");
  const trouble = document.getElementById("clip-error");
  const made = document.getElementById("clip-made");
  const hide = document.getElementById("hide-words");
  const bar = make("li", { class: "rv-hide", id: "clip-mark", hidden: true }, make("button", { type: "button", class: "btn btn-sm", click: () => open() }, icon("scissors"), data.words.clip, " ", ...key("C")));

  const rows = () => [...transcript.querySelectorAll("li[data-seek]")];
  let marked = null;

  function mark() {
    if (bar.contains(document.activeElement)) return;
    marked = markedRows(transcript);
    bar.hidden = !marked;
    if (!marked) return;
    placeBelow(transcript, bar, marked.box);
    // What hides words stands in the same place.
    if (hide && !hide.hidden) bar.style.top = `${parseFloat(bar.style.top) + hide.offsetHeight + 4}px`;
  }

  /** What is to be cut out at first: what is marked, or the row that has the focus or is being heard. */
  function chosen(all) {
    if (marked) return [all.indexOf(marked.first), all.indexOf(marked.last)];
    const row = document.activeElement.closest("#transcript li[data-seek]") ?? transcript.querySelector("li.now");
    const at = Math.max(0, all.indexOf(row));
    return [at, at];
  }

  function label(row) {
    const words = row.lastElementChild.textContent;
    return `${span(Number(row.dataset.seek))} ${row.querySelector("b").textContent}: ${words.length > SHOWN ? `${words.slice(0, SHOWN)}…` : words}`;
  }

  function open() {
    const all = rows();
    if (!all.length) return;
    const [first, last] = chosen(all);
    for (const [select, at] of [[from, first], [to, last]]) {
      select.replaceChildren(...all.map((row, number) => make("option", { value: number }, label(row))));
      select.value = String(at);
    }
    form.hidden = false;
    made.hidden = trouble.hidden = true;
    dialog.showModal();
    title.focus();
  }

  from.addEventListener("change", () => { if (Number(to.value) < Number(from.value)) to.value = from.value; });
  to.addEventListener("change", () => { if (Number(to.value) < Number(from.value)) from.value = to.value; });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const cut = rows().slice(Number(from.value), Number(to.value) + 1);
    const button = form.querySelector("button");
    button.disabled = true;
    trouble.hidden = true;
    try {
      const clip = await write(data.url, {
        conversation: data.conversation,
        start_ms: Number(cut[0].dataset.seek),
        end_ms: Math.max(...cut.map((row) => Number(row.dataset.end))),
        title: title.value,
        comment: comment.value,
      });
      form.hidden = true;
      form.reset();
      made.hidden = false;
      const link = made.querySelector("a");
      link.href = data.page.replace("{id}", clip.id);
      link.focus();
      getSelection().removeAllRanges();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      say(trouble, error.message || data.words.not_made);
      trouble.hidden = false;
    } finally {
      button.disabled = false;
    }
  });

  transcript.append(bar);
  document.getElementById("clip").addEventListener("click", open);
  document.addEventListener("selectionchange", mark);
  mark(); // what was marked while this was still being fetched counts, too
}

// The page has nothing to cut while a call is under way.
if (document.getElementById("clip-data")) cutClips(pageData("clip-data"));
