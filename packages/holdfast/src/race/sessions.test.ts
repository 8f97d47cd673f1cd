/** What commands are said to touch is enough: the reduction sees every outcome of programs on real sessions. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { isHoldfastError } from "../kernel/index.ts"
import type { Holdfast, Operation } from "../runtime/index.ts"
import { explore } from "./explore.ts"

/** One thing an actor does; some do others inside. */
type Deed =
  | { readonly kind: "get" | "set" | "update" | "getThenSet" | "call" | "forget" | "put"; readonly name: string }
  | { readonly kind: "transfer"; readonly name: string; readonly to: string }
  | { readonly kind: "lock" | "share" | "try" | "permit"; readonly name: string; readonly inside: readonly Deed[] }

interface Actor {
  readonly hf: Holdfast
  readonly name: string
  readonly known: Operation<[string], string>
  /** What it saw, in order: what a user of it could tell. */
  readonly seen: string[]
}

async function performAll(actor: Actor, deeds: readonly Deed[]): Promise<void> {
  for (const deed of deeds) {
    try {
      await perform(actor, deed)
    } catch (error) {
      if (!isHoldfastError(error)) throw error
      actor.seen.push(error.code)
    }
  }
}

async function perform(actor: Actor, deed: Deed): Promise<void> {
  const { hf, name, known, seen } = actor
  const cell = hf.cell(deed.name, { initial: "" })
  switch (deed.kind) {
    case "get":
      seen.push(await cell.get())
      return
    case "set":
      await cell.set(name)
      return
    case "update":
      seen.push(await cell.update((text) => text + name))
      return
    case "getThenSet":
      await cell.set((await cell.get()) + name)
      return
    case "transfer":
      await hf.transact(async (tx) => {
        const text = await tx.get(cell)
        tx.set(hf.cell(deed.to, { initial: "" }), text + name)
      })
      return
    case "call":
      seen.push(await known(deed.name))
      return
    case "forget":
      await known.forget(deed.name)
      return
    case "put":
      await known.put([deed.name], `put by ${name}`)
      return
    case "lock":
      await hf.lock(deed.name).run(async () => {
        await performAll(actor, deed.inside)
      })
      return
    case "share":
      await hf
        .lock(deed.name)
        .shared()
        .run(async () => {
          await performAll(actor, deed.inside)
        })
      return
    case "permit":
      await hf.semaphore(`permits of ${deed.name}`, 2).run(async () => {
        await performAll(actor, deed.inside)
      })
      return
    case "try": {
      const grant = await hf.lock(deed.name).try()
      seen.push(grant === undefined ? "busy" : "held")
      await grant?.release()
      return
    }
  }
}

/** All that any order of the program comes to, and how many schedules that took. */
async function outcomesOf(
  program: readonly (readonly Deed[])[],
  shares: "anything" | "declared",
): Promise<{ outcomes: ReadonlySet<string>; schedules: number } | null> {
  const outcomes = new Set<string>()
  const result = await explore(
    async ({ actor, open, variable }) => {
      const bodies = variable("bodies", 0)
      const actors = await Promise.all(
        program.map(async (_, index): Promise<Actor> => {
          const name = String(index)
          const hf = await open(name)
          const run = (_context: unknown, key: string): string => {
            bodies.set(bodies.get() + 1)
            return `${key} by ${name}`
          }
          return { hf, name, known: hf.operation("known", { version: 1, effects: "pure", run }), seen: [] }
        }),
      )
      await Promise.all(
        actors.map(
          async (each, index) =>
            await actor(each.name, async () => {
              await performAll(each, program[index] ?? [])
            }),
        ),
      )
      const left = await open("looks")
      const cells = [await left.cell("x").get(), await left.cell("y").get()]
      outcomes.add(JSON.stringify([actors.map(({ seen }) => seen), cells, bodies.get()]))
    },
    { shares, maxSchedules: 600 },
  )
  if (result.failure !== null) throw result.failure.error
  return result.exhausted ? { outcomes, schedules: result.schedules } : null
}

const name = fc.constantFrom("x", "y")
const simple: fc.Arbitrary<Deed> = fc.oneof(
  fc.record({ kind: fc.constantFrom("get", "set", "update", "getThenSet", "call", "forget", "put"), name }),
  fc.record({ kind: fc.constant("transfer"), name, to: name }),
)
const holding: fc.Arbitrary<Deed> = fc.record({
  kind: fc.constantFrom("lock", "share", "try", "permit"),
  name,
  inside: fc.array(fc.oneof(simple, fc.record({ kind: fc.constant("lock"), name, inside: fc.constant([]) })), {
    maxLength: 1,
  }),
})
const deeds = fc.array(fc.oneof(simple, holding), { minLength: 1, maxLength: 2 })

describe("sessions under the reduction", () => {
  it.each<[string, readonly (readonly Deed[])[]]>([
    [
      "two locks in two orders",
      [
        [{ kind: "lock", name: "x", inside: [{ kind: "lock", name: "y", inside: [] }] }],
        [{ kind: "lock", name: "y", inside: [{ kind: "lock", name: "x", inside: [] }] }],
      ],
    ],
    [
      "a transfer against another and a reader",
      [
        [{ kind: "transfer", name: "x", to: "y" }],
        [{ kind: "transfer", name: "y", to: "x" }],
        [{ kind: "get", name: "x" }],
      ],
    ],
    [
      "a call against what makes it void",
      [
        [{ kind: "call", name: "x" }],
        [
          { kind: "forget", name: "x" },
          { kind: "call", name: "x" },
        ],
      ],
    ],
    ["a call against a result from outside", [[{ kind: "call", name: "x" }], [{ kind: "put", name: "x" }]]],
    [
      "a writer between readers",
      [
        [{ kind: "share", name: "x", inside: [{ kind: "get", name: "y" }] }],
        [{ kind: "lock", name: "x", inside: [{ kind: "set", name: "y" }] }],
        [{ kind: "try", name: "x", inside: [] }],
      ],
    ],
  ])("come to every outcome of %s", async (_, program) => {
    const every = await outcomesOf(program, "anything")
    const reduced = await outcomesOf(program, "declared")
    expect(every?.outcomes.size).toBeGreaterThan(1)
    expect(reduced?.outcomes).toEqual(every?.outcomes)
    expect(reduced?.schedules).toBeLessThanOrEqual(every?.schedules ?? 0)
  })

  it("come to every outcome that all orders come to", async () => {
    let compared = 0
    let spared = 0
    await fc.assert(
      fc.asyncProperty(fc.array(deeds, { minLength: 2, maxLength: 3 }), async (program) => {
        const every = await outcomesOf(program, "anything")
        // Too many orders to see them all.
        if (every === null) return
        const reduced = await outcomesOf(program, "declared")
        expect(reduced?.outcomes).toEqual(every.outcomes)
        compared += 1
        spared += every.schedules - (reduced?.schedules ?? 0)
      }),
      { numRuns: 10 },
    )
    expect(compared).toBeGreaterThan(2)
    expect(spared).toBeGreaterThan(0)
  })
})
