/**
 * Whether a file is all there, for the formats whose ITK reader does not look: it leaves what is missing at the end as its
 * memory was, and the image would be part noise.
 */
import { quote } from "./content.ts"
import { FileError } from "./file-error.ts"

const BMP_HEADER_BYTES = 54
/** A VTK header is a few lines of text. */
const VTK_HEADER_LIMIT = 1 << 16

/** @throws FileError FILE_DAMAGED */
export function checkWholeBmp(path: string, bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < BMP_HEADER_BYTES || view.getUint16(0, false) !== 0x424d) {
    throw cutShort(path, "a BMP with its header", `${bytes.length} other bytes`)
  }
  const rowBytes = Math.ceil((view.getInt32(18, true) * view.getUint16(28, true)) / 32) * 4
  const isCompressed = view.getUint32(30, true) !== 0
  const pixelBytes = rowBytes * Math.abs(view.getInt32(22, true))
  const expected = isCompressed ? view.getUint32(2, true) : view.getUint32(10, true) + pixelBytes
  if (!(rowBytes >= 0 && bytes.length >= expected)) throw cutShort(path, `${expected} bytes`, `${bytes.length}`)
}

/** `voxelBytes` is what the image takes. @throws FileError FILE_DAMAGED */
export function checkWholeVtk(path: string, bytes: Uint8Array, voxelBytes: number): void {
  const header = Buffer.from(bytes.subarray(0, VTK_HEADER_LIMIT)).toString("latin1")
  if (!/^[^\n]*\n[^\n]*\n[ \t]*BINARY/.test(header)) return
  const start = /^(?:SCALARS[^\n]*\n(?:LOOKUP_TABLE[^\n]*)?|(?:COLOR_SCALARS|VECTORS|TENSORS)[^\n]*)\n?/im.exec(header)
  const expected = start === null ? 0 : start.index + start[0].length + voxelBytes
  if (bytes.length < expected) throw cutShort(path, `${expected} bytes`, `${bytes.length}`)
}

function cutShort(path: string, expected: string, found: string): FileError {
  const message = `${quote(path)}: expected ${expected}, found ${found}; it is cut short or altered, copy or make it again`
  return new FileError("FILE_DAMAGED", message, { path })
}
