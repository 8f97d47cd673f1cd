/** What differs between what a call gives and what ITK makes of it, in words; nothing where they agree. */
import type { Image } from "../src/image/image.ts"
import type { Value } from "../src/primitives/primitive.ts"
import { type Call, EXACT, type Tolerance } from "./golden-calls.ts"
import type { Written } from "./golden-inputs.ts"

/** Places of space are rounded by whoever computes them. */
const PLACE_TOLERANCE: Tolerance = { relative: 1e-15, absolute: 0 }

export function differences({ expected, tolerance }: Call, found: Value): string[] {
  switch (expected.kind) {
    case "refused":
      return ["ITK refuses it"]
    case "value": {
      const [wanted, numbers] = [listOf(expected.value), listOf(found)]
      return shapeOf(found) === shapeOf(expected.value)
        ? differingNumbers(numbers, wanted.map(Number), tolerance)
        : [`${JSON.stringify(found)}, not ${JSON.stringify(expected.value)}`]
    }
    case "image": {
      if (!isImage(found)) return [`not an image: ${JSON.stringify(found)}`]
      const { size, type, components, ...space } = expected.image
      const shape = { size: found.size, type: found.type, components: found.components }
      if (JSON.stringify(shape) !== JSON.stringify({ size, type, components })) {
        return [`${JSON.stringify(shape)}, not ${JSON.stringify({ size, type, components })}`]
      }
      return [
        ...(["spacing", "origin", "direction"] as const).flatMap((name) =>
          differingNumbers(found[name], space[name], PLACE_TOLERANCE).map((line) => `${name} ${line}`),
        ),
        ...differingNumbers(
          Array.from(found.voxels),
          rounded(expected.values, type),
          isFloat(type) ? tolerance : EXACT,
        ),
      ]
    }
  }
}

function isFloat(type: Image["type"]): boolean {
  return type === "float32" || type === "float64"
}

/** All that a list holds, and the lists in it, in order. */
function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value.flatMap(listOf) : [value]
}

/** How lists lie in each other. */
function shapeOf(value: unknown): string {
  return Array.isArray(value) ? `[${value.map(shapeOf).join()}]` : ""
}

/** Float32 values are written with the fewest digits that read back to them. */
function rounded(values: readonly Written[], type: Image["type"]): number[] {
  return values.map((value) => (type === "float32" ? Math.fround(Number(value)) : Number(value)))
}

/** -0 and 0 are equal, and so is NaN to itself. */
function differingNumbers(found: readonly unknown[], wanted: readonly number[], tolerance: Tolerance): string[] {
  if (found.length !== wanted.length) return [`${found.length} numbers, not ${wanted.length}`]
  const largest = Math.max(0, ...wanted.filter(Number.isFinite).map(Math.abs))
  const distance = tolerance.absolute + tolerance.relative * largest
  return wanted.flatMap((value, at) => {
    const other = found[at]
    const isEqual = other === value || (Number.isNaN(other) && Number.isNaN(value))
    const isNear = typeof other === "number" && Math.abs(other - value) <= distance
    return isEqual || isNear ? [] : [`at ${at}: ${String(other)}, not ${value}`]
  })
}

function isImage(value: Value): value is Image {
  return typeof value === "object" && value !== null && "voxels" in value
}
