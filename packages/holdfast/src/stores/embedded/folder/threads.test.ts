/** The folder's locks in worker threads: real threads, ended in every way a thread can end. */
import { closeSync, fstatSync, mkdtempSync, openSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Worker } from "node:worker_threads"
import { describe, expect, it, onTestFinished } from "vitest"
import { systemEnv } from "../../../env/index.ts"
import { type ClientId, isAlive } from "./client-lock.ts"
import { KeeperLock } from "./election.ts"
import { type Folder, openFolder } from "./folder.ts"

const THREAD = `
  const { parentPort, workerData } = require("node:worker_threads")
  void (async () => {
    // The loader does not register itself in a thread.
    ;(await import(workerData.loader)).register()
    const { openFolder } = await import(workerData.base + "folder.ts")
    const { awaitKeeper } = await import(workerData.base + "await-keeper.ts")
    const { KeeperLock } = await import(workerData.base + "election.ts")
    const { ClientLock } = await import(workerData.base + "client-lock.ts")
    const { systemEnv } = await import(workerData.base + "../../../env/index.ts")
    const folder = openFolder(workerData.path, systemEnv)
    const controller = new AbortController()
    let held = null
    parentPort.on("message", async (order) => {
      if (order === "hold") {
        held = KeeperLock.tryTake(folder)
        parentPort.postMessage({ hasLock: held !== null, client: ClientLock.take(folder, systemEnv).id })
      }
      if (order === "await") {
        const wait = awaitKeeper(folder, { ignoredIncarnation: null, signal: controller.signal })
        wait.then((found) => { held = found.lock; return found.kind }, () => "aborted").then((kind) => parentPort.postMessage(kind))
      }
      if (order === "release") { held.release(); parentPort.postMessage("released") }
      if (order === "abort") controller.abort()
      if (order === "exit") process.exit(0)
      if (order === "throw") throw new Error("on purpose")
    })
    parentPort.postMessage("ready")
  })()
`

interface Thread {
  send(order: "hold" | "await" | "release" | "abort" | "exit" | "throw"): void
  receive(): Promise<unknown>
  terminate(): Promise<unknown>
  readonly ended: Promise<void>
}

async function startThread(folder: Folder): Promise<Thread> {
  const worker = new Worker(THREAD, {
    eval: true,
    execArgv: [],
    workerData: {
      path: folder.path,
      base: new URL("./", import.meta.url).href,
      loader: import.meta.resolve("tsx/esm/api"),
    },
  })
  const ended = new Promise<void>((resolve) => {
    worker.once("exit", () => {
      resolve()
    })
  })
  const received: unknown[] = []
  let wake: () => void = () => {}
  function deliver(message: unknown): void {
    received.push(message)
    wake()
  }
  worker.on("message", deliver)
  // One test throws on purpose and asks for nothing more; to every other this is an answer it does not expect.
  worker.on("error", deliver)
  const thread: Thread = {
    send: (order) => {
      worker.postMessage(order)
    },
    async receive() {
      while (received.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      return received.shift()
    },
    terminate: async () => await worker.terminate(),
    ended,
  }
  onTestFinished(async () => {
    await worker.terminate()
  })
  expect(await thread.receive()).toBe("ready")
  return thread
}

function makeFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), "holdfast-threads-"))
  onTestFinished(() => {
    rmSync(path, { recursive: true, force: true })
  })
  return openFolder(path, systemEnv)
}

async function hold(thread: Thread): Promise<ClientId> {
  thread.send("hold")
  const { hasLock, client } = (await thread.receive()) as { hasLock: boolean; client: ClientId } // What THREAD sends.
  expect(hasLock).toBe(true)
  return client
}

/** The time a wait in a thread takes to be parked; nothing outside it can see that it is. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 150))
}

/** Most of the time a thread needs to begin or to end, without which nothing could go wrong here. */
async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 40))
}

describe("a thread that ends", () => {
  it.each(["terminate", "exit", "throw"] as const)("by %s gives back both locks (L6)", async (way) => {
    const folder = makeFolder()
    const thread = await startThread(folder)
    const client = await hold(thread)
    expect(KeeperLock.tryTake(folder)).toBeNull()
    expect(isAlive(folder, systemEnv, client)).toBe(true)
    if (way === "terminate") await thread.terminate()
    else thread.send(way)
    await thread.ended
    expect(isAlive(folder, systemEnv, client)).toBe(false)
    const lock = KeeperLock.tryTake(folder)
    expect(lock).not.toBeNull()
    lock?.release()
  })

  it("while another waits elects the other", async () => {
    const folder = makeFolder()
    const [holder, waiter] = await Promise.all([startThread(folder), startThread(folder)])
    await hold(holder)
    waiter.send("await")
    await settle()
    await holder.terminate()
    expect(await waiter.receive()).toBe("elected")
    expect(KeeperLock.tryTake(folder)).toBeNull()
    await waiter.terminate()
    KeeperLock.tryTake(folder)?.release()
  })

  it("while it waits, ends at once and leaves nothing", async () => {
    const folder = makeFolder()
    const lock = KeeperLock.tryTake(folder)
    await (await startThread(folder)).terminate()
    const before = readdirSync("/proc/self/fd").length
    const thread = await startThread(folder)
    thread.send("await")
    await settle()
    await thread.terminate()
    expect(readdirSync("/proc/self/fd").length).toBe(before)
    lock?.release()
    KeeperLock.tryTake(folder)?.release()
  })

  it("after it waited closes no file that is not its own", async () => {
    const folder = makeFolder()
    const lock = KeeperLock.tryTake(folder)
    const thread = await startThread(folder)
    thread.send("await")
    await settle()
    thread.send("abort")
    expect(await thread.receive()).toBe("aborted")
    // Every number that the wait had used is somebody else's now.
    const ours = Array.from({ length: 64 }, () => openSync(folder.clientsLock, "r"))
    await thread.terminate()
    for (const fd of ours) {
      expect(fstatSync(fd).isFile()).toBe(true)
      closeSync(fd)
    }
    lock?.release()
  })
})

describe("a thread that was elected after a wait", () => {
  // What told it that the lock was free had a file open, whose number the lock's own file may have got.
  it("has the lock for as long as it lives (L1)", async () => {
    const folder = makeFolder()
    const thread = await startThread(folder)
    for (let round = 0; round < 40; round += 1) {
      const lock = KeeperLock.tryTake(folder)
      expect(lock).not.toBeNull()
      thread.send("await")
      await pause()
      lock?.release()
      expect(await thread.receive()).toBe("elected")
      await pause()
      expect(KeeperLock.tryTake(folder)).toBeNull()
      thread.send("release")
      expect(await thread.receive()).toBe("released")
    }
  })
})

describe("a thread that waits", () => {
  // In a thread, a moment passes between its first look and its watch, in which the lock may be released.
  it("misses no release, at whatever moment it comes", async () => {
    const folder = makeFolder()
    const thread = await startThread(folder)
    for (let delayMs = 0; delayMs <= 40; delayMs += 1) {
      const lock = KeeperLock.tryTake(folder)
      expect(lock).not.toBeNull()
      thread.send("await")
      await new Promise((resolve) => setTimeout(resolve, delayMs))
      lock?.release()
      expect(await thread.receive()).toBe("elected")
      thread.send("release")
      expect(await thread.receive()).toBe("released")
    }
  })
})
