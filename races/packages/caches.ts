/** Caches that load what they miss: what somebody stores or forgets while a load is under way is undone by it. */
import { BentoCache, bentostore } from "bentocache"
import { memoryDriver } from "bentocache/drivers/memory"
import { Cacheable } from "cacheable"
import type { Holdfast } from "holdfast"
import { reads, type Scenario, writes } from "holdfast/race"
import pMemoize from "p-memoize"
import { expectEqual } from "../race.ts"
import type { PackageRace } from "./package-race.ts"

type Load = (key: string) => Promise<string>

/** A cache in front of a load. */
interface Cache {
  get(key: string): Promise<unknown>
  forget(key: string): unknown
  put(key: string, value: string): unknown
}

type Make = (load: Load) => Cache

/** Where the truth is. */
class Database {
  readonly #values = new Map([["price", "old"]])

  async load(key: string): Promise<string> {
    return await Promise.resolve(this.#values.get(key) ?? "none")
  }

  async save(key: string, value: string): Promise<void> {
    this.#values.set(key, value)
    await Promise.resolve()
  }
}

const TTL_MS = 3_600_000

function bentocache(load: Load): Cache {
  const cache = new BentoCache({
    default: "memory",
    stores: { memory: bentostore().useL1Layer(memoryDriver({ maxItems: 1_000 })) },
  })
  return {
    get: async (key) => await cache.getOrSet({ key, ttl: TTL_MS, factory: async () => await load(key) }),
    forget: async (key) => await cache.delete({ key }),
    put: async (key, value) => await cache.set({ key, value, ttl: TTL_MS }),
  }
}

function cacheable(load: Load): Cache {
  const cache = new Cacheable()
  return {
    get: async (key) => await cache.getOrSet(key, async () => await load(key), { ttl: TTL_MS }),
    forget: async (key) => await cache.delete(key),
    put: async (key, value) => await cache.set(key, value, TTL_MS),
  }
}

function memoized(load: Load): Cache {
  const cache = new Map<string, string>()
  return {
    get: pMemoize(load, { cache }),
    forget: (key) => cache.delete(key),
    put: (key, value) => cache.set(key, value),
  }
}

function operation(hf: Holdfast, load: Load): Cache {
  const price = hf.operation("price", { version: 1, effects: "pure", run: async (_, key: string) => await load(key) })
  return {
    get: async (key) => await price(key),
    forget: async (key) => {
      await price.forget(key)
    },
    put: async (key, value) => {
      await price.put([key], value)
    },
  }
}

/** A price is read while another is saved, and the cache is told of it. */
function createScenario(
  name: string,
  tell: "forget" | "put",
  make: (load: Load, open: () => Promise<Holdfast>) => Promise<Cache>,
): Scenario {
  return async ({ actor, open, wrap }) => {
    const database = wrap(new Database(), {
      name: "database",
      touches: (method, [key]) => [(method === "load" ? reads : writes)(`row ${String(key)}`)],
    })
    const cache = wrap(await make(async (key) => await database.load(key), open), { name, methods: [tell] })
    await Promise.all([
      actor("reader", async () => await cache.get("price")),
      actor("writer", async () => {
        await database.save("price", "new")
        if (tell === "forget") await cache.forget("price")
        else await cache.put("price", "new")
      }),
    ])
    expectEqual("the price in the cache", await cache.get("price"), await database.load("price"))
  }
}

type Tell = "forget" | "put"

/** The same on Holdfast, one for all packages. */
function createControl(tell: Tell): NonNullable<PackageRace["control"]> {
  return {
    scenario: createScenario("operation", tell, async (load, open) => operation(await open(), load)),
    options: { maxSchedules: 10_000 },
  }
}

const controls: Readonly<Record<Tell, PackageRace["control"]>> = {
  forget: createControl("forget"),
  put: createControl("put"),
}

function createRaces(name: string, make: Make): PackageRace[] {
  return (["forget", "put"] as const).map((tell) => ({
    name,
    title:
      tell === "forget"
        ? "a delete during a load is undone: the old value stays"
        : "a value stored during a load is overwritten by the older one",
    scenario: createScenario(name, tell, async (load) => await Promise.resolve(make(load))),
    options: { maxSchedules: 1_000 },
    control: controls[tell],
  }))
}

/** Three readers of a key whose first load fails: at any time one of them loads. */
const twoLoads: Scenario = async ({ actor, step }) => {
  let loads = 0
  let loading = 0
  let mostAtOnce = 0
  const cache = bentocache(async () => {
    loads += 1
    loading += 1
    mostAtOnce = Math.max(mostAtOnce, loading)
    const isFirst = loads === 1
    await step(`load ${String(loads)} of the database`)
    loading -= 1
    if (isFirst) throw new Error("the database is down")
    return "new"
  })
  await Promise.all(
    ["a", "b", "c"].map(
      async (name) =>
        await actor(name, async () => {
          await step("arrives")
          await cache.get("price").catch(() => "no price")
        }),
    ),
  )
  expectEqual("loads at once", mostAtOnce, 1)
}

export const cacheRaces: readonly PackageRace[] = [
  ...createRaces("bentocache", bentocache),
  {
    name: "bentocache",
    title: "two loads of one key at once, after one that failed",
    scenario: twoLoads,
    control: null,
    options: { maxSchedules: 1_000 },
  },
  ...createRaces("cacheable", cacheable),
  ...createRaces("p-memoize", memoized),
]
