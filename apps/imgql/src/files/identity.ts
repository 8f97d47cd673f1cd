/**
 * What an image file is: its bytes. Two files with the same content are the same image to every computation.
 *
 * Hashing what did not change is spared by a cache that the caller stores. An entry counts while the file's stamp is the
 * same, and a stamp is only trusted once it is older than the coarsest clock of a file system: a file that was just written
 * may be written again within one tick and look the same.
 */
import { createHash } from "node:crypto"
import { stat } from "node:fs/promises"
import { dirname, join, resolve } from "node:path"
import { Content, explainOpening, isSameStamp, quote, stampOf, type ReadLimits, type Stamp } from "./content.ts"
import { FileError } from "./file-error.ts"
import { formatOfFile, HEAD_BYTES } from "./formats.ts"
import { partOf } from "./parts.ts"

/** What is known of one file, by its absolute path. Plain data: it may be stored as JSON. */
export interface KnownDigest {
  readonly stamp: Stamp
  /** SHA-256 of the file's bytes, in hex. */
  readonly digest: string
  /** The file beside it that has its voxels, or null. */
  readonly part: string | null
}

/** Where the caller keeps digests. What it forgets is hashed again; it must not make anything up. */
export interface DigestCache {
  get(path: string): KnownDigest | undefined | Promise<KnownDigest | undefined>
  put(path: string, known: KnownDigest): void | Promise<void>
}

export interface IdentifyOptions extends ReadLimits {
  readonly cache?: DigestCache
  /** The wall time, to tell stamps that are too young to trust. */
  readonly nowMs?: () => number
}

/** FAT counts in steps of 2 s; all others are finer. */
const COARSEST_CLOCK_MS = 2_000

/**
 * The digest of an image file, 64 hex digits: SHA-256 of its bytes, or, for an image in two files, of both their digests.
 *
 * @throws FileError FILE_MISSING, FILE_UNREADABLE, FILE_CHANGED, FILE_TOO_LARGE, FILE_FORMAT_UNSUPPORTED
 */
export async function identify(path: string, options: IdentifyOptions): Promise<string> {
  const main = await digestOfFile(path, options)
  if (main.part === null) return main.digest
  const part = await digestOfFile(join(dirname(path), main.part), options)
  return combineDigests([main.digest, part.digest])
}

/** One digest for the files of one image, the header first. */
export function combineDigests(digests: readonly string[]): string {
  const [only, ...rest] = digests
  if (only !== undefined && rest.length === 0) return only
  return createHash("sha256")
    .update(`imgql image parts 1\n${digests.join("\n")}\n`)
    .digest("hex")
}

/** @throws FileError FILE_CHANGED unless they are equal */
export function checkDigest(path: string, found: string, expected: string): void {
  if (found === expected) return
  const message =
    `${quote(path)} changed: expected the content ${expected.slice(0, 12)}…, found ${found.slice(0, 12)}…; ` +
    `run again to compute with the new content`
  throw new FileError("FILE_CHANGED", message, { path })
}

async function digestOfFile(path: string, options: IdentifyOptions): Promise<KnownDigest> {
  options.signal?.throwIfAborted()
  const key = resolve(path)
  const known = await options.cache?.get(key)
  if (known !== undefined) {
    const stats = await stat(path, { bigint: true }).catch((error: unknown) => {
      throw explainOpening(path, error)
    })
    if (stats.isFile() && isSameStamp(stampOf(stats), known.stamp)) return known
  }
  const content = await Content.open(path, options)
  try {
    const hash = createHash("sha256")
    const hasParts = await mayHaveParts(content)
    const head: Buffer[] = []
    let headBytes = 0
    for await (const chunk of content.chunks(options.signal)) {
      hash.update(chunk)
      if (hasParts && headBytes === 0) head.push(chunk)
      headBytes += chunk.length
    }
    const part = hasParts ? partOf(path, Buffer.concat(head)) : null
    const found = { stamp: content.stamp, digest: hash.digest("hex"), part }
    const nowMs = (options.nowMs ?? Date.now)()
    const changedMs = Math.max(Number(BigInt(found.stamp.mtimeNs)), Number(BigInt(found.stamp.ctimeNs))) / 1e6
    if (changedMs + COARSEST_CLOCK_MS < nowMs) await options.cache?.put(key, found)
    return found
  } finally {
    await content.close()
  }
}

async function mayHaveParts(content: Content): Promise<boolean> {
  const format = formatOfFile(content.path, await content.head(HEAD_BYTES))
  return format === "metaimage" || format === "nrrd"
}
