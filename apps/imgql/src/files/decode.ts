/**
 * Values from the bytes `encode.ts` makes, all at once or as they come. The bytes may be anything: every length is held
 * against what is there and against the caller's bound before memory is taken, and only what `encodeValue` would make is
 * accepted, so that a value has one encoding in both directions.
 */
import { bytesPerValue, type Image, type ImageHead, makeVoxels, type VoxelType } from "../image/image.ts"
import { MAGIC, PACKINGS, TAGS, TYPE_ORDER } from "./encode.ts"
import { FileError, showBytes } from "./file-error.ts"
import { packedBytes, unpackMask } from "./mask-bits.ts"
import { DEPTH_LIMIT, isMask, type Value } from "./value.ts"

export interface DecodeLimits {
  /** Memory the value may take. */
  readonly maxBytes: number
  /** Waits until so much memory may be taken for voxels; where all bytes are there already, nobody waits. */
  readonly admit?: ((bytes: number) => Promise<void>) | undefined
}

/** What the parser asks for: the next bytes, to look at or to be put somewhere, or memory. */
type Request =
  | { readonly kind: "admit"; readonly count: number }
  | { readonly kind: "take"; readonly count: number }
  /** `make` is called once, when as many bytes are known to be there as can be known. */
  | { readonly kind: "fill"; readonly count: number; readonly make: () => Uint8Array }

type Parsing<Result> = Generator<Request, Result, Uint8Array>

const COMPONENT_LIMIT = 256
/** What an entry of a list takes beside its value. */
const ENTRY_BYTES = 16
const NOTHING: Uint8Array = new Uint8Array(0)

/** @throws FileError BYTES_INVALID, FILE_TOO_LARGE */
export function decodeValue(bytes: Uint8Array, limits: DecodeLimits): Value {
  const parsing = parse(limits)
  let at = 0
  let step = parsing.next()
  while (step.done !== true) {
    const { count } = step.value
    if (step.value.kind === "admit") {
      step = parsing.next(NOTHING)
      continue
    }
    if (count > bytes.length - at) throw invalid(`${count} more bytes at ${at}`, `${bytes.length - at}`)
    const piece = bytes.subarray(at, at + count)
    at += count
    if (step.value.kind === "fill") step.value.make().set(piece)
    step = parsing.next(piece)
  }
  if (at < bytes.length) throw invalid(`the end at ${at}`, `${bytes.length - at} more bytes`)
  return step.value
}

/** Decodes bytes as they come; voxels go from the pieces to their place. @throws FileError BYTES_INVALID, FILE_TOO_LARGE */
export async function decodeStream(source: AsyncIterable<Uint8Array>, limits: DecodeLimits): Promise<Value> {
  const pieces = source[Symbol.asyncIterator]()
  const parsing = parse(limits)
  let rest = NOTHING
  const more = async (): Promise<boolean> => {
    const next = await pieces.next()
    rest = next.done === true ? NOTHING : next.value
    return next.done !== true
  }
  try {
    let step = parsing.next()
    while (step.done !== true) {
      const request = step.value
      const { count } = request
      if (request.kind === "admit") {
        await limits.admit?.(count)
        step = parsing.next(NOTHING)
        continue
      }
      const into = request.kind === "fill" ? request.make() : null
      const gathered: Uint8Array[] = []
      let have = 0
      while (have < count) {
        if (rest.length === 0 && !(await more())) throw invalid(`${count} more bytes`, String(have))
        const piece = rest.subarray(0, count - have)
        if (into === null) gathered.push(piece)
        else into.set(piece, have)
        have += piece.length
        rest = rest.subarray(piece.length)
      }
      step = parsing.next(gathered.length === 1 ? (gathered[0] ?? NOTHING) : Buffer.concat(gathered))
    }
    while (rest.length === 0 && (await more())) continue
    if (rest.length > 0) throw invalid("the end", "more bytes")
    return step.value
  } finally {
    await pieces.return?.()
  }
}

/** What the bytes of an image say of it, without its voxels. @throws FileError BYTES_INVALID where it is none */
export async function decodeHead(source: AsyncIterable<Uint8Array>): Promise<ImageHead> {
  const parsing = parseHeadOnly()
  let bytes = NOTHING
  let at = 0
  let step = parsing.next()
  for await (const piece of source) {
    bytes = bytes.length === 0 ? piece : Buffer.concat([bytes, piece])
    while (step.done !== true && step.value.count <= bytes.length - at) {
      at += step.value.count
      step = parsing.next(bytes.subarray(at - step.value.count, at))
    }
    if (step.done === true) return step.value
  }
  throw invalid("an image", `${bytes.length} bytes`)
}

function* parseHeadOnly(): Parsing<ImageHead> {
  yield* parseMagic()
  const state = { position: 8, leftBytes: 0, maxBytes: 0 }
  const tag = (yield* takeFrom(state, 1))[0]
  if (tag !== TAGS.image) throw invalid(`the tag ${TAGS.image} of an image`, String(tag))
  return yield* parseHead(state)
}

function* parseMagic(): Parsing<void> {
  const magic = yield* take(8)
  if (Buffer.from(magic).toString("latin1") !== MAGIC) throw invalid(JSON.stringify(MAGIC), "other bytes")
}

function* parse({ maxBytes }: DecodeLimits): Parsing<Value> {
  yield* parseMagic()
  return yield* parseValue({ position: 8, leftBytes: maxBytes, maxBytes }, 0)
}

interface State {
  position: number
  leftBytes: number
  readonly maxBytes: number
}

function* parseValue(state: State, depth: number): Parsing<Value> {
  const tag = (yield* takeFrom(state, 1))[0]
  switch (tag) {
    case TAGS.null:
      return null
    case TAGS.false:
      return false
    case TAGS.true:
      return true
    case TAGS.number:
      return parseNumber(viewOf(yield* takeFrom(state, 8)), 0)
    case TAGS.string:
      return yield* parseString(state)
    case TAGS.list:
      return yield* parseList(state, depth)
    case TAGS.image:
      return yield* parseImage(state)
    default:
      throw invalid("a tag from 0 to 6", String(tag))
  }
}

function parseNumber(view: DataView, at: number): number {
  const value = view.getFloat64(at, true)
  if (Number.isNaN(value) && view.getBigUint64(at, true) !== 0x7ff8000000000000n)
    throw invalid("the one NaN", "another")
  return value
}

function* parseString(state: State): Parsing<string> {
  const length = viewOf(yield* takeFrom(state, 4)).getUint32(0, true)
  spend(state, 2 * length)
  const bytes = yield* takeFrom(state, length)
  try {
    // Shared memory is refused by TextDecoder.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes))
  } catch {
    throw invalid("UTF-8 text", "other bytes")
  }
}

function* parseList(state: State, depth: number): Parsing<Value> {
  if (depth >= DEPTH_LIMIT) throw invalid(`at most ${DEPTH_LIMIT} lists in each other`, "more")
  const count = viewOf(yield* takeFrom(state, 4)).getUint32(0, true)
  // The array grows as values come, whatever the count claims.
  const list: Value[] = []
  for (let at = 0; at < count; at += 1) {
    spend(state, ENTRY_BYTES)
    list.push(yield* parseValue(state, depth + 1))
  }
  return list
}

/** All that is said of an image before its voxels. */
interface Head extends ImageHead {
  readonly packing: number
}

function* parseHead(state: State): Parsing<Head> {
  const fixed = viewOf(yield* takeFrom(state, 8))
  const type = TYPE_ORDER[fixed.getUint8(0)]
  const packing = fixed.getUint8(1)
  const axes = fixed.getUint8(2)
  const components = fixed.getUint32(4, true)
  if (type === undefined) throw invalid("a voxel type from 0 to 7", String(fixed.getUint8(0)))
  if (axes !== 2 && axes !== 3) throw invalid("2 or 3 axes", String(axes))
  if (fixed.getUint8(3) !== 0) throw invalid("a byte of 0", String(fixed.getUint8(3)))
  if (components < 1 || components > COMPONENT_LIMIT)
    throw invalid(`1 to ${COMPONENT_LIMIT} components`, String(components))
  const view = viewOf(yield* takeFrom(state, axes * 4 + (2 * axes + axes * axes) * 8))
  const size = Array.from({ length: axes }, (_, axis) => view.getUint32(4 * axis, true))
  const numbers = Array.from({ length: 2 * axes + axes * axes }, (_, at) => parseNumber(view, 4 * axes + 8 * at))
  const spacing = numbers.slice(0, axes)
  if (size.includes(0)) throw invalid("a size of at least 1 along each axis", size.join("x"))
  if (!numbers.every((each) => Number.isFinite(each) && !Object.is(each, -0)))
    throw invalid("a finite place", numbers.join(" "))
  if (!spacing.every((step) => step > 0)) throw invalid("a spacing above 0", spacing.join(" "))
  const padding = yield* takeFrom(state, (8 - (state.position % 8)) % 8)
  if (!padding.every((byte) => byte === 0)) throw invalid("bytes of 0 before the voxels", "others")
  if (packing > PACKINGS.bits) throw invalid("a packing of 0 or 1", String(packing))
  const [origin, direction] = [numbers.slice(axes, 2 * axes), numbers.slice(2 * axes)]
  return { size, spacing, origin, direction, type, components, packing }
}

function* parseImage(state: State): Parsing<Image> {
  const { packing, ...head } = yield* parseHead(state)
  const { size, type, components } = head
  const count = size.reduce((product, each) => product * each, components)
  spend(state, count * bytesPerValue(type))
  yield { kind: "admit", count: count * bytesPerValue(type) + (packing === PACKINGS.bits ? packedBytes(count) : 0) }
  const voxels = packing === PACKINGS.bits ? yield* parseBits(state, type, count) : yield* parseRaw(state, type, count)
  const image = { ...head, voxels }
  if (packing === PACKINGS.raw && isMask(image)) throw invalid("a mask as bits", "one as bytes")
  return image
}

function* parseBits(state: State, type: VoxelType, count: number): Parsing<Image["voxels"]> {
  if (type !== "uint8") throw invalid("uint8 voxels as bits", type)
  const packed = yield* takeFrom(state, packedBytes(count))
  const voxels = makeRoom(type, count)
  if (!unpackMask(packed, new Uint8Array(voxels.buffer))) throw invalid("bits of 0 after the last voxel", "others")
  return voxels
}

function* parseRaw(state: State, type: VoxelType, count: number): Parsing<Image["voxels"]> {
  let voxels = makeVoxels(type, 0)
  const make = (): Uint8Array => {
    voxels = makeRoom(type, count)
    return new Uint8Array(voxels.buffer)
  }
  const bytes = count * bytesPerValue(type)
  state.position += bytes
  yield { kind: "fill", count: bytes, make }
  return voxels
}

function makeRoom(type: VoxelType, count: number): Image["voxels"] {
  try {
    return makeVoxels(type, count)
  } catch (error) {
    const message = `expected ${showBytes(count * bytesPerValue(type))} of memory for a stored image, found less; free some`
    throw new FileError("FILE_TOO_LARGE", message, { cause: error })
  }
}

function* take(count: number): Parsing<Uint8Array> {
  return count === 0 ? NOTHING : yield { kind: "take", count }
}

function* takeFrom(state: State, count: number): Parsing<Uint8Array> {
  state.position += count
  return yield* take(count)
}

/** Memory about to be taken. */
function spend(state: State, bytes: number): void {
  state.leftBytes -= bytes
  if (state.leftBytes >= 0) return
  const message = `expected a stored value of at most ${showBytes(state.maxBytes)}, found one above it; allow more memory`
  throw new FileError("FILE_TOO_LARGE", message)
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function invalid(expected: string, found: string): FileError {
  const message = `the stored bytes are damaged or of another version: expected ${expected}, found ${found}; compute it again`
  return new FileError("BYTES_INVALID", message)
}
