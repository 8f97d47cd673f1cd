/** The components of colored images: taking them apart, and putting them together. */
import type { Image } from "../image/image.ts"
import type { Kernel, NoParameters } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import {
  CHUNK,
  floatsOf,
  makeImage,
  readDoubles,
  requireInput,
  requireSameSize,
  requireScalar,
  requireThat,
} from "./shape.ts"

interface Memory {
  readonly image: Image
  /** What each component counts in the sum. */
  readonly weights: readonly number[]
  /** What is added to the sum. */
  readonly base: number
  readonly output: Image
}

function sumPart({ image, weights, base, output }: Memory, part: number, parts: number): void {
  const { voxels, components } = image
  const floats = floatsOf(output)
  const { from, to } = shareOf(floats.length, part, parts)
  if (components === 1 && weights.length === 1 && weights[0] === 1 && base === 0) {
    floats.set(voxels.subarray(from, to), from)
    return
  }
  const chunk = new Float64Array(CHUNK * components)
  for (let start = from; start < to; start += CHUNK) {
    const count = Math.min(CHUNK, to - start)
    readDoubles(voxels, start * components, (start + count) * components, chunk)
    for (let at = 0; at < count; at += 1) {
      let sum = base
      for (let component = 0; component < weights.length; component += 1) {
        sum += weights[component]! * chunk[at * components + component]!
      }
      floats[start + at] = sum
    }
  }
}

function makeSum(
  name: string,
  weigh: (image: Image) => { readonly weights: readonly number[]; readonly base: number },
): Kernel<NoParameters, Memory, Image> {
  return {
    name,
    prepare: (inputs) => {
      const image = requireInput(name, inputs)
      return { ...weigh(image), image, output: makeImage(image, "float32") }
    },
    phases: [{ run: sumPart }],
    finish: ({ output }) => output,
  }
}

/** How bright a voxel is: its only value, or the luminance of its red, green and blue (ITU-R BT.709), as float32. */
export const intensity: Kernel<NoParameters, Memory, Image> = makeSum("intensity", ({ components }) => {
  if (components === 1) return { weights: [1], base: 0 }
  requireThat("intensity", components >= 3, "one value a voxel, or red, green and blue", components)
  return { weights: [0.2126, 0.7152, 0.0722], base: 0 }
})

function makeComponent(name: string, component: 0 | 1 | 2): Kernel<NoParameters, Memory, Image> {
  return makeSum(name, ({ components }) => {
    requireThat(name, components > component, `at least ${component + 1} values a voxel`, components)
    return { weights: [0, 1, 2].slice(0, component + 1).map((at) => (at === component ? 1 : 0)), base: 0 }
  })
}

/** One component, as float32. */
export const red: Kernel<NoParameters, Memory, Image> = makeComponent("red", 0)
export const green: Kernel<NoParameters, Memory, Image> = makeComponent("green", 1)
export const blue: Kernel<NoParameters, Memory, Image> = makeComponent("blue", 2)

/** The fourth component, as float32; 255 where there is none. */
export const alpha: Kernel<NoParameters, Memory, Image> = makeSum("alpha", ({ components }) =>
  components < 4 ? { weights: [], base: 255 } : { weights: [0, 0, 0, 1], base: 0 },
)

interface ComposeMemory {
  readonly images: readonly Image[]
  readonly output: Image
}

function composePart({ images, output }: ComposeMemory, part: number, parts: number): void {
  const floats = floatsOf(output)
  const { components } = output
  const { from, to } = shareOf(floats.length / components, part, parts)
  const chunk = new Float64Array(CHUNK)
  for (const [component, { voxels }] of images.entries()) {
    for (let start = from; start < to; start += CHUNK) {
      const count = Math.min(CHUNK, to - start)
      readDoubles(voxels, start, start + count, chunk)
      for (let at = 0; at < count; at += 1) floats[(start + at) * components + component] = chunk[at]!
    }
  }
}

function makeCompose(name: string, components: number): Kernel<NoParameters, ComposeMemory, Image> {
  return {
    name,
    prepare: (inputs) => {
      const images = Array.from({ length: components }, (_, at) => requireScalar(name, inputs, at))
      for (const image of images) requireSameSize(name, images[0]!, image)
      return { images, output: makeImage(images[0]!, "float32", components) }
    },
    phases: [{ run: composePart }],
    finish: ({ output }) => output,
  }
}

/** One image of three or four, its components. */
export const rgb: Kernel<NoParameters, ComposeMemory, Image> = makeCompose("rgb", 3)
export const rgba: Kernel<NoParameters, ComposeMemory, Image> = makeCompose("rgba", 4)
