/** Programs on cells and operations whose steps an explorer orders, and what must hold of each order. */
import { HoldfastError } from "../../src/kernel/index.ts"
import type { Scenario } from "../../src/race/explore.ts"
import type { ScenarioContext } from "../../src/race/world.ts"
import { History } from "../../src/race/checks/history.ts"
import { checkLinearizable } from "../../src/race/checks/linearizability.ts"
import {
  type CounterInput,
  counterModel,
  type RegisterInput,
  registerModel,
  type RegisterOutput,
} from "../../src/race/checks/models.ts"
import { checkSerializable, type CommittedTransaction } from "../../src/race/checks/serializability.ts"
import { Holdfast } from "../../src/runtime/index.ts"
import type { Store } from "../../src/store/index.ts"
import { MemoryStore } from "../../src/stores/memory/index.ts"
import { expectQuiet, killSession } from "../runtime-world.ts"
import { type HoldfastLockerOptions, Wires } from "./lockers.ts"

/** Whether a store answers at once, or behind a wire whose every delivery is a step. */
export type Wire = HoldfastLockerOptions["wire"]

interface Commit {
  readonly reads: CommittedTransaction["reads"]
  readonly writes: CommittedTransaction["writes"]
}

/** Sessions on one store, each behind a wire of its own or none. */
class World {
  readonly store: MemoryStore
  readonly #context: ScenarioContext
  readonly #wires: Wires
  readonly #wire: Wire
  readonly #open: Holdfast[] = []
  /** The last commit of each session, as the store applied it. */
  readonly commits = new Map<string, Commit>()

  constructor(context: ScenarioContext, wire: Wire) {
    this.#context = context
    this.#wire = wire
    this.#wires = new Wires(context)
    this.store = new MemoryStore({ env: context.env, check: true })
  }

  async open(label: string, wire: Wire = this.#wire): Promise<Holdfast> {
    const inner = this.#tap(label, this.store.connect())
    const store = wire === "none" ? inner : this.#wires.lay(inner, wire)
    const hf = await Holdfast.connect({ store, env: this.#context.env, label })
    this.#open.push(hf)
    return hf
  }

  /** From here on, every delivery is a step. */
  start(): void {
    this.#wires.isExplored = true
  }

  /** Closes everything, and makes sure that nothing is left behind. */
  async finish(): Promise<void> {
    this.#wires.isExplored = false
    await Promise.all(this.#open.map(async (hf) => await hf.close()))
    const last = await Holdfast.connect({ store: this.store.connect(), env: this.#context.env, label: "last" })
    expectQuiet(await last.inspect())
    await last.close()
    if (this.#context.env.pendingTimerCount > 0) throw new Error("a timer was left behind")
  }

  #tap(label: string, inner: Store): Store {
    return {
      id: inner.id,
      execute: (command) => {
        const outcome = inner.execute(command)
        if (command.kind === "commitCells" && !(outcome instanceof Promise) && outcome.kind === "committed") {
          const reads = command.reads.map(({ name, version }) => ({ cell: name, version }))
          this.commits.set(label, {
            reads,
            writes: outcome.versions.map(({ name, version }) => ({ cell: name, version })),
          })
        }
        return outcome
      },
      onEvent: (handler) => {
        inner.onEvent(handler)
      },
      onTransition: (handler) => {
        inner.onTransition(handler)
      },
      close: async () => {
        await inner.close()
      },
    }
  }
}

/** One thing an actor does to the cell. */
export type CellAct = "read" | "set" | "delete" | "add" | "merge" | "read, then set"

/** Actors, each in a session of its own, on one cell: what they see is that of a register, or of a counter. */
export function cellScenario(acts: Readonly<Record<string, readonly CellAct[]>>, wire: Wire): Scenario {
  const all = Object.values(acts).flat()
  const isCounter = all.some((act) => act === "add" || act === "merge" || act === "read, then set")
  return async (context) => {
    const world = new World(context, wire)
    const register = new History<RegisterInput, RegisterOutput>()
    const counter = new History<CounterInput, number | null>()
    const name = "x"
    const sessions = new Map<string, Holdfast>()
    for (const actor of Object.keys(acts)) sessions.set(actor, await world.open(actor))
    world.start()
    let written = 0
    async function act(actor: string, hf: Holdfast, what: CellAct): Promise<void> {
      const cell = hf.cell(name, {
        initial: isCounter ? 0 : -1,
        relaxed: "counter" as const,
        ...(isCounter ? {} : { relaxed: "last" as const }),
      })
      switch (what) {
        case "add":
          await counter.record(actor, { kind: "add", name, amount: 1 }, async () => await cell.update((n) => n + 1))
          break
        case "merge":
          await counter.record(
            actor,
            { kind: "add", name, amount: 1 },
            async () => await cell.merge(1).then(() => null),
          )
          break
        case "read, then set":
          await counter.record(actor, { kind: "add", name, amount: 1 }, async () => {
            const seen = await cell.get()
            await context.stepAs(actor, "sets")
            await cell.set(seen + 1)
            return seen + 1
          })
          break
        case "read":
          if (isCounter) await counter.record(actor, { kind: "read", name }, async () => await cell.get())
          else {
            await register.record(actor, { kind: "read", name }, async () => {
              const { value, version } = await cell.read()
              return { kind: "value", version, value: value === -1 ? null : value }
            })
          }
          break
        case "set": {
          written += 1
          const value = written
          await register.record(actor, { kind: "write", name, value }, async () => ({
            kind: "written",
            version: await cell.set(value),
          }))
          break
        }
        case "delete":
          await register.record(actor, { kind: "write", name, value: null }, async () => ({
            kind: "written",
            version: await cell.delete(),
          }))
          break
      }
    }
    await Promise.all(
      [...sessions].map(async ([actor, hf]) => {
        await context.actor(actor, async () => {
          for (const what of acts[actor] ?? []) {
            await context.stepAs(actor, what)
            await act(actor, hf, what)
          }
        })
      }),
    )
    const result = isCounter
      ? checkLinearizable(counter.operations, counterModel)
      : checkLinearizable(register.operations, registerModel)
    if (!result.ok) throw new Error(`not linearizable: ${JSON.stringify(result)}`)
    await world.finish()
  }
}

/** Several updates at once in one session beside another one, and a watcher: combined, none lost, none seen twice. */
export function burstScenario(wire: Wire): Scenario {
  return async (context) => {
    const world = new World(context, wire)
    const [one, two] = [await world.open("one"), await world.open("two", "none")]
    const seen: number[] = []
    const watching = (async () => {
      for await (const { value, version } of two.cell("x", { initial: 0 }).watch()) {
        seen.push(version)
        if (value === 4) return
      }
    })()
    world.start()
    const add = (hf: Holdfast) => hf.cell("x", { initial: 0 }).update((n) => n + 1)
    const results = await Promise.all([
      context.actor("one", async () => {
        await context.stepAs("one", "adds thrice")
        return await Promise.all([add(one), add(one), add(one)])
      }),
      context.actor("two", async () => {
        await context.stepAs("two", "adds once")
        return [await add(two)]
      }),
    ])
    await watching
    const sorted = results.flat().toSorted((a, b) => a - b)
    if (String(sorted) !== "1,2,3,4") throw new Error(`an update was lost: ${String(sorted)}`)
    if (seen.some((version, index) => index > 0 && version <= (seen[index - 1] ?? 0))) {
      throw new Error(`a watcher went back: ${String(seen)}`)
    }
    await world.finish()
  }
}

/** How an actor moves money: in a transaction, or by hand. */
export type TransferWay = "transact" | "read, then set"

/** Actors move money in a ring of three accounts; somebody looks at all of them. */
export function transferScenario(
  plan: { readonly actors: number; readonly transfers: number; readonly way: TransferWay },
  wire: Wire,
): Scenario {
  const names = ["a", "b", "c"]
  const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)
  return async (context) => {
    const world = new World(context, wire)
    const history: CommittedTransaction[] = []
    let moment = 0
    async function transfer(actor: string, hf: Holdfast, index: number): Promise<void> {
      const cells = names.map((name) => hf.cell(name, { initial: 10 }))
      const [from, to] = [cells[index % 3], cells[(index + 1) % 3]]
      if (from === undefined || to === undefined) throw new Error("no such account")
      const invokedAt = moment++
      if (plan.way === "transact") {
        await hf.transact(
          async (tx) => {
            const source = await tx.get(from)
            await context.stepAs(actor, "reads the other")
            const sum = source + (await tx.get(to))
            if (sum < 0) throw new Error(`impossible: ${sum}`)
            tx.set(from, source - 1)
            await tx.update(to, (value) => value + 1)
          },
          { maxAttempts: 100 },
        )
        const commit = world.commits.get(actor)
        if (commit === undefined) throw new Error("a transaction returned without a commit")
        history.push({ kind: "committed", id: `${actor} ${index}`, invokedAt, returnedAt: moment++, ...commit })
      } else {
        const [source, target] = [await from.get(), await to.get()]
        await context.stepAs(actor, "sets both")
        await from.set(source - 1)
        await to.set(target + 1)
      }
    }
    async function look(hf: Holdfast): Promise<void> {
      const sum = sumOf(await hf.read(names.map((name) => hf.cell(name, { initial: 10 }))))
      if (sum !== 30) throw new Error(`the sum is ${sum}, not 30`)
    }
    const sessions: Holdfast[] = []
    for (let actor = 0; actor < plan.actors; actor++) sessions.push(await world.open(`actor ${actor}`))
    const watcher = await world.open("looks", "none")
    world.start()
    await Promise.all([
      ...sessions.map(async (hf, index) => {
        await context.actor(`actor ${index}`, async () => {
          for (let round = 0; round < plan.transfers; round++) {
            await context.stepAs(`actor ${index}`, "transfers")
            await transfer(`actor ${index}`, hf, index + round)
          }
        })
      }),
      context.actor("looks", async () => {
        await context.stepAs("looks", "at all")
        await look(watcher)
      }),
    ])
    await look(watcher)
    const verdict = checkSerializable(history)
    if (!verdict.ok) throw new Error(`not serializable: ${JSON.stringify(verdict.anomaly)}`)
    await world.finish()
  }
}

/** What somebody does to an operation beside calling it. */
export type Interference = "none" | "forget" | "put" | "cancel" | "death"

/** How the result is made once: by an operation, or by caches as people write them. */
export type OnceWay = "operation" | "map of promises" | "unfenced body"

/**
 * Two sessions call one operation, and something interferes. The body reads a source that changes right before it is
 * forgotten, and adds 1 to a cell as a step.
 */
export function onceScenario(interference: Interference, way: OnceWay, wire: Wire): Scenario {
  return async (context) => {
    const world = new World(context, wire)
    const [near, far] = [await world.open("near", "none"), await world.open("far")]
    const log = { bodies: 0, completed: 0 }
    let source = "old"
    const define = (hf: Holdfast, label: string) =>
      hf.operation("op", {
        version: 1,
        effects: "idempotent",
        run: async (ctx) => {
          log.bodies += 1
          const actor = `body ${log.bodies} of ${label}`
          const read = source
          await context.stepAs(actor, "commits")
          const cell = hf.cell("effect", { initial: 0 })
          if (way === "unfenced body") await hf.detached(async () => await cell.update((n) => n + 1))
          else await ctx.transact("add", async (tx) => await tx.update(cell, (n) => n + 1))
          await context.stepAs(actor, "returns")
          log.completed += 1
          return read
        },
      })
    const ops = { near: define(near, "near"), far: define(far, "far") }
    const call = way === "map of promises" ? naiveCache(context, () => source) : null
    world.start()
    let freshFrom = Number.POSITIVE_INFINITY
    let moment = 0
    const results: { readonly at: number; readonly value: string }[] = []
    const isDead = { far: false }
    async function ask(actor: "near" | "far"): Promise<void> {
      await context.stepAs(actor, "calls")
      const at = moment++
      try {
        const value = call === null ? await ops[actor]() : await call.get(actor)
        results.push({ at, value })
      } catch (error) {
        const code = error instanceof HoldfastError ? error.code : "no fault"
        const isExpected =
          (interference === "cancel" && code === "RUN_CANCELED") ||
          (isDead.far && actor === "far" && code === "SESSION_LOST")
        if (!isExpected) throw error
      }
    }
    async function interfere(): Promise<void> {
      if (interference === "none") return
      await context.stepAs("interference", interference)
      switch (interference) {
        case "forget":
          source = "new"
          if (call === null) await ops.near.forget()
          else call.forget()
          freshFrom = moment++
          break
        case "put":
          await ops.near.put([], "stored")
          freshFrom = moment++
          break
        case "cancel": {
          const [info] = await near.runs({ status: ["pending", "running"] })
          if (info !== undefined) await near.run(info.run).cancel().catch(ignoreSuperseded)
          break
        }
        case "death":
          isDead.far = true
          killSession(world.store, "far")
          break
      }
    }
    const calls = [
      context.actor("near", async () => {
        await ask("near")
        await ask("near")
      }),
      interference === "death" ? ask("far").catch(ignoreGone) : context.actor("far", async () => await ask("far")),
      context.actor("interference", interfere),
    ]
    // Nobody answers a session that died: what its callers wait for is not waited for here.
    await Promise.all(calls.filter((_, index) => index !== 1 || interference !== "death"))
    check()
    const effect = await near.cell("effect", { initial: 0 }).get()
    const isTwice = interference === "death" || interference === "none" ? effect !== 1 : false
    if (isTwice && way !== "map of promises") throw new Error(`the effect took place ${effect} times`)
    await world.finish()

    function check(): void {
      if (interference === "none" && log.bodies !== 1 && call === null) throw new Error(`${log.bodies} bodies, not 1`)
      if (interference === "death" && log.bodies > 2) throw new Error(`${log.bodies} bodies for one death`)
      for (const { at, value } of results) {
        const wanted = interference === "put" ? "stored" : "new"
        if (at > freshFrom && value !== wanted) throw new Error(`stale: "${value}" was given after the ${interference}`)
      }
    }
  }
}

/** A cache as people write it: a computation in flight puts back what was forgotten meanwhile. */
function naiveCache(context: ScenarioContext, load: () => string) {
  const values = new Map<string, string>()
  const flights = new Map<string, Promise<string>>()
  async function fly(actor: string): Promise<string> {
    const value = load()
    await context.stepAs(actor, "loads")
    values.set("key", value)
    flights.delete("key")
    return value
  }
  return {
    get: async (actor: string): Promise<string> => {
      const known = values.get("key")
      if (known !== undefined) return known
      const flight = flights.get("key") ?? fly(actor)
      flights.set("key", flight)
      return await flight
    },
    forget: (): void => {
      values.delete("key")
      flights.delete("key")
    },
  }
}

function ignoreSuperseded(error: unknown): void {
  if (!(error instanceof HoldfastError) || error.code !== "RUN_SUPERSEDED") throw error
}

/** A dead session's callers are refused, or answered when the scenario closes what is left of it. */
function ignoreGone(error: unknown): void {
  if (!(error instanceof HoldfastError) || (error.code !== "SESSION_LOST" && error.code !== "CLOSED")) throw error
}
