/** The model check itself: it accepts what it should, and finds what was planted. */
import { describe, expect, it } from "vitest"
import type { Command, StoreEvent, Transition } from "../../src/kernel/index.ts"
import type { Store, StoreOutcome } from "../../src/store/index.ts"
import { memoryHarness } from "../conformance/in-process-stores.ts"
import type { Capability, StoreHarness } from "../conformance/store-harness.ts"
import { mapTokens } from "./canonical.ts"
import { checkStoreModel } from "./model-check.ts"

/** What a wrapper does to what passes through it; each part may change or, with null, drop it. */
interface Twist {
  readonly command?: (command: Command) => Command
  readonly outcome?: (outcome: StoreOutcome, command: Command) => StoreOutcome
  readonly event?: (event: StoreEvent) => StoreEvent | null
}

/** The memory store with a twist. */
function twisted(name: string, twist: Twist, lacking: readonly Capability[] = []): StoreHarness {
  return {
    ...memoryHarness,
    name,
    capabilities: new Set([...memoryHarness.capabilities].filter((each) => !lacking.includes(each))),
    open: async () => {
      const world = await memoryHarness.open()
      return { ...world, connect: async () => new TwistedStore(await world.connect(), twist) }
    },
  }
}

class TwistedStore implements Store {
  readonly id: string
  readonly #inner: Store
  readonly #twist: Twist

  constructor(inner: Store, twist: Twist) {
    this.id = inner.id
    this.#inner = inner
    this.#twist = twist
  }

  async execute(command: Command): Promise<StoreOutcome> {
    const { command: twistCommand, outcome: twistOutcome } = this.#twist
    const outcome = await this.#inner.execute(twistCommand?.(command) ?? command)
    return twistOutcome?.(outcome, command) ?? outcome
  }

  onEvent(handler: (event: StoreEvent) => void): void {
    const { event: twistEvent } = this.#twist
    this.#inner.onEvent((event) => {
      const said = twistEvent === undefined ? event : twistEvent(event)
      if (said !== null) handler(said)
    })
  }

  onTransition(handler: ((transition: Transition) => void) | null): void {
    this.#inner.onTransition(handler)
  }

  async close(): Promise<void> {
    await this.#inner.close()
  }
}

const OPTIONS = { seed: 7, runs: 40 }

describe("the model check", () => {
  it("accepts a store with tokens and texts of its own, where it says so", async () => {
    const harness = twisted(
      "sparse",
      {
        command: (command) => mapTokens(command, (token) => (token % 10 === 3 ? (token - 3) / 10 : -token)),
        outcome: (outcome) =>
          ({ ...mapTokens(outcome, (token) => token * 10 + 3), message: "in other words" }) as never,
        event: (event) => mapTokens(event, (token) => token * 10 + 3),
      },
      ["exact"],
    )
    const seen = await checkStoreModel(harness, OPTIONS)
    expect(seen.steps).toBeGreaterThan(1_000)
  })

  it("accepts a store whose watchers skip versions, where it says so", async () => {
    let count = 0
    const event = (said: StoreEvent): StoreEvent | null => {
      count += 1
      return said.kind === "cellChanged" && count % 2 === 0 ? null : said
    }
    await checkStoreModel(twisted("skipping", { event }, ["every-version"]), OPTIONS)
  })

  const planted: readonly { readonly flaw: string; readonly twist: Twist }[] = [
    {
      flaw: "never says that a lease is over (L1)",
      twist: { event: (event) => (event.kind === "grantLost" ? null : event) },
    },
    {
      flaw: "tells a waiter another result (O2)",
      twist: {
        event: (event) =>
          event.kind === "runSettled" && event.settlement.kind === "completed"
            ? { ...event, settlement: { kind: "completed", result: 99 } }
            : event,
      },
    },
    {
      flaw: "waits where it was asked not to (L4)",
      twist: {
        command: (command) => (command.kind === "acquireLock" && !command.wait ? { ...command, wait: true } : command),
      },
    },
    {
      flaw: "commits without looking at fences (L8)",
      twist: { command: (command) => (command.kind === "commitCells" ? { ...command, holding: [] } : command) },
    },
    {
      flaw: "counts a version too many (C1)",
      twist: {
        outcome: (outcome) =>
          outcome.kind === "committed"
            ? { ...outcome, versions: outcome.versions.map((each) => ({ ...each, version: each.version + 1 })) }
            : outcome,
      },
    },
    {
      flaw: "keeps closing sessions apart from dying ones no more (O6)",
      twist: { command: (command) => (command.kind === "endSession" ? { ...command, reason: "died" } : command) },
    },
  ]
  for (const { flaw, twist } of planted) {
    it(`finds a store that ${flaw}`, async () => {
      await expect(checkStoreModel(twisted("flawed", twist), { seed: 7, runs: 400, shrink: false })).rejects.toThrow(
        /replay: HOLDFAST_MODEL=7/,
      )
    })
  }
})
