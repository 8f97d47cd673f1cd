/** Flat pictures made from nothing, and shapes drawn on copies of them. Voxels belong to a shape if their centers do. */
import type { Image } from "../image/image.ts"
import { plainGrid } from "../image/image.ts"
import type { Kernel } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import { makeImage, requireScalar, requireThat } from "./shape.ts"

/** A picture above this is a mistake, and would fill memory before anybody sees it. */
const MAX_VOXELS = 2 ** 28

export interface BlankParameters {
  readonly width: number
  readonly height: number
  readonly value: number
}

/** A float32 picture with one value everywhere, at the origin, its voxels a millimeter wide. */
export const blank: Kernel<BlankParameters, { readonly value: number; readonly output: Image }, Image> = {
  name: "blank",
  prepare: (_, { width, height, value }) => {
    const isSize = Number.isSafeInteger(width) && Number.isSafeInteger(height) && width >= 1 && height >= 1
    requireThat("blank", isSize, "a width and a height of at least 1", [width, height])
    requireThat("blank", width * height <= MAX_VOXELS, `at most ${String(MAX_VOXELS)} voxels`, width * height)
    return { value, output: makeImage(plainGrid([width, height]), "float32") }
  },
  phases: [
    {
      run: ({ value, output }, part, parts) => {
        const { from, to } = shareOf(output.voxels.length, part, parts)
        output.voxels.fill(value, from, to)
      },
    },
  ],
  finish: ({ output }) => output,
}

/** A shape around a point, in voxels; `value` is what its voxels become. */
interface Shape {
  readonly x: number
  readonly y: number
  readonly radius: number
  readonly value: number
}

interface Memory {
  readonly image: Image
  readonly output: Image
  readonly value: number
  readonly shape: Shape
  /** Directions of the sides; none for a circle. */
  readonly normals: readonly (readonly [number, number])[]
}

/** On every machine, a center on the edge is inside, whatever the last bits of a cosine are. */
const EDGE = 1e-9

function drawPart({ image, output, value, shape, normals }: Memory, part: number, parts: number): void {
  const [width = 1, height = 1] = image.size
  const { x, y, radius } = shape
  const reach = normals.length === 0 ? 0 : radius * Math.cos(Math.PI / normals.length) + EDGE * radius
  const { from, to } = shareOf(height, part, parts)
  for (let row = from; row < to; row += 1) {
    const start = row * width
    output.voxels.set(image.voxels.subarray(start, start + width), start)
    for (let column = 0; column < width; column += 1) {
      const [dx, dy] = [column - x, row - y]
      const isInside =
        normals.length === 0
          ? dx * dx + dy * dy <= radius * radius
          : normals.every(([nx, ny]) => dx * nx + dy * ny <= reach)
      if (isInside) output.voxels[start + column] = value
    }
  }
}

function prepareDrawing(name: string, inputs: readonly Image[], shape: Shape): Memory {
  const image = requireScalar(name, inputs)
  requireThat(name, image.size.length === 2, "a flat picture, as blank makes one", image.size)
  requireThat(name, shape.radius > 0 && Number.isFinite(shape.radius), "a radius above 0", shape.radius)
  return { image, output: makeImage(image, image.type), value: shape.value, shape, normals: [] }
}

/** A copy with a filled circle. */
export const circle: Kernel<Shape, Memory, Image> = {
  name: "circle",
  prepare: (inputs, shape) => prepareDrawing("circle", inputs, shape),
  phases: [{ run: drawPart }],
  finish: ({ output }) => output,
}

const MAX_SIDES = 1_000

/** A copy with a filled polygon whose corners, one of them straight to the left, lie on a circle. */
export const regularPolygon: Kernel<Shape & { readonly sides: number }, Memory, Image> = {
  name: "regular_polygon",
  prepare: (inputs, { sides, ...shape }) => {
    const isCount = Number.isSafeInteger(sides) && sides >= 3 && sides <= MAX_SIDES
    requireThat("regular_polygon", isCount, `3 to ${String(MAX_SIDES)} sides`, sides)
    const normals = Array.from({ length: sides }, (_, side) => {
      const angle = Math.PI + ((side + 0.5) * 2 * Math.PI) / sides
      return [Math.cos(angle), Math.sin(angle)] as const
    })
    return { ...prepareDrawing("regular_polygon", inputs, shape), normals }
  },
  phases: [{ run: drawPart }],
  finish: ({ output }) => output,
}
