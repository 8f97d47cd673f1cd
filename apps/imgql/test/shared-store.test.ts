/** Processes that share a store: what one computes the others need not, and what one leaves behind they take over. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { type Holdfast, open } from "holdfast"
import { describe, expect, it, onTestFinished } from "vitest"
import { makeFolder, makeRamp } from "./program-run.ts"
import type { Ended } from "./imgql-process.ts"
import { run, start, startProgram } from "./process-run.ts"

const HOLDFAST = fileURLToPath(new URL("../../../packages/holdfast/dist/cli/main.js", import.meta.url))
const SIZE = [48, 40, 32] as const
const VALUES = 16
/** Of each value a mask, the distances to it, and the largest of them. */
const OPERATIONS = 3 * VALUES

const PROGRAM = `
  import "simpleitk"
  let img = ReadImage("head.nii.gz")
  print "farthest" for i in range(${String(VALUES)}) do max(dt(BinaryThreshold(img, 2 * i, 60, 1, 0)))`

/** What the store tells of runs, while it is kept here: so that it is no program under test that keeps it. */
class Witness {
  readonly store: Holdfast
  /** Which sessions claimed an operation, in order. */
  readonly claims = new Map<string, string[]>()
  readonly completed = new Set<string>()
  readonly #stop: () => void
  #deaths = 0
  #onDeath: (() => void) | null = null
  #onCompleted: ((count: number) => void) | null = null

  private constructor(store: Holdfast) {
    this.store = store
    this.#stop = store.on("*", (transition) => {
      if (transition.kind === "run.claimed" && transition.session !== null) {
        const { identity, session } = transition
        this.claims.set(identity, [...(this.claims.get(identity) ?? []), session])
      }
      if (transition.kind === "run.completed" || transition.kind === "run.stored") {
        this.completed.add(transition.identity)
        this.#onCompleted?.(this.completed.size)
      }
      if (transition.kind === "session.ended") {
        this.#deaths += 1
        this.#onDeath?.()
      }
    })
  }

  static async open(folder: string): Promise<Witness> {
    const witness = new Witness(await open(`file:${join(folder, "cache", "imgql", "store")}`, { label: "witness" }))
    onTestFinished(async () => {
      witness.#stop()
      await witness.store.close()
    })
    return witness
  }

  /** Resolves when so many operations are completed. */
  async reach(count: number): Promise<void> {
    if (this.completed.size >= count) return
    await new Promise<void>((resolve) => {
      this.#onCompleted = (found) => {
        if (found >= count) resolve()
      }
    })
  }

  /** Resolves when a session has ended: all that it had sent has taken effect then. */
  async death(): Promise<void> {
    if (this.#deaths > 0) return
    await new Promise<void>((resolve) => {
      this.#onDeath = resolve
    })
  }

  /** Operations that were claimed more than once, by whom first. */
  get repeated(): readonly string[] {
    return [...this.claims.values()].flatMap((sessions) => (sessions.length > 1 ? [sessions[0] ?? ""] : []))
  }

  get sessions(): ReadonlySet<string> {
    return new Set([...this.claims.values()].flat())
  }
}

/** What the program prints where nobody is killed. */
async function expectedLine(): Promise<string> {
  const { out } = await startProgram(await makeFolder(makeRamp(SIZE)), PROGRAM).ended
  return out[0] ?? ""
}

const ONE_THREAD = ["--threads", "1"]

function ranBy(...ended: readonly Ended[]): number {
  return ended.reduce((sum, { counts }) => sum + (counts?.[0] ?? 0), 0)
}

describe("processes on one store", () => {
  it("computes each operation once between four that are started together, all at work", async () => {
    const folder = await makeFolder(makeRamp(SIZE))
    const program = `
      import "simpleitk"
      let img = ReadImage("head.nii.gz")
      print "best" for i in range(${String(VALUES)}) do
        max(crossCorrelation(3, img, img, BinaryThreshold(img, i, 60, 1, 0), 0, 80, 20))`
    const alone = await makeFolder(makeRamp(SIZE))
    const startedMs = performance.now()
    const single = await startProgram(alone, program, ONE_THREAD).ended
    const singleMs = performance.now() - startedMs
    const witness = await Witness.open(folder)
    const togetherMs = performance.now()
    const started = Array.from({ length: 4 }, () => startProgram(folder, program, ONE_THREAD))
    const ended = await Promise.all(started.map(async (each) => await each.ended))
    const wallMs = performance.now() - togetherMs
    for (const { code, err, out } of ended) {
      expect({ code, err, line: out[0] }).toEqual({ code: 0, err: "", line: single.out[0] })
    }
    expect(ranBy(...ended)).toBe(ranBy(single))
    expect(witness.repeated).toEqual([])
    // A process may come late on a busy machine; that one did all there was is no overlap.
    expect(witness.sessions.size).toBeGreaterThan(1)
    const seconds = [singleMs, wallMs].map((ms) => (ms / 1_000).toFixed(1))
    console.log(
      `16 kernels in 4 processes: ${String(ranBy(...ended))} operations, 0 twice, ${String(seconds[1])} s; in one ${String(seconds[0])} s`,
    )
  })

  it("computes what was not finished when one was killed, and nothing else", async () => {
    const folder = await makeFolder(makeRamp(SIZE))
    const witness = await Witness.open(folder)
    const { child, ended } = startProgram(folder, PROGRAM)
    await witness.reach(OPERATIONS / 2)
    child.kill("SIGKILL")
    expect(await ended).toMatchObject({ code: null })
    await witness.death()
    const finished = witness.completed.size
    expect(finished).toBeLessThan(OPERATIONS)
    const second = await run(folder)
    expect(second).toMatchObject({ code: 0, err: "" })
    expect(second.out[0]).toBe(await expectedLine())
    expect(ranBy(second)).toBe(OPERATIONS - finished)
    expect((await run(folder)).counts?.[0]).toBe(0)
  })

  it("takes over what one was at that was killed, and nothing else", async () => {
    const folder = await makeFolder(makeRamp(SIZE))
    const witness = await Witness.open(folder)
    const killed = startProgram(folder, PROGRAM)
    await witness.reach(1)
    const [dead] = witness.sessions
    const other = start(folder)
    await witness.reach(OPERATIONS / 2)
    killed.child.kill("SIGKILL")
    const { code, err, out } = await other.ended
    expect({ code, err, line: out[0] }).toEqual({ code: 0, err: "", line: await expectedLine() })
    expect(witness.completed.size).toBe(OPERATIONS)
    expect(new Set(witness.repeated)).toEqual(new Set(witness.repeated.length === 0 ? [] : [dead]))
    expect(witness.repeated.length).toBeLessThanOrEqual(VALUES)
  })

  it("computes nothing twice where sweeps overlap that are started together", async () => {
    const folder = await makeFolder(makeRamp(SIZE))
    const witness = await Witness.open(folder)
    const sweepFrom = (first: number): string => `
      import "simpleitk"
      let img = ReadImage("head.nii.gz")
      print "counts" for t in range(${String(first)}, ${String(first + 60)}) do volume(img >. t)
      print "masks" for t in range(${String(first)}, ${String(first + 6)}) do BinaryThreshold(img, t, 60, 1, 0)`
    const started = [0, 10, 20].map((first) =>
      startProgram(folder, sweepFrom(first), ONE_THREAD, `from-${String(first)}.imgql`),
    )
    const ended = await Promise.all(started.map(async (each) => await each.ended))
    expect(ended.map(({ code, err }) => ({ code, err }))).toEqual(ended.map(() => ({ code: 0, err: "" })))
    expect(witness.repeated).toEqual([])
    expect(ranBy(...ended)).toBe(witness.completed.size)
    // 80 thresholds are counted, since those of the three overlap, and 18 masks made.
    expect(witness.completed.size).toBe(80 + 18)
  })

  it("is delayed by a frozen process for some seconds, not for ever, and takes nothing of it twice when it goes on", async () => {
    const folder = await makeFolder(makeRamp(SIZE))
    const witness = await Witness.open(folder)
    const frozen = startProgram(folder, PROGRAM)
    await witness.reach(2)
    frozen.child.kill("SIGSTOP")
    const other = await run(folder)
    expect(other).toMatchObject({ code: 0, err: "" })
    expect(other.out[0]).toBe(await expectedLine())
    expect(witness.completed.size).toBe(OPERATIONS)
    frozen.child.kill("SIGCONT")
    const late = await frozen.ended
    expect({ code: late.code, err: late.err, line: late.out[0] }).toEqual({ code: 0, err: "", line: other.out[0] })
    expect(witness.completed.size).toBe(OPERATIONS)
  })

  it.each([
    { when: "has computed something", event: "run.completed", program: PROGRAM },
    // Then all that it asks for itself is answered, and it waits for what comes of its one operation.
    { when: "is at its only operation", event: "run.claimed", program: 'import "test"\nprint "s" spin(1, 3000000)' },
  ] as const)(
    "is told how to end a frozen process that keeps the store, and does not wait for it, where it $when",
    async ({ event, program }) => {
      const folder = await makeFolder(makeRamp(SIZE))
      const keeper = spawn(process.execPath, [HOLDFAST, "keeper", join(folder, "kept")])
      onTestFinished(() => void keeper.kill("SIGKILL"))
      // It says that it keeps the store.
      await once(keeper.stdout, "data")
      const look = await open(`file:${join(folder, "kept")}`, { label: "look" })
      onTestFinished(async () => void (await look.close()))
      const begun = new Promise<void>((resolve) => look.on(event, () => resolve()))
      const { ended } = startProgram(folder, program, ["--store", `file:${join(folder, "kept")}`])
      await begun
      keeper.kill("SIGSTOP")
      const { code, err } = await ended
      expect(code).toBe(1)
      expect(err).toContain(`process ${String(keeper.pid)}`)
      expect(err).toContain("holdfast doctor DIR --evict")
      keeper.kill("SIGCONT")
    },
  )
})
