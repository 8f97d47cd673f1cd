/**
 * The locks under comparison, each as its users call it. A package is imported only when its lock is opened, because a
 * burst runs in a process of its own.
 */
import { openMemoryStore } from "./holdfast.ts"

export type Work = () => Promise<void>

export interface Locker {
  readonly name: string
  readonly isHoldfast: boolean
  /** Undefined where the package is not there. */
  readonly open: () => Promise<OpenLocks | undefined>
}

export interface OpenLocks {
  readonly makeLock: MakeLock
  readonly close: () => Promise<void>
}

/** A lock of that name: takes it, does the work, gives it back. */
export type MakeLock = (name: string) => (work: Work) => Promise<void>

export const lockers: readonly Locker[] = [
  {
    name: "holdfast",
    isHoldfast: true,
    async open() {
      const hf = await openMemoryStore()
      if (hf === undefined) return undefined
      return {
        makeLock: (name) => (work) => hf.lock(name).run(work),
        close: async () => {
          await hf.close()
        },
      }
    },
  },
  {
    name: "async-mutex",
    isHoldfast: false,
    async open() {
      const { Mutex } = await import("async-mutex")
      return withoutClose(() => {
        const mutex = new Mutex()
        return (work) => mutex.runExclusive(work)
      })
    },
  },
  {
    name: "async-lock",
    isHoldfast: false,
    async open() {
      const { default: AsyncLock } = await import("async-lock")
      const lock = new AsyncLock({ maxPending: Infinity })
      return withoutClose((name) => (work) => lock.acquire(name, work))
    },
  },
  {
    name: "p-limit(1)",
    isHoldfast: false,
    async open() {
      const { default: pLimit } = await import("p-limit")
      return withoutClose(() => {
        const limit = pLimit(1)
        return (work) => limit(work)
      })
    },
  },
  {
    name: "effect Semaphore(1)",
    isHoldfast: false,
    async open() {
      const { Effect, Semaphore } = await import("effect")
      return withoutClose(() => {
        const semaphore = Semaphore.makeUnsafe(1)
        return (work) => Effect.runPromise(semaphore.withPermit(Effect.promise(work)))
      })
    },
  },
]

export interface OpenLocker extends OpenLocks {
  readonly name: string
  readonly isHoldfast: boolean
}

export async function openLockers(): Promise<OpenLocker[]> {
  const opened: OpenLocker[] = []
  for (const { name, isHoldfast, open } of lockers) {
    const locks = await open()
    if (locks !== undefined) {
      opened.push({ name, isHoldfast, ...locks })
    }
  }
  return opened
}

/** Most locks live and die with the variable that holds them. */
function withoutClose(makeLock: MakeLock): OpenLocks {
  return { makeLock, close: async () => {} }
}
