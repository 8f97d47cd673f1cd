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
 *    another could compute. What a process leaves behind that died or is frozen waits for a thread like anything else.
 * 3. Who waits for somebody else's computation keeps no thread.
 * 4. What is cut off is given back to the store, for whoever wants it next, and never counts as failed.
 * 5. Thresholds of one image that wait together are claimed together and found in one pass, each a result of its own.
 */
import { Binary, type Call, type Holdfast, isHoldfastError, type RunContext, type Semaphore } from "holdfast"
import type { Graph, Handle } from "../graph/graph.ts"
import type { Image } from "../image/image.ts"
import type { Kernel } from "../kernels/kernel.ts"
import type { Means, Value } from "../primitives/primitive.ts"
import { roomFor } from "../primitives/room.ts"
import type { KernelPool } from "../threads/pool.ts"
import { EvaluationFailed } from "./evaluation.ts"
import { type Chosen, Identities } from "./identity.ts"
import type { OperationStage, RunObserver } from "./observer.ts"
import { Operations, type Stored } from "./operations.ts"
import type { Overflow } from "./overflow.ts"
import { type Origin, Passes } from "./passes.ts"
import { Presence } from "./presence.ts"
import { Pulse } from "./pulse.ts"
import type { Residence } from "./residence.ts"
import type { ShownImage } from "./shown.ts"
import { type Part, Parts } from "./sweeps.ts"
import { Values } from "./values.ts"

export interface ResultsOptions {
  readonly graph: Graph
  readonly chosen: Chosen
  readonly store: Holdfast
  /** One permit a kernel that may run at once. */
  readonly threads: Semaphore
  readonly residence: Residence
  readonly pool: KernelPool
  /**
   * Whoever aborts it closes the store, too, which ends all waits for results. So none listens by itself: thousands of
   * listeners at one signal are slow, since each new one is compared with all.
   */
  readonly signal: AbortSignal
  /** Whether what the store has is forgotten, and computed anew. */
  readonly isFresh: boolean
  readonly observer: RunObserver
  /** No image larger than this is read. */
  readonly maxImageBytes: number
  /** Where images go that only this run wants; null where the store has them all. */
  readonly overflow: Overflow | null
}

/** What became of the nodes that were wanted. */
export interface Counts {
  /** Computed here. */
  readonly ran: number
  /** Begun here, without a result. */
  readonly broken: number
  /** How often one was wanted again within the program, and was there or on its way. */
  readonly shared: number
  /** Computed by others meanwhile. */
  readonly joined: number
  /** Computed before. */
  readonly stored: number
  /** Runs of kernels: fewer than operations where one pass brought many. */
  readonly kernels: number
}

/** A run whose result is brought by a pass. */
interface Body {
  readonly resolve: (result: Stored) => void
  readonly reject: (error: unknown) => void
}

export class Results {
  readonly #options: ResultsOptions
  readonly #identities: Identities
  readonly #operations: Operations
  readonly #values: Values
  readonly #parts: Parts
  readonly #passes: Passes
  readonly #presence: Presence
  readonly #pulse: Pulse
  readonly #nodes = new Map<string, Handle>()
  readonly #ensuring = new Map<string, Promise<void>>()
  /** Asked for with what they need at hand: a thread, or the place of who reads them. */
  readonly #ready = new Set<string>()
  /** Asked for by a pass, which brings the results to the bodies. */
  readonly #swept = new Set<string>()
  readonly #bodies = new Map<string, Body>()
  readonly #started = new Set<string>()
  /** What the store had when it was wanted. */
  readonly #served = new Set<string>()
  readonly #joined = new Set<string>()
  /** What was found when it was asked whether it is there, for who reads it next, who need not ask again. */
  readonly #found = new Map<string, Stored>()
  #ran = 0
  #broken = 0
  #shared = 0
  #kernels = 0

  constructor(options: ResultsOptions) {
    this.#options = options
    const { graph, chosen, store } = options
    this.#identities = new Identities(graph, chosen)
    this.#parts = new Parts(graph, chosen)
    this.#presence = new Presence(store)
    this.#pulse = new Pulse(async () => await store.cell("imgql/pulse").get())
    this.#operations = new Operations(store, async (context, id) => await this.#body(context, id))
    this.#values = new Values({
      ...options,
      nameOf: (node) => this.#nameOf(node),
      stored: async (node) => await this.#storedNow(node),
    })
    this.#passes = new Passes({
      ...options,
      values: this.#values,
      meansFor: (ids) => this.#meansFor(ids),
      originOf: (image) => this.#originOf(image),
      ensure: async (image) => await this.#ensureQuietly(image),
      attend: async (ids, work) => await this.#presence.attend(ids, work),
    })
  }

  get counts(): Counts {
    return {
      ran: this.#ran,
      broken: this.#broken,
      shared: this.#shared,
      joined: this.#joined.size,
      stored: this.#served.size,
      kernels: this.#kernels,
    }
  }

  /** What a heavy node in normal form comes to, where that is no image. */
  async valueOf(node: Handle): Promise<Value> {
    await this.#ensure(node)
    const id = this.#nameOf(node)
    return await this.#options.residence.within(async (room) => await this.#values.read(node, id, room))
  }

  /** What is said of an image to people: of one in the store without its voxels, as its digest is known. */
  async shown(node: Handle): Promise<ShownImage> {
    await this.#ensureEach(this.#values.imagesIn(node), (image) => this.#ensure(image))
    return await this.#options.residence.within(async (room) => await this.#values.show(node, room))
  }

  /** Does something with the values of normal forms, computed if they are not yet; images are in memory meanwhile. */
  async withValues<T>(nodes: readonly Handle[], use: (values: readonly Value[]) => T | Promise<T>): Promise<T> {
    await this.#ensureAll(nodes)
    return await this.#options.residence.within(
      async (room) => await this.#values.with(nodes, room, async (values) => await use(values)),
    )
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

  /** Sees that the images in these are computed. */
  async #ensureAll(nodes: readonly Handle[]): Promise<void> {
    const images = nodes.flatMap((node) => this.#values.imagesIn(node))
    await this.#ensureEach(images, async (image) => {
      await this.#ensure(image)
      // When it will be read is not known: it may have been evicted by then, so it is asked for again.
      this.#found.delete(this.#nameOf(image))
    })
  }

  async #ensureEach(images: readonly Handle[], ensure: (image: Handle) => Promise<void>): Promise<void> {
    const computed = images.filter((image) => this.#options.graph.operatorOf(image).kind !== "file")
    await Promise.all(computed.map(ensure))
  }

  async #ensure(node: Handle): Promise<void> {
    const id = this.#nameOf(node)
    const known = this.#ensuring.get(id)
    if (known !== undefined) {
      this.#shared += 1
      this.#tell("shared", id, node)
      return await known
    }
    const ensuring = this.#ensureTold(node, id)
    this.#ensuring.set(id, ensuring)
    await ensuring
  }

  async #ensureTold(node: Handle, id: string): Promise<void> {
    this.#tell("wanted", id, node)
    try {
      await this.#pulse.during(this.#ensureOnce(node, id))
    } catch (error) {
      // What was cut off has not failed.
      if (!this.#options.signal.aborted) this.#tell("failed", id, node)
      throw this.#failureOf(node, causeOf(error))
    }
    if (!this.#started.has(id)) this.#tell(this.#served.has(id) ? "stored" : "joined", id, node)
  }

  async #ensureOnce(node: Handle, id: string): Promise<void> {
    const { signal, isFresh, pool } = this.#options
    const call = this.#callOf(node)
    const found = await call.peek()
    signal.throwIfAborted()
    if (found?.status === "completed" && !isFresh) {
      this.#served.add(id)
      this.#found.set(id, found.result)
      return
    }
    // There will be work for threads, which may get ready while files are read.
    pool.start()
    if (found?.status === "running") return await this.#follow(node, id, call.result())
    if (found !== undefined && isFresh) await call.forget()
    const part = this.#partOf(node)
    if (part !== null) return await this.#ensureInPass(node, id, part)
    await this.#withThread(node, async (release) => {
      this.#ready.add(id)
      try {
        const result = call.result()
        await this.#asked(call, result)
        if (this.#started.has(id)) return void (await result)
        this.#ready.delete(id)
        await release()
        await this.#follow(node, id, result)
      } finally {
        this.#ready.delete(id)
      }
    })
  }

  /** With a thread at hand, and all that the node is made of stored. */
  async #withThread<T>(node: Handle, work: (release: () => Promise<void>) => Promise<T>): Promise<T> {
    const { graph, threads, signal } = this.#options
    await this.#ensureAll(graph.inputs(node))
    const grant = await threads.acquire()
    try {
      signal.throwIfAborted()
      return await work(async () => await grant.release())
    } finally {
      await grant.release()
    }
  }

  /** The store answers in order: when this resolves, the body has been started, or somebody else is at it. */
  async #asked(call: Call<Stored>, result: Promise<unknown>): Promise<void> {
    await Promise.race([call.peek(), result.then(ignore, ignore)])
  }

  /** Waits for what somebody else is at, and computes it in their place where they are frozen. */
  async #follow(node: Handle, id: string, result: Promise<unknown>): Promise<void> {
    this.#joined.add(id)
    await this.#presence.follow(id, result, async () => {
      const stored = await this.#executed(node, id, async () => await this.#takeOver(node, id))
      await this.#callOf(node).put(stored)
    })
  }

  /** Says where the program asks for what failed: the innermost place, which others fail for. */
  #failureOf(node: Handle, cause: unknown): unknown {
    if (cause instanceof EvaluationFailed || this.#options.signal.aborted) return cause
    const message = cause instanceof Error ? cause.message : String(cause)
    return new EvaluationFailed({ message, site: this.#options.graph.siteOf(node), cause })
  }

  // In passes

  /** What the node is of a sweep. A count of a mask that somebody has asked for before is made of that. */
  #partOf(node: Handle): Part | null {
    const part = this.#parts.of(node)
    if (part?.mask == null || this.#passes.isOpen(part.image)) return part
    return this.#ensuring.has(this.#nameOf(part.mask)) ? null : part
  }

  /** Null where the image is wanted itself, too, or its selections are found in it. */
  #originOf(image: Handle): Origin | null {
    const { graph, chosen } = this.#options
    if (graph.operatorOf(image).kind !== "apply" || this.#ensuring.has(this.#nameOf(image))) return null
    const { work } = chosen(image)
    if (work.kind !== "heavy" || work.shortcut === undefined) return null
    return { inputs: graph.inputs(image), shortcut: work.shortcut }
  }

  /** What is needed to find selections of an image. */
  async #ensurePassed({ image, mask }: Part): Promise<void> {
    const origin = this.#originOf(image)
    await this.#ensureAll(origin === null ? [image] : origin.inputs)
    if (origin !== null) await this.#forgetUnwanted(image)
    if (mask !== null) await this.#forgetUnwanted(mask)
  }

  /** Not because the program asks for it once more. */
  async #ensureQuietly(node: Handle): Promise<void> {
    const known = this.#ensuring.get(this.#nameOf(node))
    await (known ?? this.#ensure(node))
  }

  async #ensureInPass(node: Handle, id: string, part: Part): Promise<void> {
    const { signal } = this.#options
    await this.#ensurePassed(part)
    signal.throwIfAborted()
    await new Promise<void>((resolve, reject) => {
      this.#passes.join({
        id,
        part,
        claim: async () => {
          this.#swept.add(id)
          const call = this.#callOf(node)
          const result = call.result()
          void result.then(() => resolve(), reject)
          await this.#asked(call, result)
          if (this.#bodies.has(id)) return true
          // What somebody else is at may come here all the same, if they die: then it is computed like any other.
          this.#swept.delete(id)
          void this.#follow(node, id, result).then(resolve, reject)
          return false
        },
        alone: async (image) => await this.#computeOn(node, id, image),
        deliver: (stored) => this.#bodies.get(id)?.resolve(stored),
        fail: (error) => {
          this.#bodies.get(id)?.reject(error)
          reject(error)
        },
      })
    })
  }

  /** A fresh run forgets the mask of a count, too, although it makes none, and what it goes around. */
  async #forgetUnwanted(node: Handle): Promise<void> {
    if (!this.#options.isFresh) return
    const found = await this.#callOf(node).peek()
    if (found?.status === "completed" && !this.#ensuring.has(this.#nameOf(node))) await this.#callOf(node).forget()
  }

  /** What a process left behind that died or is frozen: found with others of its image, or with a thread of its own. */
  async #takeOver(node: Handle, id: string): Promise<Stored> {
    const part = this.#partOf(node)
    if (part === null) return await this.#withThread(node, async () => await this.#compute(node, id))
    await this.#ensurePassed(part)
    return await new Promise<Stored>((resolve, reject) => {
      this.#passes.join({
        id,
        part,
        claim: () => Promise.resolve(true),
        alone: async (image) => await this.#computeOn(node, id, image),
        deliver: resolve,
        fail: reject,
      })
    })
  }

  // Here

  /** The body of a run. */
  async #body({ signal: over }: RunContext, id: string): Promise<Stored> {
    const node = this.#nodes.get(id)
    if (node === undefined) throw new Error(`the operation ${id} is no part of this program`)
    const isReady = this.#ready.has(id)
    try {
      const stored = await this.#executed(node, id, async () => {
        if (this.#swept.delete(id)) return await this.#brought(id)
        return await this.#presence.attend([id], isReady ? this.#compute(node, id) : this.#takeOver(node, id))
      })
      if (!(stored instanceof Binary)) this.#found.set(id, stored)
      return stored
    } catch (error) {
      // Cut off, it has not failed: it ends when the store, which is being closed, takes it back.
      if (this.#options.signal.aborted) await whenAborted(over)
      throw error
    }
  }

  /** Counted and told. */
  async #executed(node: Handle, id: string, work: () => Promise<Stored>): Promise<Stored> {
    this.#started.add(id)
    this.#joined.delete(id)
    this.#tell("started", id, node)
    try {
      const stored = await work()
      this.#ran += 1
      this.#tell("ran", id, node)
      return stored
    } catch (error) {
      if (!this.#options.signal.aborted) this.#broken += 1
      this.#tell("stopped", id, node)
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

  async #compute(node: Handle, id: string): Promise<Stored> {
    const { graph, residence } = this.#options
    return await residence.within(
      async (room) =>
        await this.#values.with(graph.inputs(node), room, async (args) => {
          await room.take(roomFor(this.#options.chosen(node), args))
          return await this.#values.write(id, await this.#apply(node, id, args))
        }),
    )
  }

  /** Of a node whose one image is at hand. */
  async #computeOn(node: Handle, id: string, image: Image): Promise<Value> {
    const { graph } = this.#options
    const args = graph.inputs(node).map((input) => graph.constantOf(input))
    const values = args.map((arg) => (arg === undefined ? image : arg))
    return await this.#apply(node, id, values)
  }

  async #apply(node: Handle, id: string, args: readonly Value[]): Promise<Value> {
    const { work } = this.#options.chosen(node)
    if (work.kind !== "heavy") throw new Error("only heavy primitives are computed by the store's leave")
    return await work.compute(args, this.#meansFor([id]))
  }

  #meansFor(ids: readonly string[]): Means {
    const { pool, signal, observer } = this.#options
    const run = async <Parameters, Memory, Result>(
      kernel: Kernel<Parameters, Memory, Result>,
      inputs: readonly Image[],
      parameters: Parameters,
    ): Promise<Result> => {
      this.#kernels += 1
      const running = pool.run(kernel, inputs, parameters, { signal })
      return await this.#values.timed({ kind: "kernel", name: kernel.name, ids }, running)
    }
    return { run, print: observer.line }
  }

  /** Where it must be computed again, that is done in the place of who reads it, who has a thread. */
  async #storedNow(node: Handle): Promise<Stored> {
    const id = this.#nameOf(node)
    const found = this.#found.get(id)
    if (this.#found.delete(id) && found !== undefined) return found
    this.#ready.add(id)
    try {
      return await this.#callOf(node).result()
    } finally {
      this.#ready.delete(id)
    }
  }
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
