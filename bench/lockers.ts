/**
 * The locks under comparison, each as its users call it. A package is imported only when its lock is opened, because a
 * burst runs in a process of its own.
 */
import { openMemoryStore } from "./holdfast.ts"

export type Work = () => Promise<void>

export interface Locker {
  readonly name: string
  readonly isHoldfast: boolean
  /** Makes locks of this kind, or undefined where the package is not there. */
  readonly open: () => Promise<MakeLock | undefined>
}

/** A lock of that name: takes it, does the work, gives it back. */
export type MakeLock = (name: string) => (work: Work) => Promise<void>

export const lockers: readonly Locker[] = [
  {
    name: "holdfast",
    isHoldfast: true,
    async open() {
      const hf = await openMemoryStore()
      return hf && ((name) => (work) => hf.lock(name).run(work))
    },
  },
  {
    name: "async-mutex",
    isHoldfast: false,
    async open() {
      const { Mutex } = await import("async-mutex")
      return () => {
        const mutex = new Mutex()
        return (work) => mutex.runExclusive(work)
      }
    },
  },
  {
    name: "async-lock",
    isHoldfast: false,
    async open() {
      const { default: AsyncLock } = await import("async-lock")
      const lock = new AsyncLock({ maxPending: Infinity })
      return (name) => (work) => lock.acquire(name, work)
    },
  },
  {
    name: "p-limit(1)",
    isHoldfast: false,
    async open() {
      const { default: pLimit } = await import("p-limit")
      return () => {
        const limit = pLimit(1)
        return (work) => limit(work)
      }
    },
  },
  {
    name: "effect Semaphore(1)",
    isHoldfast: false,
    async open() {
      const { Effect, Semaphore } = await import("effect")
      return () => {
        const semaphore = Semaphore.makeUnsafe(1)
        return (work) => Effect.runPromise(semaphore.withPermit(Effect.promise(work)))
      }
    },
  },
]

export interface OpenLocker {
  readonly name: string
  readonly isHoldfast: boolean
  readonly makeLock: MakeLock
}

export async function openLockers(): Promise<OpenLocker[]> {
  const opened: OpenLocker[] = []
  for (const { name, isHoldfast, open } of lockers) {
    const makeLock = await open()
    if (makeLock !== undefined) {
      opened.push({ name, isHoldfast, makeLock })
    }
  }
  return opened
}
