// Boxes of admin pages in which a sentence is tried: asked by the API, which keeps nothing of it.
const token = () => document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
const percent = (share) => `${(share * 100).toFixed(0)}\u00a0%`;

function line(...parts) {
  const p = document.createElement("p");
  for (const part of parts) {
    if (typeof part === "string") p.append(part);
    else {
      const b = document.createElement(part.tag ?? "b");
      b.textContent = part.text;
      if (part.mark) b.className = part.mark;
      p.append(b, " ");
    }
  }
  return p;
}

// What a classifier takes the text for, and its three best guesses as bars.
function guessed(answer, words) {
  const verdict = answer.refused
    ? { text: words.refused, mark: "ic-verdict no" }
    : { text: words.accepted, mark: "ic-verdict yes" };
  const list = document.createElement("ol");
  list.className = "ic-ranked";
  for (const [intent, share] of answer.ranked.slice(0, 3)) {
    const item = document.createElement("li");
    const meter = document.createElement("meter");
    meter.value = share;
    meter.textContent = percent(share);
    const name = document.createElement("span");
    name.textContent = intent;
    const much = document.createElement("span");
    much.className = "num";
    much.textContent = percent(share);
    item.append(name, meter, much);
    list.append(item);
  }
  return [line(verdict, { text: answer.intent }, `${words.sure} ${percent(answer.score)}`), list];
}

// Whether examples hear the text, how clearly, and which of them is most like it.
function meant(answer, words) {
  const verdict = answer.heard
    ? { text: words.accepted, mark: "ic-verdict yes" }
    : { text: words.refused, mark: "ic-verdict no" };
  const { figures } = answer;
  const said = words.figures
    .replace("%h", figures.heard).replace("%n", figures.examples)
    .replace("%a", figures.alarms).replace("%o", figures.ordinary);
  return [
    line(verdict, `${words.sure} ${answer.score.toFixed(2)} ${words.from}`),
    line(`${words.nearest} `, { tag: "q", text: answer.nearest }, `(${percent(answer.likeness)})`),
    line({ tag: "span", mark: "ic-quiet", text: said }),
  ];
}

// Which names of the company's lists are heard, each in the words that were taken for it.
function named(answer, words) {
  if (!answer.found.length) return [line({ text: words.refused, mark: "ic-verdict no" })];
  return answer.found.map((one) => line(
    { text: words.accepted, mark: "ic-verdict yes" }, { text: one.name }, `(${words[one.kind]}) `, { tag: "q", text: one.words },
  ));
}

// Whether phrases, a pattern or what is named hear the text, and in which of its words.
function worded(answer, words, text) {
  const told = Object.values(answer.complaints).flat();
  const said = [...told, ...(answer.heard === null ? answer.notes : [])].map((one) => line({ tag: "span", mark: "ic-quiet", text: String(one) }));
  if (answer.heard === null) return [line({ text: words.failed, mark: "ic-verdict no" }), ...said];
  const verdict = answer.heard
    ? { text: words.accepted, mark: "ic-verdict yes" }
    : { text: words.refused, mark: "ic-verdict no" };
  const parts = [];
  let at = 0;
  for (const [start, end] of answer.spans) {
    parts.push(text.slice(at, start), { tag: "mark", text: text.slice(start, end) });
    at = end;
  }
  const shown = answer.heard ? [line(verdict, ...parts, text.slice(at))] : [line(verdict)];
  if (answer.names.length) shown.push(line(`${words.named} `, { text: answer.names.join(", ") }));
  return [...shown, ...said];
}

function complaints({ error }, words) {
  const told = Object.values(error?.fields ?? {}).flat(2);
  return [line({ text: words.failed, mark: "ic-verdict no" }), ...(told.length ? told : [error?.message ?? ""]).map((one) => line(String(one)))];
}

const value = (id) => document.getElementById(id)?.value ?? "";
const lines = (id) => document.getElementById(id)?.value.split("\n").map((one) => one.trim()).filter(Boolean) ?? [];

for (const box of document.querySelectorAll("[data-try]")) {
  const field = box.querySelector("input");
  const button = box.querySelector("button");
  const result = box.querySelector("[role=status]");
  const words = box.dataset;
  const kind = document.getElementById("id_kind");
  const isMeaning = words.shows === "meaning";
  const show = { meaning: meant, names: named }[words.shows] ?? guessed;
  const ask = async () => {
    if (!field.value.trim() || button.disabled) return;
    button.disabled = true;
    const sent = { text: field.value.trim() };
    const isWorded = isMeaning && kind.value !== "examples";
    if (isWorded) {
      Object.assign(sent, {
        key: value("id_key") || box.dataset.key || "draft", name: value("id_name") || "?", kind: kind.value,
        speaker: value("id_speaker"), phrases: lines("id_phrases"), pattern: value("id_pattern"),
        examples: lines("id_examples"), counter_examples: lines("id_counter_examples"), entity: value("id_entity"),
        reject_negated: document.getElementById("id_reject_negated").checked,
        ...(kind.value === "question" && { question: value("id_question"), least_score: value("id_least_score") || null }),
      });
    } else if (isMeaning) {
      sent.examples = lines("id_examples");
      sent.near_misses = lines("id_counter_examples");
    }
    const name = words.shows === "names" ? document.getElementById("id_name")?.value.trim() : "";
    if (name) {
      const own = location.pathname.match(/\/([0-9a-f-]{36})\/change\/$/);
      sent.name = {
        ...(own && { id: own[1] }), kind: document.getElementById("id_kind").value, name,
        spellings: lines("id_spellings"), exact: document.getElementById("id_exact").checked,
      };
    }
    try {
      const response = await fetch(isWorded ? words.check : words.try, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRFToken": token() },
        body: JSON.stringify(sent),
      });
      const answer = await response.json();
      const shown = !response.ok ? complaints(answer, words)
        : isWorded ? worded(answer, words, sent.text) : show(answer, words);
      result.replaceChildren(...shown);
    } catch {
      result.replaceChildren(line({ text: words.failed, mark: "ic-verdict no" }));
    } finally {
      button.disabled = false;
    }
  };
  button.addEventListener("click", ask);
  field.addEventListener("keydown", (event) => {
    // Within the page's form, whose Enter would save it.
    if (event.key === "Enter") {
      event.preventDefault();
      ask();
    }
  });
  if (isMeaning && kind) {
    const named = document.getElementById("id_entity");
    const shift = () => {
      for (const note of document.querySelectorAll(".ic-note[data-kind]")) {
        const { kind: of, entity } = note.dataset;
        note.hidden = of !== kind.value || (entity !== "" && entity !== named.value);
      }
      box.hidden = !["phrase", "pattern", "entity", "examples", "question"].includes(kind.value);
      box.querySelector("p").textContent = words[kind.value] ?? words.worded;
      result.replaceChildren();
    };
    kind.addEventListener("change", shift);
    named?.addEventListener("change", shift);
    shift();
  }
}
