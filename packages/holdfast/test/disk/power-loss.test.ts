/**
 * The real journal under power loss: the system's calls of a real store are recorded, and after every prefix of them the
 * folder is made again as a disk may hold it then, and read. A recording without its flushes, or in which answers come
 * before theirs, must be found out: what could not fail would prove nothing.
 *
 * Every so many steps by default; HOLDFAST_DISK_STATES says about how many states are looked at, `all` all of them
 * (`npm run disk`).
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { createPrng } from "../../src/env/prng.ts"
import { CrashedDisk, type Fate } from "./crashed-disk.ts"
import { canRecord, type DiskStep, record } from "./recording.ts"
import { findWrong, Promised } from "./recovered.ts"

const SEED = 20_240
const STATES = process.env["HOLDFAST_DISK_STATES"] ?? "250"
const COMMITS = 60
/** Ends one that hangs, on however slow a machine. */
const RECORDING_BOUND_MS = 120_000
const JOURNAL_BYTES_OF_A_RESTART = 8 * 1024 * 1024

/** Where there is one, in memory: a crash is made here, so nothing need be flushed in earnest. */
const MEMORY = "/dev/shm"
const parent: string = existsSync(MEMORY) ? MEMORY : tmpdir()

const isRecorded: boolean = canRecord()
if (!isRecorded) console.warn("skipped: recording system calls needs strace (scripts/setup.sh) and the right to trace")

let base = ""
let steps: readonly DiskStep[] = []

beforeAll(() => {
  base = mkdtempSync(join(parent, "holdfast-disk-"))
  if (!isRecorded) return
  const folder = join(base, "store")
  const program = fileURLToPath(new URL("./workload-main.ts", import.meta.url))
  steps = record(folder, ["--import", import.meta.resolve("tsx"), program, "host", `file:${folder}`, String(COMMITS)])
}, RECORDING_BOUND_MS)

afterAll(() => {
  rmSync(base, { recursive: true, force: true })
})

/** The folder as files say, read by the real journal; null where it holds no store and owes nothing. */
function judge(files: ReadonlyMap<string, Uint8Array>, promised: Promised): string[] {
  const folder = join(base, "crashed")
  rmSync(folder, { recursive: true, force: true })
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), bytes)
  }
  if (!files.has("journal.db")) return promised.isEmpty ? [] : ["the journal is gone"]
  // The index of the log is no file that a crash leaves whole; what it holds is not to be believed.
  if (files.has("journal.db-wal")) writeFileSync(join(folder, "journal.db-shm"), new Uint8Array(32_768).fill(0xa5))
  return findWrong(folder, promised)
}

interface Survey {
  readonly states: number
  readonly wrong: readonly string[]
}

/** Follows the recording and crashes in about so many states: after steps of one kind, or of any, in several ways each. */
function survey(recording: readonly DiskStep[], states: number, kind: DiskStep["kind"] | null = null): Survey {
  const { nextUnit: random } = createPrng(SEED)
  const disk = new CrashedDisk()
  const promised = new Promised()
  const wrong: string[] = []
  const candidates = kind === null ? recording.length : recording.filter((step) => step.kind === kind).length
  const perStep = states / (candidates * FATES)
  let count = 0
  for (const [index, step] of recording.entries()) {
    disk.apply(step)
    if (step.kind === "said") promised.hear(step.line)
    if ((kind !== null && step.kind !== kind) || random() >= perStep) continue
    for (const fate of fatesAt(disk, random)) {
      count += 1
      for (const what of judge(disk.crash(fate), promised)) {
        wrong.push(`after step ${String(index)} of ${String(recording.length)} (${step.kind}), ${fate.kind}: ${what}`)
      }
    }
  }
  return { states: count, wrong }
}

/** About so many fates a step. */
const FATES = 5

function fatesAt(disk: CrashedDisk, random: () => number): Fate[] {
  const fates: Fate[] = [{ kind: "kept" }]
  if (disk.pendingCount === 0) return fates
  fates.push({ kind: "lost" })
  if (disk.lastWriteBytes > 0) fates.push({ kind: "torn", bytes: Math.floor(random() * disk.lastWriteBytes) })
  for (const chance of [0.1, 0.5, 0.9]) fates.push({ kind: "mixed", chance, random })
  return fates
}

describe.runIf(isRecorded)("a store whose machine loses power at any moment", () => {
  it("was recorded through keeper changes, and through the reuse of its log from the start", () => {
    const toLog = steps.flatMap((step) => (step.kind === "write" && step.path === "journal.db-wal" ? [step] : []))
    const starts = toLog.filter((step, index) => step.offset === 0 && index > 0)
    const longest = Math.max(...toLog.map((step) => Number(step.offset)))
    expect(longest).toBeGreaterThan(JOURNAL_BYTES_OF_A_RESTART)
    expect(starts.length).toBeGreaterThanOrEqual(2)
    expect(steps.filter((step) => step.kind === "rename" && step.to === "keeper.json").length).toBeGreaterThanOrEqual(2)
    expect(steps.filter((step) => step.kind === "flush").length).toBeGreaterThan(COMMITS)
  })

  it("holds everything acknowledged and no part of anything else, whatever was not flushed (C3, C5, L2, O2, S2, S3)", () => {
    const { states, wrong } = survey(steps, STATES === "all" ? Infinity : Number(STATES))
    console.log(`disk: ${String(steps.length)} steps recorded, ${String(states)} states read, seed ${String(SEED)}`)
    expect(wrong).toEqual([])
    expect(states).toBeGreaterThan(100)
  })

  it("would be found to lose acknowledged work without its flushes, and if answers came before them", () => {
    const unflushed = steps.filter((step) => step.kind !== "flush" || step.path !== "journal.db-wal")
    expect(survey(unflushed, 30, "said").wrong.join("\n")).toMatch(/was acknowledged|is lost/)
    // Each word as early as the flush before it.
    const early: DiskStep[] = []
    for (const step of steps) {
      const flush = early.findLastIndex((each) => each.kind === "flush" && each.path === "journal.db-wal")
      if (step.kind === "said" && flush >= 0 && /committed/.test(step.line)) early.splice(flush, 0, step)
      else early.push(step)
    }
    expect(survey(early, 60, "said").wrong.join("\n")).toMatch(/was acknowledged/)
  })
})
