/**
 * Keeps a control that is dragged from asking more often than answers come.
 */

/** Runs a task one at a time; however often it is wanted meanwhile, it then runs once more. */
export class Pace {
  #task;
  #isRunning = false;
  #isWanted = false;

  /** @param {() => Promise<void>} task */
  constructor(task) {
    this.#task = task;
  }

  /** Whether the task will run again when it ends. */
  get isWanted() {
    return this.#isWanted;
  }

  /** Wants the task to run, now or after the one that runs. */
  async want() {
    this.#isWanted = true;
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (this.#isWanted) {
        this.#isWanted = false;
        await this.#task();
      }
    } finally {
      this.#isRunning = false;
    }
  }
}
