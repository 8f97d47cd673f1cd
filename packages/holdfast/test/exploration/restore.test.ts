/**
 * Restoring: a kernel that takes up the work of another from what was written goes on as that one would have.
 *
 *     HOLDFAST_SEED=… HOLDFAST_PATH=… npx vitest run packages/holdfast/test/exploration/restore.test.ts
 */
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Kernel, type KernelSnapshot } from "../../src/kernel/index.ts"
import { commandOf, type Draw, Knowledge } from "./random-commands.ts"
import { RestartingKernel } from "./restarting-kernel.ts"

const SEED = Number(process.env["HOLDFAST_SEED"] ?? 20_261_121)
const PATH = process.env["HOLDFAST_PATH"]
const RUNS = Number(process.env["HOLDFAST_RUNS"] ?? 60)

/** Kinds of draws that open and end sessions and ask for locks; see `commandOf`. */
const LOCK_KINDS = 12

function assertFor(kinds: number, property: (sequence: readonly Draw[]) => void): void {
  console.info(`seed ${String(SEED)}, ${String(RUNS)} sequences`)
  const number = fc.nat({ max: 2_309 })
  const draws: fc.Arbitrary<Draw[]> = fc.array(fc.tuple(fc.nat({ max: kinds - 1 }), number, number, number), {
    minLength: 1,
    maxLength: 200,
    size: "max",
  })
  fc.assert(
    fc.property(draws, (sequence) => {
      property(sequence)
    }),
    { seed: SEED, numRuns: RUNS, ...(PATH === undefined ? {} : { path: PATH, endOnFailure: true }) },
  )
}

const OPENING: readonly Draw[] = [0, 1, 2].map((who) => [0, who, 0, 0])

/** The part of a snapshot that outlives a kernel's process; limits of locks that nobody uses are only stored. */
function lasting({ lastToken, lastArrival, sessions, locks }: KernelSnapshot): unknown {
  // A request remembers what its scope held when it asked; what of that was given back since then blocks nobody.
  const withoutHolding = (key: string, value: unknown): unknown => (key === "holding" ? null : value)
  return JSON.parse(JSON.stringify({ lastToken, lastArrival, sessions, locks }, withoutHolding))
}

describe("a kernel restored after every command", () => {
  it("grants, parks, withdraws and refuses as the one that never died (L1 to L7)", () => {
    assertFor(LOCK_KINDS, (sequence) => {
      const [steady, restarting] = [new Kernel({ backed: false }), new RestartingKernel()]
      const knows = new Knowledge()
      let now = 1_000
      for (const draw of [...OPENING, ...sequence]) {
        if (draw[3] % 4 === 0) now += draw[3] % 10
        const command = commandOf(draw, knows)
        const expected = { outcome: steady.apply(command, now), events: steady.takeEvents() }
        const found = { outcome: restarting.apply(command, now), events: restarting.takeEvents() }
        expect(found).toEqual(expected)
        knows.learn(command, expected.outcome, expected.events)
        expect(lasting(restarting.current.snapshot())).toEqual(lasting(steady.snapshot()))
      }
    })
  })

  it("keeps every invariant whatever was going on, and lets go of all when its sessions end (L6, O1, O6)", () => {
    assertFor(30, (sequence) => {
      const restarting = new RestartingKernel()
      const knows = new Knowledge()
      let now = 1_000
      for (const draw of [...OPENING, ...sequence]) {
        if (draw[3] % 4 === 0) now += draw[3] % 10
        const command = commandOf(draw, knows)
        knows.learn(command, restarting.apply(command, now), restarting.takeEvents())
      }
      for (const session of ["s1", "s2", "s3"] as const) {
        restarting.apply({ kind: "endSession", session: session as never, reason: "died", unstarted: [] }, now)
      }
      const { sessions, locks, runs } = restarting.current.snapshot()
      expect({ sessions, locks }).toEqual({ sessions: [], locks: [] })
      expect((runs as readonly { status: string }[]).filter((run) => run.status === "running")).toEqual([])
    })
  })
})
