/**
 * Large values at the client's end: written before the command that names them leaves, read before what names them is
 * told. The keeper carries references and never the bytes.
 */
import {
  type BlobReader,
  type Binary,
  type Command,
  type Digest,
  HoldfastError,
  isDigest,
  type SessionId,
  storedBinary,
  type StoreEvent,
  type Value,
} from "../../../kernel/index.ts"
import type { StoreOutcome } from "../../../store/index.ts"
import { type BlobFolder, isDamage } from "../blobs/blob-folder.ts"
import { type Blob, blobsIn, encodeSpilled, MAX_VALUE_BYTES, SPILL_BYTES, spilledOf } from "../blobs/blob-reference.ts"
import { type Change, changeCommand, changeEvent, changeOutcome, valuesOf } from "../blobs/values.ts"

/** Tells the keeper what a session has in its hands. Rejects where it cannot. */
export type Hold = (session: SessionId, change: { hold: readonly Digest[]; drop: readonly Digest[] }) => Promise<void>

export class ClientBlobs implements BlobReader {
  readonly folder: BlobFolder
  readonly #hold: Hold
  /** Handles of each digest that a session has. */
  readonly #held = new Map<SessionId, Map<Digest, number>>()
  /** Files that were there when a value that names them was told, the latest last. */
  readonly #seen = new Set<Digest>()
  readonly #handles = new FinalizationRegistry<{ readonly session: SessionId; readonly digest: Digest }>((gone) => {
    this.#letGo(gone.session, gone.digest)
  })

  constructor(folder: BlobFolder, hold: Hold) {
    this.folder = folder
    this.#hold = hold
  }

  // Commands

  /** Whether the command has to wait for a file. */
  isLarge(command: Command): boolean {
    return valuesOf(command).some(isLarge)
  }

  /**
   * The command with a reference in the place of each large value, whose file is there and flushed.
   *
   * @throws HoldfastError VALUE_NOT_ENCODABLE, STORE_FULL, STORE_UNAVAILABLE
   */
  async spill(command: Command): Promise<Command> {
    const references = new Map<Value, Uint8Array>()
    for (const value of valuesOf(command)) {
      if (!isLarge(value) || references.has(value)) continue
      if (value.length > MAX_VALUE_BYTES) throw tooLarge(value.length)
      references.set(value, encodeSpilled(await this.folder.write(value), blobsIn(value)))
    }
    return changeCommand(command, (value) => references.get(value) ?? value)
  }

  // Outcomes and events

  /** Null where it can be told as it is. Reads every value that its receiver decodes. @throws HoldfastError STORE_DAMAGED */
  fillOutcome(outcome: StoreOutcome): Promise<StoreOutcome> | null {
    const needed = neededBy((change) => changeOutcome(outcome, change))
    if (needed === null) return null
    const result =
      outcome.kind === "settled" && outcome.settlement.kind === "completed" ? outcome.settlement.result : null
    return this.#fill(needed, result, (change) => changeOutcome(outcome, change))
  }

  /** As {@link ClientBlobs.fillOutcome}. */
  fillEvent(event: StoreEvent): Promise<StoreEvent> | null {
    const needed = neededBy((change) => changeEvent(event, change))
    if (needed === null) return null
    const result = event.kind === "runSettled" && event.settlement.kind === "completed" ? event.settlement.result : null
    return this.#fill(needed, result, (change) => changeEvent(event, change))
  }

  async #fill<News>(needed: readonly Value[], result: Value | null, fill: (change: Change) => News): Promise<News> {
    for (const value of needed) {
      const whole = spilledOf(value)?.digest
      for (const blob of blobsIn(value)) if (blob.digest !== whole) this.#see(blob)
    }
    // A result is as good as what it refers to: lost parts of it are noticed while it can still be computed again (O9).
    for (const blob of blobsIn(result)) this.folder.expect(blob)
    const read = new Map<Digest, Uint8Array>()
    for (const value of needed) {
      const blob = spilledOf(value)
      if (blob !== null && !read.has(blob.digest)) read.set(blob.digest, await this.folder.readWhole(blob))
    }
    return fill((value) => read.get(spilledOf(value)?.digest ?? NO_DIGEST) ?? value)
  }

  // Handles

  /** Stores what the source gives; the session holds it for as long as somebody has the handle. */
  async write(session: SessionId, source: AsyncIterable<Uint8Array>): Promise<Binary> {
    const held: Digest[] = []
    try {
      const { digest, byteLength } = await this.folder.writeStream(source, async (blob) => {
        held.push(blob.digest)
        await this.#take(session, blob.digest)
      })
      const binary = storedBinary(digest, byteLength, this)
      this.#handles.register(binary, { session, digest })
      return binary
    } catch (error) {
      for (const digest of held) this.#letGo(session, digest)
      throw error
    }
  }

  /** A damaged file is set aside, so that whoever asks next for the result that it is a part of computes that again (O9). */
  async *read(digest: Digest, byteLength: number): AsyncGenerator<Uint8Array, void, undefined> {
    const blob = { digest, byteLength }
    try {
      yield* this.folder.read(blob)
    } catch (error) {
      if (!isDamage(error)) throw error
      // Where it cannot be moved, it is damaged all the same, and that is what is told.
      await this.folder.setAside(blob).catch(ignore)
      throw this.#isSwept(blob) ? goneError(blob, error) : error
    }
  }

  #see(blob: Blob): void {
    this.#seen.delete(blob.digest)
    if (!this.folder.has(blob)) return
    this.#seen.add(blob.digest)
    if (this.#seen.size <= MAX_SEEN) return
    for (const oldest of this.#seen) {
      this.#seen.delete(oldest)
      return
    }
  }

  /** It was there when it was told of, and nobody here holds it: the store removes what nothing names any more. */
  #isSwept(blob: Blob): boolean {
    if (!this.#seen.has(blob.digest) || !this.folder.isGone(blob)) return false
    return [...this.#held.values()].every((held) => !held.has(blob.digest))
  }

  /** What the session holds, for a keeper that does not know. */
  heldBy(session: SessionId): readonly Digest[] {
    return [...(this.#held.get(session)?.keys() ?? [])]
  }

  /** The session is over, and holds nothing. */
  forget(session: SessionId): void {
    this.#held.delete(session)
  }

  async #take(session: SessionId, digest: Digest): Promise<void> {
    const held = this.#held.get(session) ?? new Map<Digest, number>()
    this.#held.set(session, held)
    held.set(digest, (held.get(digest) ?? 0) + 1)
    // Asked also where it is held already: the keeper may not have heard of that yet.
    await this.#hold(session, { hold: [digest], drop: [] })
  }

  #letGo(session: SessionId, digest: Digest): void {
    const held = this.#held.get(session)
    const count = held?.get(digest)
    if (held === undefined || count === undefined) return
    if (count > 1) held.set(digest, count - 1)
    else {
      held.delete(digest)
      // Where the keeper cannot be told, the end of the session does.
      this.#hold(session, { hold: [], drop: [digest] }).catch(ignore)
    }
  }
}

/** Files that a client knows it has seen: a few hundred kilobytes. One that it forgets is called lost when it is missed. */
const MAX_SEEN = 4_096

/** The digest of nothing. */
const NO_DIGEST = "" as Digest

function isLarge(value: Value): value is Uint8Array {
  return typeof value !== "number" && value.length > SPILL_BYTES
}

/** The values with files behind them, or null where there are none. */
function neededBy(visit: (change: Change) => unknown): readonly Value[] | null {
  let found: Value[] | null = null
  visit((value) => {
    if (blobsIn(value).length > 0) (found ??= []).push(value)
    return value
  })
  return found
}

function goneError({ digest, byteLength }: Blob, cause: unknown): HoldfastError {
  return new HoldfastError(
    "VALUE_GONE",
    `the ${String(byteLength)} bytes of the Binary ${digest} are gone: the value it was read from was replaced, deleted or evicted since; read that cell, or ask that operation, again, and stream what it has now`,
    { details: { digest, byteLength }, cause },
  )
}

function tooLarge(byteLength: number): HoldfastError {
  return new HoldfastError(
    "VALUE_NOT_ENCODABLE",
    `a value must take at most ${String(MAX_VALUE_BYTES)} bytes, found ${String(byteLength)}; stream it with writeBinary and pass the Binary`,
  )
}

/** Which blob a fault names. */
export function blobOf(error: HoldfastError): Blob | null {
  const { digest, byteLength } = error.details
  return isDigest(digest) && typeof byteLength === "number" ? { digest, byteLength } : null
}

function ignore(): void {
  // Nobody has asked to be told.
}
