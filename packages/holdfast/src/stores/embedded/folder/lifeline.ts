/**
 * Tells when nobody has the keeper's lock file open for writing any more, which is when its lock has become free: by
 * release, by the end of a thread, or by any death of a process.
 *
 *     open ──last writer gone──▶ ended (told once)
 *      └────────close()────────▶ closed (never told)
 *
 * The file is a named pipe, and every candidate opens it for writing before it tries the lock. The system drops an open
 * file's lock before it tells a pipe's readers that the last writer is gone, so whoever is told finds the lock free, or
 * finds that somebody else took it, who is a writer again. Nothing else says this by itself: waiting for the lock blocks
 * a thread that cannot be called back, watching the folder shows no death, and a socket may close before the lock is
 * free.
 *
 * 1. What is opened before the lock is tried is told of every release after it.
 * 2. After close() nothing is left: no open file, no thread, no callback. Whoever was told before need not wait for that:
 *    what told it ends by itself.
 */
import { closeSync, constants, fstatSync, openSync } from "node:fs"
import { Socket } from "node:net"
import { isMainThread, Worker } from "node:worker_threads"
import { unavailable } from "./unavailable.ts"

export interface Lifeline {
  /** Idempotent. */
  close(): Promise<void>
}

/**
 * Answers once it is listening. Null where the lock file is no pipe, and no death can be told.
 *
 * @param onEnd called at most once, never after close()
 */
export async function openLifeline(path: string, onEnd: () => void): Promise<Lifeline | null> {
  const fd = openForReading(path)
  const isPipe = fstatSync(fd).isFIFO()
  if (isPipe && isMainThread) return listen(fd, onEnd)
  closeSync(fd)
  return isPipe ? await listenInThread(path, onEnd) : null
}

function openForReading(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
  } catch (error) {
    throw unavailable(`"${path}" should be there for as long as the store is open; open the store again`, error)
  }
}

function listen(fd: number, onEnd: () => void): Lifeline {
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

/**
 * A worker thread closes, when it ends, every descriptor it opened by number, and does not know that a socket has closed
 * one before: the number may be somebody else's file by then. So in a worker the pipe is opened by a thread of its own
 * that keeps no such list.
 */
const LISTENING_THREAD = `
  const { openSync, constants } = require("node:fs")
  const { Socket } = require("node:net")
  const { parentPort, workerData } = require("node:worker_threads")
  const fd = openSync(workerData, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
  const socket = new Socket({ fd, readable: true, writable: false })
  socket.once("end", () => parentPort.postMessage("end"))
  socket.resume()
  parentPort.postMessage("listening")
`

async function listenInThread(path: string, onEnd: () => void): Promise<Lifeline> {
  const thread = new Worker(LISTENING_THREAD, {
    eval: true,
    workerData: path,
    trackUnmanagedFds: false,
    // A loader the program was started with is of no use here and may cost more than the thread.
    execArgv: [],
  })
  let isOpen = true
  await new Promise<void>((resolve, reject) => {
    thread.once("error", reject)
    thread.on("message", (message: unknown) => {
      if (message === "listening") resolve()
      if (message !== "end" || !isOpen) return
      isOpen = false
      void thread.terminate()
      onEnd()
    })
  })
  return {
    async close() {
      if (!isOpen) return
      isOpen = false
      await thread.terminate()
    },
  }
}
