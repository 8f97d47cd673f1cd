/** Logic on masks, voxel by voxel. Images are taken as bytes; all but `not` work bit by bit. */
import type { Image } from "../image/image.ts"
import type { Kernel, NoParameters } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import { bytesOf, CHUNK, makeImage, readBytes, requireSameSize, requireScalar } from "./shape.ts"

interface Memory {
  readonly image: Image
  readonly other: Image
  readonly output: Image
}

/** Writes `count` bytes to `output` from `start` on. */
type Combine = (a: Uint8Array, b: Uint8Array, output: Uint8Array, start: number, count: number) => void

function makeLogic(name: string, combine: Combine, inputCount: 1 | 2): Kernel<NoParameters, Memory, Image> {
  return {
    name,
    prepare: (inputs) => {
      const image = requireScalar(name, inputs, 0)
      const other = requireScalar(name, inputs, inputCount - 1)
      requireSameSize(name, image, other)
      return { image, other, output: makeImage(image, "uint8") }
    },
    phases: [
      {
        run: ({ image, other, output }, part, parts) => {
          const a = new Uint8Array(CHUNK)
          const b = new Uint8Array(CHUNK)
          const bytes = bytesOf(output)
          const { from, to } = shareOf(image.voxels.length, part, parts)
          for (let start = from; start < to; start += CHUNK) {
            const count = Math.min(CHUNK, to - start)
            readBytes(image.voxels, start, start + count, a)
            if (inputCount === 2) readBytes(other.voxels, start, start + count, b)
            combine(a, b, bytes, start, count)
          }
        },
      },
    ],
    finish: ({ output }) => output,
  }
}

function negateAll(a: Uint8Array, _: Uint8Array, output: Uint8Array, start: number, count: number): void {
  for (let at = 0; at < count; at += 1) output[start + at] = a[at] === 0 ? 1 : 0
}

function andAll(a: Uint8Array, b: Uint8Array, output: Uint8Array, start: number, count: number): void {
  for (let at = 0; at < count; at += 1) output[start + at] = a[at]! & b[at]!
}

function orAll(a: Uint8Array, b: Uint8Array, output: Uint8Array, start: number, count: number): void {
  for (let at = 0; at < count; at += 1) output[start + at] = a[at]! | b[at]!
}

function xorAll(a: Uint8Array, b: Uint8Array, output: Uint8Array, start: number, count: number): void {
  for (let at = 0; at < count; at += 1) output[start + at] = a[at]! ^ b[at]!
}

/** 1 where a voxel is 0, and 0 elsewhere. */
export const not: Kernel<NoParameters, Memory, Image> = makeLogic("not", negateAll, 1)
export const and: Kernel<NoParameters, Memory, Image> = makeLogic("and", andAll, 2)
export const or: Kernel<NoParameters, Memory, Image> = makeLogic("or", orAll, 2)
export const xor: Kernel<NoParameters, Memory, Image> = makeLogic("xor", xorAll, 2)
