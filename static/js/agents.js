// Who of several agents was on the call when something was said: a call that is passed on keeps their names apart.

/** The agent at `ms` of the call: `{id, name}`, or null where nobody is known. */
export function agentAt(store, ms) {
  const next = store.all("handover").filter((item) => item.at_ms > ms).sort((a, b) => a.at_ms - b.at_ms)[0];
  return next ? next.from : store.conversation?.agent ?? null;
}

/** How agents are called in a transcript: `me` is "you", the others have their first names. */
export function agentNames(store, words, me = null) {
  return (ms) => {
    const agent = agentAt(store, ms);
    if (agent && agent.id === me) return words.you;
    return agent?.name.trim().split(" ")[0] || words.agent;
  };
}
