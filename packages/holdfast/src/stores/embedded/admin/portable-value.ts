/** Values in an export: JSON where that loses nothing, else their bytes. */
import { decodeValue, encodeValue, HoldfastError, sameValue, type Value } from "../../../kernel/index.ts"

/** One field tells which it is. */
export type PortableValue =
  { readonly json: unknown } | { readonly cbor: string } | { readonly number: "NaN" | "Infinity" | "-Infinity" | "-0" }

/** JSON is chosen where reading it back gives the very same bytes, so that nothing is ever lost by it. */
export function packValue(value: Value): PortableValue {
  if (typeof value === "number") return packNumber(value)
  const json = asJson(value)
  return json ?? { cbor: Buffer.from(value).toString("base64") }
}

/** @throws HoldfastError VALUE_INVALID for anything else than {@link packValue} gives */
export function unpackValue(packed: PortableValue): Value {
  if ("json" in packed) return encodeValue(packed.json, "a value of the export")
  if ("cbor" in packed && typeof packed.cbor === "string") {
    const bytes = new Uint8Array(Buffer.from(packed.cbor, "base64"))
    // Whatever is no value is refused here, where its line is known; references in arguments are looked at later.
    if (bytes.length > 0) return bytes
  }
  if ("number" in packed && ["NaN", "Infinity", "-Infinity", "-0"].includes(packed.number)) return Number(packed.number)
  throw new HoldfastError(
    "VALUE_INVALID",
    `a value of an export is json, cbor or a number, found ${JSON.stringify(packed)}`,
  )
}

function packNumber(value: number): PortableValue {
  if (Number.isFinite(value) && !Object.is(value, -0)) return { json: value }
  // Of these there are four.
  return { number: (Object.is(value, -0) ? "-0" : String(value)) as "NaN" | "Infinity" | "-Infinity" | "-0" }
}

function asJson(value: Uint8Array): PortableValue | null {
  try {
    const json: unknown = JSON.parse(JSON.stringify(decodeValue(value)))
    return sameValue(encodeValue(json, "a value"), value) ? { json } : null
  } catch {
    // No JSON, such as undefined, a bigint, or arguments that refer to runs.
    return null
  }
}
