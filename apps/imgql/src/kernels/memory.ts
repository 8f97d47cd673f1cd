/** Arrays in memory that threads share, all 0: what phases of a kernel leave for each other. */
export function makeInts(length: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(length * 4))
}

export function makeNumbers(length: number): Uint32Array {
  return new Uint32Array(new SharedArrayBuffer(length * 4))
}

export function makeShorts(length: number): Uint16Array {
  return new Uint16Array(new SharedArrayBuffer(length * 2))
}

export function makeBytes(length: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(length))
}

export function makeFloats(length: number): Float32Array {
  return new Float32Array(new SharedArrayBuffer(length * 4))
}

export function makeDoubles(length: number): Float64Array {
  return new Float64Array(new SharedArrayBuffer(length * 8))
}
