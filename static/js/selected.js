// Words that somebody marked in a transcript: which utterance, and where in its text they begin and end.

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

/** What is marked now, if it lies within one utterance: `{row, words, start, end, box}`; null otherwise. */
export function markedWords() {
  const selection = getSelection();
  if (selection.isCollapsed || !selection.rangeCount) return null;
  const range = selection.getRangeAt(0);
  const element = (node) => (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement);
  const words = element(range.startContainer).closest(".rv-tr li > span");
  if (!words || !words.contains(range.endContainer)) return null;
  const start = offsetOf(words, range.startContainer, range.startOffset);
  const end = offsetOf(words, range.endContainer, range.endOffset);
  if (!Number.isFinite(start) || end <= start) return null;
  return { row: words.closest("li"), words, start, end, box: range.getBoundingClientRect() };
}

/** The rows of a transcript in which something is marked: `{first, last, box}`, the box of where it ends; or null. */
export function markedRows(transcript) {
  const selection = getSelection();
  if (selection.isCollapsed || !selection.rangeCount || !transcript.contains(selection.anchorNode)) return null;
  const rows = [...transcript.querySelectorAll("li[data-seek]")].filter((row) => selection.containsNode(row, true));
  const box = [...selection.getRangeAt(0).getClientRects()].at(-1);
  return rows.length && box ? { first: rows[0], last: rows.at(-1), box } : null;
}

/** Put a bar below what is marked, within the transcript that it stands in. */
export function placeBelow(transcript, bar, box) {
  const host = transcript.getBoundingClientRect();
  bar.hidden = false;
  const left = Math.min(Math.max(8, box.left - host.left), Math.max(8, host.width - bar.offsetWidth - 8));
  bar.style.left = `${left}px`;
  bar.style.top = `${box.bottom - host.top + transcript.scrollTop + 4}px`;
}
