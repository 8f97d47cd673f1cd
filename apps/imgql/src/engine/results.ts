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
 * 4. Thresholds of one image that wait together are claimed together and found in one pass, each a result of its own.
 */
import { Binary, type Holdfast, isHoldfastError, type Operation, type Semaphore } from "holdfast"
import { decodeStream, decodeValue } from "../files/decode.ts"
import { encodeValue, joinParts } from "../files/encode.ts"
import { readImage } from "../files/read.ts"
import type { Graph, Handle } from "../graph/graph.ts"
import type { Image } from "../image/image.ts"
import { sweep as sweepKernel, sweepMask, type SweepResult } from "../kernels/sweep.ts"
import { isImage, type Means, type Value } from "../primitives/primitive.ts"
import { EvaluationFailed } from "./evaluation.ts"
import { type Chosen, Identities } from "./identity.ts"
import type { Residence } from "./residence.ts"
import { type Member, type Part, partOf, type Sweep, Sweeps } from "./sweeps.ts"

export interface ResultsOptions {
  readonly graph: Graph
  readonly chosen: Chosen
  readonly store: Holdfast
  /** One permit a kernel that may run at once. */
  readonly threads: Semaphore
  readonly residence: Residence
  readonly means: Means
  readonly signal: AbortSignal
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
}

/** A run whose result is brought. */
interface Body {
  readonly resolve: (result: Uint8Array | Binary) => void
  readonly reject: (error: unknown) => void
}

/** Longer results are files of the store. */
const INLINE_BYTES = 16 * 1024

export class Results {
  readonly #options: ResultsOptions
  readonly #identities: Identities
  readonly #operation: Operation<[id: string], Uint8Array | Binary>
  readonly #nodes = new Map<string, Handle>()
  readonly #ensuring = new Map<string, Promise<void>>()
  readonly #loading = new Map<string, Promise<Image>>()
  readonly #started = new Set<string>()
  readonly #sweeps = new Sweeps()
  /** Asked for by a sweep, which brings the result to the body. */
  readonly #swept = new Set<string>()
  readonly #bodies = new Map<string, Body>()
  #ran = 0
  #joined = 0
  #stored = 0

  constructor(options: ResultsOptions) {
    this.#options = options
    this.#identities = new Identities(options.graph, options.chosen)
    this.#operation = options.store.operation("imgql", {
      version: 1,
      effects: "pure",
      run: async (_, id: string) => await this.#compute(id),
    })
  }

  get counts(): Counts {
    return { ran: this.#ran, joined: this.#joined, stored: this.#stored }
  }

  /** What a heavy node in normal form comes to, where that is no image. */
  async valueOf(node: Handle): Promise<Value> {
    await this.#ensure(node)
    return await this.#decode(await this.#operation(this.#nameOf(node)))
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

  async #ensure(node: Handle): Promise<void> {
    const id = this.#nameOf(node)
    const known = this.#ensuring.get(id)
    if (known !== undefined) return await known
    const ensuring = this.#ensureOnce(node, id)
    this.#ensuring.set(id, ensuring)
    await ensuring
  }

  async #ensureOnce(node: Handle, id: string): Promise<void> {
    const { signal, threads } = this.#options
    const call = this.#operation.handle(id)
    const info = await call.status()
    signal.throwIfAborted()
    if (info?.status === "completed") {
      this.#stored += 1
      return
    }
    if (info?.status === "running") {
      this.#joined += 1
      await call.result({ signal })
      return
    }
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
    const { image } = part
    if (graph.operatorOf(image).kind !== "file") await this.#ensure(image)
    signal.throwIfAborted()
    const name = this.#nameOf(image)
    try {
      await new Promise<void>((resolve, reject) => {
        const sweep = this.#sweeps.join(name, { id, part, resolve, reject })
        if (sweep !== null) void this.#runSweep(image, name, sweep)
      })
    } catch (error) {
      throw this.#failureOf(node, causeOf(error))
    }
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
  async #claim({ id, resolve, reject }: Member): Promise<void> {
    const { signal } = this.#options
    this.#swept.add(id)
    const call = this.#operation.handle(id)
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
    const { means } = this.#options
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
  async #compute(id: string): Promise<Uint8Array | Binary> {
    const { graph, chosen, residence, means } = this.#options
    const node = this.#nodes.get(id)
    if (node === undefined) throw new Error(`the operation ${id} is no part of this program`)
    this.#started.add(id)
    this.#ran += 1
    if (this.#swept.delete(id)) {
      return await new Promise<Uint8Array | Binary>((resolve, reject) =>
        this.#bodies.set(id, { resolve, reject }),
      ).finally(() => this.#bodies.delete(id))
    }
    const { work } = chosen(node)
    if (work.kind !== "heavy") throw new Error("only heavy primitives are computed by the store's leave")
    const inputs = graph.inputs(node)
    const args = await this.argumentsOf(inputs)
    const bytes = roomFor(args)
    try {
      await residence.enter(bytes)
      try {
        return await this.#store(id, await work.compute(args, means))
      } finally {
        residence.leave(bytes)
      }
    } finally {
      this.releaseArguments(inputs)
    }
  }

  /** The result as the store has it; an image stays in memory as well, while there is room. */
  async #store(id: string, value: Value): Promise<Uint8Array | Binary> {
    const { residence, store } = this.#options
    const encoded = encodeValue(value)
    const result =
      encoded.byteLength <= INLINE_BYTES ? joinParts(encoded) : await store.writeBinary(iterate(encoded.parts))
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
      return await readImage(operator.path, { signal, maxBytes: maxImageBytes, digest: operator.digest })
    }
    const value = await this.#decode(await this.#operation.invoke([id], { signal }))
    if (isImage(value)) return value
    throw new Error("the store has something else than the image that was computed")
  }

  async #decode(result: Uint8Array | Binary): Promise<Value> {
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

function ignore(): void {
  // Whoever waits for it is told.
}
