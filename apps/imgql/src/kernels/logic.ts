/** Logic on masks, voxel by voxel. Images are taken as bytes; all but `not` work bit by bit. */
import type { Image } from "../image/image.ts"
import type { Kernel, NoParameters } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import { bytesOf, makeImage, requireSameSize, requireScalar } from "./shape.ts"
import { layOut, VECTOR_CHUNK } from "./simd.ts"

interface Memory {
  readonly image: Image
  readonly other: Image
  readonly output: Image
}

/** What `combineBytes` in `simd/bytes.ts` calls each. */
const OPERATIONS = { and: 0, or: 1, xor: 2, not: 3 } as const

function combinePart(operation: number, { image, other, output }: Memory, part: number, parts: number): void {
  const { loops, bytes, places } = layOut(VECTOR_CHUNK, VECTOR_CHUNK, VECTOR_CHUNK)
  const [a, b, to] = [places[0]!, places[1]!, places[2]!]
  const result = bytesOf(output)
  const share = shareOf(result.length, part, parts)
  for (let start = share.from; start < share.to; start += VECTOR_CHUNK) {
    const end = Math.min(start + VECTOR_CHUNK, share.to)
    bytes.set(image.voxels.subarray(start, end), a)
    if (other !== image) bytes.set(other.voxels.subarray(start, end), b)
    loops.combineBytes(a, other === image ? a : b, to, end - start, operation)
    result.set(bytes.subarray(to, to + end - start), start)
  }
}

function makeLogic(name: keyof typeof OPERATIONS): Kernel<NoParameters, Memory, Image> {
  return {
    name,
    prepare: (inputs) => {
      const image = requireScalar(name, inputs, 0)
      const other = requireScalar(name, inputs, name === "not" ? 0 : 1)
      requireSameSize(name, image, other)
      return { image, other, output: makeImage(image, "uint8") }
    },
    phases: [{ run: (memory, part, parts) => combinePart(OPERATIONS[name], memory, part, parts) }],
    finish: ({ output }) => output,
  }
}

/** 1 where a voxel is 0, and 0 elsewhere. */
export const not: Kernel<NoParameters, Memory, Image> = makeLogic("not")
export const and: Kernel<NoParameters, Memory, Image> = makeLogic("and")
export const or: Kernel<NoParameters, Memory, Image> = makeLogic("or")
export const xor: Kernel<NoParameters, Memory, Image> = makeLogic("xor")
