/** Caches that load what they miss, against a Holdfast operation: bentocache, cache-manager, cacheable, and others. */
import { createCache as createDedupe } from "async-cache-dedupe"
import { BentoCache, bentostore } from "bentocache"
import { memoryDriver } from "bentocache/drivers/memory"
import { createCache as createCacheManager } from "cache-manager"
import { Cacheable } from "cacheable"
import DataLoader from "dataloader"
import type { Holdfast } from "holdfast"
import { LRUCache } from "lru-cache"
import pMemoize from "p-memoize"
import { answerOf, REFUSED, settle } from "./answer.ts"
import { CriticalSection } from "./critical-section.ts"
import { Gate } from "../gate.ts"
import { defineKnownBug, type KnownBug } from "./known-bug.ts"

type Load = (key: string) => Promise<string>

interface Reads {
  get(key: string): Promise<unknown>
}

interface Forgets {
  forget(key: string): unknown
}

interface Stores {
  put(key: string, value: string): unknown
}

interface ReadsAtMost {
  /** The caller waits no longer than this; what the load does then is the library's business. */
  getWithin(key: string, waitMs: number): Promise<unknown>
}

interface ReadsWithSignal {
  getUnlessAborted(key: string, signal: AbortSignal): Promise<unknown>
}

type Make<Cache> = (load: Load) => Cache

/** What the loads of the stale-value cases read. The source changes while a load that has read `OLD` is under way. */
const OLD = "v1"
const NEW = "v2"
const TTL_MS = 3_600_000

const deletable: ReadonlyArray<readonly [peer: string, make: Make<Reads & Forgets>]> = [
  ["bentocache", bentocache],
  ["cache-manager", cacheManager],
  ["cacheable", cacheable],
  ["p-memoize", memoized],
  ["async-cache-dedupe", dedupe],
]

const storable: ReadonlyArray<readonly [peer: string, make: Make<Reads & Stores>]> = [
  ["bentocache", bentocache],
  ["cache-manager", cacheManager],
  ["cacheable", cacheable],
  ["p-memoize", memoized],
  ["async-cache-dedupe", dedupe],
]

export const cacheBugs: readonly KnownBug[] = [
  ...deletable.map(([peer, make]) =>
    defineKnownBug({
      id: "stale-after-delete",
      peer,
      defect: "a delete during a load is undone by it: later reads get the value from before the delete",
      peerSubject: () => make,
      holdfastSubject: (hf) => holdfastOperation(hf, `stale-after-delete/${peer}`),
      observe: observeDeleteDuringLoad,
      broken: (seen) => seen.readAfterDelete === OLD || seen.keptAfterwards === OLD,
    }),
  ),
  ...storable.map(([peer, make]) =>
    defineKnownBug({
      id: "stale-after-set",
      peer,
      defect: "a value stored during a load is overwritten by the load's older result",
      peerSubject: () => make,
      holdfastSubject: (hf) => holdfastOperation(hf, `stale-after-set/${peer}`),
      observe: observeSetDuringLoad,
      broken: (seen) => seen.keptAfterwards === OLD,
    }),
  ),
  defineKnownBug({
    id: "two-loads-at-once",
    peer: "bentocache",
    defect:
      "`Locks.release` deletes the key's mutex while others wait for it: with a failing, b waiting and c arriving two factories run at once",
    peerSubject: () => bentocache,
    holdfastSubject: (hf) => holdfastOperation(hf, "two-loads"),
    observe: observeArrivalAfterFailure,
    broken: (seen) => seen.loadsAtOnce > 1,
  }),
  defineKnownBug({
    id: "serial-herd",
    peer: "bentocache",
    defect: "20 concurrent readers of a failing key load it 20 times, one after the other",
    peerSubject: () => bentocache,
    holdfastSubject: (hf) => holdfastOperation(hf, "serial-herd"),
    observe: observeFailingLoad,
    broken: (seen) => seen.loads > 1,
  }),
  defineKnownBug({
    id: "timeout-frees-a-running-load",
    peer: "bentocache",
    defect:
      "a hard timeout gives the key away while its factory still runs, and the late factory overwrites the newer value",
    peerSubject: () => bentocache,
    holdfastSubject: (hf) => holdfastOperation(hf, "hard-timeout"),
    observe: observeTimeoutDuringLoad,
    broken: (seen) => seen.loadsAtOnce > 1,
  }),
  defineKnownBug({
    id: "errors-swallowed",
    peer: "cacheable",
    defect: "a load that fails is reported to every reader as the value `undefined`",
    peerSubject: () => cacheable,
    holdfastSubject: (hf) => holdfastOperation(hf, "errors-swallowed"),
    observe: observeFailingLoad,
    broken: (seen) => seen.readersRefused < seen.readers,
  }),
  defineKnownBug({
    id: "old-load-evicts-new",
    peer: "async-cache-dedupe",
    defect:
      "a load that was cleared away removes its successor's entry when it ends: the next reader loads a third time",
    peerSubject: () => dedupeOnly,
    holdfastSubject: (hf) => holdfastOperation(hf, "old-load-evicts-new"),
    observe: observeReadersAfterDelete,
    broken: (seen) => seen.loadsAfterDelete > 1,
  }),
  defineKnownBug({
    id: "arguments-collide",
    peer: "async-cache-dedupe",
    defect: "NaN and null, or two different Maps, are one key: a caller gets the answer to another question",
    peerSubject: () => ({
      askAll: async (questions: readonly unknown[]) => {
        const cache = createDedupe({ ttl: 3_600 }).define("ask", async (question: unknown) => describe(question))
        return await askInTurn(questions, (question) => cache.ask(question))
      },
    }),
    holdfastSubject: (hf) => ({
      askAll: async (questions: readonly unknown[]) => {
        const ask = hf.operation("arguments-collide", {
          version: 1,
          effects: "pure",
          run: async (_ctx, question: unknown) => describe(question),
        })
        return await askInTurn(questions, (question) => ask(question))
      },
    }),
    observe: observeAlikeQuestions,
    broken: (seen) => seen.wrongAnswers > 0,
  }),
  defineKnownBug({
    id: "second-argument-ignored",
    peer: "p-memoize",
    defect: "by default the key is the first argument alone: f(1, 2) and f(1, 3) get one answer",
    peerSubject: () => ({ add: pMemoize(async (a: number, b: number) => a + b) }),
    holdfastSubject: (hf) => ({
      add: hf.operation("second-argument", {
        version: 1,
        effects: "pure",
        run: async (_ctx, a: number, b: number) => a + b,
      }),
    }),
    observe: observeSums,
    broken: (seen) => seen.onePlusThree !== 4,
  }),
  defineKnownBug({
    id: "delete-rejects-the-reader",
    peer: "lru-cache",
    defect: "a delete during a fetch rejects the reader that asked before it",
    peerSubject: () => lruCache(),
    holdfastSubject: (hf) => holdfastOperation(hf, "delete-rejects"),
    observe: observeDeleteDuringLoad,
    broken: (seen) => seen.readerInFlight.startsWith(REFUSED),
  }),
  defineKnownBug({
    id: "eviction-rejects-the-reader",
    peer: "lru-cache",
    defect: "in a full cache a read of one key aborts the running fetch of another, whose reader is rejected",
    peerSubject: () => lruCache({ max: 1 }),
    holdfastSubject: (hf) => holdfastOperation(hf, "eviction-rejects"),
    observe: observeOtherKeyDuringLoad,
    broken: (seen) => seen.readerInFlight !== OLD,
  }),
  defineKnownBug({
    id: "leader-abort-rejects-followers",
    peer: "lru-cache",
    defect: "when the first reader's signal aborts, every reader that joined its fetch is rejected too",
    peerSubject: () => lruCache(),
    holdfastSubject: (hf) => holdfastOperation(hf, "leader-abort"),
    observe: observeLeaderAbort,
    broken: (seen) => seen.follower !== OLD,
  }),
  defineKnownBug({
    id: "failure-is-remembered",
    peer: "dataloader",
    defect:
      "a key that failed once is answered with the old error until somebody clears it; the source is not asked again",
    peerSubject: () => dataLoader,
    holdfastSubject: (hf) => holdfastOperation(hf, "failure-for-ever"),
    observe: observeReadAfterFailure,
    broken: (seen) => seen.readAfterRecovery !== NEW,
  }),
]

// Subjects

function bentocache(load: Load) {
  const cache = new BentoCache({
    default: "memory",
    stores: { memory: bentostore().useL1Layer(memoryDriver({ maxItems: 1_000 })) },
  })
  return {
    get: (key: string) => cache.getOrSet({ key, ttl: TTL_MS, factory: () => load(key) }),
    getWithin: (key: string, waitMs: number) =>
      cache.getOrSet({ key, ttl: TTL_MS, hardTimeout: waitMs, factory: () => load(key) }),
    forget: (key: string) => cache.delete({ key }),
    put: (key: string, value: string) => cache.set({ key, value, ttl: TTL_MS }),
  }
}

function cacheManager(load: Load) {
  const cache = createCacheManager()
  return {
    get: (key: string) => cache.wrap(key, () => load(key), TTL_MS),
    forget: (key: string) => cache.del(key),
    put: (key: string, value: string) => cache.set(key, value, TTL_MS),
  }
}

function cacheable(load: Load) {
  const cache = new Cacheable()
  return {
    get: (key: string) => cache.getOrSet(key, () => load(key), { ttl: TTL_MS }),
    forget: (key: string) => cache.delete(key),
    put: (key: string, value: string) => cache.set(key, value, TTL_MS),
  }
}

function memoized(load: Load) {
  const cache = new Map<string, string>()
  return {
    get: pMemoize(load, { cache }),
    forget: (key: string) => cache.delete(key),
    put: (key: string, value: string) => cache.set(key, value),
  }
}

function dedupe(load: Load) {
  const cache = createDedupe({ ttl: TTL_MS / 1_000 }).define("load", load)
  return {
    get: (key: string) => cache.load(key),
    forget: (key: string) => cache.clear("load", key),
    // `set` takes the key as its storage spells it.
    put: (key: string, value: string) => cache.set("load", `load~${key}`, value, TTL_MS / 1_000),
  }
}

function dedupeOnly(load: Load) {
  const cache = createDedupe({ ttl: 0 }).define("load", load)
  return {
    get: (key: string) => cache.load(key),
    forget: (key: string) => cache.clear("load", key),
  }
}

function lruCache({ max = 1_000 }: { max?: number } = {}) {
  return (load: Load) => {
    const cache = new LRUCache<string, string>({ max, fetchMethod: (key) => load(key) })
    return {
      get: (key: string) => cache.fetch(key),
      getUnlessAborted: (key: string, signal: AbortSignal) => cache.fetch(key, { signal }),
      forget: (key: string) => cache.delete(key),
    }
  }
}

function dataLoader(load: Load): Reads {
  const loader = new DataLoader((keys: readonly string[]) =>
    Promise.all(keys.map((key) => load(key).catch((error: unknown) => asError(error)))),
  )
  return { get: (key) => loader.load(key) }
}

function holdfastOperation(hf: Holdfast, name: string): Make<Reads & Forgets & Stores & ReadsAtMost & ReadsWithSignal> {
  return (load) => {
    const operation = hf.operation(name, {
      version: 1,
      effects: "pure",
      run: async (_ctx, key: string) => await load(key),
    })
    return {
      get: (key) => operation(key),
      getWithin: (key, waitMs) => operation.handle(key).result({ waitMs }),
      getUnlessAborted: (key, signal) => operation.handle(key).result({ signal }),
      forget: (key) => operation.forget(key),
      put: (key, value) => operation.put([key], value),
    }
  }
}

// What is done and seen

async function observeDeleteDuringLoad(make: Make<Reads & Forgets>) {
  const source = new SlowSource()
  const cache = make(source.load)
  const reader = answerOf(cache.get("k"))
  await settle()
  source.value = NEW
  await cache.forget("k")
  const readAfterDelete = answerOf(cache.get("k"))
  await settle()
  // The newer load ends first, so that the older one has its chance to overwrite it.
  source.finish(1)
  await settle()
  source.finishAll()
  const readerInFlight = await reader
  const afterDelete = await readAfterDelete
  await settle()
  return { readerInFlight, readAfterDelete: afterDelete, keptAfterwards: await answerOf(cache.get("k")) }
}

async function observeSetDuringLoad(make: Make<Reads & Stores>) {
  const source = new SlowSource()
  const cache = make(source.load)
  const reader = answerOf(cache.get("k"))
  await settle()
  await cache.put("k", NEW)
  source.finishAll()
  const readerInFlight = await reader
  await settle()
  return { readerInFlight, keptAfterwards: await answerOf(cache.get("k")) }
}

async function observeArrivalAfterFailure(make: Make<Reads>) {
  const section = new CriticalSection()
  const firstLoad = new Gate()
  const laterLoads = new Gate()
  let loads = 0
  const cache = make(async () => {
    loads += 1
    if (loads === 1) {
      await section.stay(firstLoad.opened)
      throw new Error("the first load fails")
    }
    await section.stay(laterLoads.opened)
    return NEW
  })
  const a = answerOf(cache.get("k"))
  const b = answerOf(cache.get("k"))
  await settle()
  firstLoad.open()
  await settle()
  const c = answerOf(cache.get("k"))
  await settle()
  laterLoads.open()
  const answers = { a: await a, b: await b, c: await c }
  return { loadsAtOnce: section.maxInside, loads, ...answers }
}

async function observeFailingLoad(make: Make<Reads>) {
  const readers = 20
  let loads = 0
  const cache = make(async () => {
    loads += 1
    await settle()
    throw new Error("the source is down")
  })
  const answers = await Promise.allSettled(Array.from({ length: readers }, () => cache.get("k")))
  const readersRefused = answers.filter((answer) => answer.status === "rejected").length
  return { readers, loads, readersRefused }
}

async function observeTimeoutDuringLoad(make: Make<ReadsAtMost>) {
  const source = new SlowSource()
  const section = new CriticalSection()
  const cache = make(async (key) => {
    const loading = source.load(key)
    await section.stay(loading)
    return await loading
  })
  const first = await answerOf(cache.getWithin("k", 10))
  source.value = NEW
  const second = answerOf(cache.getWithin("k", 1_000))
  await settle()
  source.finish(1)
  await settle()
  source.finishAll()
  const answers = { first, second: await second }
  await settle()
  return { loadsAtOnce: section.maxInside, ...answers, keptAfterwards: await answerOf(cache.getWithin("k", 1_000)) }
}

async function observeReadersAfterDelete(make: Make<Reads & Forgets>) {
  const source = new SlowSource()
  const cache = make(source.load)
  const beforeDelete = answerOf(cache.get("k"))
  await settle()
  await cache.forget("k")
  const readers = [answerOf(cache.get("k"))]
  await settle()
  source.finish(0)
  await settle()
  readers.push(answerOf(cache.get("k")))
  await settle()
  const loadsAfterDelete = source.loads - 1
  source.finishAll()
  await Promise.all([beforeDelete, ...readers])
  return { loadsAfterDelete }
}

async function observeAlikeQuestions(subject: { askAll(questions: readonly unknown[]): Promise<readonly string[]> }) {
  const questions = [NaN, null, new Map([["a", 1]]), new Map([["b", 2]]), new Date(0), new Date(0).toISOString()]
  const answers = await subject.askAll(questions)
  const wrongAnswers = questions.filter((question, i) => answers[i] !== describe(question)).length
  return { questions: questions.length, wrongAnswers }
}

async function observeSums({ add }: { readonly add: (a: number, b: number) => Promise<number> }) {
  return { onePlusTwo: await add(1, 2), onePlusThree: await add(1, 3) }
}

async function observeOtherKeyDuringLoad(make: Make<Reads>) {
  const source = new SlowSource()
  const cache = make(source.load)
  const reader = answerOf(cache.get("a"))
  await settle()
  const other = answerOf(cache.get("b"))
  await settle()
  source.finishAll()
  return { readerInFlight: await reader, otherReader: await other }
}

async function observeLeaderAbort(make: Make<ReadsWithSignal>) {
  const source = new SlowSource()
  const cache = make(source.load)
  const leaving = new AbortController()
  const leader = answerOf(cache.getUnlessAborted("k", leaving.signal))
  await settle()
  const follower = answerOf(cache.getUnlessAborted("k", new AbortController().signal))
  await settle()
  leaving.abort()
  await settle()
  source.finishAll()
  return { leader: await leader, follower: await follower }
}

async function observeReadAfterFailure(make: Make<Reads>) {
  let loads = 0
  const cache = make(async () => {
    loads += 1
    if (loads === 1) {
      throw new Error("the source is down")
    }
    return NEW
  })
  const whileDown = await answerOf(cache.get("k"))
  return { whileDown, readAfterRecovery: await answerOf(cache.get("k")) }
}

// Steps

/** A source of one value. A load reads it at once and hands it over when it is told to finish. */
class SlowSource {
  value = OLD
  loads = 0
  readonly #gates: Gate[] = []
  #isOpen = false

  readonly load: Load = async () => {
    const seen = this.value
    const gate = new Gate()
    this.#gates.push(gate)
    this.loads += 1
    if (!this.#isOpen) {
      await gate.opened
    }
    return seen
  }

  /** Ends the load that started as number `index`, if there is one. */
  finish(index: number): void {
    this.#gates[index]?.open()
  }

  /** Ends every load, those to come included. */
  finishAll(): void {
    this.#isOpen = true
    for (const gate of this.#gates) {
      gate.open()
    }
  }
}

async function askInTurn(questions: readonly unknown[], ask: (question: unknown) => Promise<string>) {
  const answers: string[] = []
  for (const question of questions) {
    answers.push(await ask(question))
  }
  return answers
}

function describe(value: unknown): string {
  if (value instanceof Map) {
    return `Map ${JSON.stringify([...value])}`
  }
  return value instanceof Date ? `Date ${value.getTime()}` : `${typeof value} ${String(value)}`
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error), { cause: error })
}
