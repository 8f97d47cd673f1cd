/**
 * A program run to its goals: each printed or saved in the order they are written, as soon as all before it are.
 * A goal that fails is reported with its place, and the others go on.
 */
import { resolve } from "node:path"
import type { Holdfast, Semaphore } from "holdfast"
import { identify, type DigestCache } from "../files/identity.ts"
import { type Saved, saveValue } from "../files/save.ts"
import type { Graph, Handle } from "../graph/graph.ts"
import { findBaseImage, type Goal } from "../graph/load.ts"
import { LIST, type Operator } from "../graph/operator.ts"
import type { Outside, Primitive, Value } from "../primitives/primitive.ts"
import type { KernelPool } from "../threads/pool.ts"
import { Evaluation, EvaluationFailed } from "./evaluation.ts"
import type { GoalFailure, RunObserver } from "./observer.ts"
import type { Overflow } from "./overflow.ts"
import { Residence } from "./residence.ts"
import { type Counts, Results } from "./results.ts"
import { isList, Rewriting, type World } from "./rewrite.ts"
import { formatShown, type Shown, showValue } from "./shown.ts"

export interface RunOptions {
  readonly graph: Graph
  readonly goals: readonly Goal[]
  readonly store: Holdfast
  readonly threads: Semaphore
  readonly pool: KernelPool
  readonly digests: DigestCache
  /** Where files are read and written, the only folder in which any is written. */
  readonly folder: string
  /** Other folders whose files `dir` and `load` may tell of. */
  readonly readFolders: readonly string[]
  readonly maxMemoryBytes: number
  readonly maxImageBytes: number
  /** Of a store that is gone with this run: where images go that there is no room for. Null where the store is to have them. */
  readonly overflow: Overflow | null
  /** Forgets what the store has of this program before it is computed anew. */
  readonly isFresh: boolean
  /** Whoever aborts it closes the store, too: what is under way then is given back, not failed. */
  readonly signal: AbortSignal
  readonly observer: RunObserver
}

export interface RunSummary extends Counts {
  readonly goals: number
  readonly failed: number
  readonly nodes: number
  readonly peakBytes: number
}

/** So many goals or items are worked on at once: enough for a sweep to be worth its pass; memory has its own bound. */
const GOALS_AT_ONCE = 128

/** So deep lists may lie in each other to be shown or written. */
const MAX_DEPTH = 1_000

/** Runs all goals. @throws the signal's reason when it is aborted */
export async function runGoals(options: RunOptions): Promise<RunSummary> {
  return await new Run(options).run()
}

class Run implements World {
  readonly #options: RunOptions
  readonly #residence: Residence
  readonly #results: Results
  readonly #rewriting: Rewriting
  readonly #evaluation: Evaluation
  readonly #files = new Map<string, Promise<Operator>>()
  readonly #filesByContent = new Map<string, Operator>()
  /** The last goal to save a file, by its path. */
  readonly #saving = new Map<string, Promise<unknown>>()
  #failed = 0

  constructor(options: RunOptions) {
    const { graph, store, threads, pool, signal, isFresh, observer, maxImageBytes, maxMemoryBytes, overflow } = options
    this.#options = options
    this.#residence = new Residence({ maxBytes: maxMemoryBytes, collect: () => pool.collect() })
    this.#rewriting = new Rewriting(graph, this)
    this.#evaluation = new Evaluation(graph, this.#rewriting)
    this.#results = new Results({
      graph,
      chosen: (node) => this.#rewriting.chosen(node),
      store,
      threads,
      residence: this.#residence,
      pool,
      signal,
      isFresh,
      observer,
      maxImageBytes,
      overflow,
    })
  }

  async run(): Promise<RunSummary> {
    const { goals, graph, signal } = this.#options
    const waiting: Promise<() => void>[] = []
    for (const goal of goals) {
      if (waiting.length >= GOALS_AT_ONCE) (await waiting.shift())?.()
      signal.throwIfAborted()
      waiting.push(this.#reach(goal, 1 / goals.length))
    }
    for (const reached of waiting) (await reached)()
    signal.throwIfAborted()
    const { counts } = this.#results
    const { peakBytes } = this.#residence
    return {
      ...counts,
      goals: goals.length,
      failed: this.#failed,
      nodes: graph.size,
      peakBytes,
    }
  }

  /** Works towards a goal, which is such a share of all; what comes back tells of it, in its turn. */
  async #reach(goal: Goal, share: number): Promise<() => void> {
    const { observer, signal } = this.#options
    try {
      if (goal.kind === "print") {
        const value = await this.#show(goal.handle, share)
        return () => observer.goal({ kind: "printed", goal, value })
      }
      const saved = await this.#saveInTurn(goal, share)
      return () => observer.goal({ kind: "saved", goal, saved })
    } catch (error) {
      return () => {
        // What was cut off has not failed.
        signal.throwIfAborted()
        this.#failed += 1
        observer.goal(failureOf(goal, error))
      }
    }
  }

  /** A value as people read it: a sequence item by item and never all of its images in memory. */
  async #show(handle: Handle, share: number, depth = 0): Promise<Shown> {
    const { graph, observer } = this.#options
    requireShallow(depth)
    observer.share({ begun: share, done: 0 })
    const normal = await this.#evaluation.normalize(handle)
    const constant = graph.constantOf(normal)
    if (isList(graph.operatorOf(normal))) {
      const items = graph.inputs(normal)
      const shown: Shown[] = []
      if (items.length > 0) observer.share({ begun: -share, done: 0 })
      for (const batch of batches(items, GOALS_AT_ONCE)) {
        shown.push(...(await Promise.all(batch.map((item) => this.#show(item, share / items.length, depth + 1)))))
      }
      if (items.length === 0) observer.share({ begun: 0, done: share })
      return shown
    }
    const shown = constant === undefined ? await this.#results.shown(normal) : constant
    observer.share({ begun: 0, done: share })
    return shown
  }

  /** Of goals that save one file, the last has its way, as if they were reached one by one. */
  async #saveInTurn(goal: Goal, share: number): Promise<Saved> {
    const path = resolve(this.#options.folder, goal.label)
    const saving = this.#save(goal, share, this.#saving.get(path))
    this.#saving.set(path, saving)
    return await saving
  }

  async #save({ label, handle }: Goal, share: number, before: Promise<unknown> | undefined): Promise<Saved> {
    const { folder, signal, observer } = this.#options
    observer.share({ begun: share, done: 0 })
    const normal = await this.#force(handle)
    // With no room taken yet, which those before may wait for.
    await before?.catch(ignore)
    try {
      return await this.#results.withValues(
        [normal],
        async ([value]) => await saveValue(value ?? null, { root: folder, name: label }, signal),
      )
    } finally {
      observer.share({ begun: 0, done: share })
    }
  }

  /** The normal form with all items of sequences in normal form. */
  async #force(handle: Handle, depth = 0): Promise<Handle> {
    const { graph } = this.#options
    requireShallow(depth)
    const normal = await this.#evaluation.normalize(handle)
    const operator = graph.operatorOf(normal)
    if (isList(operator)) {
      const items: Handle[] = []
      for (const item of graph.inputs(normal)) items.push(await this.#force(item, depth + 1))
      return graph.add(LIST, items, graph.siteOf(normal))
    }
    return normal
  }

  // What evaluation asks of the world

  async computed(node: Handle): Promise<Value> {
    return await this.#results.valueOf(node)
  }

  async performed({ work }: Primitive, args: readonly Handle[]): Promise<Value> {
    if (work.kind !== "effect") throw new Error("only effects are performed")
    const { signal, observer, folder, readFolders } = this.#options
    const outside: Outside = {
      signal,
      reach: { folder, others: readFolders },
      print: observer.line,
      show: (value) => formatShown(showValue(value)),
      save: async (name, value) => {
        await saveValue(value, { root: folder, name }, signal)
      },
    }
    const normals = await Promise.all(args.map((input) => this.#force(input)))
    return await this.#results.withValues(normals, async (values) => await work.perform(values, outside))
  }

  baseImage(): Handle {
    const base = findBaseImage(this.#options.graph)
    if (base !== undefined) return base
    throw new Error("the program reads no image by name whose size could be meant; name one, as in tt(image)")
  }

  fileAt(path: string): Promise<Operator> {
    const known = this.#files.get(path)
    if (known !== undefined) return known
    const found = this.#fileNow(path)
    this.#files.set(path, found)
    return found
  }

  async #fileNow(name: string): Promise<Operator> {
    const { digests, maxImageBytes, signal, folder } = this.#options
    const path = resolve(folder, name)
    const digest = await identify(path, { cache: digests, maxBytes: maxImageBytes, signal })
    const known = this.#filesByContent.get(digest)
    if (known !== undefined) return known
    const operator: Operator = { kind: "file", path, digest }
    this.#filesByContent.set(digest, operator)
    return operator
  }
}

/** What is deeper nobody reads, and no program that reads JSON either. */
function requireShallow(depth: number): void {
  if (depth <= MAX_DEPTH) return
  throw new Error(`expected lists in lists at most ${String(MAX_DEPTH)} deep, found more; print or save a part of it`)
}

function ignore(): void {
  // Whoever waits for that goal is told.
}

function failureOf(goal: Goal, error: unknown): GoalFailure {
  const failure = error instanceof EvaluationFailed ? error.failure : undefined
  const cause = failure === undefined ? error : failure.cause
  const code = cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : null
  const message = error instanceof Error ? error.message : String(error)
  return { kind: "failed", goal, code, message, site: failure?.site ?? goal.site }
}

function* batches<T>(items: readonly T[], length: number): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += length) yield items.slice(from, from + length)
}
