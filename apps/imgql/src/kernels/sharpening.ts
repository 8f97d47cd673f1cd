/**
 * Sharper histograms: what values were before a bias field blurred how often they occur. The blur is taken for a Gaussian,
 * and is undone by a Wiener filter. (J. G. Sled, A. P. Zijdenbos and A. C. Evans, "A nonparametric method for automatic
 * correction of intensity nonuniformity in MRI data", 1998.) Rounded to float32 where ITK does.
 */
import { type Complex, makeComplex, transform } from "./fourier.ts"

const { fround } = Math

export interface SharpeningParameters {
  readonly bins: number
  /** Of the Gaussian, at half of its height, in units of the logarithm of values. */
  readonly fullWidth: number
  /** Of the Wiener filter: what is taken for noise. */
  readonly noise: number
}

/** Where the bins of a histogram of logarithms lie. */
export interface Bins {
  readonly first: number
  readonly step: number
}

export function binsBetween(min: number, max: number, bins: number): Bins {
  return { first: fround(min), step: fround(fround(fround(max) - fround(min)) / fround(bins - 1)) }
}

/** How far a value lies in the bins: a whole number at the center of each. */
export function placeOf(value: number, { first, step }: Bins): number {
  return fround(fround(value - first) / step)
}

/** What the value at the center of each bin was before, on average. */
export function sharpen(
  histogram: Float64Array,
  { first, step }: Bins,
  { bins, fullWidth, noise }: SharpeningParameters,
): Float32Array {
  const padded = 2 ** (Math.ceil(fround(Math.log(bins)) / Math.LN2) + 1)
  const offset = Math.floor(0.5 * (padded - bins))
  const blur = makeBlur(padded, fround(fround(fullWidth) / step))
  const sharp = makeComplex(padded)
  for (let bin = 0; bin < bins; bin += 1) sharp.re[bin + offset] = fround(histogram[bin]!)
  transform(sharp, "forward")
  for (let at = 0; at < padded; at += 1) {
    const [re, im] = [blur.re[at]!, blur.im[at]!]
    const gain = re / (re * re + im * im + fround(noise))
    sharp.re[at] = sharp.re[at]! * gain
    sharp.im[at] = sharp.im[at]! * gain
  }
  transform(sharp, "backward")
  const [counts, moments] = [makeComplex(padded), makeComplex(padded)]
  for (let at = 0; at < padded; at += 1) {
    const count = Math.max(sharp.re[at]!, 0)
    counts.re[at] = count
    moments.re[at] = fround(first + fround(fround(at - offset) * step)) * count
  }
  blurAgain(counts, blur)
  blurAgain(moments, blur)
  return Float32Array.from({ length: bins }, (_, bin) => {
    const count = counts.re[bin + offset]!
    return count === 0 ? 0 : moments.re[bin + offset]! / count
  })
}

/** The Fourier transform of a Gaussian around the first bin, so many bins wide. */
function makeBlur(padded: number, width: number): Complex {
  const decay = fround((4 * Math.LN2) / fround(width * width))
  const scale = fround((2 * Math.sqrt(Math.LN2 / Math.PI)) / width)
  const blur = makeComplex(padded)
  for (let at = 0; at <= padded / 2; at += 1) {
    const value = fround(scale * fround(Math.exp(fround(-fround(at * at) * decay))))
    blur.re[at] = value
    if (at > 0) blur.re[padded - at] = value
  }
  blur.re[padded / 2] = scale * Math.exp(0.25 * -fround(padded * padded) * decay)
  transform(blur, "forward")
  return blur
}

function blurAgain(values: Complex, blur: Complex): void {
  transform(values, "forward")
  for (let at = 0; at < values.re.length; at += 1) {
    const [re, im] = [values.re[at]!, values.im[at]!]
    values.re[at] = re * blur.re[at]! - im * blur.im[at]!
    values.im[at] = re * blur.im[at]! + im * blur.re[at]!
  }
  transform(values, "backward")
}
