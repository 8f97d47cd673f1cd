import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { bytesPerValue, makeVoxels, plainGrid, voxelsOn, type Image, type VoxelType } from "../image/image.ts"
import { decodeHead, decodeStream, decodeValue } from "./decode.ts"
import { encodeValue, joinParts, TYPE_ORDER } from "./encode.ts"
import { isFileError } from "./file-error.ts"
import { isMask, type Value } from "./value.ts"

const LIMITS = { maxBytes: 1 << 24 }

function imageOf(type: VoxelType, size: readonly number[], values: ArrayLike<number>, components = 1): Image {
  const voxels = makeVoxels(type, values.length)
  voxels.set(values)
  return { ...plainGrid(size), type, components, voxels }
}

function encoded(value: Value): Uint8Array {
  return joinParts(encodeValue(value))
}

async function* cut(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes)
}

const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((each) => each + 0)

const anyImage: fc.Arbitrary<Image> = fc
  .record({
    size: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 2, maxLength: 3 }),
    type: fc.constantFrom(...TYPE_ORDER),
    components: fc.constantFrom(1, 1, 1, 3, 4),
    isMask: fc.boolean(),
    seed: fc.integer(),
  })
  .chain(({ size, type, components, isMask: wantsMask, seed }) => {
    const axes = size.length
    const voxels = makeVoxels(
      type,
      size.reduce((product, each) => product * each, components),
    )
    const bytes = new Uint8Array(voxels.buffer)
    for (const at of bytes.keys()) bytes[at] = Math.imul(seed + at, 0x9e3779b1) >>> 24
    if (wantsMask) for (const at of voxels.keys()) voxels[at] = Math.imul(seed + at, 0x9e3779b1) >>> 31
    const lists = { minLength: axes, maxLength: axes }
    return fc.record({
      size: fc.constant(size),
      spacing: fc.array(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), lists),
      origin: fc.array(finite, lists),
      direction: fc.array(finite, { minLength: axes * axes, maxLength: axes * axes }),
      type: fc.constant(type),
      components: fc.constant(components),
      voxels: fc.constant(voxels),
    })
  })

const text = fc.string({ unit: "grapheme" })

const anyValue: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.double(),
    fc.constantFrom(NaN, -0, 0, Infinity, -Infinity, 5e-324),
    text,
    anyImage,
    fc.array(tie("value"), { maxLength: 6 }),
  ),
})).value

describe("the encoding of values", () => {
  it("gives back what was put in, whole and from pieces of any length", async () => {
    await fc.assert(
      fc.asyncProperty(anyValue, fc.integer({ min: 1, max: 40 }), async (value, pieceBytes) => {
        const bytes = encoded(value)
        expect(decodeValue(bytes, LIMITS)).toEqual(value)
        expect(await decodeStream(cut(bytes, pieceBytes), LIMITS)).toEqual(value)
      }),
      { numRuns: 300, seed: 20261127 },
    )
  })

  it("is one a value: what is accepted encodes to the same bytes again", () => {
    fc.assert(
      fc.property(anyValue, fc.nat(), fc.integer({ min: 0, max: 255 }), (value, place, byte) => {
        const bytes = encoded(value)
        bytes[place % bytes.length] = byte
        const outcome = attempt(bytes)
        if (outcome !== null) expect(Buffer.from(encoded(outcome.value)).equals(bytes)).toBe(true)
      }),
      { numRuns: 2000, seed: 20261127 },
    )
  })

  it("refuses bytes cut short anywhere, and bytes too many", () => {
    fc.assert(
      fc.property(anyValue, fc.nat(), (value, place) => {
        const bytes = encoded(value)
        expect(attempt(bytes.subarray(0, place % bytes.length))).toBe(null)
        expect(attempt(Buffer.concat([bytes, Buffer.of(0)]))).toBe(null)
      }),
      { numRuns: 500, seed: 20261127 },
    )
  })

  it("packs masks, of any length, eight voxels a byte", () => {
    for (let length = 1; length <= 70; length += 1) {
      const mask = imageOf(
        "uint8",
        [length, 1],
        Uint8Array.from({ length }, (_, at) => ((at * at + length) % 3) & 1),
      )
      const all = imageOf("uint8", [length, 1], new Uint8Array(length).fill(1))
      for (const image of [mask, all]) {
        const parts = encodeValue(image)
        expect(parts.parts.at(-1)?.length).toBe(Math.ceil(length / 8))
        expect(decodeValue(joinParts(parts), LIMITS)).toEqual(image)
      }
    }
  })

  it("tells a mask from what is none by every voxel", () => {
    for (let length = 1; length <= 20; length += 1) {
      for (let at = 0; at < length; at += 1) {
        const image = imageOf("uint8", [length, 1], new Uint8Array(length).fill(1))
        expect(isMask(image)).toBe(true)
        image.voxels[at] = 2
        expect(isMask(image)).toBe(false)
      }
    }
    expect(isMask(imageOf("int8", [1, 1], [1]))).toBe(false)
  })

  it("hands over the voxels of an image where they lie", () => {
    const image = imageOf("float32", [3, 2], [0, -1, 2.5, NaN, Infinity, 6])
    const { parts, byteLength } = encodeValue([1, image, "after"])
    const view = parts.find((part) => part.buffer === image.voxels.buffer)
    expect(view?.byteLength).toBe(24)
    expect(parts.reduce((sum, part) => sum + part.length, 0)).toBe(byteLength)
  })

  it("begins the voxels at a multiple of 8", () => {
    for (const before of ["", "a", "abcdefgh"]) {
      const image = imageOf("float64", [1, 2], [1, 2])
      const { parts } = encodeValue([before, image])
      expect((parts[0]?.length ?? 1) % 8).toBe(0)
    }
  })

  it("takes a negative zero in a place for none, and keeps it as a number", () => {
    const image = { ...imageOf("uint8", [1, 1], [7]), origin: [-0, 0] }
    expect(decodeValue(encoded(image), LIMITS)).toEqual({ ...image, origin: [0, 0] })
    expect(decodeValue(encoded(-0), LIMITS)).toBe(-0)
  })

  it("refuses to take more memory than it may, whatever is claimed", () => {
    const bytes = encoded(imageOf("float32", [2, 2], [1, 2, 3, 4]))
    new DataView(bytes.buffer).setUint32(8 + 9, 0xffffffff, true)
    expect(() => decodeValue(bytes, { maxBytes: 2 ** 40 })).toThrow(/expected 34359738360 more bytes/)
    expect(() => decodeValue(bytes, LIMITS)).toThrow(/at most 16.0 MiB/)
    const list = Buffer.concat([Buffer.from("IMGQL-1\n"), Buffer.of(5, 255, 255, 255, 255)])
    expect(() => decodeValue(list, LIMITS)).toThrow(/damaged/)
    const many = encoded(Array.from({ length: 1000 }, () => null))
    expect(() => decodeValue(many, { maxBytes: 1000 })).toThrow(expect.objectContaining({ code: "FILE_TOO_LARGE" }))
  })

  it("says so when a stream claims more than there can be memory for", async () => {
    const bytes = encoded(imageOf("float64", [2, 2], [1, 2, 3, 4]))
    new DataView(bytes.buffer).setUint32(8 + 9, 0xffffffff, true)
    const decoding = decodeStream(cut(bytes, 64), { maxBytes: 2 ** 52 })
    await expect(decoding).rejects.toThrow(expect.objectContaining({ code: "FILE_TOO_LARGE" }))
  })

  it("refuses lists nested without end, in and out", () => {
    let deep: Value = 1
    for (let depth = 0; depth < 200; depth += 1) deep = [deep]
    expect(decodeValue(encoded(deep), LIMITS)).toEqual(deep)
    expect(() => encoded([deep])).toThrow(expect.objectContaining({ code: "VALUE_NOT_SAVABLE" }))
    const nested = Buffer.concat([
      Buffer.from("IMGQL-1\n"),
      ...Array.from({ length: 5000 }, () => Buffer.of(5, 1, 0, 0, 0)),
    ])
    expect(() => decodeValue(nested, LIMITS)).toThrow(expect.objectContaining({ code: "BYTES_INVALID" }))
  })

  it("refuses half a character", () => {
    expect(() => encoded("\ud800")).toThrow(expect.objectContaining({ code: "VALUE_NOT_SAVABLE" }))
  })

  it("has the same bytes in every version", () => {
    const image: Image = {
      ...imageOf("uint8", [3, 3], [1, 0, 1, 1, 0, 0, 0, 1, 1]),
      spacing: [0.5, 2],
      origin: [-1, 3],
    }
    const int16 = imageOf("int16", [2, 1], [-2, 513])
    const hex = Buffer.from(encoded([true, 1.5, "é", image, int16, null])).toString("hex")
    expect(hex).toBe(
      "494d47514c2d310a" + // IMGQL-1\n
        "0506000000" + // a list of 6
        "02" + // true
        "03000000000000f83f" + // 1.5
        "0402000000c3a9" + // "é"
        "0600010200010000000300000003000000" + // uint8 as bits, 2 axes, 1 component, 3x3
        "000000000000e03f0000000000000040" + // spacing
        "000000000000f0bf0000000000000840" + // origin
        "000000000000f03f00000000000000000000000000000000000000000000f03f" + // direction
        "00" + // up to 112
        "8d01" + // bits
        "0603000200010000000200000001000000" + // int16
        "000000000000f03f000000000000f03f" +
        "00000000000000000000000000000000" +
        "000000000000f03f00000000000000000000000000000000000000000000f03f" +
        "0000000000" + // up to 200
        "feff0102" +
        "00", // null
    )
  })

  it("copes with an image whose voxels are part of a larger memory", () => {
    const whole = voxelsOn("uint8", new SharedArrayBuffer(40))
    // A view on shared memory is as good as an array on it.
    const voxels = whole.subarray(3, 12) as Image["voxels"]
    for (const at of voxels.keys()) voxels[at] = at % 2
    const image: Image = { ...plainGrid([3, 3]), type: "uint8", components: 1, voxels }
    expect(bytesPerValue(image.type)).toBe(1)
    expect(decodeValue(encoded(image), LIMITS)).toEqual(imageOf("uint8", [3, 3], voxels))
  })
})

function attempt(bytes: Uint8Array): { readonly value: Value } | null {
  try {
    return { value: decodeValue(bytes, LIMITS) }
  } catch (error) {
    expect(isFileError(error)).toBe(true)
    return null
  }
}

describe("what is said of an image before its voxels", () => {
  it("is all but those, however the bytes come", async () => {
    await fc.assert(
      fc.asyncProperty(anyImage, fc.integer({ min: 1, max: 200 }), async (image, pieceBytes) => {
        const { voxels: _voxels, ...head } = image
        expect(await decodeHead(cut(encoded(image), pieceBytes))).toMatchObject(head)
      }),
      { numRuns: 50 },
    )
  })

  it("is nothing of other values, and of images that are cut off", async () => {
    const cutOff = encoded(imageOf("uint8", [2, 2], [1, 2, 3, 4])).subarray(0, 40)
    for (const bytes of [encoded(5), encoded("text"), new Uint8Array(64), cutOff]) {
      await expect(decodeHead(cut(bytes, 64))).rejects.toMatchObject({ code: "BYTES_INVALID" })
    }
  })
})
