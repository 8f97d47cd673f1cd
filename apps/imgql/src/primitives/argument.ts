/** Arguments of primitives as what they must be; what else they are is an error that says so. */
import type { Image } from "../image/image.ts"
import { isImage, isSequence, type Value } from "./primitive.ts"
import { PrimitiveError } from "./primitive-error.ts"

/** Truth is a number, too. */
export function num(value: Value | undefined): number {
  if (typeof value === "number") return value
  if (typeof value === "boolean") return value ? 1 : 0
  throw invalid(`expected a number, found ${describe(value)}`)
}

export function isTrue(value: Value | undefined): boolean {
  return num(value) !== 0
}

export function whole(value: Value | undefined): number {
  const number = num(value)
  if (Number.isSafeInteger(number)) return number
  throw invalid(`expected a whole number, found ${String(number)}`)
}

export function sequence(value: Value | undefined): readonly Value[] {
  if (isSequence(value)) return value
  throw invalid(`expected a sequence, found ${describe(value)}`)
}

export function image(value: Value | undefined): Image {
  if (isImage(value)) return value
  throw invalid(`expected an image, found ${describe(value)}`)
}

export function text(value: Value | undefined): string {
  if (typeof value === "string") return value
  if (typeof value === "number" || typeof value === "boolean") return String(value)
  throw invalid(`expected a string, found ${describe(value)}`)
}

/** One whole number an axis: a sequence of them, or one for all axes. */
export function perAxis(value: Value | undefined, axes: number): readonly number[] {
  return isSequence(value) ? value.map(whole) : Array.from({ length: axes }, () => whole(value))
}

/** One number an axis: a sequence of them, or one for all axes. */
export function numberPerAxis(value: Value | undefined, axes: number): readonly number[] {
  return isSequence(value) ? value.map(num) : Array.from({ length: axes }, () => num(value))
}

export function describe(value: Value | undefined): string {
  if (value === undefined) return "nothing"
  if (isSequence(value)) return "a sequence"
  return isImage(value) ? "an image" : `the ${typeof value} ${JSON.stringify(value)}`
}

function invalid(message: string): PrimitiveError {
  return new PrimitiveError("ARGUMENT_INVALID", message)
}
