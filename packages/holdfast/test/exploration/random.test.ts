/**
 * Random commands over the whole kernel, thousands of steps, hostile ones among them. Every failure prints its seed and
 * path; the same command replays it exactly:
 *
 *     HOLDFAST_SEED=… HOLDFAST_PATH=… npx vitest run packages/holdfast/test/exploration/random.test.ts
 *
 * `HOLDFAST_RUNS=10000` looks further, `HOLDFAST_SEED=$RANDOM` elsewhere.
 */
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  type AcquireLock,
  cellQueueName,
  type Command,
  Kernel,
  type KernelSnapshot,
  type Outcome,
} from "../../src/kernel/index.ts"
import type { StoredRow, StoreEvent, Token } from "../../src/kernel/index.ts"
import { NaiveLocks } from "./naive-locks.ts"
import { commandOf, type Draw, Knowledge } from "./random-commands.ts"

const SEED = Number(process.env["HOLDFAST_SEED"] ?? 20_261_121)
const PATH = process.env["HOLDFAST_PATH"]
const RUNS = Number(process.env["HOLDFAST_RUNS"] ?? 60)

const number = fc.nat({ max: 2_309 })
const draws: fc.Arbitrary<Draw[]> = fc.array(fc.tuple(number, number, number, number), {
  minLength: 1,
  maxLength: 250,
  size: "max",
})

function assertFor(property: (sequence: readonly Draw[]) => void): void {
  console.info(`seed ${String(SEED)}, ${String(RUNS)} sequences`)
  fc.assert(
    fc.property(draws, (sequence) => {
      property(sequence)
    }),
    { seed: SEED, numRuns: RUNS, ...(PATH === undefined ? {} : { path: PATH, endOnFailure: true }) },
  )
}

/** What one command came to. */
interface Applied {
  readonly command: Command
  readonly outcome: Outcome
  readonly events: readonly StoreEvent[]
}

/** Applies the sequence, with sessions opened first and the clock going on by a few milliseconds now and then. */
function play(sequence: readonly Draw[], engine: Engine, after: (applied: Applied) => void): void {
  const knows = new Knowledge()
  const opening: Draw[] = [0, 1, 2].map((who) => [0, who, 0, 0])
  let now = 1_000
  for (const draw of [...opening, ...sequence]) {
    if (draw[3] % 4 === 0) now += draw[3] % 10
    const command = commandOf(draw, knows)
    const outcome = engine.apply(command, now)
    const events = engine.takeEvents()
    knows.learn(command, outcome, events)
    after({ command, outcome, events })
  }
}

type Engine = Pick<Kernel, "apply" | "takeEvents">

describe("the kernel under random commands", () => {
  it("keeps every invariant after every step (L1 to L8, C1, C3, C4, O1 to O6, O8, O10)", { timeout: 120_000 }, () => {
    assertFor((sequence) => {
      const kernel = new Kernel({ backed: false })
      play(sequence, kernel, () => {
        kernel.check()
      })
    })
  })

  it(
    "grants, parks and refuses locks as a naive array of requests does (L1, L3, L4, L5, L6)",
    { timeout: 120_000 },
    () => {
      assertFor((sequence) => {
        const twin = new LockTwin()
        play(sequence, new Kernel({ backed: false }), (applied) => {
          twin.follow(applied)
        })
      })
    },
  )

  it(
    "commits as a naive map of versions does, and tells every watcher in order (C1, C3, C4)",
    { timeout: 120_000 },
    () => {
      assertFor((sequence) => {
        const versions = new Map<string, number>()
        const told = new Map<string, number>()
        play(sequence, new Kernel({ backed: false }), ({ command, outcome, events }) => {
          if (command.kind === "commitCells") followCommit(versions, command, outcome)
          for (const event of events) {
            if (event.kind !== "cellChanged") continue
            const key = `${event.session} ${String(event.request)} ${event.cell.name}`
            expect(event.cell.version).toBeGreaterThan(told.get(key) ?? 0)
            expect(event.cell.version).toBe(versions.get(event.cell.name))
            told.set(key, event.cell.version)
          }
        })
      })
    },
  )

  it("does the same again for the same commands: outcomes, events and state", { timeout: 120_000 }, () => {
    assertFor((sequence) => {
      const [first, second] = [record(sequence), record(sequence)]
      expect(second).toEqual(first)
    })
  })

  it("answers the same when every idle row is evicted after every command (O9)", { timeout: 120_000 }, () => {
    assertFor((sequence) => {
      const applied: Applied[] = []
      play(sequence, new Kernel({ backed: false }), (each) => {
        applied.push(each)
      })
      let at = 0
      play(sequence, new EvictingKernel(), ({ command, outcome, events }) => {
        const expected = applied[at]
        at += 1
        // How many rows are in memory is what differs, and is shown.
        if (command.kind === "inspect") return
        expect({ command, outcome, events }).toEqual(expected)
      })
    })
  })
})

function record(sequence: readonly Draw[]): { applied: readonly Applied[]; snapshot: KernelSnapshot } {
  const kernel = new Kernel({ backed: false })
  const applied: Applied[] = []
  play(sequence, kernel, (each) => {
    applied.push(each)
  })
  return { applied, snapshot: kernel.snapshot() }
}

/** Follows what happens to locks and says of each outcome whether it is the right one. */
class LockTwin {
  readonly #naive = new NaiveLocks()
  readonly #open = new Set<string>()

  follow({ command, outcome, events }: Applied): void {
    const tokens = new Map<string, Token>()
    for (const event of events) {
      if (event.kind === "lockGranted") tokens.set(`${event.session} ${String(event.request)}`, event.token)
      if (event.kind === "grantLost") this.#drop(event.token)
    }
    const tokenOf = (request: AcquireLock): Token | undefined =>
      tokens.get(`${request.session} ${String(request.request)}`)
    const granted = this.#naive.settle(tokenOf)
    this.#apply(command, outcome)
    granted.push(...this.#naive.settle(tokenOf))
    same(new Set(granted.map(tokenOf)), new Set(tokens.values()))
  }

  #apply(command: Command, outcome: Outcome): void {
    if (command.kind === "openSession" && outcome.kind === "done") this.#open.add(command.session)
    if (!("session" in command) || !this.#open.has(command.session)) return
    const naive = this.#naive
    if (command.kind === "acquireLock") this.#acquired(command, outcome)
    if (command.kind === "releaseLock" && outcome.kind === "released") this.#drop(command.token)
    if (command.kind === "releaseLock" && outcome.kind === "unheld") {
      same(
        naive.grants.some(({ token }) => token === command.token),
        false,
      )
    }
    if (command.kind === "withdrawRequest") {
      naive.queue = naive.queue.filter(
        (other) => other.session !== command.session || other.request !== command.request,
      )
    }
    if (command.kind === "resizeLock" && outcome.kind === "done") naive.limits.set(command.name, command.limit)
    if (command.kind === "endSession") {
      this.#open.delete(command.session)
      naive.queue = naive.queue.filter((other) => other.session !== command.session)
      naive.grants = naive.grants.filter((grant) => grant.command.session !== command.session)
    }
  }

  #acquired(command: AcquireLock, outcome: Outcome): void {
    const naive = this.#naive
    if (outcome.kind === "refused") {
      same(["ARGUMENT_INVALID", "LIMIT_MISMATCH", "DEADLOCK"].includes(outcome.code), true)
      return
    }
    const limits = new Map(naive.limits)
    for (const name of command.names) {
      same(command.limit === null || (limits.get(name) ?? command.limit) === command.limit, true)
      if (command.limit !== null) naive.limits.set(name, command.limit)
    }
    const expected = naive.isFree(command) ? "granted" : command.wait ? "parked" : "busy"
    same(outcome.kind, expected)
    if (outcome.kind === "granted") naive.grants.push({ token: outcome.token, command })
    else if (outcome.kind === "parked") naive.queue.push(command)
    else for (const name of command.names) if (!limits.has(name)) naive.limits.delete(name)
  }

  #drop(token: Token): void {
    this.#naive.grants = this.#naive.grants.filter((grant) => grant.token !== token)
  }
}

function followCommit(
  versions: Map<string, number>,
  command: Extract<Command, { kind: "commitCells" }>,
  outcome: Outcome,
): void {
  const stale = command.reads.find(({ name, version }) => (versions.get(name) ?? 0) !== version)
  if (outcome.kind === "conflict") {
    expect(outcome).toMatchObject({
      name: stale?.name,
      expected: stale?.version,
      found: versions.get(outcome.name) ?? 0,
    })
  } else if (outcome.kind === "contended") {
    expect(cellQueueName(outcome.name)).toContain(outcome.name)
  } else if (outcome.kind === "committed") {
    expect(stale).toBeUndefined()
    for (const [at, { name, version }] of outcome.versions.entries()) {
      const write = command.writes[at]
      const before = versions.get(name) ?? 0
      // A `max` that is not larger is no write; anything else is one version.
      const isSame = write?.kind === "merge" && write.merge === "max" && version === before
      expect(version).toBe(isSame ? before : before + 1)
      versions.set(name, version)
    }
  }
}

/** A kernel whose rows are all in a map behind it, and only what is busy in memory. */
class EvictingKernel implements Engine {
  readonly #kernel = new Kernel({ backed: true })
  readonly #rows = new Map<string, StoredRow["row"]>()

  apply(command: Command, now: number): Outcome {
    for (let round = 0; round < 3; round += 1) {
      const outcome = this.#kernel.apply(command, now)
      if (outcome.kind !== "need") {
        this.#keep()
        return outcome
      }
      const table = outcome.scan === null ? null : outcome.scan === "runs" ? "run:" : "cell:"
      const scanned = table === null ? [] : [...this.#rows.keys()].filter((key) => key.startsWith(table))
      const keys = [...new Set([...outcome.keys, ...scanned])]
      // A row's key says what kind of row it is.
      this.#kernel.load(
        keys.map((key) => ({ key, row: structuredClone(this.#rows.get(key) ?? null) }) as StoredRow),
        outcome.scan,
      )
    }
    throw new Error("the kernel asks for rows it was given")
  }

  takeEvents(): readonly StoreEvent[] {
    return this.#kernel.takeEvents()
  }

  #keep(): void {
    this.#kernel.check()
    for (const { key, row } of this.#kernel.takeChanges()) {
      if (row === null) this.#rows.delete(key)
      else this.#rows.set(key, structuredClone(row))
    }
    this.#kernel.evictIdle(() => true)
  }
}

function same(actual: unknown, expected: unknown): void {
  expect(actual).toEqual(expected)
}
