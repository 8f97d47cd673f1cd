import { describe, expect, it } from "vitest"
import { type ErrorCode, isHoldfastError } from "../../../kernel/index.ts"
import { encodeFrames, FrameSplitter, MAX_BATCH_COUNT, MAX_FRAME_BYTES, MAX_PAYLOAD_BYTES } from "./frame.ts"

const HEADER_BYTES = 4

describe("frames", () => {
  it("join small messages in one frame, as an array of them", () => {
    const frames = encodeFrames([Uint8Array.of(0x81, 1), Uint8Array.of(0x80), Uint8Array.of(0x81, 2)])
    expect(frames.map((frame) => [...frame])).toEqual([[0, 0, 0, 6, 0x83, 0x81, 1, 0x80, 0x81, 2]])
  })

  it("are none where there is nothing to say", () => {
    expect(encodeFrames([])).toEqual([])
  })

  it.each([1, 23, 24, 255, 256, 65_535, MAX_BATCH_COUNT, MAX_BATCH_COUNT + 1])(
    "carry %i messages in as many as they need",
    (count) => {
      const payloads = split(encodeFrames(Array.from({ length: count }, () => Uint8Array.of(0x80))))
      expect(payloads.map(countItems).reduce((sum, items) => sum + items, 0)).toBe(count)
      expect(payloads).toHaveLength(Math.ceil(count / MAX_BATCH_COUNT))
    },
  )

  it("start a new payload where the next message does not fit a frame", () => {
    const half = new Uint8Array(MAX_FRAME_BYTES / 2)
    const frames = encodeFrames([half, half, Uint8Array.of(0x80)])
    expect(frames.map((frame) => frame.length - HEADER_BYTES)).toEqual([half.length + 1, half.length + 2])
  })

  it("cut a long message, of which all but the last frame are full and say that more follows", () => {
    const message = patternOf(2 * MAX_FRAME_BYTES + 5)
    const frames = encodeFrames([Uint8Array.of(0x80), message])
    expect(frames.map((frame) => [frame[0], frame.length - HEADER_BYTES])).toEqual([
      [0, 2],
      [0x80, MAX_FRAME_BYTES],
      [0x80, MAX_FRAME_BYTES],
      [0, 6],
    ])
    expectSame(split(frames)[1]?.subarray(1), message)
  })

  it.each([-1, 0, 1])("cut a message of a full frame and %i bytes without an empty frame", (more) => {
    const message = patternOf(MAX_FRAME_BYTES - 1 + more)
    const frames = encodeFrames([message])
    expect(frames).toHaveLength(more > 0 ? 2 : 1)
    expectSame(split(frames)[0]?.subarray(1), message)
  })

  it("carry the longest message there may be and refuse a longer one", () => {
    const longest = new Uint8Array(MAX_PAYLOAD_BYTES - 1)
    expect(split(encodeFrames([longest]))[0]).toHaveLength(MAX_PAYLOAD_BYTES)
    expectCode(() => encodeFrames([new Uint8Array(MAX_PAYLOAD_BYTES)]), "ARGUMENT_INVALID")
  })
})

describe("a splitter", () => {
  it("gives the same payloads wherever the bytes are cut", () => {
    const stream = joined(encodeFrames([patternOf(30), patternOf(3)]), encodeFrames([patternOf(300)]))
    const whole = new FrameSplitter().push(stream).map((payload) => [...payload])
    expect(whole).toHaveLength(2)
    for (let first = 0; first <= stream.length; first++) {
      for (const second of [first, first + 1, first + 5, stream.length]) {
        const splitter = new FrameSplitter()
        const parts = [stream.subarray(0, first), stream.subarray(first, second), stream.subarray(second)]
        expect(parts.flatMap((part) => splitter.push(part)).map((payload) => [...payload])).toEqual(whole)
      }
    }
  })

  it("joins a long payload that comes byte by byte in linear time", () => {
    // With a copy of everything for each byte, this would be 10^12 bytes to move.
    const message = patternOf(2 * MAX_FRAME_BYTES + 77)
    const splitter = new FrameSplitter()
    const payloads: Uint8Array[] = []
    for (const frame of encodeFrames([message])) {
      for (let offset = 0; offset < frame.length; offset++) {
        payloads.push(...splitter.push(frame.subarray(offset, offset + 1)))
      }
    }
    expect(payloads).toHaveLength(1)
    expectSame(payloads[0]?.subarray(1), message)
    expect(splitter.heldBytes).toBe(0)
  })

  it("does not write into a payload it has given", () => {
    const splitter = new FrameSplitter()
    const frames = joined(encodeFrames([patternOf(100)]), encodeFrames([new Uint8Array(100)]))
    const [first] = [...splitter.push(frames.subarray(0, 50)), ...splitter.push(frames.subarray(50, 106))]
    const before = [...(first as Uint8Array)]
    splitter.push(frames.subarray(106, 150))
    splitter.push(frames.subarray(150))
    expect([...(first as Uint8Array)]).toEqual(before)
  })

  it("takes no memory on the word of a length", () => {
    const splitters = Array.from({ length: 2000 }, () => new FrameSplitter())
    const before = process.memoryUsage().arrayBuffers
    // Each announces a frame of 1 MiB: 2 GiB together.
    for (const splitter of splitters) splitter.push(Uint8Array.of(0x80, 0x10, 0, 0, 1))
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * MAX_FRAME_BYTES)
  })

  it.each([
    ["an empty frame", [0, 0, 0, 0]],
    ["an empty frame before more", [0x80, 0, 0, 0]],
    ["a frame over the bound", [0, 0x10, 0, 1]],
    ["a frame over the bound before more", [0x80, 0x10, 0, 1]],
    ["the longest frame a header can tell", [0xff, 0xff, 0xff, 0xff]],
    ["a short frame before more", [0x80, 0, 0xff, 0xff]],
  ])("refuses %s, and everything after it", (_, header) => {
    const splitter = new FrameSplitter()
    expectCode(() => splitter.push(Uint8Array.from(header)), "ARGUMENT_INVALID")
    expectCode(() => splitter.push(Uint8Array.of(0, 0, 0, 1, 0x80)), "ARGUMENT_INVALID")
    expect(splitter.heldBytes).toBe(0)
  })

  it("refuses a payload over its bound as soon as a header tells of it, and holds nothing more", () => {
    const splitter = new FrameSplitter(2 * MAX_FRAME_BYTES)
    const full = joined([Uint8Array.of(0x80, 0x10, 0, 0), new Uint8Array(MAX_FRAME_BYTES)])
    expect(splitter.push(full)).toEqual([])
    expect(splitter.push(full)).toEqual([])
    expect(splitter.heldBytes).toBe(2 * MAX_FRAME_BYTES)
    expectCode(() => splitter.push(Uint8Array.of(0, 0, 0, 1)), "ARGUMENT_INVALID")
    expect(splitter.heldBytes).toBe(0)
    expectCode(() => splitter.push(Uint8Array.of(0x80)), "ARGUMENT_INVALID")
  })

  it("refuses by default what is longer than any payload", () => {
    const splitter = new FrameSplitter()
    const full = joined([Uint8Array.of(0x80, 0x10, 0, 0), new Uint8Array(MAX_FRAME_BYTES)])
    for (let frames = 0; frames < 64; frames++) splitter.push(full)
    expectCode(() => splitter.push(full), "ARGUMENT_INVALID")
  })

  it("with a small bound refuses a long frame before its bytes come", () => {
    expectCode(() => new FrameSplitter(100).push(Uint8Array.of(0, 0, 0, 101)), "ARGUMENT_INVALID")
    expect(new FrameSplitter(100).push(joined([Uint8Array.of(0, 0, 0, 100), patternOf(100)]))).toHaveLength(1)
  })
})

function split(frames: readonly Uint8Array[]): readonly Uint8Array[] {
  const splitter = new FrameSplitter()
  return frames.flatMap((frame) => splitter.push(frame))
}

/** The items of an array, from its head. */
function countItems(payload: Uint8Array): number {
  const argument = (payload[0] as number) & 0x1f
  const head = Buffer.from(payload)
  if (argument < 24) return argument
  return head.readUIntBE(1, 1 << (argument - 24))
}

function patternOf(byteCount: number): Uint8Array {
  return Uint8Array.from({ length: byteCount }, (_, index) => (index * 31) % 251)
}

function joined(...lists: (readonly Uint8Array[])[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(lists.flat()))
}

/** In one comparison: the matchers go through a long array item by item. */
function expectSame(found: Uint8Array | undefined, expected: Uint8Array): void {
  expect(found !== undefined && Buffer.compare(found, expected) === 0).toBe(true)
}

function expectCode(act: () => unknown, code: ErrorCode): void {
  let thrown: unknown
  try {
    act()
  } catch (error) {
    thrown = error
  }
  expect(thrown).toSatisfy((error) => isHoldfastError(error, code))
}
