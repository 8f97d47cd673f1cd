/**
 * Tells when nobody has the keeper's lock file open for writing any more, which is when its lock has become free: by
 * release, by the end of a thread, or by any death of a process.
 *
 *     open ──last writer gone──▶ ended (told once)
 *      │ └──cannot be read────▶ failed (told once, with why: no end will be told any more)
 *      └────────close()────────▶ closed (never told)
 *
 * The file is a named pipe, and every candidate opens it for writing before it tries the lock. The system drops an open
 * file's lock before it tells a pipe's readers that the last writer is gone, so whoever is told finds the lock free, or
 * finds that somebody else took it, who is a writer again. Nothing else says this by itself: waiting for the lock blocks
 * a thread that cannot be called back, watching the folder shows no death, and a socket may close before the lock is
 * free.
 *
 * 1. What is opened before the lock is tried is told of every release after it.
 * 2. After close() nothing is left: no open file, no callback.
 * 3. The pipe's descriptor is closed once, by its socket. A second close by the same number could hit a file that another
 *    thread of the process has opened meanwhile: the keeper's lock, in the worst case.
 */
import { closeSync, constants, fstatSync, openSync } from "node:fs"
import { open } from "node:fs/promises"
import { Socket } from "node:net"
import { isMainThread } from "node:worker_threads"
import type { HoldfastError } from "../../../kernel/index.ts"
import { unavailable } from "./unavailable.ts"

export interface Lifeline {
  /** Idempotent. */
  close(): Promise<void>
}

const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW

/** One of the two is called, at most once, and none after close(). */
export interface LifelineEvents {
  readonly onEnd: () => void
  readonly onFailed: (error: HoldfastError) => void
}

/** Answers once it is listening. Null where the lock file is no pipe, and no death can be told. */
export async function openLifeline(path: string, events: LifelineEvents): Promise<Lifeline | null> {
  const fd = await openForReading(path)
  if (fd === null) return null
  if (fstatSync(fd).isFIFO()) return listen(fd, path, events)
  closeSync(fd)
  return null
}

async function openForReading(path: string): Promise<number | null> {
  try {
    return isMainThread ? openSync(path, FLAGS) : await openUntracked(path)
  } catch (error) {
    throw unavailable(`"${path}" should be there for as long as the store is open; open the store again`, error)
  }
}

/**
 * A worker thread closes, when it ends, every number it got from fs.open and has not given to fs.close, and does not know
 * that a socket closed one before. Neither the thread nor one started by it can be told not to (`trackUnmanagedFds` is
 * inherited). A FileHandle's number is on no such list, once the handle has let go of it, for which Node has a method
 * and no public name. Null where a Node has not got it.
 */
async function openUntracked(path: string): Promise<number | null> {
  const handle = await open(path, FLAGS)
  const key = Object.getOwnPropertySymbols(handle).find(({ description }) => description === "kHandle")
  const native = key === undefined ? undefined : (Reflect.get(handle, key) as { releaseFD?: () => void } | undefined)
  if (typeof native?.releaseFD === "function") {
    const { fd } = handle
    // Some versions of Node forget the number with it.
    native.releaseFD()
    return fd
  }
  await handle.close()
  return null
}

function listen(fd: number, path: string, { onEnd, onFailed }: LifelineEvents): Lifeline {
  // The socket owns the descriptor from here on, and closes it.
  const socket = new Socket({ fd, readable: true, writable: false })
  let isOpen = true
  const closed = new Promise<void>((resolve) => {
    socket.once("close", () => {
      resolve()
    })
  })
  socket.once("end", () => {
    if (!isOpen) return
    isOpen = false
    onEnd()
  })
  // No disk is behind a pipe, so only the system itself can fail here (no memory, say): whoever waits must not go on to
  // wait for what cannot be told.
  socket.once("error", (error) => {
    if (!isOpen) return
    isOpen = false
    onFailed(unavailable(`"${path}" should tell of its keeper's end, but cannot be read; open the store again`, error))
  })
  // Nobody writes to the pipe; what a stranger writes is drained, so that the end can be seen behind it.
  socket.resume()
  return {
    async close() {
      isOpen = false
      socket.destroy()
      await closed
    },
  }
}
