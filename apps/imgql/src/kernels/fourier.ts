/** The discrete Fourier transform of complex numbers, of which there are a power of two. */

export interface Complex {
  readonly re: Float64Array
  readonly im: Float64Array
}

export function makeComplex(length: number): Complex {
  return { re: new Float64Array(length), im: new Float64Array(length) }
}

/**
 * In place, and not divided by how many there are. (J. W. Cooley and J. W. Tukey, "An algorithm for the machine calculation of
 * complex Fourier series", 1965.)
 */
export function transform({ re, im }: Complex, direction: "forward" | "backward"): void {
  const count = re.length
  reverseBits({ re, im })
  const turn = (direction === "forward" ? -2 : 2) * Math.PI
  for (let size = 2; size <= count; size *= 2) {
    const half = size / 2
    for (let at = 0; at < half; at += 1) {
      const [cosine, sine] = [Math.cos((turn * at) / size), Math.sin((turn * at) / size)]
      for (let even = at; even < count; even += size) {
        const odd = even + half
        const real = re[odd]! * cosine - im[odd]! * sine
        const imaginary = re[odd]! * sine + im[odd]! * cosine
        re[odd] = re[even]! - real
        im[odd] = im[even]! - imaginary
        re[even] = re[even]! + real
        im[even] = im[even]! + imaginary
      }
    }
  }
}

function reverseBits({ re, im }: Complex): void {
  const count = re.length
  let other = 0
  for (let at = 1; at < count; at += 1) {
    let bit = count / 2
    while ((other & bit) !== 0) {
      other ^= bit
      bit /= 2
    }
    other |= bit
    if (at >= other) continue
    const [real, imaginary] = [re[at]!, im[at]!]
    re[at] = re[other]!
    im[at] = im[other]!
    re[other] = real
    im[other] = imaginary
  }
}
