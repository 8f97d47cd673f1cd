/**
 * Locks as the design states them and nothing else: one array of waiting requests in order of arrival, one of grants,
 * and every rule read off the whole of both. Slow, short, and without a single data structure to get wrong.
 */
import type { AcquireLock, Token } from "../../src/kernel/index.ts"

interface NaiveGrant {
  readonly token: Token
  readonly command: AcquireLock
}

export class NaiveLocks {
  readonly limits = new Map<string, number>()
  grants: NaiveGrant[] = []
  queue: AcquireLock[] = []

  /** True when the request could be granted at once: nobody ahead in any of its queues, nothing in its way (L1, L3). */
  isFree(command: AcquireLock): boolean {
    return command.names.every(
      (name) => !this.queue.some((other) => other.names.includes(name)) && this.#fits(command, name),
    )
  }

  /** Requests that are eligible in every queue they stand in, given `tokenOf` each; repeats until there are none. */
  settle(tokenOf: (command: AcquireLock) => Token | undefined): AcquireLock[] {
    const granted: AcquireLock[] = []
    for (let next = this.#eligible(); next !== undefined; next = this.#eligible()) {
      const token = tokenOf(next)
      if (token === undefined)
        throw new Error(`L3: request ${String(next.request)} of ${next.session} is eligible and not granted`)
      const request = next
      this.queue = this.queue.filter((other) => other !== request)
      this.grants.push({ token, command: request })
      granted.push(request)
    }
    return granted
  }

  #eligible(): AcquireLock | undefined {
    return this.queue.find((command, at) =>
      command.names.every(
        (name) => !this.queue.slice(0, at).some((other) => other.names.includes(name)) && this.#fits(command, name),
      ),
    )
  }

  #fits(command: AcquireLock, name: string): boolean {
    const holders = this.grants.filter((grant) => grant.command.names.includes(name))
    if (command.mode === "exclusive") return holders.length === 0
    if (holders.some((grant) => grant.command.mode === "exclusive")) return false
    const used = holders.reduce((sum, grant) => sum + grant.command.permits, 0)
    return used + command.permits <= (this.limits.get(name) ?? Infinity)
  }
}
