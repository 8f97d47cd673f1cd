/**
 * The files of large values: `blobs/ab/<sha256>`, whole and flushed before anything names them (S3).
 *
 *     (source) ──▶ new/CLIENT.N ──flush──▶ renamed to ab/DIGEST ──folder flushed──▶ may be named
 *                      └──anything fails──▶ removed
 *     ab/DIGEST ──not what its name says──▶ bad/DIGEST: a new write heals it ──nothing needs it──▶ removed, when asked for
 *
 * 1. A file under a digest's name was whole and flushed when it got that name. Equal content is written once.
 * 2. No byte is given out before the whole file was seen to have the digest, by the descriptor it is read from (S2).
 * 3. A temporary file carries the name of the client that writes it: it is nobody's once that client is dead.
 */
import { createHash } from "node:crypto"
import { existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs"
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises"
import { dirname, join } from "node:path"
import { setImmediate as turn } from "node:timers/promises"
import { type Digest, HoldfastError, isDigest } from "../../../kernel/index.ts"
import { reach } from "../fail-point.ts"
import type { Blob } from "./blob-reference.ts"

/** Read, hashed and written in pieces of this size: each is a short moment of the event loop, and all that is in memory. */
const PIECE_BYTES = 512 * 1024

const NEW = "new"
const BAD = "bad"

export class BlobFolder {
  readonly #path: string
  /** Whose temporary files they are. */
  readonly #client: string
  #written = 0
  /** Folders that are known to be there, and so are durable. */
  readonly #made = new Set<string>()

  constructor(path: string, client: string) {
    this.#path = path
    this.#client = client
  }

  pathOf(digest: Digest): string {
    return join(this.#path, digest.slice(0, 2), digest)
  }

  /** Stores the bytes, unless they are there already. @throws HoldfastError STORE_FULL, STORE_UNAVAILABLE */
  async write(bytes: Uint8Array): Promise<Blob> {
    const hash = createHash("sha256")
    for (const piece of piecesOf(bytes)) {
      hash.update(piece)
      // Others get their turn between the pieces of a large value.
      if (bytes.length > PIECE_BYTES) await turn()
    }
    const blob = { digest: hash.digest("hex") as Digest, byteLength: bytes.length } // Brand constructor.
    if (await this.#isIntact(blob)) await this.#flushFolderOf(blob.digest)
    else
      await this.#writeNew(async (file) => {
        for (const piece of piecesOf(bytes)) await writeAll(file, piece)
        return blob
      }, noAnnouncement)
    return blob
  }

  /**
   * Stores what the source gives, as it comes. `announce` is told what it was before the file has its name, and so
   * before anybody could take it for forgotten.
   *
   * @throws HoldfastError STORE_FULL, STORE_UNAVAILABLE; what the source or `announce` throws; nothing is left then
   */
  async writeStream(source: AsyncIterable<Uint8Array>, announce: (blob: Blob) => Promise<void>): Promise<Blob> {
    return await this.#writeNew(async (file) => {
      const hash = createHash("sha256")
      let byteLength = 0
      for await (const chunk of markFaults(source)) {
        for (const piece of piecesOf(chunk)) {
          hash.update(piece)
          await writeAll(file, piece)
        }
        byteLength += chunk.length
      }
      return { digest: hash.digest("hex") as Digest, byteLength } // Brand constructor.
    }, announce)
  }

  /** All bytes of a blob. @throws HoldfastError STORE_DAMAGED, STORE_UNAVAILABLE */
  async readWhole(blob: Blob): Promise<Uint8Array> {
    return await this.#withFile(blob, async (file) => {
      const bytes = new Uint8Array(blob.byteLength)
      const hash = createHash("sha256")
      let length = 0
      while (length < bytes.length) {
        const { bytesRead } = await file.read(bytes, length, Math.min(PIECE_BYTES, bytes.length - length), length)
        if (bytesRead === 0) throw this.#damaged(blob, `ends after ${String(length)} bytes`)
        hash.update(bytes.subarray(length, length + bytesRead))
        length += bytesRead
      }
      if (hash.digest("hex") !== blob.digest) throw this.#damaged(blob, "holds other bytes")
      return bytes
    })
  }

  /** The bytes piece by piece, after all of them were verified. @throws HoldfastError STORE_DAMAGED, STORE_UNAVAILABLE */
  async *read(blob: Blob): AsyncGenerator<Uint8Array, void, undefined> {
    const file = await this.#open(blob)
    try {
      await this.#verify(file, blob)
      for (let at = 0; at < blob.byteLength;) {
        const piece = new Uint8Array(Math.min(PIECE_BYTES, blob.byteLength - at))
        const { bytesRead } = await file.read(piece, 0, piece.length, at)
        if (bytesRead === 0) throw this.#damaged(blob, `was cut to ${String(at)} bytes while it was read`)
        at += bytesRead
        yield piece.subarray(0, bytesRead)
      }
    } finally {
      await file.close()
    }
  }

  /** Whether a file of this name and length is there; its bytes are verified by whoever reads them. */
  has({ digest, byteLength }: Blob): boolean {
    return statSync(this.pathOf(digest), { throwIfNoEntry: false })?.size === byteLength
  }

  /** Neither in its place nor set aside. */
  isGone({ digest }: Blob): boolean {
    return !existsSync(this.pathOf(digest)) && !existsSync(this.#badPathOf(digest))
  }

  /** @throws HoldfastError STORE_DAMAGED where {@link BlobFolder.has} says no */
  expect(blob: Blob): void {
    if (!this.has(blob)) throw this.#damaged(blob, "is missing or of another length")
  }

  /** What is wrong with a file; null where it holds what its name says. @throws HoldfastError STORE_UNAVAILABLE */
  async findFault(blob: Blob): Promise<string | null> {
    try {
      return await this.#withFile(blob, (file) => findDifference(file, blob))
    } catch (error) {
      // Only a file that is not there cannot be opened for that.
      if (isDamage(error)) return this.#describeLack(blob)
      throw error
    }
  }

  /**
   * Moves a file that is not what its name says out of the way, so that a new write heals it; whether there was one. It is
   * read once more for that: who found the damage may have read what a new write has replaced since, or read badly.
   *
   * @throws HoldfastError STORE_UNAVAILABLE
   */
  async setAside(blob: Blob): Promise<boolean> {
    const path = this.pathOf(blob.digest)
    await this.#makeFolder(BAD)
    const file = await ignoreMissing(open(path, "r"))
    if (file === null) return false
    try {
      if ((await findDifference(file, blob)) === null) return false
      // Identity-checked, with nothing awaited before the move: a whole file may have taken its place.
      const { ino } = await file.stat()
      if (statSync(path, { throwIfNoEntry: false })?.ino !== ino) return false
      renameSync(path, this.#badPathOf(blob.digest))
      return true
    } catch (error) {
      throw this.#faultOf(error, path)
    } finally {
      await file.close()
    }
  }

  /** Puts back what was set aside, as nothing will ever replace it. */
  async putBack(digest: Digest): Promise<void> {
    if (statSync(this.pathOf(digest), { throwIfNoEntry: false }) !== undefined) return
    await ignoreMissing(rename(this.#badPathOf(digest), this.pathOf(digest)))
  }

  /** What was set aside, and is there still. */
  listSetAside(): readonly Digest[] {
    return namesIn(join(this.#path, BAD)).filter(isDigest)
  }

  removeSetAside(digest: Digest): void {
    rmSync(this.#badPathOf(digest), { force: true })
  }

  // What the keeper does, in steps

  /** The files of one of the 256 folders, which go by the first byte of a digest. */
  list(shard: number): readonly Digest[] {
    return namesIn(join(this.#path, shard.toString(16).padStart(2, "0"))).filter(isDigest)
  }

  remove(digest: Digest): void {
    rmSync(this.pathOf(digest), { force: true })
  }

  /** Temporary files, and the clients that write them. */
  temporaries(): readonly { readonly name: string; readonly client: string }[] {
    return namesIn(join(this.#path, NEW)).map((name) => ({ name, client: name.slice(0, name.lastIndexOf(".")) }))
  }

  removeTemporary(name: string): void {
    rmSync(join(this.#path, NEW, name), { force: true })
  }

  // Steps

  #badPathOf(digest: Digest): string {
    return join(this.#path, BAD, digest)
  }

  async #writeNew(fill: (file: FileHandle) => Promise<Blob>, announce: (blob: Blob) => Promise<void>): Promise<Blob> {
    this.#written += 1
    const path = join(this.#path, NEW, `${this.#client}.${String(this.#written)}`)
    try {
      await this.#makeFolder(NEW)
      const file = await open(path, "wx", 0o600)
      let blob: Blob
      try {
        blob = await fill(file)
        await file.sync()
      } finally {
        await file.close()
      }
      await announce(blob)
      await this.#place(path, blob)
      return blob
    } catch (error) {
      await rm(path, { force: true })
      throw error instanceof SourceFault ? error.cause : this.#faultOf(error, path)
    }
  }

  async #place(path: string, blob: Blob): Promise<void> {
    await this.#makeFolder(blob.digest.slice(0, 2))
    reach("blob-rename")
    // Replaces what may be there: the same bytes, or damaged ones.
    await rename(path, this.pathOf(blob.digest))
    await this.#flushFolderOf(blob.digest)
  }

  /** Also where another client has written the file: it may not have got so far as to flush its name. */
  async #flushFolderOf(digest: Digest): Promise<void> {
    await flush(dirname(this.pathOf(digest)))
  }

  async #makeFolder(name: string): Promise<void> {
    if (this.#made.has(name)) return
    await mkdir(join(this.#path, name), { recursive: true, mode: 0o700 })
    await flush(this.#path)
    this.#made.add(name)
  }

  async #isIntact(blob: Blob): Promise<boolean> {
    return this.has(blob) && (await this.findFault(blob)) === null
  }

  async #verify(file: FileHandle, blob: Blob): Promise<void> {
    const difference = await findDifference(file, blob)
    if (difference !== null) throw this.#damaged(blob, difference)
  }

  async #withFile<T>(blob: Blob, use: (file: FileHandle) => Promise<T>): Promise<T> {
    const file = await this.#open(blob)
    try {
      return await use(file)
    } finally {
      await file.close()
    }
  }

  async #open(blob: Blob): Promise<FileHandle> {
    const path = this.pathOf(blob.digest)
    try {
      return await open(path, "r")
    } catch (error) {
      if (codeOf(error) === "ENOENT") throw this.#damaged(blob, this.#describeLack(blob))
      throw this.#faultOf(error, path)
    }
  }

  #describeLack({ digest }: Blob): string {
    return existsSync(this.#badPathOf(digest)) ? `holds other bytes, and was set aside in "${BAD}"` : "is missing"
  }

  #damaged({ digest, byteLength }: Blob, what: string): HoldfastError {
    const file = this.pathOf(digest)
    return new HoldfastError(
      "STORE_DAMAGED",
      `"${file}" should be ${String(byteLength)} bytes with the digest of its name, but ${what}; run "holdfast doctor" on the store's folder, or restore a backup`,
      { details: { digest, byteLength, file } },
    )
  }

  #faultOf(error: unknown, path: string): unknown {
    const code = codeOf(error)
    if (code === "ENOSPC" || code === "EDQUOT") {
      return new HoldfastError(
        "STORE_FULL",
        `cannot write "${path}": ${String(error)}; nothing of it was kept: free space on that disk and try again`,
        { cause: error },
      )
    }
    if (code === "" || error instanceof HoldfastError) return error
    return new HoldfastError(
      "STORE_UNAVAILABLE",
      `cannot read or write "${path}": ${String(error)}; the folder and its files must be writable by this user: check them and the disk`,
      { cause: error },
    )
  }
}

async function findDifference(file: FileHandle, { digest, byteLength }: Blob): Promise<string | null> {
  const hash = createHash("sha256")
  const piece = new Uint8Array(Math.max(1, Math.min(PIECE_BYTES, byteLength)))
  let length = 0
  for (;;) {
    const { bytesRead } = await file.read(piece, 0, piece.length, length)
    if (bytesRead === 0) break
    length += bytesRead
    hash.update(piece.subarray(0, bytesRead))
    if (length > byteLength) return `has more than ${String(byteLength)} bytes`
  }
  if (length < byteLength) return `has ${String(length)} bytes`
  return hash.digest("hex") === digest ? null : "holds other bytes"
}

/** Whether a blob is known to be missing or altered. */
export function isDamage(error: unknown): error is HoldfastError {
  return error instanceof HoldfastError && error.code === "STORE_DAMAGED"
}

/** What the source of a stream throws is its own, whatever it looks like. */
class SourceFault extends Error {}

async function* markFaults(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* source
  } catch (error) {
    throw new SourceFault("the source failed", { cause: error })
  }
}

async function noAnnouncement(): Promise<void> {
  // Named by the request that brings it, and checked when that comes.
}

function* piecesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES)
}

/** A write may take less than it was given. */
async function writeAll(file: FileHandle, piece: Uint8Array): Promise<void> {
  let rest = piece
  while (rest.length > 0) {
    const { bytesWritten } = await file.write(rest)
    rest = rest.subarray(bytesWritten)
  }
}

async function flush(folder: string): Promise<void> {
  const handle = await open(folder, "r")
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Null where what it is done to is not there. */
async function ignoreMissing<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error
    return null
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (codeOf(error) === "ENOENT") return []
    throw error
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : ""
}
