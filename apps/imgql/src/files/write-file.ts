/**
 * Files out: whole or not at all, and never outside the folder they may be in.
 *
 * Written beside their place under a name of their own, flushed, renamed, and the folder flushed: whoever looks sees the
 * old file or the new one, also after a loss of power. Folders on the way are made one by one, and each is looked at
 * before the next: a link that leads out of the root is refused before anything is made behind it. A link in the
 * file's own place is replaced, not followed.
 */
import { randomUUID } from "node:crypto"
import { constants } from "node:fs"
import { lstat, mkdir, open, realpath, rename, rm, type FileHandle } from "node:fs/promises"
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path"
import { quote } from "./content.ts"
import { FileError, isFileError, reasonOf, systemCode } from "./file-error.ts"

export interface Place {
  /** The folder in which files may be written; it is there. */
  readonly root: string
  /** The file, relative to the root. */
  readonly name: string
}

export type Pieces = Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/**
 * Writes a file, and answers with its path and length.
 *
 * @throws FileError FILE_OUTSIDE, FILE_NOT_WRITABLE; the signal's reason when it is aborted, and then nothing has changed
 */
export async function writeFileAt(
  place: Place,
  pieces: Pieces,
  signal?: AbortSignal,
): Promise<{ path: string; bytes: number }> {
  signal?.throwIfAborted()
  const shown = place.name
  try {
    const folder = await openFolders(place)
    const path = join(folder, basename(resolve(place.root, place.name)))
    const found = await lstat(path).catch(() => null)
    if (found?.isDirectory() === true) throw notWritable(shown, "a folder has that name; choose another")
    const temporary = join(folder, `.imgql-${randomUUID()}.tmp`)
    try {
      const bytes = await writeNew(temporary, pieces, signal)
      signal?.throwIfAborted()
      await rename(temporary, path)
      await flushFolder(folder)
      return { path, bytes }
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
  } catch (error) {
    if (signal?.aborted === true && error === signal.reason) throw error
    throw explainWriting(shown, error)
  }
}

/** Makes the folders of a place, and answers with the real path of the last. */
async function openFolders({ root, name }: Place): Promise<string> {
  if (name === "" || name.includes("\0") || /[\\/]$/.test(name)) {
    throw notWritable(name, "expected the name of a file; give one")
  }
  const within = relative(resolve(root), resolve(root, name))
  if (isOutside(within)) throw outside(name, root)
  const top = await realpath(root)
  let folder = top
  for (const part of dirname(within).split(sep)) {
    if (part === ".") continue
    const next = join(folder, part)
    await mkdir(next).catch((error: unknown) => {
      if (systemCode(error) !== "EEXIST") throw error
    })
    // A link without an end has no real path; it is no folder either.
    folder = await realpath(next)
    if (isOutside(relative(top, folder)) && folder !== top) throw outside(name, root)
    if (!(await lstat(folder)).isDirectory())
      throw notWritable(name, `${quote(part)} is no folder; choose another name`)
  }
  return folder
}

function isOutside(within: string): boolean {
  return within === "" || within === ".." || within.startsWith(`..${sep}`) || isAbsolute(within)
}

async function writeNew(path: string, pieces: Pieces, signal: AbortSignal | undefined): Promise<number> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  const handle = await open(path, flags, 0o666)
  try {
    let bytes = 0
    for await (const piece of pieces) {
      signal?.throwIfAborted()
      await writeAll(handle, piece)
      bytes += piece.length
    }
    await handle.sync()
    return bytes
  } finally {
    await handle.close()
  }
}

async function writeAll(handle: FileHandle, piece: Uint8Array): Promise<void> {
  let at = 0
  while (at < piece.length) {
    const { bytesWritten } = await handle.write(piece, at, piece.length - at)
    at += bytesWritten
  }
}

async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY).catch(() => null)
  // Where folders cannot be opened or flushed (Windows), the rename itself is all there is.
  await handle?.sync().catch(() => undefined)
  await handle?.close()
}

function outside(name: string, root: string): FileError {
  const message = `${quote(name)} leads out of ${quote(root)}, where files are written; name a file inside it`
  return new FileError("FILE_OUTSIDE", message, { path: name })
}

function notWritable(name: string, why: string, cause?: unknown): FileError {
  return new FileError("FILE_NOT_WRITABLE", `cannot write ${quote(name)}: ${why}`, { path: name, cause })
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied; allow writing there, or choose another folder",
  EPERM: "permission denied; allow writing there, or choose another folder",
  EROFS: "the disk is read-only; choose another folder",
  ENOSPC: "the disk is full; free some space",
  EDQUOT: "the disk quota is used up; free some space",
  ENAMETOOLONG: "the name is too long; choose a shorter one",
  ENOENT: "the folder it is in is not there, or is a link that leads nowhere; make it",
  ENOTDIR: "something in its path is no folder; choose another name",
  ELOOP: "links in its path lead in a circle; choose another name",
}

/** What the system said when something was to be written there, as people understand it. */
export function explainWriting(name: string, error: unknown): unknown {
  if (isFileError(error)) return error
  const code = systemCode(error)
  return code === "" ? error : notWritable(name, REASONS[code] ?? reasonOf(error), error)
}
