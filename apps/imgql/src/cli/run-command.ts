/** `imgql run FILE`: a program to its goals, on a store that others may be using at the same time. */
import { setMaxListeners } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { open } from "holdfast"
import { type GoalFailure, NO_OBSERVER } from "../engine/observer.ts"
import { runGoals, type RunSummary } from "../engine/run.ts"
import { formatShown } from "../engine/shown.ts"
import type { Saved } from "../files/save.ts"
import { Graph } from "../graph/graph.ts"
import { loadProgram } from "../graph/load.ts"
import { formatProblem } from "../language/problem.ts"
import { PRIMITIVES } from "../primitives/catalog.ts"
import { KernelPool } from "../threads/pool.ts"
import { storedDigests } from "./digests.ts"
import { readProgram } from "./program-file.ts"

export interface RunCommand {
  readonly file: string
  /** Where results stay; null for a store that is gone with this run. */
  readonly store: string | null
  readonly threads: number
  readonly maxMemoryBytes: number
  readonly folder: string
  /** Other folders whose files the program may list and load. */
  readonly readFolders: readonly string[]
  readonly signal: AbortSignal
  readonly print: (line: string) => void
  readonly complain: (line: string) => void
}

/** Larger images than this would not fit the memory of the machines this runs on. */
const MAX_IMAGE_BYTES = 4 * 1024 * 1024 * 1024

/** 0 where every goal was reached, 1 where one failed, 2 where the program is not right. */
export async function runProgram(command: RunCommand): Promise<0 | 1 | 2> {
  const { file, folder, print, complain, signal } = command
  const startedMs = performance.now()
  const { checked, variables } = readProgram(file, folder)
  if (checked.problems.length > 0) {
    for (const problem of checked.problems) complain(formatProblem(problem, checked.sources.get(problem.file) ?? ""))
    return 2
  }
  // As many wait on it as there are nodes under way, which Node takes for a leak.
  setMaxListeners(0, signal)
  const graph = new Graph()
  const goals = loadProgram(graph, checked, { primitives: PRIMITIVES, programVariables: variables })
  const temporary = command.store === null ? mkdtempSync(join(tmpdir(), "imgql-")) : null
  const store = await open(command.store ?? `file:${String(temporary)}`, { label: `imgql ${file}` })
  const local = await open("memory:", { label: "imgql" })
  const pool = new KernelPool(command.threads)
  // Closing the store takes back what is computed at the moment, as soon as its kernels have ended.
  signal.addEventListener("abort", () => void Promise.all([pool.close(), store.close()]), { once: true })
  try {
    const summary = await runGoals({
      graph,
      goals,
      store,
      threads: local.semaphore("threads", command.threads),
      pool,
      digests: storedDigests(store),
      folder,
      readFolders: command.readFolders,
      maxMemoryBytes: command.maxMemoryBytes,
      maxImageBytes: MAX_IMAGE_BYTES,
      isFresh: false,
      signal,
      observer: {
        ...NO_OBSERVER,
        line: print,
        goal: (outcome) => {
          if (outcome.kind === "failed") complain(describeFailure(outcome, checked.sources))
          else if (outcome.kind === "printed") print(`${outcome.goal.label}=${formatShown(outcome.value)}`)
          else print(describeSaved(outcome.saved))
        },
      },
    })
    print(describeSummary(summary, performance.now() - startedMs))
    return summary.failed > 0 ? 1 : 0
  } finally {
    await pool.close()
    await local.close()
    await store.close()
    if (temporary !== null) rmSync(temporary, { recursive: true, force: true })
  }
}

function describeSaved({ path, bytes, lost }: Saved): string {
  const note = lost.length === 0 ? "" : `; not kept: ${lost.join(", ")}`
  return `saved ${path} (${bytes.toLocaleString("en-US")} bytes${note})`
}

function describeFailure({ goal, message, site }: GoalFailure, sources: ReadonlyMap<string, string>): string {
  const { start, end, file } = site
  const problem = {
    code: "E_FAILED" as const,
    message: `${goal.kind} "${goal.label}" failed: ${message}`,
    file,
    span: { start, end },
    suggestion: null,
  }
  return formatProblem(problem, sources.get(file) ?? "")
}

function describeSummary({ ran, joined, stored, goals, failed, kernels }: RunSummary, ms: number): string {
  const reached = failed === 0 ? `${String(goals)} goals` : `${String(goals - failed)} of ${String(goals)} goals`
  const operations = `${String(ran)} operations ran in ${String(kernels)} kernels, ${String(joined)} were joined, ${String(stored)} came from the store`
  return `${reached}: ${operations}, in ${(ms / 1_000).toFixed(2)} s`
}
