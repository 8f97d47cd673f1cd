/** Calls that take effect now: while one does, nothing else is picked, however long real input and output take. */
import { startRealTimer } from "../env/system-env.ts"
import { nextTurn } from "../env/turn.ts"

/** A call, from its start until it has answered or waits for a step of its own. */
export interface Call {
  isBusy: boolean
}

/** How long a call may take by the real clock before it is seen as blocked by others. */
const BLOCKED_AFTER_MS = 1_000

/** How many turns most calls end within that do no input or output. */
const SHORT_TURNS = 3

export class CallsUnderWay {
  #count = 0
  #whenNone: (() => void) | null = null

  /** How many are busy. */
  get count(): number {
    return this.#count
  }

  begin(call: Call): void {
    call.isBusy = true
    this.#count += 1
  }

  /** The call has ended, or waits for a step of its own. False when it was not busy. */
  pause(call: Call): boolean {
    if (!call.isBusy) return false
    call.isBusy = false
    this.#count -= 1
    if (this.#count === 0) this.#whenNone?.()
    return true
  }

  /** Resolves when no call is busy, in real time; one that does not end waits for other actors. */
  async ended(): Promise<void> {
    for (let turn = 0; turn < SHORT_TURNS && this.#count > 0; turn++) await nextTurn()
    while (this.#count > 0) {
      const haveEnded = await new Promise<boolean>((resolve) => {
        // Nothing tells that a call is blocked by what another actor holds: only that it has not ended for a while.
        const timer = startRealTimer(BLOCKED_AFTER_MS, () => {
          resolve(false)
        })
        this.#whenNone = () => {
          timer.cancel()
          resolve(true)
        }
      })
      this.#whenNone = null
      if (!haveEnded) return
      await nextTurn()
    }
  }
}
