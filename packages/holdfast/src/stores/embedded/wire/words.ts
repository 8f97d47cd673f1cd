/** Words that several tables share, and how many of a thing one message may hold. */
import type {
  Digest,
  Effects,
  Failure,
  Identity,
  LockMode,
  RequestId,
  RunId,
  RunStatus,
  SessionId,
  Token,
  WorkerId,
} from "../../../kernel/index.ts"
import { nullable, record } from "./compound.ts"
import { brandedCount, brandedText, choice, freeText, text } from "./scalar.ts"
import type { Shape } from "./shape.ts"

/** Ids are chosen by code: 22 characters mostly, an identity 68. Anything much longer is none. */
const MAX_ID_BYTES = 128

/** An identity and a generation. */
const MAX_RUN_ID_BYTES = 160

/** Far beyond any request a program makes; each of them is checked and kept, so there has to be an end. */
export const MAX_ASKED_COUNT = 65_536

/** What a listing answers is bounded by the message's bytes first. */
export const MAX_ANSWERED_COUNT = 1_000_000

/** An id nobody but its maker reads, such as a client's or an instance's. */
export function id(what: string): Shape<string> {
  return text(what, MAX_ID_BYTES, "name")
}

export const session: Shape<SessionId> = brandedText("a session's id", MAX_ID_BYTES, "name")
export const request: Shape<RequestId> = brandedCount("a request's id")
export const worker: Shape<WorkerId> = brandedCount("a worker's id")
export const token: Shape<Token> = brandedCount("a token")
export const run: Shape<RunId> = brandedText("a run's id", MAX_RUN_ID_BYTES, "name")
export const identity: Shape<Identity> = brandedText("an identity", MAX_ID_BYTES, "name")

export const digest: Shape<Digest> = brandedText("a digest", 64, "name")

/** What people see where a session is listed. */
export const label: Shape<string> = freeText("a session's label")

export const mode: Shape<LockMode> = choice("a lock's mode", ["exclusive", "shared"])
export const effects: Shape<Effects> = choice("an operation's effects", ["pure", "idempotent", "once"])
export const status: Shape<RunStatus> = choice("a run's status", [
  "pending",
  "running",
  "completed",
  "failed",
  "canceled",
  "interrupted",
])

export const failure: Shape<Failure> = record("a failure", {
  code: choice("the code of a failure", ["RUN_FAILED", "RUN_CRASHED"]),
  name: freeText("the name of an error"),
  message: freeText("the message of an error"),
  stack: nullable(freeText("the stack of an error")),
})
