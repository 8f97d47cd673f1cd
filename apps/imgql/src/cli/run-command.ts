/** `imgql run FILE`: a program to its goals, on a store that others may be using at the same time. */
import { setMaxListeners } from "node:events"
import type { GoalFailure, GoalOutcome, RunObserver } from "../engine/observer.ts"
import { outline } from "../engine/outline.ts"
import type { RunSummary } from "../engine/run.ts"
import { Graph } from "../graph/graph.ts"
import { type Goal, loadProgram } from "../graph/load.ts"
import { PRIMITIVES } from "../primitives/catalog.ts"
import { codeOf } from "./command-error.ts"
import { type Console, Stopped } from "./console.ts"
import { execute } from "./execute.ts"
import { labelOf, type StoreAhead } from "./open-store.ts"
import { nameOfNode, Profile } from "./profile.ts"
import { type ProgramFile, readProgram } from "./program-file.ts"
import { Progress, type ProgressStyle } from "./progress.ts"
import { reportAsJson } from "./report-json.ts"
import { describeAlike, describeFailure, describeGoal, describeProblem, describeSummary } from "./report.ts"
import { writeNamed, writeSyntax } from "./syntax-file.ts"
import { Tally } from "./tally.ts"
import { MAX_GRAPH_NODES, taskGraphAsDot, taskGraphAsJson } from "./task-graph.ts"

export interface RunCommand {
  readonly file: string
  /** Where results stay; null for a store that is gone with this run. */
  readonly store: string | null
  /** That store, where it was opened ahead. */
  readonly ahead: StoreAhead | null
  /** Undefined leaves the bound that the store has. */
  readonly maxCacheBytes?: number | null | undefined
  readonly isFresh: boolean
  readonly isExecuted: boolean
  readonly threads: number
  readonly maxMemoryBytes: number
  /** Other folders whose files the program may list and load. */
  readonly readFolders: readonly string[]
  readonly isJson: boolean
  readonly progress: ProgressStyle
  readonly profile: string | null
  readonly taskGraph: string | null
  readonly syntax: string | null
}

/**
 * 0 where every goal was reached, 1 where one failed, 2 where the program is not right.
 *
 * @throws Stopped where the process is to end
 */
export async function runProgram(command: RunCommand, console: Console): Promise<0 | 1 | 2> {
  return await new ProgramRun(command, console).run()
}

class ProgramRun {
  readonly #command: RunCommand
  readonly #console: Console
  readonly #startedMs = performance.now()
  readonly #graph = new Graph()
  readonly #tally = new Tally({ now: () => performance.now(), nameOf: (node) => nameOfNode(this.#graph, node) })
  readonly #progress: Progress
  readonly #signal: AbortSignal
  readonly #outcomes: GoalOutcome[] = []
  readonly #lines: string[] = []
  /** By reason, the goals that failed for it after the first. */
  readonly #alike = new Map<string, GoalFailure[]>()
  #program: ProgramFile | null = null
  #summary: RunSummary | null = null

  constructor(command: RunCommand, console: Console) {
    this.#command = command
    this.#console = console
    this.#signal = console.untilStopped()
    // As many wait on it as there are nodes under way, which Node takes for a leak.
    setMaxListeners(0, this.#signal)
    const { err } = console
    this.#progress = new Progress({ style: command.progress, err, tally: this.#tally })
  }

  async run(): Promise<0 | 1 | 2> {
    try {
      const code = await this.#run()
      this.#reportJson(null)
      return code
    } catch (error) {
      if (error instanceof Stopped) this.#sayStopped(error)
      this.#reportJson(error)
      throw error
    } finally {
      await this.#command.ahead?.leave()
    }
  }

  async #run(): Promise<0 | 1 | 2> {
    const { file, syntax, taskGraph, isExecuted } = this.#command
    const { folder } = this.#console
    const program = readProgram(file, folder)
    this.#program = program
    const { sources, problems } = program.checked
    if (syntax !== null) writeSyntax(sources.get(program.file) ?? "", program.file, syntax, folder)
    if (problems.length > 0) {
      if (!this.#command.isJson) for (const problem of problems) this.#complain(describeProblem(problem, sources))
      return 2
    }
    if (taskGraph !== null) await this.#writeTaskGraph(program, taskGraph)
    if (!isExecuted) return 0
    const graph = this.#graph
    const goals = loadGoals(graph, program)
    const profile = this.#command.profile === null ? null : new Profile(graph, sources, () => performance.now())
    // What cannot be written is said before the work, not after it.
    if (profile !== null) writeNamed(this.#command.profile ?? "", folder, "")
    this.#progress.start()
    try {
      const { store, ahead, maxCacheBytes, isFresh, threads, maxMemoryBytes, readFolders } = this.#command
      const summary = await execute({
        graph,
        goals,
        store,
        ahead,
        maxCacheBytes,
        isFresh,
        folder,
        label: labelOf(this.#command.file),
        threads,
        maxMemoryBytes,
        readFolders,
        signal: this.#signal,
        observer: this.#observer(program, profile),
      })
      this.#summary = summary
      this.#progress.close()
      this.#tellAlike(program)
      this.#print(describeSummary(summary, performance.now() - this.#startedMs))
      return summary.failed > 0 ? 1 : 0
    } finally {
      this.#progress.close()
      this.#tellAlike(program)
      if (profile !== null) writeNamed(this.#command.profile ?? "", folder, profile.toJson())
    }
  }

  #observer({ checked: { sources } }: ProgramFile, profile: Profile | null): RunObserver {
    return {
      line: (line) => {
        this.#lines.push(line)
        this.#print(line)
      },
      goal: (outcome) => {
        this.#outcomes.push(outcome)
        if (outcome.kind !== "failed") this.#print(describeGoal(outcome))
        else if (!this.#command.isJson && this.#isNews(outcome)) this.#complain(describeFailure(outcome, sources))
      },
      share: (change) => this.#progress.share(change),
      operation: (event) => {
        this.#progress.operation(event)
        profile?.operation(event)
      },
      worked: (event) => profile?.worked(event),
    }
  }

  /** Whether the reason has not been told yet; else it is kept with the others of it. */
  #isNews(failure: GoalFailure): boolean {
    const { code, message, site } = failure
    const reason = JSON.stringify([site.file, site.start, code, message])
    const alike = this.#alike.get(reason)
    alike?.push(failure)
    if (alike === undefined) this.#alike.set(reason, [])
    return alike === undefined
  }

  #tellAlike({ checked: { sources } }: ProgramFile): void {
    for (const alike of this.#alike.values()) if (alike.length > 0) this.#complain(describeAlike(alike, sources))
    this.#alike.clear()
  }

  /** Of a graph of its own: what is worked out for the picture is not taken for what the run has found. */
  async #writeTaskGraph(program: ProgramFile, target: string): Promise<void> {
    const { folder } = this.#console
    const graph = new Graph()
    const goals = loadGoals(graph, program)
    const found = await outline({ graph, goals, folder, maxNodes: MAX_GRAPH_NODES })
    const picture = { outline: found, sources: program.checked.sources, folder }
    writeNamed(target, folder, target.endsWith(".dot") ? taskGraphAsDot(picture) : taskGraphAsJson(picture))
  }

  #print(line: string): void {
    if (this.#command.isJson) return
    this.#progress.around(() => void this.#console.out.write(`${line}\n`))
  }

  #complain(line: string): void {
    this.#progress.around(() => void this.#console.err.write(`${line}\n`))
  }

  #sayStopped({ by }: Stopped): void {
    if (by === "SIGPIPE") return
    const { done, known } = this.#tally
    const share = known === 0 ? "" : `${String(done)} of ${String(known)} operations are done and kept; `
    this.#complain(`imgql: stopped: ${share}the same command goes on from there`)
  }

  #reportJson(error: unknown): void {
    const { isJson, file, store } = this.#command
    if (!isJson) return
    const fault = error instanceof Error ? { code: codeOf(error), message: error.message } : null
    const report = reportAsJson({
      file: this.#program?.file ?? file,
      sources: this.#program?.checked.sources ?? new Map(),
      problems: this.#program?.checked.problems ?? [],
      outcomes: this.#outcomes,
      lines: this.#lines,
      summary: this.#summary,
      tally: this.#tally,
      store,
      elapsedMs: performance.now() - this.#startedMs,
      isExecuted: this.#command.isExecuted,
      fault,
    })
    this.#console.out.write(`${report}\n`)
  }
}

function loadGoals(graph: Graph, { checked, variables }: ProgramFile): readonly Goal[] {
  return loadProgram(graph, checked, { primitives: PRIMITIVES, programVariables: variables })
}
