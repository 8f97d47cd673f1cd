/** Images between itk-wasm's form and ours. What comes from there was made from a file, and is checked like one. */
import type { Image as ItkImage } from "itk-wasm"
import { bytesPerValue, voxelsOn, type Image, type VoxelType } from "../image/image.ts"
import { quote } from "./content.ts"
import { FileError } from "./file-error.ts"

const TYPES: readonly VoxelType[] = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
const COMPONENT_LIMIT = 256

/** @throws FileError FILE_FORMAT_UNSUPPORTED, FILE_DAMAGED */
export function imageFromItk(path: string, itk: ItkImage): Image {
  const fail = (code: "FILE_FORMAT_UNSUPPORTED" | "FILE_DAMAGED", message: string): FileError =>
    new FileError(code, `${quote(path)}: ${message}`, { path })
  const { componentType, pixelType, components } = itk.imageType
  if (pixelType.startsWith("Complex"))
    throw fail("FILE_FORMAT_UNSUPPORTED", "expected real values, found complex ones; save their parts as two images")
  const axes = itk.size.length
  const kept = Math.max(2, axes - trailingOnes(itk.size))
  if (kept > 3) {
    const message = `expected 2 or 3 axes, found ${axes} (${itk.size.join("x")}); save each volume as a file of its own`
    throw fail("FILE_FORMAT_UNSUPPORTED", message)
  }
  const grid = {
    size: cutList(itk.size, kept, 1),
    spacing: cutList(itk.spacing, kept, 1),
    origin: cutList(itk.origin, kept, 0),
    direction: cutMatrix(Float64Array.from(itk.direction, Number), axes, kept),
  }
  const count = grid.size.reduce((product, each) => product * each, components)
  const isWhole = grid.size.every((each) => Number.isSafeInteger(each) && each >= 1)
  const isPlaced = [...grid.spacing, ...grid.origin, ...grid.direction].every(Number.isFinite)
  if (!isWhole)
    throw fail(
      "FILE_DAMAGED",
      `expected a size of at least 1 along each axis, found ${itk.size.join("x")}; make it again`,
    )
  if (!isPlaced || grid.spacing.some((step) => step <= 0)) {
    const found = `${JSON.stringify(grid.spacing)} at ${JSON.stringify(grid.origin)}`
    throw fail(
      "FILE_DAMAGED",
      `expected a spacing above 0 and a finite origin and direction, found ${found}; correct its header`,
    )
  }
  if (!(components >= 1 && components <= COMPONENT_LIMIT)) {
    throw fail(
      "FILE_FORMAT_UNSUPPORTED",
      `expected 1 to ${COMPONENT_LIMIT} values a voxel, found ${components}; take the image apart`,
    )
  }
  const { data } = itk
  if (data === null || data.length !== count) {
    throw fail(
      "FILE_DAMAGED",
      `expected ${count} values, found ${data?.length ?? 0}; it is cut short or altered, copy or make it again`,
    )
  }
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    return { ...grid, type: "float64", components, voxels: narrow(path, data) }
  }
  const type = TYPES.find((each) => each === componentType)
  if (type === undefined)
    throw fail("FILE_FORMAT_UNSUPPORTED", `expected ${TYPES.join(", ")}, found ${componentType}; convert it`)
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  return { ...grid, type, components, voxels: voxelsOn(type, share(bytes, count * bytesPerValue(type))) }
}

/** For ITK's writers. `asVector` is for formats that keep any number of values a voxel, the others know RGB and RGBA. */
export function imageToItk(image: Image, isVector: boolean): ItkImage {
  const { size, spacing, origin, direction, type, components, voxels } = image
  const colors = components === 3 ? "RGB" : components === 4 ? "RGBA" : "Vector"
  const pixelType = components === 1 ? "Scalar" : isVector ? "VariableLengthVector" : colors
  return {
    imageType: { dimension: size.length, componentType: type, pixelType, components },
    name: "image",
    size: [...size],
    spacing: [...spacing],
    origin: [...origin],
    direction: Float64Array.from(direction),
    // itk-wasm takes the whole buffer that a view lies on.
    data: voxels.byteLength === voxels.buffer.byteLength ? voxels : voxels.slice(),
    metadata: new Map(),
  }
}

function trailingOnes(size: readonly number[]): number {
  let count = 0
  while (size.length - count > 3 && size[size.length - 1 - count] === 1) count += 1
  return count
}

function cutList(list: readonly number[], axes: number, rest: number): number[] {
  return Array.from({ length: axes }, (_, axis) => (list[axis] ?? rest) + 0)
}

function cutMatrix(matrix: ArrayLike<number>, axes: number, kept: number): number[] {
  return Array.from({ length: kept * kept }, (_, at) => {
    const row = Math.floor(at / kept)
    const column = at % kept
    // Negative zeros would tell apart what is the same.
    return row < axes && column < axes ? (matrix[row * axes + column] ?? 0) + 0 : row === column ? 1 : 0
  })
}

function share(bytes: Uint8Array, length: number): SharedArrayBuffer {
  if (bytes.buffer instanceof SharedArrayBuffer && bytes.buffer.byteLength === length) return bytes.buffer
  const shared = new SharedArrayBuffer(length)
  new Uint8Array(shared).set(bytes)
  return shared
}

function narrow(path: string, data: BigInt64Array | BigUint64Array): Image["voxels"] {
  const voxels = voxelsOn("float64", new SharedArrayBuffer(data.length * 8))
  for (let at = 0; at < data.length; at += 1) {
    const value = Number(data[at])
    if (!Number.isSafeInteger(value)) {
      const message = `${quote(path)}: expected integers that a float64 holds, found ${String(data[at])}; convert it to float64`
      throw new FileError("FILE_FORMAT_UNSUPPORTED", message, { path })
    }
    voxels[at] = value
  }
  return voxels
}
