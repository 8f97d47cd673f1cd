/** Values of flags: what each may be, and what to say of any other. */
import { availableParallelism, totalmem } from "node:os"
import { InvalidArgumentError } from "commander"
import { LEAST_SIDE, MOST_SIDE } from "../files/phantom.ts"

/** Of the machine's memory, for images. */
const MEMORY_SHARE = 0.4
/** More threads than this no machine has; each costs memory before it does anything. */
const MAX_THREADS = 1_024

/** Of a phantom: programs on it take seconds; at 240x240x155, the size of images in public challenges, a voxel is 1 mm. */
export const PHANTOM_SIZE: readonly [number, number, number] = [128, 128, 64]

export const DEFAULT_THREADS: number = availableParallelism()
export const DEFAULT_MEMORY_BYTES: number = Math.floor(totalmem() * MEMORY_SHARE)

export function parseThreads(text: string): number {
  return parseWhole(text, MAX_THREADS)
}

/** A whole number from 1. */
export function parseCount(text: string): number {
  return parseWhole(text, Number.MAX_SAFE_INTEGER)
}

function parseWhole(text: string, most: number): number {
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (count >= 1 && count <= most) return count
  const bound = most === Number.MAX_SAFE_INTEGER ? "from 1" : `from 1 to ${String(most)}`
  throw new InvalidArgumentError(`Expected a whole number ${bound}.`)
}

/** A number of bytes, with a unit of 1024, its square or its cube: `512M`, `8G`, `1.5g`. */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(?:([kmgt])(?:i?b)?|b)?$/i.exec(text)
  const power = match === null ? Number.NaN : 1 + "kmgt".indexOf(match[2]?.toLowerCase() ?? " ")
  const bytes = Math.floor(Number(match?.[1]) * 1_024 ** Math.max(0, power))
  if (Number.isSafeInteger(bytes) && bytes >= 1) return bytes
  throw new InvalidArgumentError("Expected a number of bytes, as in 512M or 8G.")
}

/** What a store may keep; null is without a bound. (A flag whose value is null counts as one without a value.) */
export interface Budget {
  readonly bytes: number | null
}

/** A number of bytes, or `none`. */
export function parseBudget(text: string): Budget {
  if (text === "none") return { bytes: null }
  try {
    return { bytes: parseBytes(text) }
  } catch {
    throw new InvalidArgumentError('Expected a number of bytes, as in 20G, or "none".')
  }
}

/** Two numbers, the second the larger: `0,255`. */
export function parseWindow(text: string): { readonly low: number; readonly high: number } {
  const parts = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)))
  const [low = Number.NaN, high = Number.NaN] = parts
  if (parts.length === 2 && low < high) return { low, high }
  throw new InvalidArgumentError('Expected what is black and what is white, as in "0,255".')
}

/** Three counts, as in 240x240x155. */
export function parseSize(text: string): readonly [number, number, number] {
  const found = /^(\d+)x(\d+)x(\d+)$/.exec(text)
  const size = [Number(found?.[1]), Number(found?.[2]), Number(found?.[3])] as const
  if (size.every((side) => side >= LEAST_SIDE && side <= MOST_SIDE)) return size
  const range = `from ${String(LEAST_SIDE)} to ${String(MOST_SIDE)}`
  throw new InvalidArgumentError(`Expected three whole numbers ${range}, as in 240x240x155.`)
}

/** The form a task graph is saved in goes by its name. */
export function parseGraphFile(text: string): string {
  if (/\.(?:dot|json)$/.test(text)) return text
  throw new InvalidArgumentError("Expected a file that ends in .dot or .json.")
}
