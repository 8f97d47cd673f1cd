/** A kernel that dies after every command: the next one is restored from what was written of rows and live state. */
import { assertInvariant, type Command, Kernel, type Outcome, type StoreEvent } from "../../src/kernel/index.ts"
import { Written } from "../kernel/written.ts"

export class RestartingKernel {
  #kernel = new Kernel({ backed: true })
  readonly #written = new Written()
  #events: readonly StoreEvent[] = []

  apply(command: Command, now: number): Outcome {
    let outcome = this.#kernel.apply(command, now)
    while (outcome.kind === "need") {
      this.#written.load(this.#kernel, outcome)
      outcome = this.#kernel.apply(command, now)
    }
    this.#events = this.#kernel.takeEvents()
    this.#written.take(this.#kernel)
    this.#restart()
    return outcome
  }

  takeEvents(): readonly StoreEvent[] {
    return this.#events
  }

  /** The kernel of this moment. */
  get current(): Kernel {
    return this.#kernel
  }

  #restart(): void {
    const kernel = this.#written.successorOf(this.#kernel)
    for (const session of kernel.awaySessions()) kernel.sessionReturned(session)
    kernel.check()
    // What was written stays written: restoring is no change.
    for (const { key } of kernel.takeLiveChanges()) {
      assertInvariant(this.#written.hasLive(key), "L4", `${key} came back`)
    }
    this.#kernel = kernel
  }
}
