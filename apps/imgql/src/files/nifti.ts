/**
 * The header of NIfTI-1 files, of the plain kind that nearly all of them are: one file, little-endian, one value a voxel,
 * 2 or 3 axes, an orthogonal orientation. Such files are read straight into shared memory, several times as fast as by
 * ITK and without a copy. `parseHeader` answers null for every other kind, and ITK reads those.
 *
 * Meanings are ITK's, and a test compares them with it: space in NIfTI is right-anterior-superior, here
 * left-posterior-superior, so that the first two rows of the orientation change sign.
 * Format: https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h
 */
import { bytesPerValue, voxelCount, type Grid, type Image, type VoxelType } from "../image/image.ts"

/** What lies before the voxels: the header and four bytes that say that no extension follows. */
export const HEADER_BYTES = 352

export interface NiftiHeader extends Grid {
  /** As it lies in the file. */
  readonly storedType: VoxelType
  /** As it is once the values are scaled. */
  readonly type: VoxelType
  /** value = stored * slope + intercept; null where the stored value is it. */
  readonly scale: { readonly slope: number; readonly intercept: number } | null
  /** Where the voxels begin. */
  readonly offsetBytes: number
}

const TYPE_CODES: Readonly<Record<VoxelType, number>> = {
  uint8: 2,
  int16: 4,
  int32: 8,
  float32: 16,
  float64: 64,
  int8: 256,
  uint16: 512,
  uint32: 768,
}

const MILLIMETERS = 2
/** Orientation as a scanner gave it. */
const SCANNER = 1
/** How far two descriptions of one orientation may be apart: a quaternion of float32 is this coarse near half a turn. */
const TOLERANCE = 1e-3
/** Slopes and intercepts this close to none may be none to ITK. */
const SCALE_TOLERANCE = 1e-4

/** Reads a header, or answers null where the file is not of the plain kind. */
export function parseHeader(head: Uint8Array): NiftiHeader | null {
  if (head.length < HEADER_BYTES) return null
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  const isSingleFile = view.getUint32(344, false) === 0x6e2b3100
  if (view.getInt32(0, true) !== 348 || !isSingleFile) return null
  const axes = view.getInt16(40, true)
  if (axes !== 2 && axes !== 3) return null
  const size = Array.from({ length: axes }, (_, axis) => view.getInt16(42 + 2 * axis, true))
  const spacing = Array.from({ length: axes }, (_, axis) => view.getFloat32(80 + 4 * axis, true))
  const storedType = typeOfCode(view.getInt16(70, true))
  const offsetBytes = view.getFloat32(108, true)
  const space = view.getUint8(123) & 7
  const isPlain =
    size.every((count) => count >= 1) &&
    spacing.every((step) => step > 0 && Number.isFinite(step)) &&
    Number.isInteger(offsetBytes) &&
    offsetBytes >= HEADER_BYTES &&
    offsetBytes <= 1 << 24 &&
    (space === 0 || space === MILLIMETERS)
  if (!isPlain || storedType === null || view.getInt16(72, true) !== 8 * bytesPerValue(storedType)) return null
  const scale = parseScale(view)
  const place = parsePlace(view, axes, spacing)
  if (scale === undefined || place === null) return null
  const type = scale === null ? storedType : scaledType(storedType)
  return { size, spacing, ...place, storedType, type, scale, offsetBytes }
}

function typeOfCode(code: number): VoxelType | null {
  for (const [type, known] of Object.entries(TYPE_CODES)) {
    // The keys of the table are voxel types.
    if (known === code) return type as VoxelType
  }
  return null
}

function parseScale(view: DataView): NiftiHeader["scale"] | undefined {
  const slope = view.getFloat32(112, true)
  const intercept = view.getFloat32(116, true)
  if (!Number.isFinite(slope) || !Number.isFinite(intercept)) return undefined
  if (slope === 0 || (slope === 1 && intercept === 0)) return null
  // ITK takes slopes and intercepts this close to none for none; that is its to judge.
  if (Math.abs(slope) < SCALE_TOLERANCE) return undefined
  if (Math.abs(slope - 1) < SCALE_TOLERANCE && Math.abs(intercept) < SCALE_TOLERANCE) return undefined
  return { slope, intercept }
}

function scaledType(stored: VoxelType): VoxelType {
  return stored === "float64" ? "float64" : "float32"
}

type Matrix = readonly (readonly [number, number, number])[]

/** The orientation and origin, or null where there is none, where it is not orthogonal, or where two differ. */
function parsePlace(view: DataView, axes: number, spacing: readonly number[]): Omit<Grid, "size" | "spacing"> | null {
  const hasQuaternion = view.getInt16(252, true) > 0
  const hasMatrix = view.getInt16(254, true) > 0
  if (!hasQuaternion) return null
  const turned = parseQuaternion(view)
  if (turned === null) return null
  const offset = [268, 272, 276].map((at) => view.getFloat32(at, true))
  if (!offset.every(Number.isFinite)) return null
  if (hasMatrix && !isSamePlace(view, turned, offset, spacing)) return null
  // Near half a turn, the quaternion is the coarser of the two by far.
  const rotation = hasMatrix ? parseMatrix(view) : turned
  // In the plane, an orientation out of it cannot be told.
  if (axes === 2 && Math.abs((rotation[2]?.[2] ?? 0) - 1) > 1e-6) return null
  const sign = [-1, -1, 1]
  const direction = Array.from({ length: axes }, (_, row) =>
    Array.from({ length: axes }, (_unused, column) => (rotation[row]?.[column] ?? 0) * (sign[row] ?? 1) + 0),
  )
  return { origin: offset.slice(0, axes).map((at, row) => at * (sign[row] ?? 1) + 0), direction: direction.flat() }
}

function parseQuaternion(view: DataView): Matrix | null {
  const b = view.getFloat32(256, true)
  const c = view.getFloat32(260, true)
  const d = view.getFloat32(264, true)
  const rest = 1 - (b * b + c * c + d * d)
  if (!(rest >= -1e-6)) return null
  const a = rest < 1e-7 ? 0 : Math.sqrt(rest)
  const length = rest < 1e-7 ? Math.sqrt(b * b + c * c + d * d) : 1
  const [p, q, r] = [b / length, c / length, d / length]
  // pixdim[0] below 0: the third axis is turned round.
  const turn = view.getFloat32(76, true) < 0 ? -1 : 1
  return [
    [a * a + p * p - q * q - r * r, 2 * (p * q - a * r), 2 * (p * r + a * q) * turn],
    [2 * (p * q + a * r), a * a + q * q - p * p - r * r, 2 * (q * r - a * p) * turn],
    [2 * (p * r - a * q), 2 * (q * r + a * p), (a * a + r * r - q * q - p * p) * turn],
  ]
}

/** The columns of the matrix, each at length 1. */
function parseMatrix(view: DataView): Matrix {
  const at = (row: number, column: number): number => view.getFloat32(280 + 16 * row + 4 * column, true)
  const [x = 1, y = 1, z = 1] = [0, 1, 2].map((column) => Math.hypot(at(0, column), at(1, column), at(2, column)))
  return [0, 1, 2].map((row): [number, number, number] => [at(row, 0) / x, at(row, 1) / y, at(row, 2) / z])
}

function isSamePlace(view: DataView, rotation: Matrix, offset: readonly number[], spacing: readonly number[]): boolean {
  for (let row = 0; row < 3; row += 1) {
    for (let column = 0; column < 3; column += 1) {
      const step = spacing[column] ?? 1
      const given = view.getFloat32(280 + 16 * row + 4 * column, true) / step
      if (!(Math.abs(given - (rotation[row]?.[column] ?? 0)) < TOLERANCE)) return false
    }
    const given = view.getFloat32(292 + 16 * row, true)
    if (!(Math.abs(given - (offset[row] ?? 0)) <= TOLERANCE * Math.max(1, Math.abs(given)))) return false
  }
  return true
}

/** The header for an image, or null where the plain kind cannot hold it. */
export function formatHeader(image: Image): Uint8Array | null {
  const axes = image.size.length
  const rotation = rotationOf(image)
  const isPlain = image.components === 1 && image.size.every((count) => count <= 32767)
  if (!isPlain || rotation === null) return null
  const head = new Uint8Array(HEADER_BYTES)
  const view = new DataView(head.buffer)
  view.setInt32(0, 348, true)
  view.setUint8(38, "r".charCodeAt(0))
  for (let axis = 0; axis < 8; axis += 1) {
    view.setInt16(40 + 2 * axis, axis === 0 ? axes : (image.size[axis - 1] ?? 1), true)
    view.setFloat32(76 + 4 * axis, image.spacing[axis - 1] ?? 1, true)
  }
  view.setInt16(70, TYPE_CODES[image.type], true)
  view.setInt16(72, 8 * bytesPerValue(image.type), true)
  view.setFloat32(108, HEADER_BYTES, true)
  view.setFloat32(112, 1, true)
  view.setUint8(123, MILLIMETERS)
  view.setInt16(252, SCANNER, true)
  view.setInt16(254, SCANNER, true)
  const { b, c, d, turn } = quaternionOf(rotation)
  view.setFloat32(76, turn, true)
  const offset = [0, 1, 2].map((row) => (image.origin[row] ?? 0) * (row < 2 ? -1 : 1) + 0)
  for (const [at, value] of [b, c, d, ...offset].entries()) view.setFloat32(256 + 4 * at, value, true)
  for (let row = 0; row < 3; row += 1) {
    for (let column = 0; column < 3; column += 1) {
      const value = (rotation[row]?.[column] ?? 0) * (image.spacing[column] ?? 1)
      view.setFloat32(280 + 16 * row + 4 * column, value + 0, true)
    }
    view.setFloat32(292 + 16 * row, offset[row] ?? 0, true)
  }
  view.setUint32(344, 0x6e2b3100, false)
  return head
}

/** The orientation in NIfTI's space, or null where its axes are not orthogonal. */
function rotationOf({ size, direction }: Grid): Matrix | null {
  const axes = size.length
  const at = (row: number, column: number): number => {
    if (row >= axes || column >= axes) return row === column ? 1 : 0
    return (direction[row * axes + column] ?? 0) * (row < 2 ? -1 : 1)
  }
  const rotation = [0, 1, 2].map((row): [number, number, number] => [at(row, 0), at(row, 1), at(row, 2)])
  for (let one = 0; one < 3; one += 1) {
    for (let other = 0; other <= one; other += 1) {
      const product = rotation.reduce((sum, row) => sum + (row[one] ?? 0) * (row[other] ?? 0), 0)
      if (!(Math.abs(product - (one === other ? 1 : 0)) < 1e-6)) return null
    }
  }
  return rotation
}

/** The unit quaternion of a rotation, with a >= 0 left out, and whether the third axis is turned round. */
function quaternionOf(matrix: Matrix): { b: number; c: number; d: number; turn: number } {
  const m = (row: number, column: number): number => matrix[row]?.[column] ?? 0
  const determinant =
    m(0, 0) * (m(1, 1) * m(2, 2) - m(1, 2) * m(2, 1)) -
    m(0, 1) * (m(1, 0) * m(2, 2) - m(1, 2) * m(2, 0)) +
    m(0, 2) * (m(1, 0) * m(2, 1) - m(1, 1) * m(2, 0))
  const turn = determinant < 0 ? -1 : 1
  const r = (row: number, column: number): number => m(row, column) * (column === 2 ? turn : 1)
  // Of the four squares, the largest is safe to divide by (Shepperd's method).
  const squares = [
    1 + r(0, 0) + r(1, 1) + r(2, 2),
    1 + r(0, 0) - r(1, 1) - r(2, 2),
    1 - r(0, 0) + r(1, 1) - r(2, 2),
    1 - r(0, 0) - r(1, 1) + r(2, 2),
  ]
  const largest = squares.indexOf(Math.max(...squares))
  const [yz, zx, xy] = [r(2, 1) - r(1, 2), r(0, 2) - r(2, 0), r(1, 0) - r(0, 1)]
  const [sx, sy, sz] = [r(2, 1) + r(1, 2), r(0, 2) + r(2, 0), r(1, 0) + r(0, 1)]
  const rows = [
    [squares[0], yz, zx, xy],
    [yz, squares[1], sz, sy],
    [zx, sz, squares[2], sx],
    [xy, sy, sx, squares[3]],
  ]
  const [a = 1, b = 0, c = 0, d = 0] = rows[largest] ?? []
  const length = Math.sqrt(a * a + b * b + c * c + d * d) * (a < 0 ? -1 : 1)
  return { b: b / length + 0, c: c / length + 0, d: d / length + 0, turn }
}

/** Bytes of the voxels as they lie in the file. */
export function storedBytes(header: NiftiHeader): number {
  return voxelCount(header) * bytesPerValue(header.storedType)
}
