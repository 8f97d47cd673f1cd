/**
 * Live state on its way into the live log: sessions, grants, tickets and claims, and what `pure` runs completed with.
 *
 *     claim noted ──its run is reported──▶ end of the claim, which counts once why is durable
 *         └──a `pure` run completes──▶ completed, in the place of the claim ──its row is durable──▶ gone
 *
 * 1. What is of other processes is written before it is answered; of the keeper's own process nothing is, as it does not
 *    outlive the keeper.
 * 2. The end of a claim or session counts once the batch that says why is durable, so that a keeper killed in between
 *    still knows it (O1, O5).
 * 3. A claim that is handed out before its run is durable is written with the run: its executor must not lose it.
 */
import type {
  ClaimRow,
  CompleteRun,
  Identity,
  Kernel,
  LiveChange,
  LiveKey,
  RequestId,
  RunId,
  RunRow,
  SessionId,
  Value,
} from "../../../kernel/index.ts"
import type { BlobCare } from "./blob-care.ts"
import type { Durability } from "./durability.ts"
import type { LiveBook } from "./live-book.ts"
import type { CompletedClaim, LogEntry } from "./live-lines.ts"
import type { Owners } from "./owners.ts"
import type { Peer } from "./peer.ts"
import { restOfClaim } from "./rests.ts"

/** A run that is being asked for: under which request, and what it rested on before. */
export interface AskedRun {
  readonly request: RequestId
  readonly before: number
}

/** What live state changed with. */
export interface NotedWith {
  readonly isChanged: boolean
  readonly completed: CompletedClaim | null
  readonly asked: AskedRun | null
}

export interface LiveNotesOptions {
  readonly book: LiveBook
  readonly durability: Durability
  readonly owners: Owners
  readonly blobs: BlobCare | null
}

/** A longer result waits for its flush: written twice it would cost more than it gains. */
const WRITTEN_BYTES = 32 * 1024

export class LiveNotes {
  readonly #options: LiveNotesOptions
  /** Live rows of the keeper's own process. */
  readonly #local = new Set<LiveKey>()

  constructor(options: LiveNotesOptions) {
    this.#options = options
  }

  /** The client lives in the keeper's own process by now. */
  becomeLocal(client: string): void {
    // Its live keys, and none of what a reply is kept under.
    for (const key of this.#options.book.unlog(client)) this.#local.add(key as LiveKey)
  }

  /** Notes what changed; `isChanged` says that rows did with it, and `completed` what was completed at once. */
  note(kernel: Kernel, changes: readonly LiveChange[], { isChanged, completed, asked }: NotedWith): void {
    const { book, durability, owners, blobs } = this.#options
    for (const { key, row } of changes) {
      const before = book.get(key)
      if (row === null && completed !== null && isClaimOf(before, completed.run)) {
        this.noteCompleted(key, completed)
        this.#local.delete(key)
        continue
      }
      const owner = row === null ? undefined : owners.ownerOf(row.session)
      const isLocal = owner === undefined ? this.#local.has(key) : owner.peer.isLocal
      if (row === null) {
        // The session's id follows the prefix of its key.
        if (key.startsWith("session:")) blobs?.sessionEnded(key.slice("session:".length) as SessionId)
        const isEnd = isChanged && (key.startsWith("claim:") || key.startsWith("session:"))
        book.note({ key, entry: null, batch: isEnd ? durability.restOfAll : 0 }, { isLogged: !isLocal })
        this.#local.delete(key)
        continue
      }
      if (isLocal) this.#local.add(key)
      const client =
        owner?.peer.client ??
        (before?.kind === "live" ? before.client : undefined) ??
        owners.clientOf(row.session) ??
        ""
      const run = row.kind === "claim" ? this.#undurableRun(kernel, row.identity) : null
      const batch = row.kind === "claim" ? this.#restOfClaim(kernel, row, asked) : 0
      book.note({ key, entry: { kind: "live", client, row, run }, batch }, { isLogged: !isLocal })
    }
  }

  /** A `pure` run that its executor has just completed, where the live log can take its result (O3). */
  completedAtOnce(
    kernel: Kernel,
    peer: Peer,
    { sequence, command: { token, result } }: { readonly sequence: number; readonly command: CompleteRun },
  ): CompletedClaim | null {
    const claim = this.#options.book.get(`claim:${String(token)}`)
    if (claim?.kind !== "live" || claim.row.kind !== "claim" || sizeOf(result) > WRITTEN_BYTES) return null
    const run = kernel.storedRun(claim.row.identity)
    if (run?.status !== "completed" || run.effects !== "pure" || !isClaimOf(claim, run)) return null
    const outcome = { kind: "status", status: "completed" } as const
    return { kind: "completed", run, reply: peer.isLocal ? null : { client: peer.client, sequence, outcome } }
  }

  /** Written in the place of its claim, whoever executed it: others are told. Once it is durable it is nothing of note. */
  noteCompleted(key: LiveKey, completed: CompletedClaim): void {
    const { book, durability } = this.#options
    const batch = durability.restOf(`run:${completed.run.identity}`)
    book.note({ key, entry: completed, batch: 0 }, { isLogged: true })
    book.note({ key, entry: null, batch }, { isLogged: true })
  }

  /** A run that is handed out before it is durable must not be lost by whoever executes it. */
  #undurableRun(kernel: Kernel, identity: Identity): RunRow | null {
    return this.#options.durability.isDurable(`run:${identity}`) ? null : kernel.storedRun(identity)
  }

  #restOfClaim(kernel: Kernel, { identity, generation, request }: ClaimRow, asked: AskedRun | null): number {
    const run = `${identity}@${String(generation)}` as RunId // As the kernel names it.
    const before = request === asked?.request ? asked.before : null
    return restOfClaim(this.#options.durability, kernel, { run, before })
  }
}

function isClaimOf(entry: LogEntry | undefined, { identity, generation }: RunRow): boolean {
  if (entry?.kind !== "live" || entry.row.kind !== "claim") return false
  return entry.row.identity === identity && entry.row.generation === generation
}

function sizeOf(value: Value): number {
  return value instanceof Uint8Array ? value.byteLength : 0
}
