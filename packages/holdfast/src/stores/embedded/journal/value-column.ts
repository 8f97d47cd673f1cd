/** How values and names lie in a column: nothing SQLite would change, and in the order JavaScript compares. */
import type { Value } from "../../../kernel/index.ts"

/** CBOR's head of a 64-bit float. No encoded value starts with it: a number alone travels as itself, not as bytes. */
const FLOAT_HEAD = 0xfb
const FLOAT_BYTES = 9

/** SQLite has neither NaN nor -0, so a number is stored as the CBOR of a 64-bit float. */
export function columnOfValue(value: Value): Uint8Array {
  if (typeof value !== "number") return value
  const bytes = Buffer.allocUnsafe(FLOAT_BYTES)
  bytes[0] = FLOAT_HEAD
  bytes.writeDoubleBE(value, 1)
  return bytes
}

/** The value {@link columnOfValue} stored. */
export function valueOfColumn(column: Uint8Array): Value {
  const bytes = new Uint8Array(column.buffer, column.byteOffset, column.byteLength)
  if (bytes.length !== FLOAT_BYTES || bytes[0] !== FLOAT_HEAD) return bytes
  return new DataView(bytes.buffer, bytes.byteOffset, FLOAT_BYTES).getFloat64(1)
}

/** The surrogates and what lies above them: where the order of UTF-8 and that of UTF-16 part. */
const SURROGATE = /[\ud800-\udfff]/

/**
 * The UTF-8 of each UTF-16 unit by itself (CESU-8): its bytes sort as JavaScript compares the names, no two names share
 * them, and a prefix of the name is a prefix of the bytes. Names without characters above U+FFFF are plain UTF-8.
 */
export function columnOfName(name: string): Uint8Array {
  if (!SURROGATE.test(name)) return Buffer.from(name)
  const bytes: number[] = []
  for (let index = 0; index < name.length; index++) {
    const unit = name.charCodeAt(index)
    if (unit < 0x80) bytes.push(unit)
    else if (unit < 0x800) bytes.push(0xc0 | (unit >> 6), 0x80 | (unit & 0x3f))
    else bytes.push(0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f))
  }
  return Uint8Array.from(bytes)
}

/** The name {@link columnOfName} stored. */
export function nameOfColumn(column: Uint8Array): string {
  const text = Buffer.from(column.buffer, column.byteOffset, column.byteLength).toString()
  // A surrogate by itself is no UTF-8 and decodes to this character, which few names hold otherwise.
  return text.includes("\ufffd") ? decodeUnits(column) : text
}

function decodeUnits(bytes: Uint8Array): string {
  const at = (index: number): number => bytes[index] ?? 0
  let name = ""
  for (let index = 0; index < bytes.length;) {
    const first = at(index)
    if (first < 0x80) {
      name += String.fromCharCode(first)
      index += 1
    } else if (first < 0xe0) {
      name += String.fromCharCode(((first & 0x1f) << 6) | (at(index + 1) & 0x3f))
      index += 2
    } else {
      name += String.fromCharCode(((first & 0x0f) << 12) | ((at(index + 1) & 0x3f) << 6) | (at(index + 2) & 0x3f))
      index += 3
    }
  }
  return name
}

/** No name's bytes hold it, so a prefix with it behind is above every name that starts so. */
export const ABOVE_NAMES = 0xff
