// How this page proves who is behind it: by its cookie, or, in a frame of somebody else's page, by a token of its own.
// The cookie never goes along with a token, and the token goes nowhere but to this server.

let token = null;
let prefix = "";
let onLost = () => {};

/** Go by this token from now on; `under` is where the addresses are that take it, `lost()` is told when it is refused. */
export function useToken(secret, { under = prefix, lost = onLost } = {}) {
  token = secret;
  prefix = under;
  onLost = lost;
}

/** Whether this page goes by a token. */
export const byToken = () => prefix !== "";

/** Where this page asks for what is at `path` for pages with a cookie. */
export const address = (path) => (path.startsWith("/") && !path.startsWith(`${prefix}/`) ? prefix + path : path);

export const proof = () => (byToken()
  ? { credentials: "omit", headers: { Authorization: `Bearer ${token}` } }
  : { credentials: "same-origin", headers: {} });

/** Subprotocols of a socket: a token must not stand in an address, which ends up in logs. */
export const protocols = () => (byToken() ? ["cresta.token", `token.${token}`] : []);

/** The server knows this token no more. */
export function refused() {
  if (byToken()) onLost();
}
