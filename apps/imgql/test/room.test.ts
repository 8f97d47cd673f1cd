/** Whether what primitives take of memory on images is what room is taken for, so that `--max-memory` bounds them. */
import { describe, expect, it } from "vitest"
import type { Image } from "../src/image/image.ts"
import { runHere } from "../src/kernels/kernel.ts"
import { makeVoxels, voxelCount } from "../src/image/image.ts"
import { isImage, type Means, type Value } from "../src/primitives/primitive.ts"
import { roomFor } from "../src/primitives/room.ts"
import { type Call, isInput, readCalls } from "./golden-calls.ts"
import { primitiveOf, valuesOf } from "./primitive-call.ts"

/** Rounded up to whole words of bits, row by row. */
const WORD_BYTES = 4

/** One call of each primitive for each of the types of images that it is given. */
const CALLS = new Map(readCalls().map((call): [string, Call] => [kindOf(call), call]))

function kindOf({ primitive, args, expected }: Call): string {
  const types = args.map((arg) => (isInput(arg) ? arg.type : typeof arg))
  return `${primitive}(${types.join(", ")})${expected.kind === "refused" ? " refused" : ""}`
}

/** An image beside itself so often: what it takes by the row stays, and what it takes by the voxel grows. */
function widened(value: Value, times: number): Value {
  if (!isImage(value)) return value
  const [width = 1, ...rest] = value.size
  const size = [width * times, ...rest]
  const values = width * value.components
  const voxels = makeVoxels(value.type, voxelCount({ ...value, size }) * value.components)
  for (let at = 0; at < voxels.length; at += 1) {
    voxels[at] = value.voxels[Math.floor(at / (values * times)) * values + (at % values)] ?? 0
  }
  return { ...value, size, voxels }
}

/** The most that a kernel of it has in its memory that is none of the arguments, and what room is taken for. */
async function measure(
  call: Call,
  times: number,
): Promise<{ readonly taken: number; readonly room: number; readonly rows: number }> {
  const primitive = primitiveOf(call)
  const { work } = primitive
  if (work.kind !== "heavy") return { taken: 0, room: 0, rows: 0 }
  const args = valuesOf(call).map((value) => widened(value, times))
  const given = new Set<ArrayBufferLike>(args.filter(isImage).map(({ voxels }) => voxels.buffer))
  let taken = 0
  const means: Means = {
    run: async (kernel, inputs, parameters) => {
      const memory = kernel.prepare(inputs, parameters, 1)
      const buffers = [...buffersIn(memory)].filter((buffer) => !given.has(buffer))
      taken = Math.max(
        taken,
        buffers.reduce((sum, { byteLength }) => sum + byteLength, 0),
      )
      return runHere(kernel, inputs, parameters)
    },
    print: () => undefined,
  }
  await work.compute(args, means)
  const [largest] = args.filter(isImage).toSorted((a, b) => b.voxels.length - a.voxels.length)
  return { taken, room: roomFor(primitive, args), rows: largest === undefined ? 0 : rowsOf(largest) }
}

function rowsOf({ size }: Image): number {
  return size.slice(1).reduce((product, each) => product * each, 1)
}

function buffersIn(memory: unknown, found = new Set<ArrayBufferLike>()): Set<ArrayBufferLike> {
  if (ArrayBuffer.isView(memory)) found.add(memory.buffer)
  else if (typeof memory === "object" && memory !== null)
    for (const part of Object.values(memory)) buffersIn(part, found)
  return found
}

describe("the room that is taken for a primitive", () => {
  it.each([...CALLS].filter(([, { expected }]) => expected.kind !== "refused"))(
    "is what it takes: %s",
    async (_, call) => {
      const [few, many] = [await measure(call, 1), await measure(call, 9)]
      const missing = many.taken - few.taken - (many.room - few.room)
      expect(missing).toBeLessThanOrEqual(4 * WORD_BYTES * many.rows)
    },
  )
})
