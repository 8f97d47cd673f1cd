/**
 * The program of the thread in which ITK's readers and writers run, compiled to WebAssembly by itk-wasm.
 *
 * They get the bytes of the files by name in a file system of their own, in memory: whatever a header names, nothing
 * outside is reached. What they print is kept for messages. Each order runs in a fresh instance.
 */
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { parentPort } from "node:worker_threads"
import { InterfaceTypes, runPipelineNode, type Image as ItkImage } from "itk-wasm"

export interface NamedBytes {
  readonly path: string
  readonly data: Uint8Array
}

export interface ReadOrder {
  readonly kind: "read"
  /** Which of image-io's pipelines, such as `nifti`. */
  readonly pipeline: string
  /** The file to read, then those it refers to. */
  readonly files: readonly [NamedBytes, ...NamedBytes[]]
  /** What the voxels may take. */
  readonly maxBytes: number
}

export interface WriteOrder {
  readonly kind: "write"
  readonly pipeline: string
  readonly image: ItkImage
  readonly name: string
  /** Files that the writer makes beside the one of that name. */
  readonly besides: readonly string[]
  readonly compress: boolean
}

export type ThreadOrder = ReadOrder | WriteOrder

export type ThreadAnswer =
  | { readonly kind: "image"; readonly image: ItkImage }
  | { readonly kind: "files"; readonly files: readonly NamedBytes[] }
  /** The file asks for more memory than the order allows; it was not taken. */
  | { readonly kind: "too-large"; readonly bytes: number }
  | { readonly kind: "refused"; readonly said: string }

const SAID_LIMIT = 2000

const PIPELINES = join(dirname(fileURLToPath(import.meta.resolve("@itk-wasm/image-io"))), "pipelines")

let said = ""

function hear(...parts: readonly unknown[]): void {
  const text = parts.map(String).join(" ")
  // What itk-wasm says of itself when a pipeline threw; the pipeline's own words come beside it.
  if (/^(?:Exception while|stdout:|Build module)/.test(text)) return
  if (said.length < SAID_LIMIT) said += `${text.replace(/^stderr:/, "")}\n`
}
console.log = hear
console.warn = hear
console.error = hear

/** What a reader needs beside the file and the voxels. */
const BASE_BYTES = 96 << 20

let memoryLimitBytes = Infinity
let refusedBytes = 0

// The one door to memory for a pipeline. A header may claim anything, and itk-wasm's "information only" takes the voxels'
// memory all the same: so it is here that the claim meets the bound, before the memory is taken.
const { Memory } = (globalThis as unknown as WithMemory).WebAssembly
const growFreely = Memory.prototype.grow
Memory.prototype.grow = function grow(pages) {
  const wanted = this.buffer.byteLength + pages * 65_536
  if (wanted > memoryLimitBytes) {
    refusedBytes = Math.max(refusedBytes, wanted)
    throw new RangeError(`expected at most ${memoryLimitBytes} bytes of memory, found ${wanted} asked for`)
  }
  return growFreely.call(this, pages)
}

/** What of WebAssembly is used here; its types come with browsers' only. */
interface WithMemory {
  readonly WebAssembly: { readonly Memory: { readonly prototype: WasmMemory } }
}

interface WasmMemory {
  readonly buffer: ArrayBufferLike
  grow: (this: WasmMemory, pages: number) => number
}

async function read(order: ReadOrder): Promise<ThreadAnswer> {
  const fileBytes = order.files.reduce((sum, { data }) => sum + data.length, 0)
  // Once in the reader, once on the way out.
  memoryLimitBytes = BASE_BYTES + 2 * fileBytes + 2 * order.maxBytes
  const { returnValue, stderr, outputs } = await runPipelineNode(
    join(PIPELINES, `${order.pipeline}-read-image`),
    [order.files[0].path, "0", "1", "--memory-io"],
    [{ type: InterfaceTypes.JsonCompatible }, { type: InterfaceTypes.Image }],
    order.files.map((file) => ({ type: InterfaceTypes.BinaryFile, data: { path: file.path, data: file.data } })),
  )
  hear(stderr)
  // The second output was asked for as an image.
  const image = outputs[1]?.data as ItkImage | undefined
  // What a reader says of a file that it read all the same: a JPEG cut short, its rest filled up.
  const isWhole = !/premature end|corrupt jpeg data|not read completely/i.test(said)
  if (returnValue !== 0 || outputs[0]?.data !== true || image === undefined || !isWhole)
    return { kind: "refused", said }
  const bytes = image.data?.byteLength ?? 0
  if (bytes > order.maxBytes) return { kind: "too-large", bytes }
  // Tags of a scanner, which nobody here reads.
  image.metadata = new Map()
  return { kind: "image", image }
}

async function write(order: WriteOrder): Promise<ThreadAnswer> {
  const names = [order.name, ...order.besides]
  const { returnValue, stderr, outputs } = await runPipelineNode(
    join(PIPELINES, `${order.pipeline}-write-image`),
    ["0", "0", order.name, "--memory-io", ...(order.compress ? ["--use-compression"] : [])],
    [
      { type: InterfaceTypes.JsonCompatible },
      // Asked for by path, and filled with what was written there.
      ...names.map((path) => ({ type: InterfaceTypes.BinaryFile, data: { path, data: new Uint8Array(0) } })),
    ],
    [{ type: InterfaceTypes.Image, data: order.image }],
  )
  hear(stderr)
  if (returnValue !== 0 || outputs[0]?.data !== true) return { kind: "refused", said }
  // All other outputs were asked for as files.
  return { kind: "files", files: outputs.slice(1).map(({ data }) => data as NamedBytes) }
}

async function carryOut(order: ThreadOrder): Promise<ThreadAnswer> {
  said = ""
  refusedBytes = 0
  memoryLimitBytes = Infinity
  try {
    const answer = order.kind === "read" ? await read(order) : await write(order)
    return answer.kind === "refused" && refusedBytes > 0 ? { kind: "too-large", bytes: refusedBytes } : answer
  } catch (error) {
    if (refusedBytes > 0) return { kind: "too-large", bytes: refusedBytes }
    // A pipeline throws the address of its exception, a number, and has said what it was; or it runs out of memory.
    return { kind: "refused", said: typeof error === "number" ? said : `${said}${String(error)}` }
  }
}

parentPort?.on("message", (order: ThreadOrder) => {
  void carryOut(order).then((answer) => parentPort?.postMessage(answer))
})
