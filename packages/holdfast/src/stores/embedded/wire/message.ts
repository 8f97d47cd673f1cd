/**
 * The messages between clients and the keeper, and their bytes. A payload is one CBOR array of messages; the sender
 * encodes each message for itself (`encodeClientMessage`, `encodeKeeperMessage`), so that it knows what it costs and one
 * that cannot be sent harms no other, and joins them in frames (`frame.ts`).
 *
 *     client                                   keeper
 *       hello ─────────────────────────────────▶
 *       ◀──────────────────── welcome, or refused, which is the last
 *       ◀─────────────────────────────── restored
 *       request · acknowledge · observe · returned · volunteer ▶
 *       ◀───────── outcome · fault · event · transition · standby
 *       administer ────────────────────────────▶
 *       ◀────────────────────────── administered, or fault
 *       goodbye ───────────────────────────────▶
 *
 * Never change `hello`, `welcome` and `refused` or the positions of them: builds that share no protocol tell each other
 * so with these three.
 */
import {
  type ErrorCode,
  type ErrorDetails,
  HoldfastError,
  type Outcome,
  type SessionHolding,
} from "../../../kernel/index.ts"
import type { ClientMessage as SaidByClient, KeeperMessage as SaidByKeeper } from "../keeper/peer.ts"
import { ADMIN_ANSWER, ADMIN_ORDER } from "./admin-table.ts"
import { COMMAND } from "./command-table.ts"
import { list, nullable, record, union } from "./compound.ts"
import { details } from "./details.ts"
import { EVENT, TRANSITION } from "./event-table.ts"
import { MAX_BATCH_COUNT, MAX_ENCODED_BYTES } from "./frame.ts"
import { OUTCOME } from "./outcome-table.ts"
import { boolean, choice, count, errorCode, finite, freeText, refuseToSend } from "./scalar.ts"
import type { Shape } from "./shape.ts"
import { Sink } from "./token-sink.ts"
import { Source } from "./token-source.ts"
import { CLAIM } from "./view-table.ts"
import { id, MAX_ANSWERED_COUNT, request, session, token } from "./words.ts"

/** The protocol this build speaks. Any change to a table is a new one. */
export const PROTOCOL = 1

/** What a client says. */
export type ClientMessage =
  | {
      readonly kind: "hello"
      /** The protocols the client speaks. */
      readonly protocol: { readonly min: number; readonly max: number }
      readonly build: string
      /** The store's instance as the client knows it; null where it does not. */
      readonly instance: string | null
      /** The client's random id, the same after reconnecting. */
      readonly client: string
      /** True where the client was connected before and has sessions to go on with. */
      readonly resumes: boolean
    }
  | SaidByClient
  /** The client leaves on purpose. */
  | { readonly kind: "goodbye" }
  /** The client's process can keep the store next. */
  | { readonly kind: "volunteer" }

/** Who makes itself ready to keep the store next. */
export type StandbyWord = "you" | "other" | "nobody"

/** What the keeper says. */
export type KeeperMessage =
  | {
      readonly kind: "welcome"
      readonly protocol: number
      readonly instance: string
      readonly build: string
      readonly keeper: { readonly pid: number; readonly startedAt: number }
    }
  /** The connection ends with this. */
  | {
      readonly kind: "refused"
      readonly code: ErrorCode
      readonly message: string
      readonly details: ErrorDetails
    }
  | SaidByKeeper
  | { readonly kind: "standby"; readonly who: StandbyWord }

const protocol = count("a protocol")
const sequence = count("the sequence of a request")
const build = id("a build")

const holding: Shape<SessionHolding> = record("what a session holds", {
  grants: list(
    "the grants of a session",
    record("a grant", { token, request, at: finite("when a lock was granted") }),
    MAX_ANSWERED_COUNT,
  ),
  claims: list(
    "the claims of a session",
    record("a claim that is held", { request, claim: CLAIM }),
    MAX_ANSWERED_COUNT,
  ),
  waiting: list("the requests of a session", request, MAX_ANSWERED_COUNT),
})

/** The table of {@link ClientMessage}. */
export const CLIENT_MESSAGE: Shape<ClientMessage> = union("kind", "a client's message", {
  hello: {
    protocol: record("a range of protocols", { min: protocol, max: protocol }),
    build,
    instance: nullable(id("a store's instance")),
    client: id("a client's id"),
    resumes: boolean("whether a client resumes"),
  },
  request: { sequence, isAgain: boolean("whether a request was sent before"), command: COMMAND },
  acknowledge: { through: sequence },
  observe: { on: boolean("whether to observe") },
  returned: { session },
  goodbye: {},
  volunteer: {},
  administer: { sequence, order: ADMIN_ORDER },
})

/** The table of {@link KeeperMessage}. */
export const KEEPER_MESSAGE: Shape<KeeperMessage> = union("kind", "a keeper's message", {
  welcome: {
    protocol,
    instance: id("a store's instance"),
    build,
    keeper: record("a keeper", { pid: count("a keeper's process"), startedAt: finite("when a keeper started") }),
  },
  refused: { code: errorCode, message: freeText("the message of a refusal"), details },
  outcome: { sequence, outcome: OUTCOME },
  event: { event: EVENT },
  transition: { transition: TRANSITION },
  fault: { sequence, code: errorCode, message: freeText("the message of a fault"), details },
  restored: {
    sessions: list("sessions of before", record("a session of before", { session, holding }), MAX_ANSWERED_COUNT),
  },
  standby: { who: choice("who is to keep the store next", ["you", "other", "nobody"]) },
  administered: { sequence, answer: ADMIN_ANSWER },
})

/** @throws HoldfastError ARGUMENT_INVALID where the message is one the keeper would refuse; nothing was made of it */
export function encodeClientMessage(message: ClientMessage): Uint8Array {
  return encode(CLIENT_MESSAGE, message)
}

/** @throws HoldfastError ARGUMENT_INVALID where the message is one a client would refuse; nothing was made of it */
export function encodeKeeperMessage(message: KeeperMessage): Uint8Array {
  return encode(KEEPER_MESSAGE, message)
}

/**
 * The messages of one payload, which hold nothing of its memory.
 *
 * @throws HoldfastError ARGUMENT_INVALID where the bytes are anything but well-shaped messages; none of them counts
 */
export function decodeClientPayload(payload: Uint8Array): readonly ClientMessage[] {
  return decode(CLIENT_BATCH, payload)
}

/** As {@link decodeClientPayload}, for what the keeper sent. */
export function decodeKeeperPayload(payload: Uint8Array): readonly KeeperMessage[] {
  return decode(KEEPER_BATCH, payload)
}

/** An outcome as it is stored for a client that may ask again (S4). */
export function encodeOutcome(outcome: KeptOutcome): Uint8Array {
  return encode(OUTCOME, outcome)
}

/** @throws HoldfastError ARGUMENT_INVALID where the bytes are no outcome */
export function decodeOutcome(bytes: Uint8Array): KeptOutcome {
  return decode(OUTCOME, bytes)
}

/** `need` stays inside the keeper. */
type KeptOutcome = Exclude<Outcome, { readonly kind: "need" }>

const CLIENT_BATCH = list("the messages of a payload", CLIENT_MESSAGE, MAX_BATCH_COUNT)
const KEEPER_BATCH = list("the messages of a payload", KEEPER_MESSAGE, MAX_BATCH_COUNT)

function encode<T>(shape: Shape<T>, message: T): Uint8Array {
  const sink = new Sink()
  shape.write(sink, message)
  const bytes = sink.encode()
  if (bytes.length > MAX_ENCODED_BYTES) {
    const found = `found ${String(bytes.length)}; ask for less at once, or keep large values outside the store`
    refuseToSend(`it must take at most ${String(MAX_ENCODED_BYTES)} bytes, ${found}`)
  }
  return bytes
}

function decode<T>(shape: Shape<T>, payload: Uint8Array): T {
  const source = new Source(payload)
  try {
    const messages = shape.read(source)
    source.end()
    return messages
  } catch (error) {
    if (error instanceof HoldfastError) throw error
    // cborg throws an Error of its own where the bytes are no CBOR, or a form that is switched off.
    return source.refuse(`it is not the CBOR this protocol uses: ${String(error)}`)
  }
}
