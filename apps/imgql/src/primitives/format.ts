/**
 * `format_string`: Python's format language for numbers, strings and truth.
 *
 *     {} {0} {:.2f} {1:>8} {:+,.1f} {:08.3f} {:x} {:%} {!r}      {{ and }} are braces
 *     [[fill]align][sign][z][#][0][width][, or _][.precision][type]
 *
 * It differs where ImgQL does: all numbers are of one kind, so `d`, `b`, `o`, `x` and `c` take any that is whole; without a
 * type a number is written as `print` writes it, or with a precision as by `g`; truth is `true` and `false`, and 1 and 0 to
 * types of numbers. Fields by name, of objects, and in fields are refused: nothing here has names.
 */
import { exponentOf, toExponential, toFixed } from "./decimal.ts"
import { PrimitiveError } from "./primitive-error.ts"

type Plain = number | string | boolean

interface Spec {
  readonly fill: string
  readonly align: "<" | ">" | "^" | "=" | null
  readonly sign: "+" | "-" | " " | null
  readonly isZeroPlain: boolean
  readonly isAlternate: boolean
  readonly width: number
  readonly grouping: "," | "_" | null
  readonly precision: number | null
  readonly type: string
  /** The whole of it, for messages. */
  readonly text: string
}

const MAX_WIDTH = 10_000
/** No number has more digits that tell anything. */
const MAX_PRECISION = 1_100
const FIELD = /\{\{|\}\}|\{([^{}:!]*)(?:!([^{}:]*))?(?::([^{}]*))?\}|[{}]/gu
const SPEC = /^(?:(.)?([<>=^]))?([-+ ])?(z)?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([a-zA-Z%])?$/su

/** @throws PrimitiveError FORMAT_INVALID */
export function formatString(format: string, values: readonly Plain[]): string {
  let next = 0
  let isNumbered: boolean | null = null
  const shown = format.replaceAll(FIELD, (found, name?: string, conversion?: string, spec?: string) => {
    if (found === "{{") return "{"
    if (found === "}}") return "}"
    if (name === undefined) {
      throw invalid(`${quote(found)} in ${quote(format)} opens or closes no field; write it twice to mean itself`)
    }
    if (!/^\d*$/.test(name)) throw invalid(`${quote(found)} names a value; expected {} or a number as in {0}`)
    if (isNumbered === null) isNumbered = name !== ""
    if (isNumbered !== (name !== "")) throw invalid(`${quote(format)} has both {} and {0}; use one of them`)
    const at = name === "" ? next : Number(name)
    next += 1
    const value = values[at]
    if (value === undefined) {
      throw invalid(`${quote(format)} asks for value ${String(at + 1)}, and ${String(values.length)} are given`)
    }
    return formatValue(convert(value, conversion, found), parseSpec(spec ?? ""))
  })
  return shown
}

function convert(value: Plain, conversion: string | undefined, field: string): Plain {
  switch (conversion) {
    case undefined:
      return value
    case "s":
      return String(value)
    case "r":
      return typeof value === "string" ? JSON.stringify(value) : String(value)
    default:
      throw invalid(`${quote(field)} converts by ${quote(`!${conversion}`)}; expected !s or !r`)
  }
}

function parseSpec(text: string): Spec {
  const match = SPEC.exec(text)
  if (match === null) {
    throw invalid(`expected [[fill]align][sign][#][0][width][,][.precision][type], found ${quote(text)}`)
  }
  const [, fill, align, sign, z, alternate, zero, width, grouping, precision, type = ""] = match
  const isZeroFilled = zero !== undefined && align === undefined
  const spec = {
    fill: fill ?? (isZeroFilled ? "0" : " "),
    // The expression has these letters only.
    align: (align ?? (isZeroFilled ? "=" : null)) as Spec["align"],
    sign: (sign ?? null) as Spec["sign"],
    isZeroPlain: z !== undefined,
    isAlternate: alternate !== undefined,
    width: Number(width ?? 0),
    grouping: (grouping ?? null) as Spec["grouping"],
    precision: precision === undefined ? null : Number(precision),
    type,
    text,
  }
  if (spec.width > MAX_WIDTH) throw invalid(`a width is at most ${String(MAX_WIDTH)}, found ${String(spec.width)}`)
  if ((spec.precision ?? 0) > MAX_PRECISION) {
    throw invalid(`a precision is at most ${String(MAX_PRECISION)}, found ${String(spec.precision)}`)
  }
  return spec
}

function formatValue(value: Plain, spec: Spec): string {
  if (typeof value === "string") return formatText(value, spec)
  if (typeof value === "boolean" && (spec.type === "" || spec.type === "s")) return formatText(String(value), spec)
  return formatNumber(Number(value), spec)
}

function formatText(text: string, spec: Spec): string {
  const { type, sign, grouping, isAlternate, isZeroPlain, align, precision } = spec
  const hasNumberParts = sign !== null || grouping !== null || isAlternate || isZeroPlain
  if (hasNumberParts || align === "=" || (type !== "" && type !== "s")) {
    throw invalid(`${quote(spec.text)} is for numbers, found the string ${quote(text)}`)
  }
  const shown = precision === null ? text : Array.from(text).slice(0, precision).join("")
  return pad("", shown, spec, "<")
}

function formatNumber(value: number, spec: Spec): string {
  const { type, grouping, sign, isZeroPlain, isAlternate } = spec
  if (type === "c") return pad("", characterOf(value, spec), spec, "<")
  const base = BASES.get(type)
  if (base !== undefined && base !== 10 && grouping === ",") {
    throw invalid(`${quote(spec.text)} sets commas between digits that are not decimal; expected _`)
  }
  const body = bodyOf(Math.abs(value), spec)
  const isNegative = value < 0 || (Object.is(value, -0) && base === undefined)
  const isPlain = isZeroPlain && !/[1-9]/.test(body)
  const mark = isNegative && !isPlain ? "-" : sign === null || sign === "-" ? "" : sign
  const prefix = base !== undefined && base !== 10 && isAlternate ? `${mark}0${type}` : mark
  if (grouping === null) return pad(prefix, body, spec, ">")
  const every = base === undefined || base === 10 ? 3 : 4
  return pad(prefix, grouped({ body, separator: grouping, every, prefix, spec }), spec, ">")
}

/** The types of whole numbers, and the base each writes them in. */
const BASES: ReadonlyMap<string, number> = new Map([
  ["d", 10],
  ["b", 2],
  ["o", 8],
  ["x", 16],
  ["X", 16],
])

/** A number from 0 on, without sign, padding and groups. */
function bodyOf(value: number, spec: Spec): string {
  const { type, precision, isAlternate } = spec
  const base = BASES.get(type)
  if (base !== undefined) {
    if (precision !== null) throw invalid(`${quote(spec.text)} has a precision, which whole numbers have not`)
    const text = BigInt(wholeOf(value, spec)).toString(base)
    return type === "X" ? text.toUpperCase() : text
  }
  if (type === "" && precision === null) return String(value)
  if (!"eEfFgG%".includes(type)) {
    throw invalid(`expected one of b c d e E f F g G o x X % for a number, found ${quote(spec.text)}`)
  }
  const isUpper = "EFG".includes(type) && type !== ""
  if (!Number.isFinite(value)) {
    const name = Number.isNaN(value) ? "nan" : "inf"
    return (isUpper ? name.toUpperCase() : name) + (type === "%" ? "%" : "")
  }
  const places = precision ?? 6
  const body = finiteBody(value, type.toLowerCase(), { places, isAlternate })
  return isUpper ? body.toUpperCase() : body
}

interface Digits {
  readonly places: number
  /** Whether a point stays that has nothing behind it, and zeros at the end. */
  readonly isAlternate: boolean
}

function finiteBody(value: number, type: string, { places, isAlternate }: Digits): string {
  switch (type) {
    case "f":
      return withPoint(toFixed(value, places), isAlternate)
    case "%":
      return `${withPoint(toFixed(value * 100, places), isAlternate)}%`
    case "e":
      return withPoint(toExponential(value, places), isAlternate)
    default: {
      const digits = Math.max(1, places)
      const exponent = exponentOf(value, digits - 1)
      const isFixed = exponent >= -4 && exponent < digits
      const text = isFixed ? toFixed(value, digits - 1 - exponent) : toExponential(value, digits - 1)
      return isAlternate ? withPoint(text, true) : text.replace(/(\.\d*?)0+(?=e|$)/, "$1").replace(/\.(?=e|$)/, "")
    }
  }
}

function withPoint(text: string, isWanted: boolean): string {
  return isWanted && !text.includes(".") ? text.replace(/(?=e|$)/, ".") : text
}

function wholeOf(value: number, { text }: Spec): number {
  if (Number.isInteger(value)) return value
  throw invalid(`${quote(text)} is for whole numbers, found ${String(value)}`)
}

function characterOf(value: number, spec: Spec): string {
  const code = wholeOf(value, spec)
  const isCharacter = code >= 0 && code <= 0x10_ffff && !(code >= 0xd800 && code <= 0xdfff)
  if (isCharacter && spec.sign === null && spec.precision === null) return String.fromCodePoint(code)
  throw invalid(`${quote(spec.text)} is for the numbers of characters, found ${String(value)}`)
}

interface Grouping {
  readonly body: string
  readonly separator: string
  readonly every: number
  readonly prefix: string
  readonly spec: Spec
}

/** Zeros that fill the width are digits like the others. */
function grouped({ body, separator, every, prefix, spec }: Grouping): string {
  const [whole = "", rest = ""] = /^([0-9a-fA-F]+)(.*)$/s.exec(body)?.slice(1) ?? ["", body]
  const isZeroFilled = spec.fill === "0" && spec.align === "="
  const wanted = isZeroFilled && whole !== "" ? spec.width - prefix.length - rest.length : 0
  let digits = whole
  for (;;) {
    const parts: string[] = []
    for (let end = digits.length; end > 0; end -= every) parts.unshift(digits.slice(Math.max(0, end - every), end))
    const text = parts.join(separator)
    if (text.length >= wanted) return text + rest
    digits = `0${digits}`
  }
}

function pad(prefix: string, body: string, { fill, align, width }: Spec, usual: "<" | ">"): string {
  const missing = Math.max(0, width - Array.from(prefix + body).length)
  switch (align ?? usual) {
    case "<":
      return prefix + body + fill.repeat(missing)
    case ">":
      return fill.repeat(missing) + prefix + body
    case "=":
      return prefix + fill.repeat(missing) + body
    case "^": {
      const before = Math.floor(missing / 2)
      return fill.repeat(before) + prefix + body + fill.repeat(missing - before)
    }
  }
}

function invalid(message: string): PrimitiveError {
  return new PrimitiveError("FORMAT_INVALID", `format_string: ${message}`)
}

function quote(text: string): string {
  return JSON.stringify(text)
}
