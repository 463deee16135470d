// The page of uploads: files by choosing or dropping, sent with a bar that says how far, refusals in words.
import { fill } from "./dom.js";
import { bindKeys } from "./keys.js";

const form = document.getElementById("bring");
const input = document.getElementById("files");
const drop = form.querySelector(".up-drop");
const chosen = document.getElementById("chosen");
const sending = document.getElementById("sending");
const refused = document.getElementById("refused");
const words = form.dataset;
const hint = chosen.textContent;
const megabytes = (bytes) => (bytes / 1048576).toFixed(bytes < 10485760 ? 1 : 0);

function refuse(text) {
  refused.hidden = !text;
  refused.querySelector("span").textContent = text;
}

/** What is wrong with the files before they are sent, "" for nothing. */
function problem(files) {
  const large = files.find((file) => file.size > Number(words.maxBytes) && !file.name.toLowerCase().endsWith(".zip"));
  if (large) return fill(words.large, { name: large.name, size: megabytes(Number(words.maxBytes)) });
  const total = files.reduce((sum, file) => sum + file.size, 0);
  if (total > Number(words.maxRequestBytes)) return fill(words.much, { size: megabytes(Number(words.maxRequestBytes)) });
  return "";
}

function show() {
  const files = [...input.files];
  const size = megabytes(files.reduce((sum, file) => sum + file.size, 0));
  if (!files.length) chosen.textContent = hint;
  else if (files.length === 1) chosen.textContent = fill(words.one, { name: files[0].name, size });
  else chosen.textContent = fill(words.chosen, { n: files.length, size });
  refuse(problem(files));
}

input.addEventListener("change", show);

for (const kind of ["dragenter", "dragover"]) {
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  if (event.dataTransfer.files.length) {
    input.files = event.dataTransfer.files;
    show();
  }
});
// A file that misses the field must not replace the page.
for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => event.preventDefault());

bindKeys({ u: () => input.click() });

function busy(on) {
  form.querySelector("button.btn-primary").disabled = on;
  input.disabled = on;
  sending.hidden = !on;
}

function progress(share, text) {
  sending.querySelector("progress").value = share;
  const said = document.getElementById("sending-words");
  if (said.textContent !== text) said.textContent = text;
}

function finish(request) {
  let answer = {};
  try {
    answer = JSON.parse(request.responseText);
  } catch {
    // Not ours: a proxy in between answered.
  }
  busy(false);
  if (request.status !== 201) {
    refuse(answer.error?.message || words.away);
    return;
  }
  input.value = "";
  show();
  chosen.textContent = words.done;
  htmx.ajax("GET", location.pathname, { target: "#uploads", select: "#uploads", swap: "outerHTML" });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const wrong = problem([...input.files]);
  refuse(wrong);
  if (wrong) return;
  const data = new FormData(form);
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "application/json");
  // Read before the body is: a form of a gigabyte need not be searched for it.
  request.setRequestHeader("X-CSRFToken", data.get("csrfmiddlewaretoken"));
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    const share = total ? loaded / total : 0;
    progress(share, share < 1 ? fill(words.sending, { percent: Math.floor(100 * share) }) : words.sealing);
  });
  request.addEventListener("load", () => finish(request));
  request.addEventListener("error", () => {
    busy(false);
    refuse(words.away);
  });
  progress(0, fill(words.sending, { percent: 0 }));
  busy(true);
  request.send(data);
});

// Lines that move under the reader are only replaced while nothing in them is being typed or pressed.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.id === "uploads" && event.target.querySelector("button:active")) event.preventDefault();
});
