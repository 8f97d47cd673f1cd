import { createHash } from "node:crypto"
import { isDeepStrictEqual } from "node:util"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Binary } from "./binary.ts"
import { HoldfastError } from "./errors.ts"
import { identify, identifyKey, type Identity, primitiveKey, Reference } from "./identity.ts"
import { encodeValue } from "./value.ts"

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex")
}

const operation = { name: "threshold", version: 1 }

function identityOf(...args: unknown[]): string {
  return identify(operation, args, sha256)
}

function messageOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (error instanceof HoldfastError && error.code === "VALUE_NOT_ENCODABLE") return error.message
    throw error
  }
  throw new Error("expected a refusal, but nothing was thrown")
}

/** Values that are easily mistaken for each other, few enough that two picks are often equal. */
const lookalike = fc.constantFrom<(() => unknown)[]>(
  () => 0,
  () => -0,
  () => 1,
  () => 1n,
  () => "1",
  () => true,
  () => null,
  () => "",
  () => Number.NaN,
  () => "NaN",
  () => new Date(1),
  () => new Date(1).toISOString(),
  () => Uint8Array.of(1),
  () => Int8Array.of(1),
  () => new Uint8ClampedArray([1]),
  () => Uint8Array.of(1).buffer,
  () => Float32Array.of(1),
  () => Float64Array.of(1),
  () => BigInt64Array.of(1n),
  () => BigUint64Array.of(1n),
)

const { value: confusable } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2, depthSize: "large" },
    lookalike.map((make) => make()),
    fc.array(tie("value"), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom("0", "a"), tie("value"), { noNullPrototype: true }),
    fc.array(fc.tuple(fc.constantFrom("0", "a", 0), tie("value")), { maxLength: 2 }).map((entries) => new Map(entries)),
    fc.uniqueArray(fc.constantFrom(0, 1, "a", "1"), { maxLength: 2 }).map((members) => new Set(members)),
  ),
}))

describe("identity is content (O7)", () => {
  it("is hf1: and the SHA-256 of the deterministic CBOR of name, version and arguments", () => {
    let hashed = ""
    const identity = identify({ name: "op", version: 3 }, [1, { b: "x", a: -0 }], (bytes) => {
      hashed = Buffer.from(bytes).toString("hex")
      return sha256(bytes)
    })
    // ["op", 3, [1, {"a": -0, "b": "x"}]] written by hand.
    expect(hashed).toBe("83626f70038201a26161f9800061626178")
    expect(identity).toBe(`hf1:${sha256(Buffer.from(hashed, "hex"))}`)
    expect(identity).toMatch(/^hf1:[0-9a-f]{64}$/)
  })

  it("never changes between versions of this library: stored identities must be found again", () => {
    const args = [
      null,
      true,
      1.5,
      "é",
      10n,
      new Date(5),
      Uint8Array.of(1),
      new Map([["k", new Set([1])]]),
      Float64Array.of(1),
      Binary.of(Uint8Array.of(1), sha256),
      new Reference(identify(operation, [], sha256)),
    ]
    expect(identityOf(...args)).toBe("hf1:7116b4d0559d0a6606a3a45ad4ff99f283b3c54e8e8fa51636cd5bde91ab0780")
  })

  it("is equal exactly for arguments that are equal in depth and in type", () => {
    let equalCount = 0
    fc.assert(
      fc.property(fc.array(confusable, { maxLength: 2 }), fc.array(confusable, { maxLength: 2 }), (a, b) => {
        const areEqual = isDeepStrictEqual(a, b)
        if (areEqual) equalCount++
        expect(identityOf(...a) === identityOf(...b)).toBe(areEqual)
      }),
      { numRuns: 5000 },
    )
    // Without equal pairs among the picks, half of the property would have gone untested.
    expect(equalCount).toBeGreaterThan(20)
  })

  it("keeps every pair of lookalikes apart", () => {
    const all: unknown[] = [
      0, -0, 1, 1n, "1", true, false, null, "", Number.NaN, "NaN", Infinity, -Infinity, 0n, -1, -1n, 2 ** 53, 2n ** 53n,
      new Date(1), "1970-01-01T00:00:00.001Z", Uint8Array.of(1), [1], { 0: 1 }, new Set([1]), new Map([[0, 1]]),
      new Map([["0", 1]]), Uint8Array.of(1).buffer, Int8Array.of(1), Uint8ClampedArray.of(1), Uint16Array.of(1),
      Int16Array.of(1), Uint32Array.of(1), Int32Array.of(1), Float32Array.of(1), Float64Array.of(1), BigInt64Array.of(1n),
      BigUint64Array.of(1n), [], {}, new Map(), new Set(), new Uint8Array(0), new ArrayBuffer(0), [[]], [null], { a: null },
      Binary.of(Uint8Array.of(1), sha256), Binary.of(Uint8Array.of(1), sha256).digest, new Reference(identify(operation, [1], sha256)),
      identify(operation, [1], sha256),
    ] // prettier-ignore
    expect(new Set(all.map((arg) => identityOf(arg))).size).toBe(all.length)
  })

  it("does not depend on the order of keys", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: "binary" }), fc.integer(), { noNullPrototype: true }), (record) => {
        expect(identityOf(Object.fromEntries(Object.entries(record).toReversed()))).toBe(identityOf(record))
      }),
    )
  })

  it("tells arguments from each other by their place and number", () => {
    const all = [[], [[]], ["a", "b"], ["ab"], ["b", "a"], [["a", "b"]], ["a", ["b"]], [1, null], [1]]
    expect(new Set(all.map((args) => identityOf(...args))).size).toBe(all.length)
  })

  it("depends on the name and the version of the operation", () => {
    const all = [
      operation,
      { ...operation, version: 2 },
      { ...operation, name: "threshold1" },
      { ...operation, name: "" },
    ]
    expect(new Set(all.map((each) => identify(each, [1], sha256))).size).toBe(all.length)
  })

  it("refuses arguments without an encoding, by their path", () => {
    const prefix = 'cannot encode the arguments of operation "threshold": '
    expect(messageOf(() => identityOf({ a: undefined }))).toBe(
      `${prefix}at [0].a: undefined has no encoding; leave it out or use null`,
    )
    expect(messageOf(() => identityOf(1, () => 1))).toBe(`${prefix}at [1]: a function has no encoding; pass plain data`)
    expect(messageOf(() => identityOf(undefined))).toMatch(/at \[0\]: undefined/)
    expect(messageOf(() => identityOf(new URL("http://x")))).toMatch(/at \[0\]: an instance of URL/)
  })

  it("names a cycle that runs through the arguments by the caller's own path", () => {
    const inner: unknown[] = []
    inner.push(inner)
    expect(messageOf(() => identityOf(inner))).toMatch(/at \[0\]\[0\]: a cycle: this is the same object as \[0\]$/)
  })

  it("refuses a name with a lone surrogate", () => {
    expect(messageOf(() => identify({ name: "\ud800", version: 1 }, [], sha256))).toMatch(
      /: a string holds a lone surrogate/,
    )
  })
})

describe("a key stands for arguments (O7)", () => {
  it("gives the same run for the same key, and another for another key, operation or version", () => {
    const all = [
      identifyKey(operation, "k", sha256),
      identifyKey(operation, "l", sha256),
      identifyKey({ ...operation, name: "other" }, "k", sha256),
      identifyKey({ ...operation, version: 2 }, "k", sha256),
    ]
    expect(new Set(all).size).toBe(all.length)
    expect(identifyKey(operation, "k", sha256)).toBe(all[0])
  })

  it("never meets the identity of arguments", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (key) => {
        const identity = identifyKey(operation, key, sha256)
        expect(identity).not.toBe(identityOf(key))
        expect(identity).not.toBe(identityOf([key]))
        expect(identity).not.toBe(identityOf())
      }),
    )
  })

  it("refuses a key with a lone surrogate, which would be one with every other such key", () => {
    expect(messageOf(() => identifyKey(operation, "\ud800", sha256))).toBe(
      'cannot encode the key of operation "threshold": a string holds a lone surrogate, which UTF-8 cannot carry',
    )
  })
})

describe("handles enter by what they name (O7)", () => {
  it("takes a Binary by its digest alone: its bytes are not hashed again", () => {
    let hashedCount = 0
    const binary = Binary.of(new Uint8Array(1_000_000), sha256)
    const identity = identify(operation, [binary], (bytes) => {
      hashedCount += bytes.length
      return sha256(bytes)
    })
    expect(hashedCount).toBeLessThan(200)
    expect(identity).toBe(identityOf(Binary.of(new Uint8Array(1_000_000), sha256)))
    expect(identity).not.toBe(identityOf(Binary.of(new Uint8Array(1_000_001), sha256)))
  })

  it("names a graph before any of it runs: a Reference enters by the run that will make it", () => {
    const first = identify({ name: "load", version: 1 }, ["a.png"], sha256)
    const second = identify({ name: "load", version: 1 }, ["b.png"], sha256)
    expect(identityOf(new Reference(first), 100)).toBe(identityOf(new Reference(first), 100))
    expect(identityOf(new Reference(first), 100)).not.toBe(identityOf(new Reference(second), 100))
    expect(identityOf(new Reference(first), 100)).not.toBe(identityOf(first, 100))
    expect(identityOf({ deep: [new Reference(first)] })).not.toBe(identityOf({ deep: [new Reference(second)] }))
  })

  it("leaves a subclass of Reference room for fields of its own", () => {
    class Named extends Reference {
      readonly name: string
      constructor(name: string) {
        super(identityOf(name) as Identity)
        this.name = name
      }
    }
    expect(new Named("a").name).toBe("a")
  })

  it("lets nobody change a Reference, and gives it no encoding as a value", () => {
    const reference = new Reference(identify(operation, [], sha256))
    expect(() => Object.assign(reference, { identity: "hf1:other" })).toThrow(TypeError)
    expect(messageOf(() => encodeValue(reference, "the result"))).toMatch(/an instance of Reference has no encoding/)
  })
})

describe("the in-process key of primitive arguments (O7)", () => {
  const primitive = fc.oneof(
    fc.constantFrom<unknown[]>(
      0,
      -0,
      1,
      "1",
      "1,",
      "1n",
      1n,
      -1n,
      -1,
      true,
      false,
      "t",
      null,
      "_",
      "",
      Number.NaN,
      "NaN",
      Infinity,
      "1:",
      ":",
    ),
    fc.string({ maxLength: 3, unit: fc.constantFrom("0", "1", ":", ",", "n", "t", "-") }),
    fc.double(),
    fc.integer({ min: -20, max: 20 }),
    fc.bigInt({ min: -20n, max: 20n }),
  )

  it("is equal exactly for the same arguments", () => {
    let equalCount = 0
    fc.assert(
      fc.property(fc.array(primitive, { maxLength: 3 }), fc.array(primitive, { maxLength: 3 }), (a, b) => {
        const areEqual = isDeepStrictEqual(a, b)
        if (areEqual) equalCount++
        expect(primitiveKey(a)).toBeTypeOf("string")
        expect(primitiveKey(a) === primitiveKey(b)).toBe(areEqual)
      }),
      { numRuns: 20_000 },
    )
    expect(equalCount).toBeGreaterThan(50)
  })

  it("can be read back without doubt: no key is the start of a longer list's by accident", () => {
    const lists = [
      ["a", "b"],
      ["a,b"],
      ["ab"],
      ["a"],
      ["", "a"],
      ["a", ""],
      [1, 2],
      [12],
      ["1", 2],
      [1, "2"],
      [1n, 2],
      [],
      [true],
      [false],
      [null],
    ]
    expect(new Set(lists.map((list) => primitiveKey(list))).size).toBe(lists.length)
  })

  it("is not offered for anything but short primitives", () => {
    const others: unknown[] = [
      {},
      [],
      undefined,
      Symbol("s"),
      () => 1,
      new Date(0),
      "x".repeat(256),
      2n ** 64n,
      -(2n ** 64n),
    ]
    for (const other of others) {
      expect(primitiveKey([other])).toBeUndefined()
      expect(primitiveKey([1, other])).toBeUndefined()
    }
  })

  it("is bounded in total", () => {
    expect(primitiveKey(["x".repeat(251)])).toHaveLength(255)
    expect(primitiveKey(["x".repeat(252)])).toBeUndefined()
    expect(primitiveKey(Array.from({ length: 127 }, () => 1))).toHaveLength(254)
    expect(primitiveKey(Array.from({ length: 128 }, () => 1))).toBeUndefined()
    expect(primitiveKey([2n ** 64n - 1n, 1 - 2 ** 53])).toBe("18446744073709551615n-9007199254740991,")
  })
})
