/**
 * Whose each session is: its opener's alone, also when another keeper comes.
 *
 *     opened ──▶ owned ──its connection is gone──▶ ended
 *
 *     restored: away ──its client connects──▶ owned and away ──it has asked for everything anew──▶ owned
 *                 └──its client is dead──▶ ended
 *
 * 1. A session that is owned is used by no other connection.
 * 2. While its client is away and alive, a session keeps what it holds, and nobody else gets it (L6, O6).
 */
import type { Command, SessionId } from "../../../kernel/index.ts"
import type { StoreOutcome } from "../../../store/index.ts"
import type { Connection } from "./connection.ts"

export class Owners {
  readonly #isAlive: (client: string) => boolean
  readonly #owners = new Map<SessionId, Connection>()
  /** Sessions of before this kernel by their client, until they are back or known to be dead. */
  readonly #away = new Map<SessionId, string>()

  constructor(isAlive: (client: string) => boolean) {
    this.#isAlive = isAlive
  }

  /** Sessions that are still on their way back. */
  get awayCount(): number {
    return this.#away.size
  }

  ownerOf(session: SessionId): Connection | undefined {
    return this.#owners.get(session)
  }

  ownedBy(connection: Connection): SessionId[] {
    return [...this.#owners].filter(([, owner]) => owner === connection).map(([session]) => session)
  }

  /** Whose a session of before is. */
  clientOf(session: SessionId): string | undefined {
    return this.#away.get(session)
  }

  awayOf(client: string): SessionId[] {
    return [...this.#away].filter(([, each]) => each === client).map(([session]) => session)
  }

  /** A session is its opener's alone: null where the command may be asked here. */
  refuse(connection: Connection, command: Command): StoreOutcome | null {
    if (!("session" in command) || command.kind === "openSession") return null
    const owner = this.#owners.get(command.session)
    if (owner === connection || owner === undefined) return null
    const message = `session ${command.session} belongs to another connection; use the one that opened it`
    return { kind: "refused", code: "SESSION_LOST", message, details: {} }
  }

  own(session: SessionId, connection: Connection): void {
    this.#owners.set(session, connection)
  }

  /** It was restored, and is its client's when that comes back. */
  expect(session: SessionId, client: string): void {
    this.#away.set(session, client)
  }

  /** It is back; false where it is not this connection's to say so. */
  returned(session: SessionId, connection: Connection): boolean {
    if (this.#owners.get(session) !== connection) return false
    this.#away.delete(session)
    return true
  }

  /** The session ended with this owner; null where it had none. */
  ended(session: SessionId, owner: Connection | null): void {
    this.#away.delete(session)
    if (owner === null || this.#owners.get(session) === owner) this.#owners.delete(session)
  }

  /** Clients that will not come back, and their sessions; a frozen one blocks what it holds, and no more. */
  findDead(): { readonly clients: ReadonlySet<string>; readonly sessions: readonly SessionId[] } {
    const clients = new Set<string>()
    const sessions: SessionId[] = []
    for (const [session, client] of this.#away) {
      if (this.#owners.has(session)) continue
      if (clients.has(client) || !this.#isAlive(client)) {
        clients.add(client)
        sessions.push(session)
      }
    }
    return { clients, sessions }
  }

  /** They are restored anew. */
  clear(): void {
    this.#owners.clear()
    this.#away.clear()
  }
}
