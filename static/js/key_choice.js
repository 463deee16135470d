// Other keys for those who want them: in the list of keys, kept with the person.
import { make, say } from "./dom.js";
import { onKeysShown, showKeys, useKeys } from "./keys.js";
import { Refused, write } from "./requests.js";

/** `actions`: what can be given another key, key -> what it does; `keys`: what this person chose. */
export function chooseKeys({ actions, keys, words }) {
  let chosen = keys;
  let waiting = null; // the action that the next key is for
  let trouble = "";
  useKeys(chosen);

  async function save(wanted) {
    waiting = null;
    trouble = "";
    try {
      ({ keys: chosen } = await write("/desk/keys/", { keys: wanted }));
      useKeys(chosen);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      trouble = error.message || words.offline;
    }
    showKeys();
  }

  function listen(event) {
    if (waiting === null) return;
    // Keys of their own do nothing alone.
    if (["Shift", "Control", "Alt", "Meta", "CapsLock", "AltGraph"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    const action = waiting;
    if (event.key === "Escape" || event.key === "Tab") {
      waiting = null;
      return showKeys();
    }
    save({ ...chosen, [action]: event.key });
  }

  onKeysShown((dialog) => {
    dialog.onkeydown = listen;
    dialog.onclose = () => { waiting = null; trouble = ""; };
    for (const row of dialog.querySelectorAll("dd[data-action]")) {
      const { action } = row.dataset;
      if (!(action in actions)) continue;
      const button = make("button", { type: "button", class: "link small key-change", "aria-label": `${words.key_change}: ${actions[action]}`, click: () => {
        waiting = action;
        showKeys();
        dialog.querySelector(`[data-action="${CSS.escape(action)}"] button`)?.focus();
      } }, waiting === action ? words.key_press : words.key_change);
      row.append(button);
    }
    dialog.querySelector(".key-foot")?.remove();
    dialog.append(make("div", { class: "key-foot" },
      make("p", { class: "small key-trouble", role: "alert" }, trouble),
      Object.keys(chosen).length ? make("button", { type: "button", class: "btn btn-sm", click: () => save({}) }, words.key_reset) : null));
    say(dialog.querySelector(".key-trouble"), trouble);
  });
}
