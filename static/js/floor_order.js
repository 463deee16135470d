// Who needs me first: the one order of the floor's list, so that its top is where to look. docs/floor.md says it in words.
import { isSilent } from "./phase.js";

const LIVE = ["announced", "live"];
// A customer who sounds like this and goes down; silence that nobody has announced; how long a panel may take to open.
const LOW = -0.2;
const QUIET_MS = 45_000;
const PANEL_MS = 10_000;

export const isLive = (row) => LIVE.includes(row.state);

/** How long nobody has said a word, in ms; of a chat, how long the customer has had no answer. 0 where that is as it
 * should be, or not known. */
export function quietFor(row, clock) {
  if (row.channel === "chat") {
    const waits = isLive(row) && row.waits_ms !== null && row.started_at ? clock.since(row.started_at) - row.waits_ms : 0;
    return waits >= QUIET_MS ? waits : 0;
  }
  if (!isLive(row) || isSilent(row) || !row.silence || !row.started_at) return 0;
  const quiet = clock.since(row.started_at) - row.silence.since_ms;
  return quiet >= QUIET_MS ? quiet : 0;
}

/** Whether guidance has nowhere to be shown: the agent talks, and has no panel open. */
export function isBlind(row, clock) {
  return row.panel === false && isLive(row) && clock.since(row.started_at) >= PANEL_MS;
}

export function sounds(row) {
  return row.mood !== null && row.mood.trend === "falling" && row.mood.points.at(-1) <= LOW;
}

/** The place in the order: `[group, escalated, since]`, compared from left to right. */
export function need(row, me, clock) {
  const { alert } = row;
  const begun = Date.parse(row.started_at);
  const waits = Date.parse(alert?.waiting_since ?? alert?.raised_at ?? row.started_at);
  const first = alert?.escalated_at ? 0 : 1;
  if (alert && !alert.assignee && alert.severity === "bad") return [0, first, waits];
  if (alert?.assignee?.id === me.id) return [1, first, waits];
  if (alert && !alert.assignee) return [2, first, waits];
  if (isBlind(row, clock) || sounds(row) || quietFor(row, clock)) return [3, 1, begun];
  return [4, 1, begun];
}

/** The ids of these rows in order. */
export function ordered(rows, me, clock) {
  return rows
    .map((row) => ({ id: row.id, at: need(row, me, clock) }))
    .sort((a, b) => a.at[0] - b.at[0] || a.at[1] - b.at[1] || a.at[2] - b.at[2] || (a.id < b.id ? -1 : 1))
    .map(({ id }) => id);
}
