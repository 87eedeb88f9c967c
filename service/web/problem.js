/**
 * What went wrong, for the person in front of the page.
 */

import { text } from "./strings.js";

const UNAUTHORIZED = 401;
const TOO_MANY_REQUESTS = 429;
const SERVER_FAILED = 500;

/** An error with a title and a detail, as RFC 9457 describes it. */
export class Problem extends Error {
  /**
   * @param {string} title
   * @param {string} detail
   * @param {{mayPass: boolean, needsKey?: boolean}} outlook whether the same request may succeed
   *   later, or with a key
   */
  constructor(title, detail, { mayPass, needsKey = false }) {
    super(`${title}: ${detail}`);
    this.name = "Problem";
    this.title = title;
    this.detail = detail;
    this.mayPass = mayPass;
    this.needsKey = needsKey;
  }
}

/**
 * Reads the problem document of a response that failed.
 * @param {Response} response
 * @returns {Promise<Problem>}
 */
export async function problemOf(response) {
  const { status } = response;
  const outlook = {
    mayPass: status >= SERVER_FAILED || status === TOO_MANY_REQUESTS,
    needsKey: status === UNAUTHORIZED,
  };
  const document = await response.json().catch(() => ({}));
  if (typeof document.title === "string" && typeof document.detail === "string") {
    return new Problem(document.title, document.detail, outlook);
  }
  return new Problem(
    text("problem_unreadable"),
    text("problem_unreadable_detail", { status }),
    outlook,
  );
}

/**
 * Gives the problem for a request that got no response, or half of one.
 * @returns {Problem}
 */
export function unreachable() {
  const detail = text("problem_unreachable_detail");
  return new Problem(text("problem_unreachable"), detail, { mayPass: true });
}
