/**
 * What a disk may hold after a crash: it follows a recording, and tells at any step what may be left of it.
 *
 * - What was flushed is there. What was written since may be there or not, each sector for itself, in any combination: the
 *   system writes back when and in the order it likes, and a sector is written whole.
 * - A name made, moved or taken away is there once its folder was flushed. Of the changes since, some first ones are: what
 *   filesystems with a journal promise, and what the renames here rest on.
 */
import { dirname } from "node:path"
import type { DiskStep } from "./recording.ts"

/** The smallest piece a disk writes as a whole. */
const SECTOR_BYTES = 512

/** What is left of what was not flushed. */
export type Fate =
  /** All of it: every process died, and the system went on. */
  | { readonly kind: "kept" }
  | { readonly kind: "lost" }
  /** All of it, save that only so many bytes of the last write. */
  | { readonly kind: "torn"; readonly bytes: number }
  /** Each sector and each last change of a folder with that likelihood. */
  | { readonly kind: "mixed"; readonly chance: number; readonly random: () => number }

type Change =
  | { readonly at: number; readonly kind: "write"; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly at: number; readonly kind: "truncate"; readonly size: number }

interface File {
  readonly durable: Contents
  size: number
  pending: Change[]
}

interface NameChange {
  readonly at: number
  readonly folder: string
  apply(names: Map<string, File>): void
}

export class CrashedDisk {
  readonly #names = new Map<string, File>()
  readonly #durableNames = new Map<string, File>()
  #pendingNames: NameChange[] = []
  #steps = 0
  /** The last write, where nothing was flushed since. */
  #last: { readonly file: File; readonly change: Change } | null = null

  apply(step: DiskStep): void {
    const at = this.#steps
    this.#steps += 1
    switch (step.kind) {
      case "create": {
        const file: File = { durable: new Contents(), size: 0, pending: [] }
        this.#rename(at, step.path, (names) => names.set(step.path, file))
        break
      }
      case "unlink":
        this.#rename(at, step.path, (names) => names.delete(step.path))
        break
      case "rename": {
        const file = this.#file(step.from)
        this.#rename(at, step.from, (names) => {
          names.delete(step.from)
          names.set(step.to, file)
        })
        break
      }
      case "truncate": {
        const file = this.#file(step.path)
        file.size = step.size
        file.pending.push({ at, kind: "truncate", size: step.size })
        break
      }
      case "write": {
        const file = this.#file(step.path)
        const change: Change = { at, kind: "write", offset: step.offset ?? file.size, bytes: step.bytes }
        file.size = Math.max(file.size, change.offset + step.bytes.length)
        file.pending.push(change)
        this.#last = { file, change }
        break
      }
      case "flush":
        this.#flush(step.path, step.covers)
        break
      case "said":
        break
    }
  }

  /** The bytes of the last write that may still be torn, or 0. */
  get lastWriteBytes(): number {
    const change = this.#last?.change
    return change?.kind === "write" ? change.bytes.length : 0
  }

  /** What may still be lost: changes of files and of names. */
  get pendingCount(): number {
    let count = this.#pendingNames.length
    for (const file of this.#names.values()) count += file.pending.length
    return count
  }

  /** The files, by path, if the machine stopped now. */
  crash(fate: Fate): Map<string, Uint8Array> {
    const names = new Map(this.#durableNames)
    for (const change of survivingNames(this.#pendingNames, fate)) change.apply(names)
    const files = new Map<string, Uint8Array>()
    for (const [path, file] of names) files.set(path, this.#contentsOf(file, fate))
    return files
  }

  #contentsOf(file: File, fate: Fate): Uint8Array {
    if (fate.kind === "lost" || file.pending.length === 0) return file.durable.view()
    const contents = file.durable.copy()
    for (const change of file.pending) {
      if (fate.kind === "mixed") applyPieces(contents, change, fate)
      else if (fate.kind === "torn" && change === this.#last?.change) applyTo(contents, tear(change, fate.bytes))
      else applyTo(contents, change)
    }
    return contents.view()
  }

  #file(path: string): File {
    const file = this.#names.get(path)
    if (file === undefined) throw new Error(`"${path}" was written and never made`)
    return file
  }

  #rename(at: number, path: string, apply: (names: Map<string, File>) => unknown): void {
    const folder = dirname(path)
    const change = { at, folder: folder === "." ? "" : folder, apply }
    change.apply(this.#names)
    this.#pendingNames.push(change)
  }

  #flush(path: string, covers: number): void {
    const file = this.#names.get(path)
    if (file === undefined) {
      const flushed = this.#pendingNames.filter((change) => change.at < covers && change.folder === path)
      for (const change of flushed) change.apply(this.#durableNames)
      this.#pendingNames = this.#pendingNames.filter((change) => !flushed.includes(change))
      return
    }
    for (const change of file.pending) if (change.at < covers) applyTo(file.durable, change)
    file.pending = file.pending.filter((change) => change.at >= covers)
    if (this.#last?.file === file && this.#last.change.at < covers) this.#last = null
  }
}

/** Bytes that grow. */
class Contents {
  #buffer: Uint8Array
  #size: number

  constructor(buffer: Uint8Array = new Uint8Array(0)) {
    this.#buffer = buffer
    this.#size = buffer.length
  }

  view(): Uint8Array {
    return this.#buffer.subarray(0, this.#size)
  }

  copy(): Contents {
    return new Contents(this.view().slice())
  }

  write(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length
    if (end > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(end, 2 * this.#buffer.length))
      grown.set(this.view())
      this.#buffer = grown
    }
    // What lies between the old end and the new bytes reads as zero.
    if (offset > this.#size) this.#buffer.fill(0, this.#size, offset)
    this.#buffer.set(bytes, offset)
    this.#size = Math.max(this.#size, end)
  }

  truncate(size: number): void {
    if (size > this.#size) this.write(size, new Uint8Array(0))
    else this.#size = size
  }
}

function applyTo(contents: Contents, change: Change): void {
  if (change.kind === "truncate") contents.truncate(change.size)
  else contents.write(change.offset, change.bytes)
}

function tear(change: Change, bytes: number): Change {
  return change.kind === "write" ? { ...change, bytes: change.bytes.subarray(0, bytes) } : change
}

function applyPieces(contents: Contents, change: Change, fate: Extract<Fate, { readonly kind: "mixed" }>): void {
  if (change.kind === "truncate") {
    if (fate.random() < fate.chance) applyTo(contents, change)
    return
  }
  const { offset, bytes } = change
  for (let start = 0; start < bytes.length;) {
    const end = Math.min(bytes.length, start + SECTOR_BYTES - ((offset + start) % SECTOR_BYTES))
    if (fate.random() < fate.chance) contents.write(offset + start, bytes.subarray(start, end))
    start = end
  }
}

function survivingNames(pending: readonly NameChange[], fate: Fate): readonly NameChange[] {
  if (fate.kind === "lost") return []
  if (fate.kind !== "mixed") return pending
  return pending.slice(0, Math.floor(fate.random() * (pending.length + 1)))
}
