/**
 * The shared lock under real contention: worker threads and the event loop, killed, canceled and timed out at random.
 *
 * Workers run the package's sources, compiled once into a folder of their own: a storm needs hundreds of them, and
 * compiling in each takes ten times as long as all it does.
 */
import { execFile } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"
import { setImmediate } from "node:timers/promises"
import { fileURLToPath, pathToFileURL } from "node:url"
import { promisify } from "node:util"
import { Worker } from "node:worker_threads"
import ts from "typescript"
import { afterAll, describe, expect, it } from "vitest"
import { createPrng } from "../env/prng.ts"
import { SharedLock } from "./shared-lock.ts"

const SEED = Number(process.env["HOLDFAST_SEED"] ?? 20_261_121)
/** Far beyond what any machine needs: reaching it means that the lock is stuck. */
const STUCK_MS = 30_000

/** What every worker begins with; its body follows, and closes the brackets. */
const PRELUDE = `
  const { parentPort, threadId, workerData } = require("node:worker_threads")
  import(workerData.module).then(async ({ SharedLock }) => {
    const lock = SharedLock.from(workerData.handle)
    const words = new Int32Array(workerData.shared)
    const increment = () => { words[1] += 1; words[0] += 1; words[1] -= 1 }
`

const COMPILED = compileSources()
afterAll(() => rmSync(COMPILED.folder, { recursive: true, force: true }))

describe("threads that contend", () => {
  it("lose no update of a counter nothing else protects (L1, L2)", async () => {
    const lock = SharedLock.create()
    const shared = newShared()
    const bodies = [syncBody(150_000), syncBody(150_000), mixedBody(30_000), asyncBody(3_000)]
    const workers = bodies.map((body) => startWorker(lock, shared, body))
    const ended = workers.map(untilExit)
    const counter = new Int32Array(shared)
    let lastToken = 0
    for (let round = 0; round < 3_000; round += 1) {
      using grant = await lock.acquire()
      expect(grant.token).toBeGreaterThan(lastToken)
      lastToken = grant.token
      increment(counter)
    }
    expect(await Promise.all(ended)).toEqual([0, 0, 0, 0])
    expect(counter[0]).toBe(150_000 * 2 + 30_000 + 3_000 * 2)
    expect(counter[1]).toBe(0)
    expectFree(lock)
  })

  it("leave nothing behind when their waits are aborted and run out (T4, L4)", async () => {
    const lock = SharedLock.create()
    const shared = newShared()
    const workers = [1, 2, 3].map((seed) => startWorker(lock, shared, impatientBody(1_500, seed)))
    const ended = Promise.all(workers.map(untilExit))
    const counts = await Promise.all(workers.map(async (worker) => Number(await nextMessage(worker))))
    expect(await ended).toEqual([0, 0, 0])
    // Some of the waits did end early, and those that did not kept every update.
    expect(counts.every((count) => count > 0 && count < 1_500)).toBe(true)
    expect(new Int32Array(shared)[0]).toBe(counts.reduce((sum, count) => sum + count, 0))
    expectFree(lock)
  })

  it("wait in the order in which they came (T3)", async () => {
    const lock = SharedLock.create()
    const shared = newShared()
    const held = await lock.acquire()
    const workers: Worker[] = []
    for (let place = 1; place <= 4; place += 1) {
      // Blocking and not, in turn.
      const take = place % 2 === 0 ? "lock.acquireSync()" : "await lock.acquire()"
      workers.push(startWorker(lock, shared, `const g = ${take}; parentPort.postMessage(g.token); g.release()`))
      while (lock.view().waitingThreads.length < place) await setImmediate()
    }
    const ids = workers.map(({ threadId }) => threadId)
    const ended = workers.map(untilExit)
    expect(lock.view().waitingThreads).toEqual(ids)
    const tokens = workers.map(nextMessage)
    held.release()
    expect(await Promise.all(tokens)).toEqual([2, 3, 4, 5])
    expect(await Promise.all(ended)).toEqual([0, 0, 0, 0])
    expectFree(lock)
  })

  it("refuse to take in a blocked thread what that thread holds, with DEADLOCK", async () => {
    const lock = SharedLock.create()
    const worker = startWorker(
      lock,
      newShared(),
      `const codes = []
       const note = (fn) => { try { fn() } catch (error) { codes.push(error.code) } }
       lock.runSync(() => note(() => lock.acquireSync()))
       await lock.run(() => note(() => lock.runSync(() => {})))
       note(() => lock.runSync(async () => { throw new Error("told nobody") }))
       note(() => lock.runSync(() => { throw Object.assign(new Error(), { code: "MINE" }) }))
       codes.push(lock.runSync(() => "free again"), lock.view().holderThread)
       parentPort.postMessage(codes)`,
    )
    const ended = untilExit(worker)
    const expected = ["DEADLOCK", "DEADLOCK", "ARGUMENT_INVALID", "MINE", "free again", null]
    expect(await nextMessage(worker)).toEqual(expected)
    expect(await ended).toBe(0)
  })

  it("pass their own asynchronous waiters when they block, and serve them after", async () => {
    const lock = SharedLock.create()
    const held = await lock.acquire()
    const worker = startWorker(
      lock,
      newShared(),
      `const order = []
       const waiting = lock.acquire().then((grant) => { order.push("async"); grant.release() })
       try { lock.acquireSync({ waitMs: 5 }) } catch (error) { order.push(error.code) }
       parentPort.postMessage("blocking")
       const grant = lock.acquireSync()
       order.push("sync")
       grant.release()
       await waiting
       parentPort.postMessage(order)`,
    )
    const ended = untilExit(worker)
    await nextMessage(worker)
    const order = nextMessage(worker)
    expect(lock.view().waitingThreads).toEqual([worker.threadId])
    held.release()
    expect(await order).toEqual(["LOCK_TIMEOUT", "sync", "async"])
    expect(await ended).toBe(0)
    expectFree(lock)
  })
})

describe("threads that die", () => {
  const ends = {
    "process.exit": "process.exit(3)",
    "an uncaught error": `setTimeout(() => { throw new Error("planned") })`,
    "the end of its work": "",
  }
  it.each(Object.entries(ends))("pass the lock on as abandoned after %s (T5)", async (_name, end) => {
    const lock = SharedLock.create()
    const worker = startWorker(lock, newShared(), `lock.acquireSync(); parentPort.postMessage("held"); ${end}`)
    worker.on("error", () => {})
    await nextMessage(worker)
    const after = await lock.acquire({ waitMs: STUCK_MS })
    expect([after.wasAbandoned, after.token]).toEqual([true, 2])
    after.release()
    using next = await lock.acquire()
    expect(next.wasAbandoned).toBe(false)
  })

  it("pass the lock on to a thread that is blocked (T5)", async () => {
    const lock = SharedLock.create()
    const holder = startWorker(
      lock,
      newShared(),
      `lock.acquireSync(); parentPort.postMessage(0); await new Promise(() => setInterval(() => {}, 1e6))`,
    )
    await nextMessage(holder)
    const waiter = startWorker(
      lock,
      newShared(),
      `const g = lock.acquireSync(); parentPort.postMessage(g.wasAbandoned)`,
    )
    while (lock.view().waitingThreads.length === 0) await setImmediate()
    const told = nextMessage(waiter)
    const ended = untilExit(waiter)
    await holder.terminate()
    expect(await told).toBe(true)
    expect(await ended).toBe(0)
  })

  it("take the threads they had started with them (T5)", async () => {
    const lock = SharedLock.create()
    const inner = `${PRELUDE} lock.acquireSync(); parentPort.postMessage(0); setInterval(() => {}, 1e6) })`
    const outer = startWorker(
      lock,
      newShared(),
      `const { Worker } = require("node:worker_threads")
       const inner = lock.guard(new Worker(${JSON.stringify(inner)}, { eval: true, workerData }))
       inner.once("message", () => parentPort.postMessage("held below"))
       await new Promise(() => {})`,
    )
    await nextMessage(outer)
    expect(lock.view().isHolderGuarded).toBe(true)
    await outer.terminate()
    using grant = await lock.acquire({ waitMs: STUCK_MS })
    expect(grant.wasAbandoned).toBe(true)
  })

  it("keep the lock when nobody guards them, which the timeout says", async () => {
    const lock = SharedLock.create()
    const worker = startWorker(lock, newShared(), `lock.acquireSync(); parentPort.postMessage(0)`, { isGuarded: false })
    await Promise.all([nextMessage(worker), untilExit(worker)])
    await expect(lock.acquire({ waitMs: 1 })).rejects.toMatchObject({
      code: "LOCK_TIMEOUT",
      message: expect.stringContaining("whose end nobody would notice"),
      details: { holderThread: expect.any(Number), isHolderGuarded: false },
    })
    expect(() => lock.guard(worker)).toThrow(expect.objectContaining({ code: "ARGUMENT_INVALID" }))
  })

  it("never make it stick, killed hundreds of times at any moment (T1, T2, T5)", async () => {
    console.info(`seed ${String(SEED)} (HOLDFAST_SEED), for the delays; the threads' own timing is the machine's`)
    const lock = SharedLock.create()
    const shared = newShared()
    const words = new Int32Array(shared)
    const kills = { count: 0 }
    // Every storm keeps one thread alive and kills it; three at once make waiters, holders and those in between.
    await Promise.all([1, 2, 3].map(async (storm) => await killAndKill(lock, shared, SEED + storm, kills)))
    expect(kills.count).toBe(300)
    expect(words[1] ?? 0).toBe(0)
    expect(Atomics.load(words, 2), "entered while another was inside").toBe(0)
    // A killed holder loses one update at most, and only a holder that was reported.
    const lost = Atomics.load(words, 4) - (words[0] ?? 0)
    expect(Math.abs(lost)).toBeLessThanOrEqual(Atomics.load(words, 3))
    expect(Atomics.load(words, 3)).toBeGreaterThan(0)
    expectFree(lock)
  })
})

describe("a process", () => {
  it("stays alive while it waits for a thread, and ends when nobody waits", async () => {
    const program = `
      import { Worker } from "node:worker_threads"
      const { SharedLock } = await import(${JSON.stringify(COMPILED.module)})
      const lock = SharedLock.create()
      const worker = lock.guard(new Worker(${JSON.stringify(`${PRELUDE}
        const grant = lock.acquireSync()
        parentPort.postMessage(0)
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300)
        grant.release()
        parentPort.on("message", () => {})
      })`)}, { eval: true, execArgv: [], workerData: { module: ${JSON.stringify(COMPILED.module)}, handle: lock.handle, shared: new SharedArrayBuffer(64) } }))
      await new Promise((resolve) => worker.once("message", resolve))
      worker.unref()
      const grant = await lock.acquire()
      console.log("granted", grant.token)
      grant.release()
      const controller = new AbortController()
      const held = await lock.acquire()
      const waits = [lock.acquire({ signal: controller.signal }), lock.acquire({ waitMs: 1 })]
      controller.abort()
      console.log((await Promise.allSettled(waits)).map(({ reason }) => reason.name).join(" "))
      lock.tryAcquire()
    `
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program], {
      timeout: STUCK_MS,
    })
    expect(stderr).toBe("")
    expect(stdout).toBe("granted 2\nAbortError HoldfastError\n")
  })
})

/**
 * Words every thread of a test shares: 0 a counter nothing but the lock protects, 1 how many are inside (the same),
 * 2 entries while another was inside, 3 grants marked abandoned, 4 updates that were begun.
 */
function newShared(): SharedArrayBuffer {
  return new SharedArrayBuffer(64)
}

function increment(words: Int32Array): void {
  words[1] = Number(words[1]) + 1
  words[0] = Number(words[0]) + 1
  words[1] -= 1
}

function syncBody(rounds: number): string {
  return `for (let i = 0; i < ${String(rounds)}; i += 1) { const g = lock.acquireSync(); increment(); g.release() }`
}

function asyncBody(rounds: number): string {
  return `await Promise.all([1, 2].map(async () => { for (let i = 0; i < ${String(rounds / 2)}; i += 1) await lock.run(increment) }))`
}

function mixedBody(rounds: number): string {
  return `for (let i = 0; i < ${String(rounds)}; i += 1) {
    if (i % 50 === 0) await lock.run(increment)
    else if (i % 3 === 0) { const g = lock.tryAcquire() ?? lock.acquireSync(); increment(); g.release() }
    else lock.runSync(increment)
  }`
}

/** Waits too short for many of its requests; tells how many were granted. */
function impatientBody(rounds: number, seed: number): string {
  return `
    let granted = 0
    let random = ${String(seed)}
    const next = (limit) => (random = (Math.imul(random, 1664525) + 1013904223) >>> 0) % limit
    const work = () => { increment(); granted += 1; for (const end = performance.now() + 0.02; performance.now() < end;); }
    const forgive = (error) => { if (error.code !== "LOCK_TIMEOUT" && error.name !== "AbortError") throw error }
    for (let i = 0; i < ${String(rounds)}; i += 3) {
      const controller = new AbortController()
      const aborted = lock.run(work, { signal: controller.signal }).catch(forgive)
      const late = lock.run(work, { waitMs: next(3) }).catch(forgive)
      if (next(2) === 0) controller.abort()
      try { const g = lock.acquireSync({ waitMs: next(10) / 100 }); try { work() } finally { g.release() } } catch (error) {
        // The thread's own asynchronous grant may be open: that is refused, not waited for.
        if (error.code !== "DEADLOCK") forgive(error)
      }
      if (next(2) === 0) await null
      controller.abort()
      await Promise.all([aborted, late])
    }
    parentPort.postMessage(granted)`
}

/** Takes the lock in every way, for ever, and checks that nobody else is inside. */
const RESTLESS_BODY = `
  const inside = (g) => {
    if (g.wasAbandoned) { Atomics.add(words, 3, 1); words[1] = 0 }
    if (words[1] !== 0) Atomics.add(words, 2, 1)
    words[1] = threadId
    Atomics.add(words, 4, 1)
    words[0] += 1
    words[1] = 0
  }
  parentPort.postMessage("ready")
  for (let i = 0; ; i += 1) {
    try {
      if (i % 5 === 0) { const g = lock.tryAcquire(); if (g) { inside(g); g.release() } }
      else if (i % 5 === 1) await lock.run(inside, { waitMs: 1 })
      else if (i % 5 === 2) lock.runSync(inside, { waitMs: 0.05 })
      else lock.runSync(inside)
    } catch (error) { if (error.code !== "LOCK_TIMEOUT") throw error }
  }`

async function killAndKill(
  lock: SharedLock,
  shared: SharedArrayBuffer,
  seed: number,
  kills: { count: number },
): Promise<void> {
  const prng = createPrng(seed)
  for (let kill = 0; kill < 100; kill += 1) {
    const worker = startWorker(lock, shared, RESTLESS_BODY)
    await nextMessage(worker)
    const end = performance.now() + prng.nextBelow(3_000) / 1_000
    while (performance.now() < end) if (prng.nextBelow(2) === 0) await setImmediate()
    await worker.terminate()
    kills.count += 1
    // The watchdog: with others still at it and dying, this thread must get its turn.
    const grant = await lock.acquire({ waitMs: STUCK_MS })
    const words = new Int32Array(shared)
    if (grant.wasAbandoned) {
      Atomics.add(words, 3, 1)
      words[1] = 0
    }
    if (words[1] !== 0) Atomics.add(words, 2, 1)
    grant.release()
  }
}

function startWorker(
  lock: SharedLock,
  shared: SharedArrayBuffer,
  body: string,
  { isGuarded = true }: { isGuarded?: boolean } = {},
): Worker {
  const workerData = { module: COMPILED.module, handle: lock.handle, shared }
  const worker = new Worker(`${PRELUDE}\n${body}\n})`, { eval: true, workerData, execArgv: [] })
  return isGuarded ? lock.guard(worker) : worker
}

function untilExit(worker: Worker): Promise<number> {
  return new Promise((fulfill, reject) => {
    worker.once("error", reject)
    worker.once("exit", fulfill)
  })
}

function nextMessage(worker: Worker): Promise<unknown> {
  return new Promise((fulfill, reject) => {
    worker.once("message", fulfill)
    worker.once("error", reject)
  })
}

function expectFree(lock: SharedLock): void {
  const free = { holderThread: null, isHolderGuarded: false, waitingThreads: [], waiterCount: 0 }
  expect(lock.view()).toMatchObject(free)
}

/** The sources the lock is made of, as JavaScript in the same arrangement. */
function compileSources(): { readonly folder: string; readonly module: string } {
  const sources = fileURLToPath(new URL("../", import.meta.url))
  const cache = resolve(sources, "../.cache")
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, "threads-"))
  writeFileSync(join(folder, "package.json"), `{ "type": "module" }`)
  const entry = join(sources, "threads/shared-lock.ts")
  const open = [entry]
  const done = new Set(open)
  for (const file of open) {
    const text = readFileSync(file, "utf8").replaceAll(/(from "\.[^"]*)\.ts"/g, '$1.js"')
    const compilerOptions = { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true }
    const { outputText } = ts.transpileModule(text, { compilerOptions })
    const output = outputOf(relative(sources, file))
    mkdirSync(dirname(output), { recursive: true })
    writeFileSync(output, outputText)
    for (const [, imported = ""] of outputText.matchAll(/from "(\.[^"]*)\.js"/g)) {
      const next = resolve(dirname(file), `${imported}.ts`)
      if (!done.has(next)) open.push(next)
      done.add(next)
    }
  }
  return { folder, module: pathToFileURL(outputOf("threads/shared-lock.ts")).href }

  function outputOf(path: string): string {
    return join(folder, path.replace(/\.ts$/, ".js"))
  }
}
