/**
 * Lets only the newest of several overlapping tasks speak.
 */

/** Runs one task at a time: a newer one aborts the older, which then shows nothing and fails not. */
export class Latest {
  #controller = new AbortController();

  /**
   * Aborts the task before, runs this one, and shows its result unless a newer task began meanwhile.
   * @template Result
   * @param {(signal: AbortSignal) => Promise<Result>} task
   * @param {{show: (result: Result) => void, fail: (error: unknown) => void}} outcome
   */
  async run(task, { show, fail }) {
    this.stop();
    const { signal } = (this.#controller = new AbortController());
    try {
      const result = await task(signal);
      if (!signal.aborted) show(result);
    } catch (error) {
      if (!signal.aborted) fail(error);
    }
  }

  /** Aborts the task, if one runs. */
  stop() {
    this.#controller.abort();
  }
}
