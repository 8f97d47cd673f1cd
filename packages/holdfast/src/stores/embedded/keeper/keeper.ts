/**
 * The keeper: one kernel for all sessions of a store, what it says held back until what it rests on is durable.
 *
 *     connections ──messages──▶ tick: each is served (serve.ts) ──end of the tick──▶ 1. live log written, no flush
 *         ▲                      ▲                                                   2. what rests on nothing sent
 *         └── held answers       ├── a batch is durable, or did not fit              3. the next batch to the journal (flushed)
 *                                └── time has come
 *
 * 1. Everything happens in ticks, one at a time and to its end: nothing of a tick is sent before its live changes are
 *    written, so that they outlive whoever is told (O1, O5).
 * 2. While one batch flushes the next gathers and the kernel goes on (S3).
 * 3. A session ends with its connection, or with its client where that does not come back (L6, O6).
 * 4. After a batch that did not fit all go on from what is durable, and connect anew (S5). Any other failure ends the
 *    keeper, and nothing more is answered.
 */
import type { Timer } from "../../../env/index.ts"
import type { HoldfastError, SessionHolding, SessionId } from "../../../kernel/index.ts"
import { COUNTED_CELLS, cutView, type StoreReport } from "./admin.ts"
import { Connection, type ConnectionKeeper } from "./connection.ts"
import { FileHolds } from "./file-holds.ts"
import type { JournalBatch } from "./journal-port.ts"
import { KeptState, type KeptStateOptions } from "./kept-state.ts"
import type { ClientMessage, Peer } from "./peer.ts"
import { serve } from "./serve.ts"

export interface KeeperOptions extends KeptStateOptions {
  /** Told once, when the keeper can answer nothing any more. */
  readonly onFailed: (error: Error) => void
}

/** How long between two steps of clearing files away: nobody waits for it, and nobody is to wait because of it. */
const CLEAR_MS = 10

/** How often the sign of life of clients that have not come back is looked at: no event tells of a lock let go. */
const AWAY_LOOK_MS = 50

export class Keeper implements ConnectionKeeper {
  readonly #env: KeeperOptions["env"]
  readonly #onFailed: (error: Error) => void
  readonly #isAlive: (client: string) => boolean
  readonly #connections = new Set<Connection>()
  readonly #state: KeptState
  readonly #holds: FileHolds<Connection>
  #isOver = false
  /** What comes now is for the next keeper: it is not heard, so its clients send it again (S4). */
  #isLeaving = false
  #alarm: { at: number; timer: Timer } | null = null
  #awayTimer: Timer | null = null
  #clearTimer: Timer | null = null

  constructor(options: KeeperOptions) {
    this.#env = options.env
    this.#onFailed = options.onFailed
    this.#isAlive = options.isAlive
    this.#holds = new FileHolds(options.env, (connection) => {
      this.#state.blobs?.resume(connection)
      this.#armClearing()
    })
    this.#state = new KeptState(options, this.#connections, {
      inTick: (work) => {
        this.#inTick(work)
      },
      onSettled: (batch) => {
        this.#inTick(() => {
          this.#state.settled(batch)
        })
      },
      onFull: (batch, error) => {
        this.#inTick(() => {
          this.#rollBack(batch, error)
        })
      },
      onFailed: (error) => {
        this.#fail(error)
      },
    })
    this.#state.restore(this.#state.batches.durableCeiling)
    this.#lookAway()
    this.#endTick()
  }

  /** Whether sessions of before this keeper are still on their way back. */
  get awaySessions(): number {
    return this.#state.owners.awayCount
  }

  // Connections

  connect(peer: Peer): Connection {
    const { kernel, owners, durability, notes } = this.#state
    const connection = new Connection(this, peer)
    this.#connections.add(connection)
    if (peer.isLocal) notes.becomeLocal(peer.client)
    this.#state.replies.connected(peer.client)
    // What its sessions hold by now, so that it learns what it missed.
    const sessions: { session: SessionId; holding: SessionHolding }[] = []
    for (const session of owners.awayOf(peer.client)) {
      const holding = kernel.holdingOf(session)
      if (holding === null) continue
      owners.own(session, connection)
      sessions.push({ session, holding })
    }
    // A claim is as good as new: what it rests on must be durable before its body is started.
    connection.restoredRest = durability.restOfAll
    connection.restoredRest = this.#state.tell(connection, { kind: "restored", sessions }, connection.restoredRest)
    try {
      this.#endTick()
    } catch (error) {
      // Not the greeted one's fault, and nobody else's to catch.
      this.#fail(error)
    }
    return connection
  }

  /** @internal What a connection brought, in order. */
  receive(connection: Connection, messages: readonly ClientMessage[]): void {
    if (this.#isOver || this.#isLeaving) return
    try {
      for (const message of messages) this.#hear(connection, message)
      this.#endTick()
    } catch (error) {
      this.#fail(error)
    }
  }

  /** @internal The other end is gone: its sessions died with it (L6, O6). */
  disconnected(connection: Connection): void {
    if (!this.#connections.delete(connection)) return
    const state = this.#state
    this.#inTick(() => {
      for (const session of state.owners.ownedBy(connection)) state.endSession(session, connection)
      state.replies.forget(connection.peer.client)
      this.#holds.end(connection)
      state.blobs?.resume(connection)
      this.#observe()
    })
  }

  /** @internal No file goes until they are released, the connection ends, or it is not heard of for long. */
  holdFiles(connection: Connection): void {
    if (!this.#connections.has(connection) || this.#state.blobs === null) return
    this.#state.blobs.pause(connection)
    this.#holds.begin(connection)
  }

  /** @internal */
  heard(connection: Connection): void {
    this.#holds.heard(connection)
  }

  /** @internal False where files may have gone meanwhile. */
  releaseFiles(connection: Connection): boolean {
    this.#holds.end(connection)
    const wasHeld = this.#connections.has(connection) && this.#state.blobs?.resume(connection) !== false
    this.#armClearing()
    return wasHeld
  }

  #hear(connection: Connection, message: ClientMessage): void {
    switch (message.kind) {
      case "request":
        serve(this.#state, connection, message)
        break
      case "acknowledge":
        this.#state.replies.acknowledge(connection.peer.client, message.through)
        break
      case "observe":
        connection.isObserving = message.on
        this.#observe()
        break
      case "returned":
        if (!this.#state.owners.returned(message.session, connection)) break
        this.#state.kernel.sessionReturned(message.session)
        this.#state.collect(null)
        break
      case "administer":
        // Done where it came in (see host/reception.ts).
        break
    }
  }

  /** Somebody began or ceased to observe transitions. */
  #observe(): void {
    this.#state.observe([...this.#connections].some((connection) => connection.isObserving))
  }

  /** Clients that are not back are looked at until each is back or dead; some have no session any more, but replies. */
  #lookAway(): void {
    this.#awayTimer?.cancel()
    this.#awayTimer = null
    const { owners, replies } = this.#state
    if (this.#isOver || (owners.awayCount === 0 && replies.absentCount === 0)) return
    const dead = owners.findDead()
    for (const session of dead.sessions) this.#state.endSession(session, null)
    for (const client of dead.clients) replies.forget(client)
    replies.forgetDead(this.#isAlive)
    const look = (): void => {
      this.#inTick(() => {
        this.#lookAway()
      })
    }
    this.#awayTimer = this.#env.timers.after(AWAY_LOOK_MS, look, { keepAlive: false })
  }

  // Looking after it

  /** What the store holds, as far as it is durable now: once it is another revision than `since`, or the bound is over. */
  async report(since: number | null, bound: Promise<void>): Promise<KeeperReport> {
    const { traffic, durability, answers, journal } = this.#state
    if (since !== null) await traffic.whenChanged(since, bound)
    const rest = durability.restOfAll
    if (rest > 0 && !this.#isOver) await answers.whenSettled(rest)
    const { revision, results } = traffic
    this.#inTick(() => {
      this.#state.advance()
    })
    // Another kernel may have come meanwhile.
    const view = this.#state.kernel.view()
    const byStatus = journal.countRuns()
    const cells = { ...view.cells, stored: journal.countCells(COUNTED_CELLS) }
    return {
      revision,
      at: this.#state.now(),
      results,
      cells,
      ...cutView({ ...view, runs: { ...view.runs, byStatus } }),
    }
  }

  // Ticks

  #inTick(work: () => void): void {
    if (this.#isOver) return
    try {
      work()
      this.#endTick()
    } catch (error) {
      this.#fail(error)
    }
  }

  #endTick(): void {
    this.#state.endTick(this.#isOver)
    this.#armClearing()
    this.#armAlarm()
  }

  /** Files that nobody needs are removed in small steps, once it is known what sessions of before hold. */
  #armClearing(): void {
    const { blobs, owners } = this.#state
    if (blobs === null || this.#clearTimer !== null || this.#isOver || !blobs.hasWork) return
    const step = (): void => {
      this.#clearTimer = null
      if (this.#isOver) return
      if (owners.awayCount === 0) blobs.step()
      this.#armClearing()
    }
    this.#clearTimer = this.#env.timers.after(CLEAR_MS, step, { keepAlive: false })
  }

  #armAlarm(): void {
    const due = this.#isOver ? undefined : this.#state.nextDue()
    if (this.#alarm?.at === due) return
    this.#alarm?.timer.cancel()
    this.#alarm = null
    if (due === undefined) return
    const fire = (): void => {
      this.#alarm = null
      this.#inTick(() => {
        this.#state.passTime()
      })
    }
    const timer = this.#env.timers.after(Math.max(0, due - this.#state.now()), fire, { keepAlive: false })
    this.#alarm = { at: due, timer }
  }

  /** The batch did not fit: whoever waits for it is told, and all go on from what is durable (S5). */
  #rollBack(failed: JournalBatch, error: HoldfastError): void {
    this.#state.answers.refuseAll(error)
    this.#holds.endAll()
    const connections = [...this.#connections]
    this.#connections.clear()
    this.#state.rollBack(failed)
    this.#lookAway()
    this.#observe()
    // What is left to be flushed is in the live log.
    if (this.#isLeaving) this.#stop()
    // Their waits are asked for anew, as after any other keeper.
    for (const { peer } of connections) peer.disconnect()
  }

  // The end

  /** Flushes what was applied and takes nothing more. Connections stay open: their clients find the next keeper. */
  async close(): Promise<void> {
    this.#isLeaving = true
    this.#inTick(() => {
      this.#state.batches.tryAgain()
    })
    if (!this.#isOver && this.#state.durability.restOfAll > 0) await this.#state.batches.whenFlushed()
    this.#stop()
  }

  #fail(error: unknown): void {
    if (this.#isOver) return
    this.#stop()
    this.#onFailed(error instanceof Error ? error : new Error(String(error)))
  }

  #stop(): void {
    this.#isOver = true
    this.#alarm?.timer.cancel()
    this.#alarm = null
    this.#awayTimer?.cancel()
    this.#awayTimer = null
    this.#clearTimer?.cancel()
    this.#clearTimer = null
    this.#holds.endAll()
    this.#state.batches.stop()
  }
}

/** What the keeper knows of a report. */
export type KeeperReport = Omit<StoreReport, "keeper" | "store">
