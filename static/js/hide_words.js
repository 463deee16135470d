// Hiding words of a past conversation: mark them in the transcript, say what they are, and they go from text and sound.
import { say } from "./dom.js";
import { Refused, write } from "./requests.js";
import { markedWords, placeBelow } from "./selected.js";
import { speech } from "./transcript.js";

/**
 * `data`: {url, kinds: {placeholder: label}, words}; `drawn` is called with a row whose words are others now.
 * The bar with the choice appears below marked words, as long as they lie within one utterance.
 */
export function hideWords(transcript, data, drawn = () => {}) {
  const bar = document.getElementById("hide-words");
  const kind = bar.querySelector("select");
  const go = bar.querySelector("button");
  const told = document.getElementById("hide-told");
  let chosen = null;

  function mark() {
    if (bar.contains(document.activeElement)) return; // the choice is being made
    chosen = markedWords();
    if (chosen) placeBelow(transcript, bar, chosen.box);
    else bar.hidden = true;
  }
  document.addEventListener("selectionchange", mark);
  mark(); // what was marked while this was still being fetched counts, too
  bar.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    getSelection().removeAllRanges();
    bar.hidden = true;
    chosen?.row.querySelector("button")?.focus();
  });

  go.addEventListener("click", async () => {
    if (!chosen) return;
    const { row, words, start, end } = chosen;
    go.disabled = true;
    say(told, "");
    try {
      const asked = { ...data.more, utterance: row.id.replace("u-", ""), start, end, type: kind.value };
      if (row.dataset.revision) asked.revision = Number(row.dataset.revision);
      const now = await write(data.url, asked);
      words.replaceChildren(speech(now.text, [], { redactions: data.kinds, words: data.words }));
      row.dataset.revision = now.revision;
      drawn(row);
      getSelection().removeAllRanges();
      bar.hidden = true;
      say(told, data.words.hidden);
      row.querySelector("button")?.focus();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      say(told, error.message || data.words.not_hidden);
    } finally {
      go.disabled = false;
      told.hidden = !told.textContent;
    }
  });
}
