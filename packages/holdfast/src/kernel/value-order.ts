/** The order parts of a value are written in, which makes equal values equal bytes. */

// The order of keys is that of their UTF-8 with its length in front: shorter first, then bytewise (RFC 8949 section 4.2.1).

export function sortKeys(keys: string[]): void {
  let previous = ""
  for (const key of keys) {
    if (compareKeys(previous, key) > 0) {
      keys.sort(compareKeys)
      return
    }
    previous = key
  }
}

export function compareKeys(a: string, b: string): number {
  return utf8Length(a) - utf8Length(b) || compareText(a, b)
}

function utf8Length(text: string): number {
  let length = text.length
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    // A surrogate is half of a pair that takes four bytes.
    if (unit >= 0x80) length += unit < 0x800 || isSurrogate(unit) ? 1 : 2
  }
  return length
}

function compareText(a: string, b: string): number {
  for (let index = 0; index < a.length; index++) {
    const unitA = a.charCodeAt(index)
    const unitB = b.charCodeAt(index)
    if (unitA === unitB) continue
    // Bytes of UTF-8 order by code point, and a pair of surrogates stands for one above all others.
    if (isSurrogate(unitA) !== isSurrogate(unitB)) return isSurrogate(unitA) ? 1 : -1
    return unitA - unitB
  }
  return 0
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff
}

export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index++) {
    const difference = byteAt(a, index) - byteAt(b, index)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

export function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] as number // The callers stay within the length.
}
