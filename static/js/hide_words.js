// Hiding words of a past conversation: mark them in the transcript, say what they are, and they go from text and sound.
import { say } from "./dom.js";
import { Refused, write } from "./requests.js";
import { speech } from "./transcript.js";

/** How many characters of the utterance's text a node of its row stands for; a chip stands for its placeholder. */
export function lengthOf(node) {
  if (node.nodeType === Node.TEXT_NODE) return Array.from(node.data).length;
  if (node.nodeType !== Node.ELEMENT_NODE) return 0;
  if (node.classList.contains("redact")) return Number(node.dataset.length);
  return [...node.childNodes].reduce((sum, child) => sum + lengthOf(child), 0);
}

/** Where a point of a selection lies in the text of the utterance that `words` shows. */
function offsetOf(words, node, at) {
  const chip = (node.nodeType === Node.TEXT_NODE ? node.parentElement : node).closest?.(".redact");
  if (chip && words.contains(chip)) return offsetOf(words, chip.parentNode, [...chip.parentNode.childNodes].indexOf(chip));
  let sum = node.nodeType === Node.TEXT_NODE
    ? Array.from(node.data.slice(0, at)).length
    : [...node.childNodes].slice(0, at).reduce((all, child) => all + lengthOf(child), 0);
  for (let one = node; one !== words; one = one.parentNode) {
    for (let before = one.previousSibling; before; before = before.previousSibling) sum += lengthOf(before);
  }
  return sum;
}

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

  function place(box) {
    const host = transcript.getBoundingClientRect();
    bar.hidden = false;
    const left = Math.min(Math.max(8, box.left - host.left), Math.max(8, host.width - bar.offsetWidth - 8));
    bar.style.left = `${left}px`;
    bar.style.top = `${box.bottom - host.top + transcript.scrollTop + 4}px`;
  }

  function mark() {
    if (bar.contains(document.activeElement)) return; // the choice is being made
    chosen = null;
    const selection = getSelection();
    if (!selection.isCollapsed && selection.rangeCount) {
      const range = selection.getRangeAt(0);
      const element = (node) => (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement);
      const words = element(range.startContainer).closest(".rv-tr li > span");
      if (words && words.contains(range.endContainer)) {
        const start = offsetOf(words, range.startContainer, range.startOffset);
        const end = offsetOf(words, range.endContainer, range.endOffset);
        if (Number.isFinite(start) && end > start) chosen = { row: words.closest("li"), words, start, end, box: range.getBoundingClientRect() };
      }
    }
    if (chosen) place(chosen.box);
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
