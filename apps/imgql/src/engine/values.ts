/**
 * Values of nodes on their way: from files and the store into memory, and results to the store. Images are in memory under
 * the bound of {@link Residence}, for as long as somebody works with them and while there is room.
 */
import { Binary, type Holdfast } from "holdfast"
import { decodeHead, decodeStream, decodeValue } from "../files/decode.ts"
import { encodeValue, joinParts } from "../files/encode.ts"
import { readImage } from "../files/read.ts"
import type { Graph, Handle } from "../graph/graph.ts"
import type { Image } from "../image/image.ts"
import { isImage, type Value } from "../primitives/primitive.ts"
import { Gate } from "./gate.ts"
import type { RunObserver, WorkEvent } from "./observer.ts"
import type { Stored } from "./operations.ts"
import type { Overflow } from "./overflow.ts"
import type { Residence, Room } from "./residence.ts"
import { showHead, showImage, type ShownImage } from "./shown.ts"

export interface ValuesOptions {
  readonly graph: Graph
  readonly store: Holdfast
  readonly residence: Residence
  readonly signal: AbortSignal
  readonly observer: RunObserver
  /** No image larger than this is read. */
  readonly maxImageBytes: number
  /** Where images go that only this run wants; null where the store has them all. */
  readonly overflow: Overflow | null
  readonly nameOf: (node: Handle) => string
  /** What the store has of a node, computed again where it has evicted it. */
  readonly stored: (node: Handle) => Promise<Stored>
}

/** Longer results are files of the store. */
const INLINE_BYTES = 16 * 1024

/** What the store has of an image that is in memory or the overflow. */
const HELD = new Uint8Array(0)

/** Enough for a disk; each has buffers of its own. */
const READS_AT_ONCE = 4

export class Values {
  readonly #options: ValuesOptions
  readonly #loading = new Map<string, Promise<Image>>()
  readonly #reading = new Gate(READS_AT_ONCE)

  constructor(options: ValuesOptions) {
    this.#options = options
  }

  /** Does something with the values of normal forms that are stored; images are in memory meanwhile. */
  async with<T>(nodes: readonly Handle[], room: Room, use: (values: readonly Value[]) => Promise<T>): Promise<T> {
    const images = new Map<Handle, Image>()
    try {
      for (const image of new Set(nodes.flatMap((node) => this.imagesIn(node)))) {
        images.set(image, await this.load(image, room))
      }
      return await use(nodes.map((node) => this.#valueIn(node, images)))
    } finally {
      for (const image of images.keys()) this.release(image)
    }
  }

  /** The images in a normal form. */
  imagesIn(node: Handle): Handle[] {
    const { graph } = this.#options
    switch (graph.operatorOf(node).kind) {
      case "constant":
        return []
      case "list":
      case "forced":
        return graph.inputs(node).flatMap((item) => this.imagesIn(item))
      default:
        return [node]
    }
  }

  #valueIn(node: Handle, images: ReadonlyMap<Handle, Image>): Value {
    const { graph } = this.#options
    const constant = graph.constantOf(node)
    if (constant !== undefined) return constant
    return images.get(node) ?? graph.inputs(node).map((item) => this.#valueIn(item, images))
  }

  /** An image from memory, from its file, or from the store: in use until it is released. */
  async load(node: Handle, room: Room): Promise<Image> {
    const { residence, nameOf } = this.#options
    const id = nameOf(node)
    const resident = residence.use(id)
    if (resident !== undefined) return resident
    // Who comes while it is loaded waits for that, and is counted as a user of its own.
    const known = this.#loading.get(id)
    if (known !== undefined) return residence.keep(id, await room.aside(async () => await known))
    const before = room.bytes
    const loading = this.#fetch(node, id, room)
    this.#loading.set(id, loading)
    try {
      return residence.keep(id, await loading)
    } finally {
      this.#loading.delete(id)
      // From here on it is counted as what is in memory.
      room.giveBack(room.bytes - before)
    }
  }

  release(node: Handle): void {
    this.#options.residence.release(this.#options.nameOf(node))
  }

  async #fetch(node: Handle, id: string, room: Room): Promise<Image> {
    const { graph, signal, maxImageBytes } = this.#options
    const operator = graph.operatorOf(node)
    if (operator.kind === "file") {
      const { path, digest } = operator
      return await this.#gated(room, async (admit) => {
        const read = readImage(path, { signal, maxBytes: maxImageBytes, digest, admit })
        return await this.timed({ kind: "read", name: path, ids: [] }, read)
      })
    }
    const value = await this.read(node, id, room)
    return imageIn(value)
  }

  /** What a heavy node comes to, as the store has it. */
  async read(node: Handle, id: string, room: Room): Promise<Value> {
    const { residence, overflow, maxImageBytes: maxBytes } = this.#options
    const stored = await room.aside(async () => await this.#options.stored(node))
    if (stored instanceof Binary) return await this.#decode(id, stored.stream(), room)
    if (stored.length > 0 || overflow === null) return decodeValue(stored, { maxBytes })
    // It may have been computed just now.
    const resident = residence.use(id)
    if (resident === undefined) return await this.#decode(id, overflow.read(id), room)
    residence.release(id)
    return resident
  }

  async #decode(id: string, source: AsyncIterable<Uint8Array>, room: Room): Promise<Value> {
    const { maxImageBytes: maxBytes } = this.#options
    return await this.#gated(room, async (admit) => {
      const decoded = decodeStream(source, { maxBytes, admit })
      return await this.timed({ kind: "fetch", name: "result", ids: [id] }, decoded)
    })
  }

  /**
   * What is said of an image. The store knows one by the digest of its bytes, which are checked against it and not decoded.
   */
  async show(node: Handle, room: Room): Promise<ShownImage> {
    const { graph, residence, overflow, nameOf, stored } = this.#options
    // A file's, and one that the store has nothing of, are looked at.
    if (graph.operatorOf(node).kind === "file" || overflow !== null) {
      return await this.with([node], room, ([image]) => Promise.resolve(showImage(imageIn(image))))
    }
    const id = nameOf(node)
    const bytes = await room.aside(async () => await stored(node))
    if (!(bytes instanceof Binary)) {
      return showImage(imageIn(decodeValue(bytes, { maxBytes: this.#options.maxImageBytes })))
    }
    const resident = residence.use(id)
    if (resident !== undefined) {
      residence.release(id)
      return showHead(resident, bytes.digest)
    }
    return await this.#gated(room, async () => {
      const head = await this.timed({ kind: "fetch", name: "result", ids: [id] }, decodeHead(bytes.stream()))
      return showHead(head, bytes.digest)
    })
  }

  /** Reads something when it is its turn, into memory that it takes room for. */
  async #gated<T>(room: Room, read: (admit: Room["take"]) => Promise<T>): Promise<T> {
    await room.aside(async () => await this.#reading.enter())
    try {
      return await read(async (bytes) => await room.take(bytes))
    } finally {
      this.#reading.leave()
    }
  }

  /** A result to the store; an image stays in memory as well, while there is room, or only there. */
  async write(id: string, value: Value): Promise<Stored> {
    const { residence, store, overflow } = this.#options
    if (overflow !== null && isImage(value)) {
      residence.keep(id, value, async () => await overflow.write(id, value))
      residence.release(id)
      return HELD
    }
    const encoded = encodeValue(value)
    const written = encoded.byteLength <= INLINE_BYTES ? null : store.writeBinary(iterate(encoded.parts))
    const what = { kind: "store", name: "result", ids: [id] } as const
    const result = written === null ? joinParts(encoded) : await this.timed(what, written)
    if (isImage(value)) {
      residence.keep(id, value)
      residence.release(id)
    }
    return result
  }

  /** Tells how long something took, however it ended. */
  async timed<T>(what: Omit<WorkEvent, "startedMs" | "endedMs">, work: Promise<T>): Promise<T> {
    const startedMs = performance.now()
    try {
      return await work
    } finally {
      this.#options.observer.worked({ ...what, startedMs, endedMs: performance.now() })
    }
  }
}

function imageIn(value: Value | undefined): Image {
  if (isImage(value)) return value
  throw new Error("the store has something else than the image that was computed")
}

async function* iterate(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield part
}
