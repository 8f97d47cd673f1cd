/**
 * A shared lock as held by one thread.
 *
 *     held ──release()──▶ released
 *
 * Only the grant itself releases, so nobody can release what another holds; again is a no-op (L5). It cannot be passed
 * to another thread: what arrives there is a plain object.
 */
import { HoldfastError } from "../kernel/errors.ts"
import type { Token } from "../kernel/ids.ts"

/** A held {@link SharedLock}. Give it back with `release()` or let `using` do it. */
export class SharedGrant {
  /** Strictly increasing over all grants of the lock, whichever thread they go to. */
  readonly token: Token
  /**
   * True when the thread that held the lock before died while it held: what the lock protects may be half changed. Mend
   * it before using it; the grant after this one no longer knows.
   */
  readonly wasAbandoned: boolean
  #giveBack: ((grant: SharedGrant) => void) | undefined

  /** @internal Made by the lock. */
  constructor(token: Token, wasAbandoned: boolean, giveBack: (grant: SharedGrant) => void) {
    this.token = token
    this.wasAbandoned = wasAbandoned
    this.#giveBack = giveBack
  }

  /** False once it was released. */
  get isHeld(): boolean {
    return this.#giveBack !== undefined
  }

  /** For code that was handed a grant and must not go on without it. @throws HoldfastError GRANT_LOST */
  assertHeld(): void {
    if (this.isHeld) return
    throw new HoldfastError(
      "GRANT_LOST",
      `expected a held grant of the shared lock, found the one with token ${String(this.token)} already released; take the lock again`,
      { details: { token: this.token } },
    )
  }

  /** Gives the lock to the next waiter. Again does nothing. Never waits. */
  release(): void {
    const giveBack = this.#giveBack
    this.#giveBack = undefined
    giveBack?.(this)
  }

  [Symbol.dispose](): void {
    this.release()
  }
}
