/** The process in which one crowd is measured: takes a task from its parent, answers once, and ends. */
import type { CrowdResult, CrowdTask } from "./crowd.ts"
import { Gate } from "./gate.ts"
import { liveHeapBytes } from "./heap.ts"
import { openMemoryStore } from "./holdfast.ts"
import { lockers } from "./lockers.ts"
import { medianOf } from "./measure.ts"

/** A crowd: everybody asks while somebody holds; `serve` lets go and ends when all have been answered. */
interface Crowd {
  serve(): Promise<void>
}

/** Small crowds are served again and again until this much time has been measured. */
const MEASURED_MS = 300
const WARM_UP_MS = 200
const WARM_UP_WAITERS = 100

process.once("message", (task: CrowdTask) => {
  void answer(task).then((result) => process.send?.(result))
})

async function answer(task: CrowdTask): Promise<CrowdResult> {
  const gather = task.kind === "burst" ? await burst(task.locker) : await halfAborted()
  return await measure(gather, task.waiters)
}

async function measure(gather: (waiters: number) => Promise<Crowd>, waiters: number): Promise<CrowdResult> {
  for (const start = performance.now(); performance.now() - start < WARM_UP_MS;) {
    await (await gather(WARM_UP_WAITERS)).serve()
  }
  const samples: number[] = []
  let measuredMs = 0
  while (measuredMs < MEASURED_MS) {
    const start = performance.now()
    const crowd = await gather(waiters)
    await crowd.serve()
    const durationMs = performance.now() - start
    measuredMs += durationMs
    samples.push((durationMs * 1e6) / waiters)
  }
  // Once more for the memory, which a collection in the middle would spoil the time of.
  const emptyBytes = liveHeapBytes()
  const waitingBytes = await (async () => {
    const crowd = await gather(waiters)
    const bytes = liveHeapBytes()
    await crowd.serve()
    return bytes
  })()
  return {
    nsPerWaiter: medianOf(samples),
    waitingBytes: waitingBytes - emptyBytes,
    leftBytes: liveHeapBytes() - emptyBytes,
  }
}

async function burst(name: string): Promise<(waiters: number) => Promise<Crowd>> {
  const locks = await lockers.find((locker) => locker.name === name)?.open()
  if (locks === undefined) {
    throw new Error(`expected the lock "${name}" to be there, found none`)
  }
  const run = locks.makeLock("burst")
  return async (waiters) => {
    const gate = new Gate()
    const held = run(() => gate.opened)
    const calls = Array.from({ length: waiters }, () => run(async () => {}))
    // The holder's callback runs some microtasks after it asked.
    await new Promise((resolve) => setImmediate(resolve))
    return {
      async serve() {
        gate.open()
        await held
        await Promise.all(calls)
      },
    }
  }
}

async function halfAborted(): Promise<(waiters: number) => Promise<Crowd>> {
  const hf = await openMemoryStore()
  if (hf === undefined) {
    throw new Error("expected Holdfast to be built, found none")
  }
  const lock = hf.lock("half-aborted")
  return async (waiters) => {
    const grant = await lock.acquire()
    const controllers: AbortController[] = []
    const calls = Array.from({ length: waiters }, (_, i) => {
      if (i % 2 === 0) {
        return lock.run(async () => {})
      }
      const controller = new AbortController()
      controllers.push(controller)
      return lock.run(async () => {}, { signal: controller.signal }).catch(() => {})
    })
    return {
      async serve() {
        for (const controller of controllers) {
          controller.abort()
        }
        await grant.release()
        await Promise.all(calls)
      },
    }
  }
}
