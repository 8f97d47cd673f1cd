/** Locks used at random, and what must hold of what was seen of them. */
import type { Grant, Holdable } from "../../src/runtime/index.ts"
import { History } from "../../src/race/checks/history.ts"
import { checkLinearizable, describeWindow } from "../../src/race/checks/linearizability.ts"
import { createSemaphoreModel, type LockOutput, type SemaphoreInput } from "../../src/race/checks/models.ts"
import type { Machine } from "./machine.ts"
import type { Program, Task } from "./program.ts"

/** What a hold takes of each lock; an exclusive one takes all there is. */
const LIMIT = 1_000

/** One time somebody held something, as seen from outside. */
interface Hold {
  readonly holder: string
  readonly program: Program
  readonly weights: ReadonlyMap<string, number>
  readonly hasLease: boolean
  readonly askedAt: number
  /** Who kept the store when it was asked for, and when it was told. */
  readonly askedIn: number
  grantedIn: number
  grantedAt: number | null
  token: number
  /** When it was asked to be given back. */
  leftAt: number | null
  endedAt: number | null
  /** How it ended, by the store's word; null where nobody was told. */
  ending: "held" | "lost" | null
}

/** A cell that is written under a lock alone. */
interface Guarded {
  readonly token: number
  /** The highest token that ever wrote it. */
  readonly high: number
}

const PERMITS = 2

export class LockWork {
  readonly #machine: Machine
  readonly #holds: Hold[] = []
  readonly #history = new History<SemaphoreInput, LockOutput>()

  /** Which keeper's term it is. */
  readonly #term: () => number

  constructor(machine: Machine, term: () => number) {
    this.#machine = machine
    this.#term = term
  }

  /** Asks for some lock, stays inside for a while, and leaves. */
  async act(task: Task): Promise<void> {
    const { hf } = task
    const way = task.pick(["a", "b", "both", "shared", "permit", "guarded"])
    const hasLease = task.chance(5)
    const options = {
      ...(task.chance(3) ? { waitMs: task.random.nextBelow(60) } : {}),
      ...(task.chance(5) ? { signal: task.patience(40) } : {}),
      ...(hasLease ? { leaseMs: 30 + task.random.nextBelow(100) } : {}),
    }
    const { lock, weights } = this.#choose(hf, way, task)
    const stay = async (grant: Grant): Promise<void> => {
      if (way === "guarded") await this.#writeGuarded(task, grant)
      await task.pause(task.chance(12) ? 400 : 15)
      if (way === "a" && task.chance(4))
        await this.#hold(task, hf.lock("b"), { weights: only("b", LIMIT), hasLease: false, options: { waitMs: 100 } })
      if (way === "guarded" && task.chance(2)) await this.#writeGuarded(task, grant)
    }
    await this.#hold(task, lock, { weights, hasLease, options }, stay)
  }

  #choose(hf: Task["hf"], way: string, task: Task): { readonly lock: Holdable; readonly weights: Map<string, number> } {
    switch (way) {
      case "both": {
        const lock = hf.lock(task.chance(2) ? ["a", "b"] : ["b", "a"])
        return { lock, weights: new Map([...only("a", LIMIT), ...only("b", LIMIT)]) }
      }
      case "shared":
        return { lock: hf.lock("a").shared(), weights: only("a", 1) }
      case "permit":
        return { lock: hf.semaphore("permits", PERMITS), weights: only("permits", LIMIT / PERMITS) }
      case "guarded":
        return { lock: hf.lock("guard"), weights: only("guard", LIMIT) }
      default:
        return { lock: hf.lock(way), weights: only(way, LIMIT) }
    }
  }

  async #hold(
    task: Task,
    lock: Holdable,
    {
      weights,
      hasLease,
      options,
    }: {
      readonly weights: ReadonlyMap<string, number>
      readonly hasLease: boolean
      readonly options: Parameters<Holdable["acquire"]>[0]
    },
    stay: (grant: Grant) => Promise<void> = async () => {
      await task.pause(10)
    },
  ): Promise<void> {
    const { program } = task
    const holder = `${task.name}/${String(this.#holds.length)}`
    const hold: Hold = {
      holder,
      program,
      weights,
      hasLease,
      askedAt: this.#machine.tick(),
      askedIn: this.#term(),
      grantedIn: 0,
      grantedAt: null,
      token: 0,
      leftAt: null,
      endedAt: null,
      ending: null,
    }
    this.#holds.push(hold)
    const asked = [...weights].map(([name, permits]) =>
      this.#history.invoke(holder, { kind: "acquire", name, holder, permits }),
    )
    const enter = (grant: Grant): void => {
      if (!program.isAlive) return
      hold.token = grant.token
      hold.grantedAt = this.#machine.tick()
      hold.grantedIn = this.#term()
      this.#machine.note(() => `${holder} is inside with ${String(grant.token)}`)
      for (const call of asked) call.returned({ kind: "granted", token: grant.token })
    }
    const leave = (): (() => void) => {
      if (!program.isAlive) return () => undefined
      hold.leftAt = this.#machine.tick()
      const calls = [...weights.keys()].map((name) =>
        this.#history.invoke(holder, { kind: "release", name, token: hold.token }),
      )
      return () => {
        for (const call of calls) call.returned({ kind: "released" })
      }
    }
    let released = (): void => undefined
    const what = `holds ${[...weights.keys()].join("+")}`
    const work = async (): Promise<"held" | "lost"> => {
      if (task.chance(3)) {
        const grant = await lock.acquire(options)
        const { signal } = grant
        enter(grant)
        await grant.scope.run(async () => {
          await stay(grant)
        })
        released = leave()
        await grant.release()
        return signal.aborted ? "lost" : "held"
      }
      await lock.run(async (grant) => {
        enter(grant)
        await stay(grant)
        released = leave()
      }, options)
      return "held"
    }
    const result = await task.attempt(what, work, () => {
      hold.endedAt = this.#machine.tick()
    })
    if (!program.isAlive) return
    if (result.kind === "done") {
      hold.ending = result.value
      if (result.value === "held") released()
    } else if (hold.grantedAt === null) {
      if (result.kind === "refused") for (const call of asked) call.returned({ kind: "gaveUp" })
    } else if (result.code === "GRANT_LOST") hold.ending = "lost"
    if (hold.ending === "lost" && !hasLease) program.lost(`what ${holder} held`)
  }

  /** Nobody whose grant is over writes over what a later holder wrote (L8). */
  async #writeGuarded(task: Task, { token }: Grant): Promise<void> {
    const cell = task.hf.cell<Guarded>("guarded", { initial: { token: 0, high: 0 } })
    let before: Guarded = { token: 0, high: 0 }
    const write = async (): Promise<Guarded> =>
      await cell.update((value) => {
        before = value
        return { token, high: Math.max(token, value.high) }
      })
    await task.attempt("writes what it guards", write, (result) => {
      if (result.kind === "done" && before.high > token) {
        this.#machine.fault(`L8: ${task.name} wrote with token ${String(token)} after ${String(before.high)} had`)
      }
    })
  }

  /** What must hold of all that was seen. */
  check(): readonly string[] {
    return [...this.#checkTokens(), ...this.#checkOrder(), ...this.#checkExclusion(), ...this.#checkHistory()]
  }

  get tokens(): readonly { readonly askedAt: number; readonly seenAt: number; readonly token: number }[] {
    return this.#holds.flatMap(({ askedAt, grantedAt, token }) =>
      grantedAt === null ? [] : [{ askedAt, seenAt: grantedAt, token }],
    )
  }

  /** L2: a token that was seen before another was asked for is the smaller one, and none is given twice. */
  #checkTokens(): readonly string[] {
    const seen = this.tokens
    if (new Set(seen.map(({ token }) => token)).size < seen.length) {
      return [`L2: a token was given twice: ${seen.map(({ token }) => token).join(", ")}`]
    }
    const bySight = seen.toSorted((left, right) => left.seenAt - right.seenAt)
    const byAsking = seen.toSorted((left, right) => left.askedAt - right.askedAt)
    let highest = 0
    let next = 0
    for (const { askedAt, token } of byAsking) {
      for (let other = bySight[next]; other !== undefined && other.seenAt < askedAt; other = bySight[next]) {
        highest = Math.max(highest, other.token)
        next += 1
      }
      if (token <= highest) return [`L2: token ${String(token)} was asked for after ${String(highest)} had been seen`]
    }
    return []
  }

  /** L3: of two that one program asked of one keeper, the first is granted first wherever they stand in one queue. */
  #checkOrder(): readonly string[] {
    const granted = this.#holds.filter(
      ({ grantedAt, askedIn, grantedIn }) => grantedAt !== null && askedIn === grantedIn,
    )
    for (const [index, later] of granted.entries()) {
      const passed = granted.slice(0, index).find((earlier) => {
        const areOfOne = earlier.program === later.program && earlier.askedIn === later.askedIn
        const areInOne = [...earlier.weights.keys()].some((name) => later.weights.has(name))
        return areOfOne && areInOne && earlier.token > later.token
      })
      if (passed !== undefined) return [`L3: ${later.holder} was granted what ${passed.holder} had asked for before`]
    }
    return []
  }

  /** L1: those who held it to the end, by the store's word, or to their death, never were too many at once. */
  #checkExclusion(): readonly string[] {
    const names = new Set(this.#holds.flatMap(({ weights }) => [...weights.keys()]))
    for (const name of names) {
      const moments: { readonly at: number; readonly weight: number; readonly holder: string }[] = []
      for (const hold of this.#holds) {
        const weight = hold.weights.get(name) ?? 0
        const until = heldUntil(hold)
        if (weight === 0 || hold.grantedAt === null || until === null) continue
        moments.push(
          { at: hold.grantedAt, weight, holder: hold.holder },
          { at: until, weight: -weight, holder: hold.holder },
        )
      }
      let used = 0
      for (const { at, weight, holder } of moments.toSorted((left, right) => left.at - right.at)) {
        used += weight
        if (used > LIMIT) return [`L1: ${holder} held "${name}" beside others at ${String(at)}`]
      }
    }
    return []
  }

  /** Every lock answers as one would that is asked one thing at a time (L1, L2). */
  #checkHistory(): readonly string[] {
    const held = new Set(this.#holds.filter(({ ending }) => ending === "held").map(({ holder }) => holder))
    const operations = this.#history.operations
      .filter(({ returnedAt }) => returnedAt !== null)
      .map((operation) => {
        const { input } = operation
        // Nobody knows since when a grant that was lost had been over: it is seen to have been given, and no more.
        const isGhost = input.kind === "acquire" && !held.has(input.holder)
        return isGhost ? { ...operation, input: { ...input, permits: 0 } } : operation
      })
    const result = checkLinearizable(operations, createSemaphoreModel(LIMIT), { maxSteps: 20_000 })
    return result.ok === false ? [`L1, L2: ${describeWindow(result.window)}`] : []
  }
}

/** Until when nobody else can have held it; null where that is not known. */
function heldUntil({ ending, leftAt, program, hasLease }: Hold): number | null {
  if (ending === "held") return leftAt
  if (ending === null && program.diedAt !== null && !program.isAtRisk && !program.isClosing && !hasLease)
    return leftAt ?? program.diedAt
  return null
}

function only(name: string, weight: number): Map<string, number> {
  return new Map([[name, weight]])
}
