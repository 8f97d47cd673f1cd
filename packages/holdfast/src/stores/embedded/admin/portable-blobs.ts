/** Large values in an export: their files, cut into lines; and files of them again. */
import { createHash } from "node:crypto"
import {
  appendFileSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  statSync,
} from "node:fs"
import { join } from "node:path"
import { HoldfastError } from "../../../kernel/index.ts"
import type { Blob } from "../blobs/blob-reference.ts"
import { flushFolder } from "../journal/opening.ts"
import { digestOf } from "./backup-store.ts"

/** A part of a large value; the parts of one follow each other. */
export interface BlobPart {
  readonly digest: string
  readonly base64: string
}

/** Divisible by three, so that no part but the last is padded. */
const PART_BYTES = 384 * 1024

/** Every large value of the folder, which need not be there for none. @throws HoldfastError STORE_DAMAGED where one is altered */
export function* blobParts(folder: string): Generator<BlobPart, void, undefined> {
  if (!existsSync(folder)) return
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) yield* partsOf(join(entry.parentPath, entry.name), entry.name)
  }
}

function* partsOf(path: string, digest: string): Generator<BlobPart, void, undefined> {
  const file = openSync(path, "r")
  const hash = createHash("sha256")
  const part = Buffer.alloc(PART_BYTES)
  try {
    for (;;) {
      const length = readSync(file, part)
      if (length === 0) break
      hash.update(part.subarray(0, length))
      yield { digest, base64: part.toString("base64", 0, length) }
    }
  } finally {
    closeSync(file)
  }
  if (hash.digest("hex") !== digest) {
    throw new HoldfastError("STORE_DAMAGED", `the large value "${path}" holds other bytes; restore a backup`)
  }
}

/** Large values as they come in, in a folder of their own until all of them are there. */
export class StagedBlobs {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
    mkdirSync(folder, { mode: 0o700 })
  }

  /** @throws HoldfastError VALUE_INVALID for what is no part */
  add({ digest, base64 }: BlobPart): void {
    if (!/^[0-9a-f]{64}$/.test(digest) || typeof base64 !== "string") {
      throw new HoldfastError(
        "VALUE_INVALID",
        `a part of a large value has its digest, found ${JSON.stringify(digest)}`,
      )
    }
    appendFileSync(join(this.#folder, digest), Buffer.from(base64, "base64"), { mode: 0o600 })
  }

  /** Whether it is there, of that length. */
  has({ digest, byteLength }: Blob): boolean {
    return statSync(join(this.#folder, digest), { throwIfNoEntry: false })?.size === byteLength
  }

  /** The first that is not what its name says; null where all are. */
  async findAltered(): Promise<string | null> {
    for (const digest of readdirSync(this.#folder)) {
      if ((await digestOf(join(this.#folder, digest))) !== digest) return digest
    }
    return null
  }

  /** Puts all of them in their places, durable before anything names them (S3). */
  settle(blobs: string): void {
    for (const digest of readdirSync(this.#folder)) {
      const place = join(blobs, digest.slice(0, 2))
      mkdirSync(place, { recursive: true, mode: 0o700 })
      const file = openSync(join(this.#folder, digest), "r")
      fsyncSync(file)
      closeSync(file)
      renameSync(join(this.#folder, digest), join(place, digest))
      flushFolder(place)
    }
    flushFolder(blobs)
  }
}
