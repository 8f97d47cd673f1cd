/**
 * What anybody who reaches a keeper's socket could do to it, one connection each: bytes that are nothing, frames that
 * promise too much, messages of the tables with values nobody means, and connections that are slow, many or deaf.
 */
import { connect, type Socket } from "node:net"
import fc from "fast-check"
import type { Prng } from "../../src/env/prng.ts"
import { encodeFrames } from "../../src/stores/embedded/wire/frame.ts"
import {
  CLIENT_MESSAGE,
  type ClientMessage,
  encodeClientMessage,
  PROTOCOL,
} from "../../src/stores/embedded/wire/message.ts"
import { arbitraryOf, mutate } from "./messages.ts"

/** A connection that is attacked with; over when the keeper ends it or the attack has no more to say. */
export class Attacker {
  readonly socket: Socket
  readonly closed: Promise<void>

  constructor(path: string) {
    this.socket = connect(path)
    this.closed = new Promise((resolve) => {
      this.socket.once("close", () => resolve())
    })
    // Being thrown out is what it is there for.
    this.socket.on("error", () => {})
    this.socket.resume()
  }

  write(bytes: Uint8Array): void {
    if (this.socket.writable) this.socket.write(bytes)
  }

  say(messages: readonly Uint8Array[]): void {
    for (const frame of encodeFrames(messages)) this.write(frame)
  }

  leave(): void {
    this.socket.destroy()
  }
}

export type Attack = (attacker: Attacker, prng: Prng) => void

/** By name, so that what was done can be told. */
export const ATTACKS: Readonly<Record<string, Attack>> = {
  "random bytes": (attacker, prng) => {
    attacker.write(randomBytes(prng, 1 + prng.nextBelow(4000)))
  },

  "random bytes after a hello": (attacker, prng) => {
    attacker.say([helloOf(prng)])
    attacker.write(randomBytes(prng, 1 + prng.nextBelow(4000)))
  },

  "a length and little behind it": (attacker, prng) => {
    if (prng.nextBelow(2) === 0) attacker.say([helloOf(prng)])
    attacker.write(
      Uint8Array.of(prng.nextBelow(256), prng.nextBelow(256), prng.nextBelow(256), prng.nextBelow(256), 0x80),
    )
  },

  "full frames without an end": (attacker, prng) => {
    attacker.say([helloOf(prng)])
    const frame = new Uint8Array(4 + 1024 * 1024)
    frame.set([0x80, 0x10, 0, 0])
    for (let count = 0; count <= prng.nextBelow(10); count += 1) attacker.write(frame)
  },

  "a hello, byte by byte, and not to its end": (attacker, prng) => {
    const bytes = Buffer.concat(encodeFrames([helloOf(prng)]))
    for (const byte of bytes.subarray(0, prng.nextBelow(bytes.length))) attacker.write(Uint8Array.of(byte))
  },

  "nothing at all": () => {},

  "a protocol, an instance or an order of words that is none": (attacker, prng) => {
    const hello = decodedHello(prng)
    const wrong: readonly ClientMessage[] = [
      { ...hello, protocol: { min: PROTOCOL + 1, max: PROTOCOL + 9 } },
      { ...hello, instance: "another" },
      { kind: "goodbye" },
      { kind: "acknowledge", through: Number.MAX_SAFE_INTEGER },
    ]
    attacker.say([encodeClientMessage(wrong[prng.nextBelow(wrong.length)] ?? hello), encodeClientMessage(hello)])
  },

  "well-formed requests of hostile values": (attacker, prng) => {
    attacker.say([helloOf(prng), ...requestsOf(prng, 40)])
  },

  "requests with bytes changed": (attacker, prng) => {
    attacker.say([helloOf(prng), ...requestsOf(prng, 3)])
    for (const bytes of requestsOf(prng, 10)) attacker.say([mutate(bytes, prng.nextBelow)])
  },

  "everything asked, nothing read": (attacker, prng) => {
    attacker.socket.pause()
    attacker.say([helloOf(prng), ...requestsOf(prng, 20)])
    const session = sessionOf(1)
    const ask = encodeClientMessage({
      kind: "request",
      sequence: 900_000,
      isAgain: false,
      command: { kind: "inspect", session },
    })
    for (let count = 0; count < 500; count += 1) attacker.say([ask])
  },
}

/** The names, numbers and sessions of the requests are few, so that they meet each other's. */
function requestsOf(prng: Prng, count: number): Uint8Array[] {
  const client = prng.nextBelow(1_000_000)
  const encoded = [requestOf(1, { kind: "openSession", session: sessionOf(client), label: "hostile" })]
  for (const message of sample(prng, count)) {
    const bent = bend(message, client, prng)
    try {
      encoded.push(encodeClientMessage(bent))
    } catch {
      // Bent too far: the tables refuse it before it is sent, as they would at the other end.
    }
  }
  return encoded
}

function requestOf(
  sequence: number,
  command: Extract<ClientMessage, { readonly kind: "request" }>["command"],
): Uint8Array {
  return encodeClientMessage({ kind: "request", sequence, isAgain: false, command })
}

/** Made once: making them up costs far more than sending them. */
let pool: readonly ClientMessage[] = []

function sample(prng: Prng, count: number): ClientMessage[] {
  if (pool.length === 0) {
    // What is made of a client's table is a client's message.
    const arbitrary = arbitraryOf(CLIENT_MESSAGE.form) as fc.Arbitrary<ClientMessage>
    const requests = arbitrary.filter(({ kind }) => kind !== "goodbye" && kind !== "hello")
    pool = fc.sample(requests, { seed: prng.nextUint32() | 0, numRuns: 2_000 })
  }
  return Array.from({ length: count }, () => pool[prng.nextBelow(pool.length)] ?? { kind: "goodbye" })
}

function bend(message: ClientMessage, client: number, prng: Prng): ClientMessage {
  if (message.kind !== "request") return message
  const command: Record<string, unknown> = { ...message.command }
  if ("session" in command && prng.nextBelow(10) > 0) command["session"] = sessionOf(client)
  if ("request" in command) command["request"] = prng.nextBelow(8)
  if ("names" in command) command["names"] = [`hostile/${String(prng.nextBelow(4))}`]
  if ("holding" in command && prng.nextBelow(3) > 0) command["holding"] = []
  if ("token" in command) command["token"] = prng.nextBelow(3_000)
  if ("permits" in command && prng.nextBelow(3) > 0) command["permits"] = 1
  // Bent, it is still a request of some shape; the encoder says whether it is one of the tables.
  return { ...message, sequence: prng.nextBelow(1_000), command } as unknown as ClientMessage
}

function sessionOf(client: number): never {
  // Brand constructor, of whatever it is put into.
  return `hostile-${String(client)}` as never
}

function decodedHello(prng: Prng): Extract<ClientMessage, { readonly kind: "hello" }> {
  const client = `hostile-${String(prng.nextBelow(1_000_000_000))}`
  const protocol = { min: PROTOCOL, max: PROTOCOL }
  return { kind: "hello", protocol, build: "hostile", instance: null, client, resumes: false }
}

function helloOf(prng: Prng): Uint8Array {
  return encodeClientMessage(decodedHello(prng))
}

function randomBytes(prng: Prng, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => prng.nextBelow(256))
}
