/**
 * Numbers in decimal, rounded half to even from their exact value, as Python and C do. JavaScript's own `toFixed` rounds
 * halves up, and gives no digits from 1e21 on.
 */

/** Digits of a number above or equal to 0: `digits` divided by 10 to the power of `places`. */
interface Scaled {
  readonly digits: bigint
  readonly places: number
}

/** `1234.50`: with so many digits after the point. */
export function toFixed(value: number, places: number): string {
  const text = roundAt(value, places)
    .digits.toString()
    .padStart(places + 1, "0")
  return places === 0 ? text : `${text.slice(0, -places)}.${text.slice(-places)}`
}

/** `1.2345e+03`: with so many digits after the point, and at least two in the exponent. */
export function toExponential(value: number, places: number): string {
  const exponent = exponentOf(value, places)
  const text = roundAt(value, places - exponent)
    .digits.toString()
    .padStart(places + 1, "0")
  const mantissa = places === 0 ? text : `${text.slice(0, 1)}.${text.slice(1)}`
  return `${mantissa}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`
}

/** The exponent it has once it is rounded to so many digits after the first. */
export function exponentOf(value: number, places: number): number {
  if (value === 0) return 0
  let exponent = Math.floor(Math.log10(value))
  // The logarithm may be off by one at a power of ten, and rounding may lead to the next.
  for (let tries = 0; tries < 3; tries += 1) {
    const length = roundAt(value, places - exponent).digits.toString().length
    if (length === places + 1) break
    exponent += length - (places + 1)
  }
  return exponent
}

/** The number times 10 to the power of `places`, which may be below 0, as the nearest whole number. */
function roundAt(value: number, places: number): Scaled {
  const [mantissa, exponent] = partsOf(value)
  const up = 10n ** BigInt(Math.max(0, places)) * 2n ** BigInt(Math.max(0, exponent))
  const down = 10n ** BigInt(Math.max(0, -places)) * 2n ** BigInt(Math.max(0, -exponent))
  const numerator = mantissa * up
  const digits = numerator / down
  const rest = 2n * (numerator % down)
  const isUp = rest > down || (rest === down && digits % 2n === 1n)
  return { digits: isUp ? digits + 1n : digits, places }
}

/** A finite number from 0 on as `mantissa * 2 ** exponent`. */
function partsOf(value: number): readonly [mantissa: bigint, exponent: number] {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  const bits = view.getBigUint64(0)
  const fraction = bits & 0xf_ffff_ffff_ffffn
  const biased = Number((bits >> 52n) & 0x7ffn)
  return biased === 0 ? [fraction, -1074] : [fraction | 0x10_0000_0000_0000n, biased - 1075]
}
