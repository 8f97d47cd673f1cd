/** Randomness that any machine repeats bit for bit: integers alone make it, and sums and products spread it. */

/** One step of the generator of the golden results; `state >>> 8` are its 24 random bits. */
export function nextState(state: number): number {
  return (Math.imul(state, 1664525) + 1013904223) >>> 0
}

/**
 * A smooth random field over the unit cube, from 0 to 1: random values on a lattice, and between them what lies between.
 * Given row by row, since all that is expensive is the same along a row.
 */
export class SmoothNoise {
  readonly #cells: readonly [number, number, number]
  readonly #lattice: Float64Array
  readonly #row: Float64Array

  constructor(seed: number, cells: readonly [number, number, number]) {
    this.#cells = cells
    const [nx, ny, nz] = cells
    this.#row = new Float64Array(nx + 2)
    let state = seed >>> 0
    this.#lattice = Float64Array.from({ length: (nx + 2) * (ny + 2) * (nz + 2) }, () => {
      state = nextState(state)
      return (state >>> 8) / 16_777_216
    })
  }

  /** Fills `into` with the field along x, at places `y` and `z` from 0 to 1. */
  fillRow(into: Float64Array, y: number, z: number): void {
    const [nx, ny, nz] = this.#cells
    const atY = Math.floor(y * ny)
    const atZ = Math.floor(z * nz)
    const alongY = ease(y * ny - atY)
    const alongZ = ease(z * nz - atZ)
    const stride = nx + 2
    const plane = stride * (ny + 2)
    const start = atZ * plane + atY * stride
    const at = (index: number): number => this.#lattice[index] ?? 0
    for (let x = 0; x < stride; x += 1) {
      const near = mix(at(start + x), at(start + stride + x), alongY)
      const far = mix(at(start + plane + x), at(start + plane + stride + x), alongY)
      this.#row[x] = mix(near, far, alongZ)
    }
    const step = nx / into.length
    for (let x = 0; x < into.length; x += 1) {
      const place = (x + 0.5) * step
      const cell = Math.floor(place)
      into[x] = mix(this.#row[cell] ?? 0, this.#row[cell + 1] ?? 0, ease(place - cell))
    }
  }
}

function mix(one: number, other: number, share: number): number {
  return one + (other - one) * share
}

/** Level at both ends, so that cells join smoothly. */
function ease(share: number): number {
  return share * share * (3 - 2 * share)
}
