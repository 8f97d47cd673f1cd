/** Programs on the real engine, each in a folder of its own that is gone with the test. */
import { setMaxListeners } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { open } from "holdfast"
import { onTestFinished } from "vitest"
import { readProgram } from "../src/cli/program-file.ts"
import { type GoalFailure, NO_OBSERVER } from "../src/engine/observer.ts"
import { runGoals, type RunSummary } from "../src/engine/run.ts"
import { formatShown } from "../src/engine/shown.ts"
import { saveValue } from "../src/files/save.ts"
import { Graph } from "../src/graph/graph.ts"
import { loadProgram } from "../src/graph/load.ts"
import { type Image, makeVoxels, plainGrid } from "../src/image/image.ts"
import { PRIMITIVES } from "../src/primitives/catalog.ts"
import { KernelPool } from "../src/threads/pool.ts"

const ENOUGH_BYTES = 2 ** 30
/** A folder may hold thousands of files, and the machine other work. */
const CLEANUP_MS = 120_000

interface KernelSpan {
  readonly name: string
  readonly startedMs: number
  readonly endedMs: number
}

export interface RanHere extends Omit<RunSummary, "kernels"> {
  /** The kernels that ran, by their names, each as often as it did. */
  readonly kernels: readonly string[]
  readonly spans: readonly KernelSpan[]
  readonly lines: readonly string[]
  /** What is said of goals that failed. */
  readonly failures: readonly string[]
  readonly failedGoals: readonly GoalFailure[]
}

export interface HereOptions {
  /** A store in the folder, or one in memory that is gone with the run. */
  readonly store?: "kept" | "none"
  readonly threads?: number
  readonly maxMemoryBytes?: number
}

/** An empty folder, with an image `head.nii.gz` of these voxels if there are some. */
export async function makeFolder(image: Image | null = null): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "imgql-test-"))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }), CLEANUP_MS)
  if (image !== null) await saveValue(image, { root: folder, name: "head.nii.gz" })
  return folder
}

/** A float32 image with the value `x + y` at each voxel. */
export function makeRamp(size: readonly [number, number, number]): Image {
  const [width, height, depth] = size
  const voxels = makeVoxels("float32", width * height * depth)
  voxels.forEach((_, at) => {
    voxels[at] = (at % width) + (Math.floor(at / width) % height)
  })
  return { ...plainGrid(size), type: "float32", components: 1, voxels }
}

/** Runs a program in this process. */
export async function runHere(folder: string, program: string, options: HereOptions = {}): Promise<RanHere> {
  const { threads = 2 } = options
  writeFileSync(join(folder, "program.imgql"), program)
  const { checked, variables } = readProgram("program.imgql", folder)
  if (checked.problems.length > 0) throw new Error(checked.problems.map(({ message }) => message).join("\n"))
  const graph = new Graph()
  const goals = loadProgram(graph, checked, { primitives: PRIMITIVES, programVariables: variables })
  const store = await open(options.store === "kept" ? `file:${join(folder, ".imgql")}` : "memory:", { label: "test" })
  const local = await open("memory:", { label: "threads" })
  const pool = new KernelPool(threads)
  const lines: string[] = []
  const failedGoals: GoalFailure[] = []
  const { signal } = new AbortController()
  setMaxListeners(0, signal)
  const ran: string[] = []
  const spans: KernelSpan[] = []
  try {
    const summary = await runGoals({
      graph,
      goals,
      store,
      threads: local.semaphore("threads", threads),
      pool,
      digests: { get: () => undefined, put: () => undefined },
      folder,
      readFolders: [],
      maxMemoryBytes: options.maxMemoryBytes ?? ENOUGH_BYTES,
      maxImageBytes: ENOUGH_BYTES,
      signal,
      isFresh: false,
      overflow: null,
      observer: {
        ...NO_OBSERVER,
        line: (line) => void lines.push(line),
        goal: (outcome) => {
          if (outcome.kind === "failed") failedGoals.push(outcome)
          if (outcome.kind === "printed") lines.push(`${outcome.goal.label}=${formatShown(outcome.value)}`)
        },
        worked: ({ kind: work, name, startedMs, endedMs }) => {
          if (work !== "kernel") return
          ran.push(name)
          spans.push({ name, startedMs, endedMs })
        },
      },
    })
    return { ...summary, kernels: ran, spans, lines, failedGoals, failures: failedGoals.map(({ message }) => message) }
  } finally {
    await pool.close()
    await local.close()
    await store.close()
  }
}
