/**
 * The API key that the visitor typed, for a server that asks for one. The browser forgets it when the
 * tab is closed.
 */

const PLACE = "vitrine-key";
const NOT_IN_A_HEADER = /[^\x21-\x7e]/g; // spaces and line breaks that came along with a copied key

/** @param {string} key an empty one forgets it */
export function keep(key) {
  sessionStorage.setItem(PLACE, key.replace(NOT_IN_A_HEADER, ""));
}

/**
 * Gives a request with the key, if there is one.
 * @param {RequestInit} request
 * @returns {RequestInit}
 */
export function withKey(request) {
  const key = sessionStorage.getItem(PLACE);
  if (!key) return request;
  const headers = new Headers(request.headers);
  headers.set("Authorization", `Bearer ${key}`);
  return { ...request, headers };
}
