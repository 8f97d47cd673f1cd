/**
 * Messages made up from the tables, and what hostile bytes do. Run it for minutes with HOLDFAST_FUZZ_MS=300000, and
 * elsewhere with another HOLDFAST_SEED. The seed decides everything but where the time is up; what fails is printed.
 */
import { isDeepStrictEqual } from "node:util"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { arbitraryOf, everyKind, mutate } from "../../../../test/hostile/messages.ts"
import { createPrng } from "../../../env/prng.ts"
import { ERROR_TABLE, isHoldfastError } from "../../../kernel/index.ts"
import { encodeFrames, FrameSplitter } from "./frame.ts"
import {
  CLIENT_MESSAGE,
  type ClientMessage,
  decodeClientPayload,
  decodeKeeperPayload,
  encodeClientMessage,
  encodeKeeperMessage,
  KEEPER_MESSAGE,
  type KeeperMessage,
} from "./message.ts"
import type { FieldForm, Form, Shape } from "./shape.ts"

const FUZZ_MS = Number(process.env["HOLDFAST_FUZZ_MS"] ?? 3000)
const SEED = Number(process.env["HOLDFAST_SEED"] ?? 20_261_121)

interface Side<T> {
  readonly who: string
  readonly shape: Shape<T>
  readonly encode: (message: T) => Uint8Array
  readonly decode: (payload: Uint8Array) => readonly T[]
}

const CLIENT: Side<ClientMessage> = {
  who: "client",
  shape: CLIENT_MESSAGE,
  encode: encodeClientMessage,
  decode: decodeClientPayload,
}
const KEEPER: Side<KeeperMessage> = {
  who: "keeper",
  shape: KEEPER_MESSAGE,
  encode: encodeKeeperMessage,
  decode: decodeKeeperPayload,
}

// What is made up from a table is as unknown as the bytes; each side only ever gets its own.
const SIDES = [CLIENT, KEEPER] as unknown as readonly Side<unknown>[]

describe.each(SIDES)("any message of a $who", (side) => {
  it("is what it was after its bytes have traveled, for every kind in the tables", () => {
    const every = everyKind(side.shape.form)
    expect(every.length).toBeGreaterThan(20)
    for (const messages of every) {
      fc.assert(
        fc.property(messages, (message) => {
          const decoded = side.decode(payloadOf([side.encode(message)]))
          expect(isDeepStrictEqual(decoded, [message])).toBe(true)
          expect(conforms(side.shape.form, decoded[0])).toBe(true)
        }),
        { numRuns: 20, seed: SEED },
      )
    }
  })

  it("is what it was in a batch, however its bytes are cut", () => {
    fc.assert(
      fc.property(fc.array(arbitraryOf(side.shape.form), { minLength: 1 }), fc.nat(), (messages, cut) => {
        const stream = Buffer.concat(encodeFrames(messages.map(side.encode)))
        const at = cut % stream.length
        const splitter = new FrameSplitter()
        const payloads = [...splitter.push(stream.subarray(0, at)), ...splitter.push(stream.subarray(at))]
        expect(isDeepStrictEqual(payloads.flatMap(side.decode), messages)).toBe(true)
      }),
      { numRuns: 200, seed: SEED },
    )
  })

  it("does not decode from a part of its bytes", () => {
    fc.assert(
      fc.property(arbitraryOf(side.shape.form), (message) => {
        const payload = payloadOf([side.encode(message)])
        for (let end = 0; end < payload.length; end += Math.ceil(payload.length / 100)) {
          expect(outcomeOf(side, payload.subarray(0, end))).toBe("refused")
        }
      }),
      { numRuns: 200, seed: SEED },
    )
  })

  it("with any bytes changed is another message of the tables or refused with a code, and nothing else", () => {
    // Printed where all is well, too: a run that hangs would not come to print it.
    console.log(`fuzzing ${side.who} for ${String(FUZZ_MS / 2)} ms: HOLDFAST_SEED=${String(SEED)}`)
    const payloads = fc
      .sample(fc.array(arbitraryOf(side.shape.form), { minLength: 1, maxLength: 3 }), { seed: SEED, numRuns: 500 })
      .map((messages) => payloadOf(messages.map(side.encode)))
    const next = createPrng(SEED).nextBelow
    const found = { decoded: 0, refused: 0 }
    const end = performance.now() + FUZZ_MS / 2
    while (performance.now() < end) {
      let bytes = payloads[next(payloads.length)] as Uint8Array
      for (let change = next(3); change >= 0; change--) bytes = mutate(bytes, next)
      found[outcomeOf(side, bytes)] += 1
    }
    expect(found.refused).toBeGreaterThan(1000)
    expect(found.decoded).toBeGreaterThan(100)
  })

  it("is never random bytes, or they make one of the tables", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        outcomeOf(side, bytes)
      }),
      { numRuns: 5000, seed: SEED },
    )
  })
})

/** Decodes hostile bytes; throws where that ends in anything but messages of the tables or a coded refusal. */
function outcomeOf<T>(side: Side<T>, bytes: Uint8Array): "decoded" | "refused" {
  let messages: readonly T[]
  try {
    messages = side.decode(bytes)
  } catch (error) {
    if (isHoldfastError(error, "ARGUMENT_INVALID")) return "refused"
    throw new Error(`${side.who}: ${Buffer.from(bytes).toString("hex")} threw something else`, { cause: error })
  }
  const isWhole = messages.every((message) => conforms(side.shape.form, message))
  const again = side.decode(payloadOf(messages.map(side.encode)))
  if (isWhole && isDeepStrictEqual(again, messages)) return "decoded"
  throw new Error(`${side.who}: ${Buffer.from(bytes).toString("hex")} decoded to no message of the tables`)
}

/** A payload without its frame. An empty batch has no frame: it is an empty array. */
function payloadOf(messages: readonly Uint8Array[]): Uint8Array {
  if (messages.length === 0) return Uint8Array.of(0x80)
  const payloads = new FrameSplitter().push(Buffer.concat(encodeFrames(messages)))
  expect(payloads).toHaveLength(1)
  return payloads[0] as Uint8Array
}

/** Whether a value is of a form: every field there and none besides. Written apart from the decoder it judges. */
function conforms(form: Form, value: unknown): boolean {
  switch (form.kind) {
    case "text": {
      if (typeof value !== "string" || Buffer.byteLength(value) > form.maxBytes) return false
      const rest = form.rule === "lockName" ? value.replace(/^\0cell:/, "") : value
      return Buffer.from(value).toString() === value && (form.rule === "any" || /^[^\0]+$/.test(rest))
    }
    case "freeText":
      return typeof value === "string"
    case "count":
      return Number.isSafeInteger(value) && (value as number) >= 0
    case "number":
      return typeof value === "number"
    case "finite":
      return Number.isFinite(value)
    case "boolean":
      return typeof value === "boolean"
    case "value":
      return typeof value === "number" || value instanceof Uint8Array
    case "details":
      return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype
    case "errorCode":
      return typeof value === "string" && Object.keys(ERROR_TABLE).includes(value)
    case "choice":
      return typeof value === "string" && form.options.includes(value)
    case "nullable":
      return value === null || conforms(form.of, value)
    case "list":
      return Array.isArray(value) && value.length <= form.maxCount && value.every((item) => conforms(form.of, item))
    case "record":
      return hasExactly(value, form.fields, [])
    case "union": {
      const tag: unknown = typeof value === "object" && value !== null ? Reflect.get(value, form.by) : undefined
      const variant = form.variants.find(({ name }) => name === tag)
      return variant !== undefined && hasExactly(value, variant.fields, [form.by])
    }
  }
}

function hasExactly(value: unknown, fields: readonly FieldForm[], besides: readonly string[]): boolean {
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return false
  const names = [...besides, ...fields.map(({ name }) => name)]
  return (
    isDeepStrictEqual(Object.keys(value).toSorted(), names.toSorted()) &&
    fields.every(({ name, form }) => conforms(form, Reflect.get(value, name)))
  )
}
