import { createHash } from "node:crypto"
import { isDeepStrictEqual } from "node:util"
import { runInNewContext } from "node:vm"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Binary } from "./binary.ts"
import { HoldfastError } from "./errors.ts"
import {
  decodeArguments,
  decodeValue,
  encodeArguments,
  encodeResult,
  encodeValue,
  freezeValue,
  sameValue,
  type Value,
} from "./value.ts"
import { MAX_NESTING, OWN_TAG } from "./value-format.ts"

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex")
}

function bytesOf(value: Value): Uint8Array {
  if (typeof value === "number") throw new TypeError(`${value} travels as a number`)
  return value
}

function hex(value: Value): string {
  return Buffer.from(bytesOf(value)).toString("hex")
}

function encode(input: unknown): Value {
  return encodeValue(input, "the value")
}

function roundTrip(input: unknown): unknown {
  return decodeValue(encode(input))
}

function faultOf(action: () => unknown): HoldfastError {
  try {
    action()
  } catch (error) {
    if (error instanceof HoldfastError) return error
    throw error
  }
  throw new Error("expected a fault, but nothing was thrown")
}

function refusal(input: unknown): string {
  const fault = faultOf(() => encodeValue(input, 'the value of cell "x"'))
  expect(fault.code).toBe("VALUE_NOT_ENCODABLE")
  return fault.message.replace('cannot encode the value of cell "x": ', "")
}

function rejection(bytes: string | Uint8Array): string {
  const fault = faultOf(() => decodeValue(typeof bytes === "string" ? Buffer.from(bytes, "hex") : bytes))
  expect(fault.code).toBe("VALUE_INVALID")
  return fault.message
}

/** `bytes` under one of our own tags, in hexadecimal. */
function tagged(tag: number, bytes: string): string {
  return `da${tag.toString(16)}${bytes}`
}

function nest(levels: number): unknown {
  let value: unknown[] = []
  for (let level = 1; level < levels; level++) value = [value]
  return value
}

const scalar = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(0, -0, Number.NaN, Infinity, -Infinity, 2 ** 53, -(2 ** 53), 2 ** 64, 5e-324, 3 * 2 ** -24),
  fc.bigInt(),
  fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }),
  fc.boolean(),
  fc.constant(null),
)

const leaf = fc.oneof(
  { weight: 4, arbitrary: scalar },
  fc.date({ noInvalidDate: true }),
  fc.uint8Array(),
  fc.uint8ClampedArray(),
  fc.uint16Array(),
  fc.uint32Array(),
  fc.int8Array(),
  fc.int16Array(),
  fc.int32Array(),
  fc.float32Array(),
  fc.float64Array(),
  fc.bigInt64Array(),
  fc.bigUint64Array(),
  fc.uint8Array().map((bytes) => bytes.slice().buffer),
)

const key = fc.oneof(
  fc.string({ unit: "binary", maxLength: 4 }),
  fc.constantFrom("__proto__", "constructor", "toString"),
)

function distinct(values: readonly unknown[]): boolean {
  const encoded = values.map((value) => (Object.is(value, -0) ? 0 : value)).map((value) => hex(encode([value])))
  return new Set(encoded).size === encoded.length
}

const { value: anything } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaf,
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(key, tie("value"), { maxKeys: 5, noNullPrototype: true }),
    fc
      .array(tie("value"), { maxLength: 4 })
      .filter(distinct)
      .map((members) => new Set(members)),
    fc
      .array(fc.tuple(tie("value"), tie("value")), { maxLength: 4 })
      .filter((entries) => distinct(entries.map(([first]) => first)))
      .map((entries) => new Map(entries)),
  ),
}))

/** The same value with everything that has no order put in the other order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (value instanceof Map)
    return new Map([...value].map(([first, second]) => [reversed(first), reversed(second)] as const).toReversed())
  if (value instanceof Set) return new Set([...value].map(reversed).toReversed())
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  const entries = Object.entries(value).map(([name, child]) => [name, reversed(child)] as const)
  return Object.fromEntries(entries.toReversed())
}

describe("the encoding keeps values exactly (O7, types kept apart)", () => {
  it("returns every value as it was, in type and in depth", () => {
    fc.assert(
      fc.property(anything, (value) => {
        expect(isDeepStrictEqual(roundTrip(value), value)).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  it("writes the same bytes whatever the order of keys, entries and members was", () => {
    fc.assert(
      fc.property(anything, (value) => {
        expect(sameValue(encode(reversed(value)), encode(value))).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  it("lets a number travel as itself", () => {
    for (const number of [0, 1.5, Number.NaN, Infinity, 2 ** 60]) {
      expect(encode(number)).toBe(number)
      expect(decodeValue(number)).toBe(number)
    }
    expect(Object.is(encode(-0), -0)).toBe(true)
  })

  it("keeps each millisecond of a Date, to the ends of its range", () => {
    for (const timeMs of [0, 1, -1, 1001, 1_700_000_000_123, 8.64e15, -8.64e15, 8.64e15 - 1]) {
      expect(roundTrip(new Date(timeMs))).toEqual(new Date(timeMs))
    }
  })

  it("keeps a byte order mark and replacement characters, which are text here", () => {
    for (const text of [
      "\ufeff",
      "\ufeffabc",
      `\ufeff${"a".repeat(50)}`,
      "\ufeff\ufeff",
      "\ufffd",
      "a\ufffd\ufffdb",
      "\uff00",
      "\ufeff\ufffd",
    ]) {
      expect(roundTrip(text)).toBe(text)
    }
  })

  it("keeps strings of every length of head", () => {
    for (const length of [0, 23, 24, 255, 256, 65_535, 65_536]) {
      const text = `${"é".repeat(length)}\ufffd`
      expect(roundTrip(text)).toBe(text)
      expect(roundTrip({ [text]: [text] })).toEqual({ [text]: [text] })
    }
  })

  it("keeps `__proto__` and other names of Object.prototype as plain keys", () => {
    const input: unknown = JSON.parse(
      '{"__proto__": {"polluted": 1}, "constructor": 2, "hasOwnProperty": 3, "toJSON": 4}',
    )
    const output = roundTrip(input)
    expect(Object.entries(output ?? {})).toEqual(
      expect.arrayContaining([
        ["__proto__", { polluted: 1 }],
        ["constructor", 2],
        ["hasOwnProperty", 3],
        ["toJSON", 4],
      ]),
    )
    expect(Object.getPrototypeOf(output)).toBe(Object.prototype)
    expect("polluted" in {}).toBe(false)
  })

  it("takes objects without a prototype, objects and arrays of another realm, and Buffers as the plain ones", () => {
    expect(roundTrip(Object.assign(Object.create(null), { a: 1 }))).toEqual({ a: 1 })
    expect(roundTrip(runInNewContext("({ a: [1, { b: 2 }] })"))).toEqual({ a: [1, { b: 2 }] })
    const output = roundTrip(Buffer.from("abc"))
    expect(Object.getPrototypeOf(output)).toBe(Uint8Array.prototype)
    expect(output).toEqual(Uint8Array.of(97, 98, 99))
  })

  it("writes the part of its buffer that a typed array shows, and no more", () => {
    const view = new Float32Array(Float32Array.of(1, 2, 3, 4).buffer, 4, 2)
    expect(roundTrip(view)).toEqual(Float32Array.of(2, 3))
    expect(roundTrip(Uint8Array.of(1, 2, 3).subarray(1))).toEqual(Uint8Array.of(2, 3))
  })

  it("keeps large values, which do not pass through the scratch space, and wastes little memory on them", () => {
    const floats = Float32Array.from({ length: 100_000 }, (_, index) => index / 7)
    const texts = Array.from({ length: 5000 }, (_, index) => `line ${index}`)
    for (const input of [floats, texts, { floats, texts }]) {
      const bytes = bytesOf(encode(input))
      expect(isDeepStrictEqual(decodeValue(bytes), input)).toBe(true)
      expect(bytes.buffer.byteLength / bytes.length).toBeLessThan(1.12)
    }
  })

  it("keeps a Binary with its digest", () => {
    const binary = Binary.of(Uint8Array.of(1, 2, 3), sha256)
    const output = roundTrip({ image: binary })
    const { image } = output as { image: Binary } // Asserted right below.
    expect(image).toBeInstanceOf(Binary)
    expect([image.digest, image.bytes()]).toEqual([binary.digest, binary.bytes()])
    expect(image.isIntact(sha256)).toBe(true)
  })

  it("gives each caller a graph of its own", () => {
    interface Decoded {
      list: number[]
      empty: Uint8Array
      bytes: Uint8Array
    }
    const value = encode({ list: [1], empty: new Uint8Array(0), bytes: Uint8Array.of(1) })
    const first = decodeValue(value) as Decoded // It is what was encoded, as the end of the test asserts of the second.
    const second = decodeValue(value) as Decoded
    first.list.push(2)
    first.bytes.fill(9)
    expect(first.empty.buffer).not.toBe(second.empty.buffer)
    expect(second).toEqual({ list: [1], empty: new Uint8Array(0), bytes: Uint8Array.of(1) })
  })

  it("shares no memory with the bytes it decodes, Node Buffers included", () => {
    const bytes = Buffer.from(bytesOf(encode(Uint8Array.of(1, 2, 3))))
    const output = decodeValue(bytes)
    bytes.fill(0)
    expect(output).toEqual(Uint8Array.of(1, 2, 3))
  })

  it("returns bytes that the next encoding does not overwrite", () => {
    const first = encode("first")
    encode("other")
    expect(decodeValue(first)).toBe("first")
  })

  it("permits undefined only as what a body returns", () => {
    expect(decodeValue(encodeResult(undefined, "the result"))).toBeUndefined()
    expect(encodeResult(5, "the result")).toBe(5)
    expect(decodeValue(encodeResult({ a: null }, "the result"))).toEqual({ a: null })
    expect(refusal(undefined)).toBe("undefined has no encoding; leave it out or use null")
  })
})

describe("the encoding is deterministic CBOR (O7, RFC 8949 section 4.2.1)", () => {
  it("writes the examples of RFC 8949 appendix A", () => {
    const examples: [unknown, string][] = [
      ["", "60"],
      ["IETF", "6449455446"],
      ["\u00fc", "62c3bc"],
      ["\ud800\udd51", "64f0908591"],
      [null, "f6"],
      [true, "f5"],
      [false, "f4"],
      [[1, [2, 3], [4, 5]], "8301820203820405"],
      [{ a: 1, b: [2, 3] }, "a26161016162820203"],
      [[23, 24, 255, 256, 65_535, 65_536], "861718181 8ff19010019ffff1a00010000".replace(" ", "")],
      [[1_000_000_000_000, -1, -1000, -4_294_967_297], "841b000000e8d4a51000203903e73b0000000100000000"],
      [[-0, 1.1, 1.5, 65_504.5, -4.1], "85f98000fb3ff199999999999af93e00fa477fe080fbc010666666666666"],
      [[3.4028234663852886e38, Infinity, -Infinity, Number.NaN], "84fa7f7ffffff97c00f9fc00f97e00"],
      [18_446_744_073_709_551_616n, "c249010000000000000000"],
      [-18_446_744_073_709_551_617n, "c349010000000000000000"],
      [0n, "c240"],
      [-1n, "c340"],
      [256n, "c2420100"],
      [Uint8Array.of(1, 2, 3, 4), "4401020304"],
      [Float32Array.of(1), "d855440000803f"],
    ]
    for (const [input, bytes] of examples) expect(hex(encode(input))).toBe(bytes)
  })

  it("keeps the tags that stored values already carry", () => {
    const stored: [unknown, string][] = [
      [new Set([1]), "d901028101"],
      [new Date(5), "da6866000105"],
      [Uint8Array.of(1).buffer, "da686600024101"],
      [Binary.of(Uint8Array.of(1), sha256), `da68660003827840${hex(encode(sha256(Uint8Array.of(1)))).slice(4)}4101`],
      [Uint8ClampedArray.of(1), "d8444101"],
      [Uint16Array.of(1), "d845420100"],
      [Uint32Array.of(1), "d8464401000000"],
      [BigUint64Array.of(1n), "d847480100000000000000"],
      [Int8Array.of(1), "d8484101"],
      [Int16Array.of(1), "d84d420100"],
      [Int32Array.of(1), "d84e4401000000"],
      [BigInt64Array.of(1n), "d84f480100000000000000"],
      [Float64Array.of(1), "d85648000000000000f03f"],
    ]
    for (const [input, bytes] of stored) expect(hex(encode(input))).toBe(bytes)
  })

  it("sorts the keys of a Map as the example in section 4.2.1 does", () => {
    const keys = [false, [-1], [100], "aa", "z", -1, 100, 10]
    expect(hex(encode(new Map(keys.map((name) => [name, 0]))))).toBe(
      "d90103a80a00186400200061 7a0062616100811864008120 00f400".replaceAll(" ", ""),
    )
  })

  it("sorts the keys of an object by their UTF-8 with its length in front", () => {
    const keys = [
      "b",
      "a",
      "aa",
      "",
      "\u{10000}",
      "\uffff",
      "é",
      "zzzz",
      "\ue000b",
      "\u{10000}a",
      "\uffffaa",
      "aé",
      "éa",
    ]
    const input = Object.fromEntries(keys.map((name) => [name, 0]))
    const sorted = keys.map((name) => hex(encode(name))).toSorted()
    expect(hex(encode(input))).toBe(`ad${sorted.map((name) => `${name}00`).join("")}`)
    expect(roundTrip(input)).toEqual(input)
  })

  it("sorts the members of a Set by their encoding", () => {
    expect(hex(encode(new Set([2, "a", 1])))).toBe("d9010283010 26161".replace(" ", ""))
  })
})

describe("two values are the same exactly if their encodings are (O7)", () => {
  it("takes NaN for NaN, and tells -0 from 0", () => {
    expect(sameValue(Number.NaN, Number.NaN)).toBe(true)
    expect(sameValue(0, -0)).toBe(false)
  })

  it("compares all bytes, and never bytes with a number", () => {
    expect(sameValue(encode("ab"), encode("ab"))).toBe(true)
    expect(sameValue(encode("ab"), encode("ac"))).toBe(false)
    expect(sameValue(Uint8Array.of(1), Uint8Array.of(1, 2))).toBe(false)
    expect(sameValue(1, Uint8Array.of(1))).toBe(false)
    expect(sameValue(Uint8Array.of(1), 1)).toBe(false)
  })
})

describe("what has no encoding is refused by its path (O7)", () => {
  it("names functions, symbols and undefined where they are", () => {
    expect(refusal({ a: [0, 1, 2, { b: () => 1 }] })).toBe("at .a[3].b: a function has no encoding; pass plain data")
    expect(refusal(Symbol("s"))).toBe("a symbol has no encoding; pass plain data")
    expect(refusal({ "not an identifier": undefined })).toBe(
      'at ["not an identifier"]: undefined has no encoding; leave it out or use null',
    )
    // oxlint-disable-next-line no-sparse-arrays -- A hole is the case.
    expect(refusal([1, , 2])).toBe("at [1]: undefined has no encoding; leave it out or use null")
  })

  it("gives programs the path too", () => {
    expect(faultOf(() => encode({ a: [undefined] })).details).toEqual({ path: ".a[0]" })
  })

  it("names the place inside Maps and Sets", () => {
    expect(
      refusal(
        new Map([
          ["k", 1],
          ["l", undefined],
        ]),
      ),
    ).toMatch(/^at <value 1>: undefined/)
    expect(refusal(new Map<unknown, unknown>([[{ f: undefined }, 1]]))).toMatch(/^at <key 0>\.f: undefined/)
    expect(refusal({ s: new Set([1, Symbol("s")]) })).toMatch(/^at \.s<member 1>: a symbol/)
  })

  it("names the class of an instance", () => {
    class Point {
      x = 1
    }
    class Tags extends Array<string> {}
    class Table extends Map {}
    expect(refusal({ p: new Point() })).toBe("at .p: an instance of Point has no encoding; pass plain data")
    expect(refusal(new Tags())).toMatch(/^an instance of Tags/)
    expect(refusal(new Table())).toMatch(/^an instance of Table/)
    expect(refusal(Promise.resolve(1))).toMatch(/^an instance of Promise/)
    expect(refusal(new WeakMap())).toMatch(/^an instance of WeakMap/)
    expect(refusal(/x/)).toMatch(/^an instance of RegExp/)
    expect(refusal(new Error("x"))).toMatch(/^an instance of Error/)
    expect(refusal(new String("x"))).toMatch(/^an instance of String/)
    expect(refusal(new DataView(new ArrayBuffer(1)))).toMatch(/^an instance of DataView/)
    expect(refusal(new SharedArrayBuffer(1))).toMatch(/^an instance of SharedArrayBuffer/)
    expect(
      refusal(
        new (class {
          x = 1
        })(),
      ),
    ).toMatch(/^an instance of an unnamed class/)
    expect(refusal(Object.create(Object.create(null)))).toMatch(/^an instance of an unnamed class/)
  })

  it("is not fooled by classes that call themselves Object or Array", () => {
    const impostors = {
      Object: class Object {
        x = 1
      },
      Array: class Array {
        x = 1
      },
    }
    expect(refusal(new impostors.Object())).toMatch(/^an instance of Object/)
    expect(refusal(new impostors.Array())).toMatch(/^an instance of Array/)
  })

  it("refuses an invalid Date", () => {
    expect(refusal([new Date(Number.NaN)])).toBe("at [0]: an invalid Date has no encoding")
  })

  it("refuses accessors without running them, and symbol keys", () => {
    let runCount = 0
    const withGetter = {
      get a(): number {
        return runCount++
      },
    }
    expect(refusal(withGetter)).toBe("at .a: an accessor has no encoding; pass its value")
    expect(runCount).toBe(0)
    expect(refusal(Object.defineProperty({}, "b", { set: () => {}, enumerable: true }))).toMatch(/^at \.b: an accessor/)
    expect(refusal({ [Symbol("s")]: 1 })).toBe("the key Symbol(s) has no encoding; use a string")
  })

  it("refuses lone surrogates, in strings and in keys, because all of them would share one encoding", () => {
    expect(refusal(["\ud800"])).toBe("at [0]: a string holds a lone surrogate, which UTF-8 cannot carry")
    expect(refusal({ "\udc00a": 1 })).toMatch(/a string holds a lone surrogate/)
    expect(roundTrip("\ud83d\ude00")).toBe("\ud83d\ude00")
  })

  it("refuses an array with more than its elements, such as the match of a regular expression", () => {
    expect(refusal({ m: /a/.exec("cat") })).toBe(
      "at .m: an array with the key index has no encoding; pass its elements alone",
    )
  })

  it("refuses bytes that were given away to another thread", () => {
    const bytes = Uint8Array.of(1, 2, 3)
    structuredClone(bytes, { transfer: [bytes.buffer] })
    expect(refusal(bytes)).toMatch(/^reading it failed: .*detached/)
  })

  it("leaves out the middle of a path that nobody can read", () => {
    let value: unknown = undefined
    for (let level = 0; level < 30; level++) value = [value]
    expect(refusal(value)).toBe(
      `at ${"[0]".repeat(10)}…10 more…${"[0]".repeat(10)}: undefined has no encoding; leave it out or use null`,
    )
  })

  it("names both ends of a cycle and does not overflow the stack", () => {
    const self: unknown[] = []
    self.push(self)
    expect(refusal(self)).toBe("at [0]: a cycle: this is the same object as the whole")
    const inner: Record<string, unknown> = {}
    inner["up"] = new Map([["m", new Set([inner])]])
    expect(refusal({ inner })).toBe("at .inner.up<value 0><member 0>: a cycle: this is the same object as .inner")
  })

  it("takes the same object twice where that is no cycle", () => {
    const shared = { a: 1 }
    expect(roundTrip([shared, shared, { shared }])).toEqual([{ a: 1 }, { a: 1 }, { shared: { a: 1 } }])
  })

  it("refuses nesting beyond its bound with the reason, and takes all that is within", () => {
    expect(roundTrip(nest(MAX_NESTING))).toEqual(nest(MAX_NESTING))
    expect(refusal(nest(MAX_NESTING + 1))).toMatch(/nested deeper than 512 levels, the bound that keeps decoding/)
    expect(refusal(nest(50_000))).toMatch(/nested deeper than 512 levels/)
  })

  it("takes as deep what it can decode, Sets, Maps and Binaries included", () => {
    const binary = Binary.of(Uint8Array.of(1), sha256)
    let value: unknown = binary
    for (let level = 2; level < MAX_NESTING; level += 2) value = new Set([new Map([[0, value]])])
    expect(isDeepStrictEqual(roundTrip([value]), [value])).toBe(true)
    expect(refusal([[value]])).toMatch(/nested deeper/)
  })

  it("refuses keys and members that differ to JavaScript only by being two objects", () => {
    expect(
      refusal({
        m: new Map([
          [[1], "a"],
          [[2], "b"],
          [[1], "c"],
        ]),
      }),
    ).toBe("at .m: two keys of the Map have the same encoding")
    expect(refusal(new Set([{ a: 1 }, { a: 1 }]))).toBe("two members of the Set have the same encoding")
  })

  it("refuses what throws when it is read, keeping the cause", () => {
    const cause = new Error("trap")
    const hostile = new Proxy(
      {},
      {
        ownKeys: () => {
          throw cause
        },
      },
    )
    const fault = faultOf(() => encode({ hostile }))
    expect(fault).toMatchObject({ code: "VALUE_NOT_ENCODABLE", cause })
    expect(fault.message).toBe("cannot encode the value: reading it failed: trap")
    const thrower = new Proxy(
      {},
      {
        ownKeys: () => {
          throw "text"
        },
      },
    )
    expect(refusal(thrower)).toBe("reading it failed: text")
    for (const { prototype } of [Map, Set, Date, ArrayBuffer]) {
      expect(refusal(Object.create(prototype))).toMatch(/^reading it failed/)
    }
  })

  it("refuses a property that vanishes while the object is read", () => {
    let readCount = 0
    const vanishing = new Proxy(
      { a: 1 },
      {
        getOwnPropertyDescriptor: (target, name) =>
          readCount++ === 0 ? Reflect.getOwnPropertyDescriptor(target, name) : undefined,
      },
    )
    expect(refusal(vanishing)).toMatch(/^at \.a: undefined/)
  })
})

describe("decoding treats bytes as hostile (O7)", () => {
  it("refuses every truncation of a value, and bytes behind one", () => {
    const bytes = bytesOf(
      encode({
        a: [1, "text", 2.5, 10n],
        m: new Map([["k", new Date(5)]]),
        s: new Set([1]),
        f: Float64Array.of(1),
      }),
    )
    for (let length = 0; length < bytes.length; length++) rejection(bytes.slice(0, length))
    expect(rejection(Buffer.concat([bytes, Uint8Array.of(0)]))).toMatch(/bytes follow the end of the value/)
  })

  /** Hostile bytes end in one of two ways: VALUE_INVALID, or a value that could as well have been encoded here. */
  function expectSafe(bytes: Uint8Array): void {
    let decoded: unknown
    try {
      decoded = decodeValue(bytes)
    } catch (error) {
      expect(error).toMatchObject({ code: "VALUE_INVALID" })
      return
    }
    expect(isDeepStrictEqual(decodeValue(encodeResult(decoded, "x")), decoded)).toBe(true)
  }

  it("answers any bytes with a value it could have written, or with VALUE_INVALID", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), expectSafe), { numRuns: 5000 })
  })

  it("answers a value with any one byte changed in the same way", () => {
    const bytes = bytesOf(
      encode({
        a: [1, "té", 2.5, 10n],
        m: new Map([["k", new Date(5)]]),
        s: new Set([1, 2]),
        f: Float64Array.of(1),
        b: Binary.of(Uint8Array.of(1), sha256),
      }),
    )
    for (let index = 0; index < bytes.length; index++) {
      for (let byte = 0; byte < 256; byte++) expectSafe(bytes.with(index, byte))
    }
  })

  it("says what is wrong", () => {
    const wrong: [string, RegExp][] = [
      ["", /the bytes end inside the value, at byte 0/],
      ["01", /a number alone travels as itself/],
      ["9fff", /indefinite length/],
      ["bfff", /indefinite length/],
      ["5f4101ff", /indefinite length/],
      ["7f6161ff", /indefinite length/],
      ["ff", /indefinite length/],
      ["81f7", /undefined values are not supported/],
      ["f0", /simple values are not supported/],
      ["1c", /invalid minor/],
      ["811801", /more bytes than necessary/],
      ["811b0020000000000000", /outside of the safe integer range/],
      ["811b0000000000000001", /more bytes than necessary/],
      ["8161ff", /a string is not UTF-8/],
      ["8163eda080", /a string is not UTF-8/],
      ["8164efbfbdff", /a string is not UTF-8/],
      ["a10102", /expected string, found uint/],
      ["a2616101616102", /keys are out of order or repeated/],
      ["a2616201616102", /keys are out of order or repeated/],
      ["a26261610161 6202".replace(" ", ""), /keys are out of order or repeated/],
      ["d90102820101", /keys are out of order or repeated/],
      ["d9010282a0a0", /keys are out of order or repeated/],
      ["d90102820201", /keys are out of order or repeated/],
      ["d901028201f93c00", /keys are out of order or repeated/],
      ["d90103a201000100", /keys are out of order or repeated/],
      ["d90103a20100f93c0000", /keys are out of order or repeated/],
      ["d9010201", /expected array, found uint/],
      ["d9010380", /expected map, found array/],
      ["c24100", /a bigint starts with a zero byte/],
      ["c201", /expected bytes, found uint/],
      ["c100", /tag 1 is not known/],
      ["d8554101", /1 bytes do not fill a Float32Array/],
      ["d85501", /expected bytes, found uint/],
      [tagged(OWN_TAG.date, "f93e00"), /a Date is not a whole number of milliseconds/],
      [tagged(OWN_TAG.date, "8105"), /a Date is not a whole number of milliseconds/],
      [tagged(OWN_TAG.date, "1b001eb208c2dc0001"), /a Date is not a whole number of milliseconds/],
      [tagged(OWN_TAG.arrayBuffer, "6161"), /expected bytes, found string/],
      [tagged(OWN_TAG.binary, "01"), /expected array, found uint/],
      [tagged(OWN_TAG.binary, tagged(OWN_TAG.binary, "80")), /expected array, found tag/],
      [tagged(OWN_TAG.binary, "82616140"), /a Binary is not a digest and bytes/],
      [tagged(OWN_TAG.binary, `827840${"30".repeat(64)}01`), /a Binary is not a digest and bytes/],
      [tagged(OWN_TAG.binary, `837840${"30".repeat(64)}4001`), /a Binary is not a digest and bytes/],
      [tagged(OWN_TAG.binaryDigest, "6161"), /tag \d+ is not known/],
      [tagged(OWN_TAG.reference, "6161"), /a reference to a run, is for arguments only/],
    ]
    for (const [bytes, message] of wrong) expect(rejection(bytes)).toMatch(message)
  })

  it("refuses nesting beyond its bound, of every kind", () => {
    expect(rejection("81".repeat(MAX_NESTING) + "80")).toMatch(/nested deeper than 512 levels/)
    for (const level of ["81", "a16161", "d9010281", "d90103a100", "d90103a1"]) {
      expect(rejection(level.repeat(100_000))).toMatch(/nested deeper than 512 levels/)
    }
  })

  it("makes nothing of a length that the bytes cannot hold", () => {
    for (const head of ["9b001fffffffffffff", "9affffffff", "98ff", "82", "bb001fffffffffffff", "baffffffff", "a1"]) {
      expect(rejection(`${head}00`)).toMatch(/the bytes end inside the value/)
    }
    expect(rejection("d901029affffffff00")).toMatch(/the bytes end inside the value/)
    expect(rejection("d90103baffffffff00")).toMatch(/the bytes end inside the value/)
    expect(rejection("5affffffff00")).toMatch(/not enough data/)
    expect(rejection("7affffffff00")).toMatch(/not enough data/)
  })
})

describe("a decoded value can be frozen to be shared", () => {
  it("freezes objects and arrays in depth", () => {
    const value = roundTrip({ a: [{ b: 1 }], c: null, d: "x" }) as { a: { b: number }[] } // It is what was encoded.
    expect(freezeValue(value)).toBe(true)
    expect([value, value.a, value.a[0]].every((part) => Object.isFrozen(part))).toBe(true)
  })

  it("takes primitives and Binary handles for frozen", () => {
    const binary = Binary.of(Uint8Array.of(1), sha256)
    for (const value of [1, "x", null, undefined, true, 1n, binary, roundTrip([binary])])
      expect(freezeValue(value)).toBe(true)
  })

  it("refuses what cannot be frozen in depth, and then freezes nothing", () => {
    for (const part of [new Map(), new Set(), new Date(0), Uint8Array.of(1), Float64Array.of(1), new ArrayBuffer(1)]) {
      const value = { before: [1], part, after: [2] }
      expect(freezeValue(value)).toBe(false)
      expect([value, value.before, value.after].some((child) => Object.isFrozen(child))).toBe(false)
    }
  })
})

describe("arguments may refer to runs that will make them (O7)", () => {
  class Made {
    readonly by: string
    constructor(by: string) {
      this.by = by
    }
  }

  function identityOf(instance: object): string | undefined {
    return instance instanceof Made ? instance.by : undefined
  }

  it("puts what a reference stands for in its place, at any depth", () => {
    const bytes = encodeArguments([1, new Made("a"), { deep: [new Made("b"), "b"] }], "the arguments", identityOf)
    expect(decodeArguments(bytes, (identity) => `made by ${identity}`)).toEqual([
      1,
      "made by a",
      { deep: ["made by b", "b"] },
    ])
  })

  it("gives a reference a form no other value has", () => {
    const forms = [[new Made("a")], ["a"], [["a"]], [{ reference: "a" }], [{ by: "a" }]]
    const encoded = forms.map((args) => hex(encodeArguments(args, "the arguments", identityOf)))
    expect(new Set(encoded).size).toBe(forms.length)
    expect(hex(encodeArguments([{ plain: 1 }], "the arguments", identityOf))).toBe(hex(encode([{ plain: 1 }])))
  })

  it("still takes a Binary, and refuses other instances by their path", () => {
    const binary = Binary.of(Uint8Array.of(1), sha256)
    const bytes = encodeArguments([binary], "the arguments", identityOf)
    expect(decodeArguments(bytes, () => null)).toEqual([binary])
    expect(faultOf(() => encodeArguments([[new URL("a:b")]], "the arguments", identityOf)).message).toMatch(
      /cannot encode the arguments: at \[0\]\[0\]: an instance of URL/,
    )
  })

  it("refuses a reference without a text, and arguments that are no list", () => {
    const resolve = (): null => null
    const wrong = Buffer.from(`81${tagged(OWN_TAG.reference, "01")}`, "hex")
    expect(faultOf(() => decodeArguments(wrong, resolve)).message).toMatch(/expected string, found uint/)
    expect(faultOf(() => decodeArguments(bytesOf(encode({ a: 1 })), resolve)).message).toMatch(/they are no list/)
  })
})

describe("a decoded Binary is compared with its digest where somebody can hash (S2)", () => {
  const good = bytesOf(encode([Binary.of(Uint8Array.of(1, 2, 3), sha256)]))
  const bad = good.with(good.length - 1, 4)

  it("takes intact bytes", () => {
    expect(decodeValue(good, sha256)).toEqual([Binary.of(Uint8Array.of(1, 2, 3), sha256)])
    expect(decodeArguments(good, () => null, { sha256 })).toHaveLength(1)
  })

  it("names damaged ones, and never hands them out", () => {
    const named = /a Binary of 3 bytes is damaged: they do not have its digest [0-9a-f]{64}/
    expect(faultOf(() => decodeValue(bad, sha256)).message).toMatch(named)
    expect(faultOf(() => decodeArguments(bad, () => null, { sha256 })).message).toMatch(named)
    // Without a hash it cannot know.
    expect(decodeValue(bad)).toHaveLength(1)
  })
})
