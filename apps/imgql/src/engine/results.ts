/**
 * What heavy nodes come to, each computed once a store: here, or by whoever else of those who share it is at it.
 *
 *     unknown ──▶ stored
 *        │ └────▶ somebody is at it ──▶ stored
 *        └──its inputs are stored──▶ waits for a thread ──▶ computed here, or joined ──▶ stored
 *
 * 1. A node is ready when its inputs are stored, whether or not they are in memory: what is not is read again, and what was
 *    evicted from the store is computed again (O9).
 * 2. A claim is taken only with a thread at hand: processes that run one program share its kernels, and none sits on what
 *    another could compute.
 * 3. Who waits for somebody else's computation keeps no thread.
 * 4. What is cut off is given back to the store, for whoever wants it next, and never counts as failed.
 * 5. Thresholds of one image that wait together are claimed together and found in one pass, each a result of its own.
 */
import { Binary, type Call, type Holdfast, isHoldfastError, type RunContext, type Semaphore } from "holdfast"
import { decodeStream, decodeValue } from "../files/decode.ts"
import { encodeValue, joinParts } from "../files/encode.ts"
import { readImage } from "../files/read.ts"
import type { Graph, Handle } from "../graph/graph.ts"
import type { Image } from "../image/image.ts"
import type { Kernel } from "../kernels/kernel.ts"
import { sweep as sweepKernel, sweepMask, type SweepResult } from "../kernels/sweep.ts"
import { isImage, type Means, type Value } from "../primitives/primitive.ts"
import type { KernelPool } from "../threads/pool.ts"
import { EvaluationFailed } from "./evaluation.ts"
import { type Chosen, Identities } from "./identity.ts"
import type { OperationStage, RunObserver, WorkEvent } from "./observer.ts"
import { Operations, type Stored } from "./operations.ts"
import type { Residence } from "./residence.ts"
import { type Member, type Part, partOf, type Sweep, Sweeps } from "./sweeps.ts"

export interface ResultsOptions {
  readonly graph: Graph
  readonly chosen: Chosen
  readonly store: Holdfast
  /** One permit a kernel that may run at once. */
  readonly threads: Semaphore
  readonly residence: Residence
  readonly pool: KernelPool
  /** Whoever aborts it closes the store, too. */
  readonly signal: AbortSignal
  /** Whether what the store has is forgotten, and computed anew. */
  readonly isFresh: boolean
  readonly observer: RunObserver
  /** No image larger than this is read. */
  readonly maxImageBytes: number
}

/** What became of the nodes that were wanted. */
export interface Counts {
  /** Computed here. */
  readonly ran: number
  /** Computed by others meanwhile. */
  readonly joined: number
  /** Computed before. */
  readonly stored: number
  /** Runs of kernels: fewer than operations where one pass brought many. */
  readonly kernels: number
}

/** A run whose result is brought. */
interface Body {
  readonly resolve: (result: Stored) => void
  readonly reject: (error: unknown) => void
}

/** Longer results are files of the store. */
const INLINE_BYTES = 16 * 1024

export class Results {
  readonly #options: ResultsOptions
  readonly #identities: Identities
  readonly #operations: Operations
  readonly #nodes = new Map<string, Handle>()
  readonly #ensuring = new Map<string, Promise<void>>()
  readonly #loading = new Map<string, Promise<Image>>()
  readonly #started = new Set<string>()
  /** What the store had when it was wanted. */
  readonly #served = new Set<string>()
  readonly #sweeps = new Sweeps()
  /** Asked for by a sweep, which brings the result to the body. */
  readonly #swept = new Set<string>()
  readonly #bodies = new Map<string, Body>()
  #ran = 0
  #joined = 0
  #stored = 0
  #kernels = 0

  constructor(options: ResultsOptions) {
    this.#options = options
    this.#identities = new Identities(options.graph, options.chosen)
    this.#operations = new Operations(options.store, async (context, id) => await this.#compute(context, id))
  }

  get counts(): Counts {
    return { ran: this.#ran, joined: this.#joined, stored: this.#stored, kernels: this.#kernels }
  }

  /** What a heavy node in normal form comes to, where that is no image. */
  async valueOf(node: Handle): Promise<Value> {
    await this.#ensure(node)
    return await this.#decode(await this.#callOf(node).result({ signal: this.#options.signal }))
  }

  /** An image by its node, in memory until it is released. */
  async imageOf(node: Handle): Promise<Image> {
    if (this.#options.graph.operatorOf(node).kind !== "file") await this.#ensure(node)
    return await this.#load(node)
  }

  release(node: Handle): void {
    this.#options.residence.release(this.#nameOf(node))
  }

  /** The arguments a node's inputs are, images loaded; `release` them. */
  async argumentsOf(inputs: readonly Handle[]): Promise<readonly Value[]> {
    return await Promise.all(inputs.map((input) => this.#argument(input)))
  }

  releaseArguments(inputs: readonly Handle[]): void {
    for (const image of inputs.flatMap((input) => this.#imagesIn(input))) this.release(image)
  }

  #nameOf(node: Handle): string {
    const id = this.#identities.of(node)
    this.#nodes.set(id, node)
    return id
  }

  #callOf(node: Handle): Call<Stored> {
    return this.#operations.callOf(this.#options.chosen(node), this.#nameOf(node))
  }

  #tell(stage: OperationStage, id: string, node: Handle): void {
    this.#options.observer.operation({ stage, id, node })
  }

  async #ensure(node: Handle): Promise<void> {
    const id = this.#nameOf(node)
    const known = this.#ensuring.get(id)
    if (known !== undefined) return await known
    const ensuring = this.#ensureTold(node, id)
    this.#ensuring.set(id, ensuring)
    await ensuring
  }

  async #ensureTold(node: Handle, id: string): Promise<void> {
    this.#tell("wanted", id, node)
    try {
      await this.#ensureOnce(node, id)
    } catch (error) {
      this.#tell("failed", id, node)
      throw error
    }
    if (!this.#started.has(id)) this.#tell(this.#served.has(id) ? "stored" : "joined", id, node)
  }

  async #ensureOnce(node: Handle, id: string): Promise<void> {
    const { signal, threads, isFresh } = this.#options
    const call = this.#callOf(node)
    const info = await call.status()
    signal.throwIfAborted()
    if (info?.status === "completed" && !isFresh) {
      this.#stored += 1
      this.#served.add(id)
      return
    }
    if (info?.status === "running") {
      this.#joined += 1
      await call.result({ signal })
      return
    }
    if (info !== undefined && isFresh) await call.forget()
    const part = this.#partOf(node)
    if (part !== null) return await this.#ensureInSweep(node, id, part)
    await Promise.all(this.#imagesUnder(node).map((image) => this.#ensure(image)))
    const grant = await threads.acquire({ signal })
    try {
      const result = call.result({ signal })
      // The store answers in order: by then the body has been started, or somebody else is at it.
      await Promise.race([call.status(), result])
      if (!this.#started.has(id)) {
        this.#joined += 1
        await grant.release()
      }
      await result
    } catch (error) {
      throw this.#failureOf(node, causeOf(error))
    } finally {
      await grant.release()
    }
  }

  // Sweeps

  /** What the node is of a sweep. A count of a mask that somebody wants is made of that. */
  #partOf(node: Handle): Part | null {
    const { graph, chosen } = this.#options
    const part = partOf(graph, chosen, node)
    if (part?.mask == null) return part
    return this.#ensuring.has(this.#nameOf(part.mask)) ? null : part
  }

  async #ensureInSweep(node: Handle, id: string, part: Part): Promise<void> {
    const { graph, signal } = this.#options
    const { image, mask } = part
    if (graph.operatorOf(image).kind !== "file") await this.#ensure(image)
    if (mask !== null) await this.#forgetUnwanted(mask)
    signal.throwIfAborted()
    const name = this.#nameOf(image)
    try {
      await new Promise<void>((resolve, reject) => {
        const sweep = this.#sweeps.join(name, { id, node, part, resolve, reject })
        if (sweep !== null) void this.#runSweep(image, name, sweep)
      })
    } catch (error) {
      throw this.#failureOf(node, causeOf(error))
    }
  }

  /** A fresh run forgets the mask of a count, too, although it makes none. */
  async #forgetUnwanted(mask: Handle): Promise<void> {
    if (!this.#options.isFresh) return
    const info = await this.#callOf(mask).status()
    if (info?.status === "completed" && !this.#ensuring.has(this.#nameOf(mask))) await this.#callOf(mask).forget()
  }

  /** Never rejects: what fails, fails for those who wait for it. */
  async #runSweep(image: Handle, name: string, sweep: Sweep): Promise<void> {
    const { threads, signal } = this.#options
    let grant: Awaited<ReturnType<typeof threads.acquire>> | null = null
    try {
      grant = await threads.acquire({ signal })
      this.#sweeps.close(name, sweep)
      await Promise.all(sweep.map((member) => this.#claim(member)))
      const started = sweep.filter(({ id }) => this.#started.has(id))
      this.#joined += sweep.length - started.length
      // What somebody else is at may come here all the same, if they die: then it is computed like any other.
      for (const { id } of sweep) if (!this.#started.has(id)) this.#swept.delete(id)
      if (started.length > 0) await this.#sweepOver(image, started)
    } catch (error) {
      this.#sweeps.close(name, sweep)
      for (const { id, reject } of sweep) {
        this.#bodies.get(id)?.reject(error)
        reject(error)
      }
    } finally {
      await grant?.release()
    }
  }

  /** Asks for a result; the store answers in order: when this resolves, the body is started, or somebody else is at it. */
  async #claim({ id, node, resolve, reject }: Member): Promise<void> {
    const { signal } = this.#options
    this.#swept.add(id)
    const call = this.#callOf(node)
    const result = call.result({ signal })
    void result.then(() => resolve(), reject)
    await Promise.race([call.status(), result.catch(ignore)])
  }

  /** One pass for all; masks are made of its classes one by one, so that they are not all in memory. */
  async #sweepOver(node: Handle, members: readonly Member[]): Promise<void> {
    const { residence } = this.#options
    const image = await this.#load(node)
    const bytes = roomFor([image])
    try {
      await residence.enter(bytes)
      try {
        await this.#passOver(image, members)
      } finally {
        residence.leave(bytes)
      }
    } finally {
      this.release(node)
    }
  }

  /** One that asks for what cannot be fails alone: then each has a pass of its own. */
  async #passOver(image: Image, members: readonly Member[]): Promise<void> {
    const means = this.#meansFor(members.map(({ id }) => id))
    const selections = members.map(({ part }) => part.selection)
    const areClassesKept = members.some(({ part }) => part.wants === "mask")
    let found: SweepResult
    try {
      found = await means.run(sweepKernel, [image], { selections, areClassesKept })
    } catch (error) {
      if (members.length === 1) for (const { id } of members) this.#bodies.get(id)?.reject(error)
      else for (const member of members) await this.#passOver(image, [member])
      return
    }
    const { counts, ranges, classes } = found
    for (const [at, { id, part }] of members.entries()) {
      const range = ranges[at]
      const isMask = part.wants === "mask" && classes !== null && range !== undefined
      const value = isMask ? await means.run(sweepMask, [classes], range) : (counts[at] ?? 0)
      this.#bodies.get(id)?.resolve(await this.#store(id, value))
    }
  }

  /** Says where the program asks for what failed: the innermost place, which others fail for. */
  #failureOf(node: Handle, cause: unknown): unknown {
    if (cause instanceof EvaluationFailed || this.#options.signal.aborted) return cause
    const message = cause instanceof Error ? cause.message : String(cause)
    return new EvaluationFailed({ message, site: this.#options.graph.siteOf(node), cause })
  }

  /** Images a node is made of that are computed, not read. */
  #imagesUnder(node: Handle): Handle[] {
    const { graph } = this.#options
    return graph
      .inputs(node)
      .flatMap((input) => this.#imagesIn(input))
      .filter((image) => graph.operatorOf(image).kind !== "file")
  }

  #imagesIn(input: Handle): Handle[] {
    const { graph } = this.#options
    const { kind } = graph.operatorOf(input)
    if (kind === "constant") return []
    if (kind === "list" || kind === "forced") return graph.inputs(input).flatMap((item) => this.#imagesIn(item))
    return [input]
  }

  /** The body of a run, executed where a thread is held for it. */
  async #compute({ signal: over }: RunContext, id: string): Promise<Stored> {
    const node = this.#nodes.get(id)
    if (node === undefined) throw new Error(`the operation ${id} is no part of this program`)
    this.#started.add(id)
    this.#ran += 1
    this.#tell("started", id, node)
    try {
      const stored = this.#swept.delete(id) ? await this.#brought(id) : await this.#computeAlone(node, id)
      this.#tell("ran", id, node)
      return stored
    } catch (error) {
      this.#tell("stopped", id, node)
      // Cut off, it has not failed: it ends when the store, which is being closed, takes it back.
      if (this.#options.signal.aborted) await whenAborted(over)
      throw error
    }
  }

  async #brought(id: string): Promise<Stored> {
    try {
      return await new Promise<Stored>((resolve, reject) => this.#bodies.set(id, { resolve, reject }))
    } finally {
      this.#bodies.delete(id)
    }
  }

  async #computeAlone(node: Handle, id: string): Promise<Stored> {
    const { graph, chosen, residence } = this.#options
    const { work } = chosen(node)
    if (work.kind !== "heavy") throw new Error("only heavy primitives are computed by the store's leave")
    const inputs = graph.inputs(node)
    const args = await this.argumentsOf(inputs)
    const bytes = roomFor(args)
    try {
      await residence.enter(bytes)
      try {
        return await this.#store(id, await work.compute(args, this.#meansFor([id])))
      } finally {
        residence.leave(bytes)
      }
    } finally {
      this.releaseArguments(inputs)
    }
  }

  #meansFor(ids: readonly string[]): Means {
    const { pool, signal } = this.#options
    const run = async <Parameters, Memory, Result>(
      kernel: Kernel<Parameters, Memory, Result>,
      inputs: readonly Image[],
      parameters: Parameters,
    ): Promise<Result> => {
      this.#kernels += 1
      const running = pool.run(kernel, inputs, parameters, { signal })
      return await this.#timed({ kind: "kernel", name: kernel.name, ids }, running)
    }
    return { run }
  }

  async #timed<T>(what: Omit<WorkEvent, "startedMs" | "endedMs">, work: Promise<T>): Promise<T> {
    const startedMs = performance.now()
    const done = await work
    this.#options.observer.worked({ ...what, startedMs, endedMs: performance.now() })
    return done
  }

  /** The result as the store has it; an image stays in memory as well, while there is room. */
  async #store(id: string, value: Value): Promise<Stored> {
    const { residence, store } = this.#options
    const encoded = encodeValue(value)
    const written = encoded.byteLength <= INLINE_BYTES ? null : store.writeBinary(iterate(encoded.parts))
    const what = { kind: "store", name: "result", ids: [id] } as const
    const result = written === null ? joinParts(encoded) : await this.#timed(what, written)
    if (isImage(value)) {
      residence.keep(id, value)
      residence.release(id)
    }
    return result
  }

  async #argument(input: Handle): Promise<Value> {
    const { graph } = this.#options
    const constant = graph.constantOf(input)
    if (constant !== undefined) return constant
    const { kind } = graph.operatorOf(input)
    if (kind === "list" || kind === "forced") return await this.argumentsOf(graph.inputs(input))
    return await this.#load(input)
  }

  /** From memory, from its file, or from the store, which computes it again where it has evicted it. */
  async #load(node: Handle): Promise<Image> {
    const { residence } = this.#options
    const id = this.#nameOf(node)
    const resident = residence.use(id)
    if (resident !== undefined) return resident
    // Who comes while it is loaded waits for that, and is counted as a user of its own.
    const known = this.#loading.get(id)
    if (known !== undefined) return residence.keep(id, await known)
    const loading = this.#fetch(node, id)
    this.#loading.set(id, loading)
    try {
      return residence.keep(id, await loading)
    } finally {
      this.#loading.delete(id)
    }
  }

  async #fetch(node: Handle, id: string): Promise<Image> {
    const { graph, signal, maxImageBytes } = this.#options
    const operator = graph.operatorOf(node)
    if (operator.kind === "file") {
      const { path, digest } = operator
      const read = readImage(path, { signal, maxBytes: maxImageBytes, digest })
      return await this.#timed({ kind: "read", name: path, ids: [] }, read)
    }
    const stored = await this.#callOf(node).result({ signal })
    const value = await this.#timed({ kind: "fetch", name: "result", ids: [id] }, this.#decode(stored))
    if (isImage(value)) return value
    throw new Error("the store has something else than the image that was computed")
  }

  async #decode(result: Stored): Promise<Value> {
    const limits = { maxBytes: this.#options.maxImageBytes }
    return result instanceof Binary ? await decodeStream(result.stream(), limits) : decodeValue(result, limits)
  }
}

/** Room for what is computed beside what it is computed of: the result and what the kernel needs meanwhile. */
function roomFor(args: readonly Value[]): number {
  const largest = Math.max(0, ...args.filter(isImage).map(({ voxels }) => voxels.length))
  return 2 * 4 * largest
}

async function* iterate(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield part
}

/** What failed, rather than that a run of the store did. */
function causeOf(error: unknown): unknown {
  return isHoldfastError(error, "RUN_FAILED") && error.cause instanceof Error ? error.cause : error
}

async function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true })
  })
}

function ignore(): void {
  // Whoever waits for it is told.
}
