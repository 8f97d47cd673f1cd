/**
 * A program run to its goals: each printed or saved in the order they are written, as soon as all before it are.
 * A goal that fails is reported with its place, and the others go on.
 */
import { createHash } from "node:crypto"
import { resolve } from "node:path"
import type { Holdfast, Semaphore } from "holdfast"
import { encodeValue } from "../files/encode.ts"
import { identify, type DigestCache } from "../files/identity.ts"
import { saveValue } from "../files/save.ts"
import type { Graph, Handle, Site } from "../graph/graph.ts"
import { findBaseImage, type Goal } from "../graph/load.ts"
import { LIST, type Operator } from "../graph/operator.ts"
import type { Image } from "../image/image.ts"
import type { Kernel } from "../kernels/kernel.ts"
import type { Outside, Primitive, Value } from "../primitives/primitive.ts"
import type { KernelPool } from "../threads/pool.ts"
import { Evaluation, EvaluationFailed } from "./evaluation.ts"
import { Residence } from "./residence.ts"
import { type Counts, Results } from "./results.ts"
import { isList, Rewriting, type World } from "./rewrite.ts"

export interface RunOptions {
  readonly graph: Graph
  readonly goals: readonly Goal[]
  readonly store: Holdfast
  readonly threads: Semaphore
  readonly pool: KernelPool
  readonly digests: DigestCache
  /** Where files are read and written, the only folder in which any is written. */
  readonly folder: string
  readonly maxMemoryBytes: number
  readonly maxImageBytes: number
  readonly signal: AbortSignal
  readonly onLine: (line: string) => void
  readonly onFailure: (failure: GoalFailure) => void
}

export interface GoalFailure {
  readonly goal: Goal
  readonly message: string
  /** Where in the program the cause lies. */
  readonly site: Site
}

export interface RunSummary extends Counts {
  readonly goals: number
  readonly failed: number
  readonly nodes: number
  /** Runs of kernels: fewer than operations where one pass brought many. */
  readonly kernels: number
  readonly peakBytes: number
}

/** So many goals or items are worked on at once: enough for a sweep to be worth its pass; memory has its own bound. */
const GOALS_AT_ONCE = 128

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
  #failed = 0
  #kernels = 0

  constructor(options: RunOptions) {
    const { graph, store, threads, pool, signal, maxImageBytes, maxMemoryBytes } = options
    this.#options = options
    this.#residence = new Residence(maxMemoryBytes)
    this.#rewriting = new Rewriting(graph, this)
    this.#evaluation = new Evaluation(graph, this.#rewriting)
    const means = {
      run: async <Parameters, Memory, Result>(
        kernel: Kernel<Parameters, Memory, Result>,
        inputs: readonly Image[],
        parameters: Parameters,
      ): Promise<Result> => {
        this.#kernels += 1
        return await pool.run(kernel, inputs, parameters, { signal })
      },
    }
    this.#results = new Results({
      graph,
      chosen: (node) => this.#rewriting.chosen(node),
      store,
      threads,
      residence: this.#residence,
      means,
      signal,
      maxImageBytes,
    })
  }

  async run(): Promise<RunSummary> {
    const { goals, graph, signal } = this.#options
    const waiting: Promise<() => void>[] = []
    for (const goal of goals) {
      if (waiting.length >= GOALS_AT_ONCE) (await waiting.shift())?.()
      signal.throwIfAborted()
      waiting.push(this.#reach(goal))
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
      kernels: this.#kernels,
      peakBytes,
    }
  }

  /** Works towards a goal; what comes back tells of it, in its turn. */
  async #reach(goal: Goal): Promise<() => void> {
    const { onLine, onFailure } = this.#options
    try {
      const line = goal.kind === "print" ? `${goal.label}=${await this.#show(goal.handle)}` : await this.#save(goal)
      return () => onLine(line)
    } catch (error) {
      const failure = error instanceof EvaluationFailed ? error.failure : undefined
      const message = error instanceof Error ? error.message : String(error)
      return () => {
        this.#failed += 1
        onFailure({ goal, message, site: failure?.site ?? goal.site })
      }
    }
  }

  /** A value as people read it: images by what they are, a sequence item by item and never all of it in memory. */
  async #show(handle: Handle): Promise<string> {
    const { graph } = this.#options
    const normal = await this.#evaluation.normalize(handle)
    const operator = graph.operatorOf(normal)
    const constant = graph.constantOf(normal)
    if (constant !== undefined) return typeof constant === "string" ? constant : String(constant)
    if (isList(operator)) {
      const shown: string[] = []
      for (const batch of batches(graph.inputs(normal), GOALS_AT_ONCE)) {
        shown.push(...(await Promise.all(batch.map((item) => this.#show(item)))))
      }
      return `[${shown.join(", ")}]`
    }
    const image = await this.#results.imageOf(normal)
    try {
      return describeImage(image)
    } finally {
      this.#results.release(normal)
    }
  }

  async #save({ label, handle }: Goal): Promise<string> {
    const { folder, signal } = this.#options
    const normal = await this.#force(handle)
    const [value] = await this.#results.argumentsOf([normal])
    try {
      const { path, bytes, lost } = await saveValue(value ?? null, { root: folder, name: label }, signal)
      const note = lost.length === 0 ? "" : `; not kept: ${lost.join(", ")}`
      return `saved ${path} (${bytes.toLocaleString("en-US")} bytes${note})`
    } finally {
      this.#results.releaseArguments([normal])
    }
  }

  /** The normal form with all items of sequences in normal form, and images computed. */
  async #force(handle: Handle): Promise<Handle> {
    const { graph } = this.#options
    const normal = await this.#evaluation.normalize(handle)
    const operator = graph.operatorOf(normal)
    if (isList(operator)) {
      const items: Handle[] = []
      for (const item of graph.inputs(normal)) items.push(await this.#force(item))
      return graph.add(LIST, items, graph.siteOf(normal))
    }
    if (operator.kind !== "constant") {
      await this.#results.imageOf(normal)
      this.#results.release(normal)
    }
    return normal
  }

  // What evaluation asks of the world

  async computed(node: Handle): Promise<Value> {
    return await this.#results.valueOf(node)
  }

  async performed({ work }: Primitive, args: readonly Handle[]): Promise<Value> {
    if (work.kind !== "effect") throw new Error("only effects are performed")
    const { signal, onLine, folder } = this.#options
    const outside: Outside = {
      signal,
      print: onLine,
      save: async (name, value) => {
        await saveValue(value, { root: folder, name }, signal)
      },
    }
    const normals = await Promise.all(args.map((input) => this.#force(input)))
    const values = await this.#results.argumentsOf(normals)
    try {
      return await work.perform(values, outside)
    } finally {
      this.#results.releaseArguments(normals)
    }
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

/** `Image(188x256x190 uint8, spacing 0.88, 51c0b8dd)`: the last is where the digest of its bytes begins. */
export function describeImage(image: Image): string {
  const { size, spacing, type, components } = image
  const [first] = spacing
  const isEven = spacing.every((along) => along === first)
  const shown = (isEven ? spacing.slice(0, 1) : spacing).map((along) => String(Number(along.toFixed(4)))).join("x")
  const hash = createHash("sha256")
  for (const part of encodeValue(image).parts) hash.update(part)
  const kind = components === 1 ? type : `${type} x ${String(components)}`
  return `Image(${size.join("x")} ${kind}, spacing ${shown}, ${hash.digest("hex").slice(0, 8)})`
}

function* batches<T>(items: readonly T[], length: number): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += length) yield items.slice(from, from + length)
}
