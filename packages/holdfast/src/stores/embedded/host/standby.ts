/**
 * Who keeps the store next: of the clients that offered themselves, one is named and makes itself ready, so that a new
 * keeper need not start anything before it serves.
 *
 *     nobody ──a candidate has stayed a while──▶ named ──it is gone──▶ nobody, or the next that has stayed
 *
 * 1. At most one is named at a time.
 * 2. All who offered themselves are told, each time and as soon as they come: the others leave it a head start.
 * 3. Whoever is there for a moment only is not named: getting ready costs more than what most such programs do.
 */
import type { Env, Timer } from "../../../env/index.ts"
import type { StandbyWord } from "../wire/index.ts"

/** Longer than a command line tool takes, and far shorter than the time between two deaths of keepers. */
const STAY_MS = 500

/** One that offered itself. */
export interface Candidate {
  standby(word: StandbyWord): void
}

export class Standby {
  readonly #env: Env
  /** In the order they came, with when that was. */
  readonly #candidates = new Map<Candidate, number>()
  #named: Candidate | null = null
  #timer: Timer | null = null

  constructor(env: Env) {
    this.#env = env
  }

  /** Once a candidate. */
  offer(candidate: Candidate): void {
    if (this.#candidates.has(candidate)) return
    this.#candidates.set(candidate, this.#env.clock.monotonic())
    if (this.#named === null) this.#name()
    else candidate.standby("other")
  }

  gone(candidate: Candidate): void {
    if (!this.#candidates.delete(candidate) || this.#named !== candidate) return
    this.#named = null
    if (!this.#name()) for (const each of this.#candidates.keys()) each.standby("nobody")
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#candidates.clear()
  }

  /** Whether somebody is named now. */
  #name(): boolean {
    // The first has been there the longest.
    const [first] = this.#candidates
    if (first === undefined || this.#timer !== null) return false
    const [candidate, since] = first
    const staysMs = since + STAY_MS - this.#env.clock.monotonic()
    if (staysMs > 0) {
      const again = (): void => {
        this.#timer = null
        if (this.#named === null) this.#name()
      }
      this.#timer = this.#env.timers.after(staysMs, again, { keepAlive: false })
      return false
    }
    this.#named = candidate
    for (const each of this.#candidates.keys()) each.standby(each === candidate ? "you" : "other")
    return true
  }
}
