import { createHash } from "node:crypto"
import { decode as decodeCbor, encode as encodeCbor } from "cborg"
import { describe, expect, it } from "vitest"
import {
  type AcquireLock,
  type Command,
  isHoldfastError,
  type RequestId,
  type RunId,
  type SessionId,
  type Token,
} from "../../../kernel/index.ts"
import { record, union } from "./compound.ts"
import { encodeFrames, FrameSplitter, MAX_PAYLOAD_BYTES } from "./frame.ts"
import {
  CLIENT_MESSAGE,
  type ClientMessage,
  decodeClientPayload,
  decodeKeeperPayload,
  encodeClientMessage,
  encodeKeeperMessage,
  KEEPER_MESSAGE,
  type KeeperMessage,
  PROTOCOL,
} from "./message.ts"
import { boolean, count, number, text } from "./scalar.ts"
import type { Shape } from "./shape.ts"

const session = "abcdefghijklmnopqrstuv" as SessionId
const request = 77 as RequestId
const token = 100_123 as Token

const acquire: AcquireLock = {
  kind: "acquireLock",
  session,
  request,
  names: ["inventory/42"],
  mode: "exclusive",
  permits: 1,
  limit: null,
  leaseMs: null,
  holding: [token, 100_124 as Token],
  wait: true,
}

describe("the protocol", () => {
  it("is this one; another table, or another order in one, is another protocol", () => {
    // Where this fails on purpose, raise PROTOCOL first, unless no build with this one was ever released.
    const forms = JSON.stringify([CLIENT_MESSAGE.form, KEEPER_MESSAGE.form])
    expect([PROTOCOL, createHash("sha256").update(forms).digest("hex").slice(0, 16)]).toEqual([1, "2e890365a1aaf107"])
  })

  it("writes a request as arrays in the order of the tables", () => {
    const bytes = encodeClientMessage({ kind: "request", sequence: 5, isAgain: false, command: acquire })
    const fields = [session, 77, ["inventory/42"], 0, 1, null, null, [token, 100_124], true]
    expect(decodeCbor(bytes)).toEqual([1, 5, false, [2, ...fields]])
    expect(bytes.length).toBe(61)
  })

  it("keeps what builds without a common protocol tell each other", () => {
    const hello: ClientMessage = {
      kind: "hello",
      protocol: { min: 1, max: 3 },
      build: "0.1.0",
      instance: null,
      client: "me",
      resumes: false,
    }
    expect(decodeCbor(encodeClientMessage(hello))).toEqual([0, [1, 3], "0.1.0", null, "me", false])
    const refused: KeeperMessage = { kind: "refused", code: "STORE_NEWER", message: "no", details: { a: 1 } }
    expect(decodeCbor(encodeKeeperMessage(refused))).toEqual([1, "STORE_NEWER", "no", { a: 1 }])
    const welcome: KeeperMessage = {
      kind: "welcome",
      protocol: 1,
      instance: "i",
      build: "b",
      keeper: { pid: 7, startedAt: 1.5 },
    }
    expect(decodeCbor(encodeKeeperMessage(welcome))).toEqual([0, 1, "i", "b", [7, 1.5]])
  })

  it("does not compile where a table and its type differ", () => {
    interface Both {
      readonly kind: "both"
      readonly one: number
      readonly two: string
    }
    const one = count("one")
    const two = text("two", 10)
    const same: Shape<Both> = union("kind", "", { both: { one, two } })
    // @ts-expect-error a field is missing
    const missing: Shape<Both> = union("kind", "", { both: { one } })
    // @ts-expect-error a field is too much
    const surplus: Shape<Both> = union("kind", "", { both: { one, two, three: one } })
    // @ts-expect-error a field is of another type
    const other: Shape<Both> = union("kind", "", { both: { one, two: one } })
    // @ts-expect-error a kind is missing
    const fewer: Shape<Both | { readonly kind: "none" }> = union("kind", "", { both: { one, two } })
    // @ts-expect-error a kind is too much
    const more: Shape<Both> = union("kind", "", { both: { one, two }, none: {} })
    // @ts-expect-error a record with another field
    const renamed: Shape<{ readonly yes: boolean }> = record("", { no: boolean("") })
    expect([same, missing, surplus, other, fewer, more, renamed]).toHaveLength(7)
  })
})

describe("a message", () => {
  it.each([0, -0, 1.5, -7, Number.NaN, Infinity, -Infinity, 2 ** 31, -(2 ** 33), 2 ** 53, 2 ** 64, 5e-324, 6e-8])(
    "keeps the value %d as it is",
    (value) => {
      expect(commandAfter({ kind: "completeRun", session, token, result: value })).toHaveProperty("result", value)
    },
  )

  it.each(["\ufeffmark", "\ufffd", "ä", "🜁", "a".repeat(400), "", "\0"])("keeps the text %j as it is", (message) => {
    expect(messageAfter(message)).toBe(message)
  })

  it.each(["\ud800", "a\udfff", "\ud800\ud800b", "\udc00\ud800"])("keeps %j, which no UTF-8 can hold", (message) => {
    expect(messageAfter(message)).toBe(message)
  })

  it("holds no memory of the payload it came from", () => {
    const payload = Buffer.from(payloadOf({ kind: "completeRun", session, token, result: Uint8Array.of(1, 2, 3) }))
    const [message] = decodeClientPayload(payload)
    payload.fill(0)
    expect(message).toMatchObject({ command: { result: Uint8Array.of(1, 2, 3) } })
  })

  it("has empty bytes of its own", () => {
    const [one, two] = [0, 1].map(() => commandAfter({ kind: "completeRun", session, token, result: Uint8Array.of() }))
    expect(one).toEqual(two)
    expect(Reflect.get(one as object, "result")).not.toBe(Reflect.get(two as object, "result"))
  })

  it("lets through what the kernel judges itself, to be refused as an outcome", () => {
    const odd = { ...acquire, permits: Number.NaN, limit: -1.5, leaseMs: -Infinity, names: [] }
    expect(commandAfter(odd)).toEqual(odd)
  })

  it("can name the queue of a cell whose name is as long as names are", () => {
    const queue = { ...acquire, names: [`\0cell:${"c".repeat(512)}`] }
    expect(commandAfter(queue)).toEqual(queue)
  })

  it("takes details as JSON does: without what is undefined, and any key as a key", () => {
    const details = JSON.parse('{"__proto__":{"evil":true},"list":[null,1.5,"x",{"deep":[]}]}') as object
    const [message] = decodeKeeperPayload(
      payloadOfKeeper({ kind: "refused", code: "FENCED", message: "", details: { ...details, gone: undefined } }),
    )
    const found = Reflect.get(message as object, "details") as object
    expect(Object.keys(found).toSorted()).toEqual(["__proto__", "list"])
    expect(Object.getPrototypeOf(found)).toBe(Object.prototype)
    expect(Reflect.get(found, "evil")).toBeUndefined()
  })
})

describe("a message that no peer would take", () => {
  const cycle: Record<string, unknown> = {}
  cycle["self"] = cycle

  it.each<[string, Command]>([
    ["an empty name", { ...acquire, names: [""] }],
    ["a name with NUL", { ...acquire, names: ["a\0b"] }],
    ["the queue of no cell", { ...acquire, names: ["\0cell:"] }],
    ["a cell's name that is a queue's", { kind: "readCells", session, names: ["\0cell:a"], head: false }],
    ["a lone surrogate in a name", { ...acquire, names: ["a\ud800"] }],
    ["a name of 513 bytes", { kind: "readCells", session, names: [`${"é".repeat(256)}x`], head: false }],
    ["a token below 0", { kind: "releaseLock", session, token: -1 as Token }],
    ["a token with a fraction", { kind: "releaseLock", session, token: 1.5 as Token }],
    ["a token beyond 2^53", { kind: "releaseLock", session, token: (2 ** 53) as Token }],
    ["too many names", { ...acquire, names: Array.from({ length: 65_537 }, () => "a") }],
    ["a long id", { kind: "inspect", session: "s".repeat(129) as SessionId }],
    ["a kind nobody knows", { kind: "nonsense" } as unknown as Command],
    ["a kind of Object.prototype", { kind: "constructor" } as unknown as Command],
    ["a word nobody knows", { ...acquire, mode: "loud" } as unknown as Command],
    ["a text beyond all bounds", { kind: "openSession", session, label: "x".repeat(16 * 1024 * 1024 + 1) }],
    ["a message beyond all bounds", { kind: "completeRun", session, token, result: new Uint8Array(MAX_PAYLOAD_BYTES) }],
  ])("for %s is not made", (_, command) => {
    expectRefused(() => encodeClientMessage({ kind: "request", sequence: 1, isAgain: false, command }))
  })

  it.each<[string, object]>([
    ["a cycle", cycle],
    ["a function", { act: () => 1 }],
    ["a bigint", { big: 1n }],
    ["an instance", { date: new Map() }],
    ["too many items", { list: Array.from({ length: 100_001 }, () => 0) }],
    ["a key no UTF-8 can hold", { "\ud800": 1 }],
  ])("for details with %s is not made", (_, details) => {
    expectRefused(() => encodeKeeperMessage({ kind: "refused", code: "FENCED", message: "", details: { ...details } }))
  })

  it("for a time that is none is not made", () => {
    const outcome = { kind: "granted", token, at: Number.NaN } as const
    expectRefused(() => encodeKeeperMessage({ kind: "outcome", sequence: 1, outcome }))
  })
})

describe("hostile bytes", () => {
  const release = [4, session, 5]

  it("are a request where they are one", () => {
    expect(decodeClientPayload(encodeCbor([[1, 9, false, release]]))).toEqual([
      { kind: "request", sequence: 9, isAgain: false, command: { kind: "releaseLock", session, token: 5 } },
    ])
  })

  it.each<[string, string, unknown]>([
    ["no array", "expected the messages of a payload, array", 5],
    ["a message alone", "expected a client's message, array", [1, 9, false, release]],
    ["an unknown message", "the kind 8 of a client's message is not known", [[8]]],
    ["a kind that is no number", "a client's message, uint, found string", [["goodbye"]]],
    ["a kind below 0", "a client's message, uint, found negint", [[-1]]],
    ["a message without its kind", "found the end of the bytes", [[]]],
    ["a missing field", "request has 4 fields, found 2", [[1, 9]]],
    ["a surplus field", "request has 4 fields, found 5", [[1, 9, false, release, null]]],
    [
      "a surplus field in a part",
      "a range of protocols has 2 fields, found 3",
      [[0, [1, 3, 9], "b", null, "c", false]],
    ],
    ["a missing field in a part", "a range of protocols has 2 fields, found 1", [[0, [1], "b", null, "c", false]]],
    ["an unknown command", "the kind 36 of a command is not known", [[1, 9, false, [36]]]],
    ["a map for a command", "a command, array, found map", [[1, 9, false, { kind: "releaseLock" }]]],
    ["null for a command", "a command, array, found null", [[1, 9, false, null]]],
    ["a text for a number", "the sequence of a request, uint, found string", [[1, "9", false, release]]],
    ["a float for a count", "the sequence of a request, uint, found float", [[1, 9.5, false, release]]],
    ["a count below 0", "the sequence of a request, uint, found negint", [[1, -9, false, release]]],
    ["a number for a text", "a session's id, string, found uint", [[1, 9, false, [4, 7, 5]]]],
    ["bytes for a text", "a session's id, string, found bytes", [[1, 9, false, [4, Uint8Array.of(97), 5]]]],
    ["an empty id", "a session's id is empty", [[1, 9, false, [4, "", 5]]]],
    ["a long id", "a session's id takes 129 bytes", [[1, 9, false, [4, "s".repeat(129), 5]]]],
    ["null for what is never null", "a token, uint, found null", [[1, 9, false, [4, session, null]]]],
    ["a number for a truth", "true or false, found uint", [[3, 1]]],
    ["a name with NUL", "the name of a lock is empty or holds NUL", [[1, 9, false, [6, session, "a\0", 1]]]],
    ["a word nobody knows", "why a session ended 2 is not known", [[1, 9, false, [1, session, 2, []]]]],
    ["a text for a value", "a number or bytes, found string", [[1, 9, false, [13, session, 5, "1"]]]],
    ["a truth for a number", "a lease, a number, found true", [[1, 9, false, [5, session, 5, true]]]],
    [
      "a version below 0",
      "a version, uint, found negint",
      [[1, 9, false, [25, session, [], [["a", -1]], [], [], null, null]]],
    ],
    [
      "a reason to end nobody knows",
      "why a session ended, uint, found string",
      [[1, 9, false, [1, session, "closed", []]]],
    ],
    [
      "more items than a list may have",
      "claims not started are 65537",
      [[1, 9, false, [1, session, 0, Array.from({ length: 65_537 }, () => 0)]]],
    ],
    [
      "more messages than a batch may have",
      "the messages of a payload are 65537",
      Array.from({ length: 65_537 }, () => [5]),
    ],
  ])("that are %s are refused", (_, reason, tree) => {
    expectRefused(() => decodeClientPayload(encodeCbor(tree)), reason)
  })

  const details = (tree: unknown) => encodeCbor([[1, "FENCED", "m", tree]])

  it.each<[string, string, Uint8Array]>([
    ["an unknown code", 'the error code "NONSENSE"', encodeCbor([[1, "NONSENSE", "m", {}]])],
    ["a code of Object.prototype", 'the error code "constructor"', encodeCbor([[1, "constructor", "m", {}]])],
    ["details that are a list", "are not an object", details([])],
    ["details that are a text", "are not an object", details("x")],
    ["details that are null", "are not an object", details(null)],
    ["details deeper than any", "deeper than 16", details(nested(20))],
    [
      "details of too many items",
      "more than 100000 items",
      details({ list: Array.from({ length: 100_001 }, () => 0) }),
    ],
    ["a key that is no text", "string, found uint", Buffer.from("8184016646454e434544616da10101", "hex")],
    ["a key twice", 'the key "a" twice', Buffer.from("8184016646454e434544616da2616101616102", "hex")],
    ["bytes that could be text", "is bytes and could be text", encodeCbor([[1, "FENCED", Uint8Array.of(97, 0), {}]])],
    ["half a unit of UTF-16", "is bytes and could be text", encodeCbor([[1, "FENCED", Uint8Array.of(0, 0xd8, 1), {}]])],
    ["a number for a message", "text, found uint", encodeCbor([[1, "FENCED", 5, {}]])],
    ["a time that is none", "a finite number, found NaN", encodeCbor([[2, 1, [1, 5, Number.NaN]]])],
    ["an outcome that stays inside", "the kind 23 of an outcome", encodeCbor([[2, 1, [23, [], null]]])],
    ["too long a text", "takes 16777217 bytes", encodeCbor([[1, "FENCED", "x".repeat(16 * 1024 * 1024 + 1), {}]])],
  ])("of a keeper with %s are refused", (_, reason, bytes) => {
    expectRefused(() => decodeKeeperPayload(bytes), reason)
  })

  it.each([
    ["nothing", "found the end of the bytes", ""],
    ["bytes after the end", "expected the end of the payload", "8000"],
    ["an array of unknown length", "indefinite length", "9fff"],
    ["a length in more bytes than it needs", "more bytes than necessary", "9800"],
    ["a list as long as numbers go", "says it has 9007199254740991 items", "9b001fffffffffffff"],
    ["a list longer than numbers go", "safe integer range", "9bffffffffffffffff"],
    ["a text as long as numbers go", "not enough data", "8184017b001fffffffffffff"],
    ["bytes as long as 2^32", "not enough data", "818302015a7fffffff"],
    ["a map as long as 2^32", "says it has 4294967295 items", "8184016646454e434544616dbaffffffff"],
    ["a tag", "found tag", "c080"],
    ["undefined", "undefined values", "8183f70101"],
    ["a break", "indefinite length", "81ff"],
    ["a simple value", "simple values", "81e5"],
    ["text that is not UTF-8", "is not UTF-8", "818401664645 4e434544 61ff a0"],
    ["a surrogate in UTF-8", "is not UTF-8", "818401664645 4e434544 63eda080 a0"],
    ["an integer beyond 2^53", "safe integer range", "818302 1bffffffffffffffff 00"],
  ])("that hold %s are refused, on either side", (_, reason, hex) => {
    const bytes = Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"))
    expectRefused(() => decodeKeeperPayload(bytes), reason)
    expectRefused(() => decodeClientPayload(bytes))
  })

  it("take no memory on the word of a length", () => {
    const lying = ["9a7fffffff", "81840101f485027a7fffffff", "81840101f4840d6173055a7fffffff"].map((hex) =>
      Buffer.from(hex, "hex"),
    )
    const before = process.memoryUsage().arrayBuffers
    for (let round = 0; round < 100; round++) {
      for (const bytes of lying) expectRefused(() => decodeClientPayload(bytes))
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024)
  })
})

describe("shapes", () => {
  it("tell what was expected, what was found, where, and what to do", () => {
    expect(() => decodeClientPayload(encodeCbor([[1, 9, false, [4, 7, 5]]]))).toThrow(
      "the peer's message is malformed: expected a session's id, string, found uint, before byte 8 of 9; close the connection",
    )
  })

  it("let a run's id be longer than other ids", () => {
    const run = `hf1:${"0".repeat(64)}@${String(Number.MAX_SAFE_INTEGER)}` as RunId
    const command: Command = { kind: "watchRun", session, request, run }
    expect(commandAfter(command)).toEqual(command)
  })

  it("are numbers of any kind only where they say so", () => {
    expect(number("n").form).toEqual({ kind: "number" })
    expect(count("n").form).toEqual({ kind: "count" })
  })
})

function nested(depth: number): unknown {
  let tree: unknown = {}
  for (let level = 0; level < depth; level++) tree = { in: tree }
  return tree
}

function payloadOf(command: Command): Uint8Array {
  return payloadIn(encodeClientMessage({ kind: "request", sequence: 1, isAgain: false, command }))
}

function payloadOfKeeper(message: KeeperMessage): Uint8Array {
  return payloadIn(encodeKeeperMessage(message))
}

function payloadIn(encoded: Uint8Array): Uint8Array {
  return new FrameSplitter().push(Buffer.concat(encodeFrames([encoded])))[0] as Uint8Array
}

function commandAfter(command: Command): unknown {
  const [message] = decodeClientPayload(payloadOf(command))
  return Reflect.get(message as object, "command")
}

function messageAfter(message: string): unknown {
  const [found] = decodeKeeperPayload(
    payloadOfKeeper({ kind: "fault", sequence: 1, code: "CLOSED", message, details: {} }),
  )
  return Reflect.get(found as object, "message")
}

function expectRefused(act: () => unknown, reason = ""): void {
  let thrown: unknown
  try {
    act()
  } catch (error) {
    thrown = error
  }
  expect(thrown).toSatisfy((error) => isHoldfastError(error, "ARGUMENT_INVALID"))
  expect(String(thrown)).toContain(reason)
}
